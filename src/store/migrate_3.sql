-- From version 2 to 3: a link is a short row of its own number; what many links
-- have in common (kind, region, whether it is followed) is said once.
CREATE TABLE link_shape (
    id        INTEGER PRIMARY KEY,
    kind      TEXT    NOT NULL,
    region    TEXT    NOT NULL,
    is_follow INTEGER NOT NULL
) STRICT;
INSERT INTO link_shape
SELECT (kind.key << 4) + (region.key << 1) + follow.value, kind.value, region.value, follow.value
FROM json_each('["a", "area", "iframe", "frame", "link", "meta-refresh", "refresh-header", "link-header", "redirect",
         "sitemap", "img", "srcset", "script", "source", "video", "audio", "track", "poster", "embed", "object",
         "input", "background", "svg", "form", "cite"]') AS kind,
     json_each('["body", "nav", "header", "main", "aside", "footer"]') AS region,
     json_each('[0, 1]') AS follow;

CREATE TABLE link_new (
    id        INTEGER PRIMARY KEY,
    target_id INTEGER NOT NULL REFERENCES url (id),
    shape_id  INTEGER NOT NULL REFERENCES link_shape (id),
    anchor    TEXT    NOT NULL,
    rel       TEXT,
    fragment  TEXT,
    times     INTEGER NOT NULL
) STRICT;
INSERT INTO link_new
SELECT l.page_id << 17 | l.position, l.target_id,
       (SELECT h.id FROM link_shape h
        WHERE h.kind = l.kind AND h.region = coalesce(l.region, 'body') AND h.is_follow = l.is_follow),
       l.anchor, l.rel, l.fragment, l.times
FROM link l ORDER BY l.page_id, l.position;
DROP TABLE link;
ALTER TABLE link_new RENAME TO link;
