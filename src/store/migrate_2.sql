-- From version 1 to 2: what more a page says, assets and external links as
-- candidates, traps. A page version of before has NULL in the new columns.
ALTER TABLE page ADD COLUMN main_words INTEGER;
ALTER TABLE page ADD COLUMN simhash INTEGER;
ALTER TABLE page ADD COLUMN headings TEXT;
ALTER TABLE page ADD COLUMN og TEXT;
ALTER TABLE page ADD COLUMN jsonld_types TEXT;
ALTER TABLE page ADD COLUMN hreflang TEXT;
ALTER TABLE page ADD COLUMN rel_next TEXT;
ALTER TABLE page ADD COLUMN rel_prev TEXT;
ALTER TABLE page ADD COLUMN needs_javascript TEXT;
ALTER TABLE page ADD COLUMN anchors BLOB;

ALTER TABLE fetch ADD COLUMN body_id INTEGER REFERENCES body (id);
ALTER TABLE origin ADD COLUMN mirror_of INTEGER REFERENCES origin (id);

CREATE TABLE state_new (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    url_id     INTEGER NOT NULL REFERENCES url (id),
    state      TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'aside', 'refused')),
    reason     TEXT,
    detail     TEXT,
    kind       TEXT    NOT NULL CHECK (kind IN ('page', 'robots', 'sitemap', 'asset', 'external')),
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
    CHECK ((reason IS NOT NULL AND detail IS NOT NULL) = (state IN ('aside', 'refused')))
) STRICT, WITHOUT ROWID;
INSERT INTO state_new SELECT crawl_id, url_id, state, reason, detail, kind, depth, found_on, hops, origin_id, attempts,
    not_before, crashes, owes, fetch_id FROM state;
DROP TABLE state;
ALTER TABLE state_new RENAME TO state;
CREATE INDEX state_pending ON state (crawl_id, origin_id, depth, url_id) WHERE state = 'pending';
CREATE INDEX state_owing ON state (crawl_id, url_id) WHERE owes = 1;

CREATE TABLE broken_fragment (
    crawl_id INTEGER NOT NULL REFERENCES crawl (id),
    page_id  INTEGER NOT NULL REFERENCES page (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (crawl_id, page_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE trap (
    host        TEXT    NOT NULL,
    pattern     TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    evidence    TEXT    NOT NULL,
    parked_at   INTEGER NOT NULL,
    released_at INTEGER,
    PRIMARY KEY (host, pattern)
) STRICT, WITHOUT ROWID;
