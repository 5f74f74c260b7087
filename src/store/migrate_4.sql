-- From version 3 to 4: structured data, and the tables of extraction rules. Page
-- versions of before have NULL in `items`: they were not looked for.
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
