-- From version 2 to 3: a link is a short row of its own number; what many links
-- have in common (kind, region, whether it is followed) is said once. The checks of
-- state no longer make a temporary table for every row.
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

CREATE TABLE state_new (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    url_id     INTEGER NOT NULL REFERENCES url (id),
    state      TEXT    NOT NULL,
    reason     TEXT,
    detail     TEXT,
    kind       TEXT    NOT NULL,
    depth      INTEGER NOT NULL,
    found_on   INTEGER REFERENCES url (id),
    hops       INTEGER NOT NULL,
    origin_id  INTEGER REFERENCES origin (id),
    attempts   INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,
    crashes    INTEGER NOT NULL DEFAULT 0,
    owes       INTEGER NOT NULL DEFAULT 0,
    fetch_id   INTEGER REFERENCES fetch (id),
    PRIMARY KEY (crawl_id, url_id),
    CHECK (state = 'pending' OR state = 'done' OR state = 'aside' OR state = 'refused'),
    CHECK (kind = 'page' OR kind = 'robots' OR kind = 'sitemap' OR kind = 'asset' OR kind = 'external'),
    CHECK ((reason IS NOT NULL AND detail IS NOT NULL) = (state = 'aside' OR state = 'refused'))
) STRICT, WITHOUT ROWID;
INSERT INTO state_new SELECT crawl_id, url_id, state, reason, detail, kind, depth, found_on, hops, origin_id, attempts,
    not_before, crashes, owes, fetch_id FROM state;
DROP TABLE state;
ALTER TABLE state_new RENAME TO state;
CREATE INDEX state_pending ON state (crawl_id, origin_id, depth, url_id) WHERE state = 'pending';
CREATE INDEX state_owing ON state (crawl_id, url_id) WHERE owes = 1;

-- Pages of which a server says that they did not change.
ALTER TABLE fetch ADD COLUMN is_unchanged INTEGER NOT NULL DEFAULT 0;
ALTER TABLE page ADD COLUMN reading INTEGER;

-- What is wrong with sitemaps.
CREATE INDEX state_sitemap ON state (crawl_id, url_id) WHERE kind = 'sitemap';
CREATE TABLE sitemap_problem (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    sitemap_id INTEGER NOT NULL REFERENCES url (id),
    position   INTEGER NOT NULL,
    problem    TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    line       INTEGER,
    byte       INTEGER,
    PRIMARY KEY (crawl_id, sitemap_id, position)
) STRICT, WITHOUT ROWID;

-- Statuses that do not count as broken.
CREATE TABLE accepted (
    crawl_id INTEGER NOT NULL REFERENCES crawl (id),
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    PRIMARY KEY (crawl_id, first, last)
) STRICT, WITHOUT ROWID;

-- Structured data, and the tables of extraction rules. Page versions of before have
-- NULL in `items`: they were not looked for.
ALTER TABLE page ADD COLUMN items INTEGER;

CREATE TABLE item (
    id       INTEGER PRIMARY KEY,
    page_id  INTEGER NOT NULL REFERENCES page (id),
    position INTEGER NOT NULL,
    format   TEXT    NOT NULL,
    type     TEXT,
    json     TEXT,
    error    TEXT
) STRICT;
CREATE INDEX item_page ON item (page_id);

CREATE TABLE extract_rule (
    id        INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    text      TEXT    NOT NULL,
    columns   TEXT    NOT NULL,
    unread_to INTEGER NOT NULL
) STRICT;

CREATE TABLE extract_page (
    rule_id INTEGER NOT NULL REFERENCES extract_rule (id),
    page_id INTEGER NOT NULL REFERENCES page (id),
    rows    INTEGER NOT NULL,
    cut     TEXT,
    PRIMARY KEY (rule_id, page_id)
) STRICT, WITHOUT ROWID;
