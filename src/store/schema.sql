-- The store: one SQLite file per site, holding any number of crawls.
--
-- Tables are private and in the singular; views (views.sql) are the public face
-- and in the plural. Times (`_at`) are milliseconds since 1970 UTC, durations
-- (`_ms`) are milliseconds, sizes (`_bytes`) are bytes. NULL means "not known",
-- never 0.

-- What belongs to the file as a whole; one row.
CREATE TABLE file (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    secret     BLOB    NOT NULL,   -- the key under which the URLs of this file are hashed
    created_at INTEGER NOT NULL,
    version    TEXT    NOT NULL    -- of the program that made the file
) STRICT;

-- One crawl of the site, from its seeds to its end, over any number of runs.
CREATE TABLE crawl (
    id          INTEGER PRIMARY KEY,
    seeds       TEXT    NOT NULL,  -- JSON array of URLs
    config      TEXT    NOT NULL,  -- the effective settings as TOML, without secrets
    version     TEXT    NOT NULL,  -- of the program that began it
    started_at  INTEGER NOT NULL,
    finished_at INTEGER,           -- NULL while it runs, was stopped or crashed
    finish      TEXT,              -- why the last run ended; NULL while it runs and after a crash
    elapsed_ms  INTEGER NOT NULL,  -- of all its runs together, as far as they are recorded
    runs        INTEGER NOT NULL
) STRICT;

-- Scheme and host of every URL that is or may become a candidate: the unit of robots.txt.
CREATE TABLE origin (
    id             INTEGER PRIMARY KEY,
    origin         TEXT    NOT NULL,  -- https://example.org:8080
    robots_at      INTEGER,           -- when robots.txt was asked for last
    robots_status  INTEGER,           -- of its answer, after redirects; NULL if none came
    robots_body    TEXT,              -- its text, at most 512 KiB
    crawl_delay_ms INTEGER,           -- what robots.txt asks of us
    hold_until     INTEGER,           -- the server asked to be left alone until then (ms since 1970 UTC)
    parked         TEXT,              -- why its URLs stay pending; NULL if they do not
    mirror_of      INTEGER REFERENCES origin (id)  -- which shows the same pages and is fetched instead
) STRICT;

-- Every URL ever met, in canonical form. Append-only; that it holds no URL twice
-- is the promise of the map in memory, which is rebuilt from `hash` at start.
CREATE TABLE url (
    id   INTEGER PRIMARY KEY,
    hash BLOB    NOT NULL,  -- 12 bytes, keyed by the secret of this file
    url  TEXT    NOT NULL   -- as written, and cut, where it is no fetchable URL
) STRICT;

-- Where each URL stands in each crawl.
CREATE TABLE state (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    url_id     INTEGER NOT NULL REFERENCES url (id),
    state      TEXT    NOT NULL,   -- pending, done, aside or refused
    reason     TEXT,               -- why it is aside or refused, in one word
    detail     TEXT,               -- the evidence: which host, pattern, line or number
    kind       TEXT    NOT NULL,   -- page, robots, sitemap, asset or external
    depth      INTEGER NOT NULL,   -- links from the nearest seed; 65535 if no way is known (only a sitemap names it)
    found_on   INTEGER REFERENCES url (id),  -- where it was found; NULL for seeds and what robots.txt names
    hops       INTEGER NOT NULL,   -- redirects behind it
    origin_id  INTEGER REFERENCES origin (id),  -- NULL if it can be no candidate
    attempts   INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER,            -- pending: not before this time (ms since 1970 UTC)
    crashes    INTEGER NOT NULL DEFAULT 0,      -- unclean ends while it was in flight
    owes       INTEGER NOT NULL DEFAULT 0,      -- 1 while it came nearer and what it leads to was not offered again
    fetch_id   INTEGER REFERENCES fetch (id),   -- the last request for it in this crawl
    PRIMARY KEY (crawl_id, url_id),
    -- Not as IN (...): SQLite would make a temporary table of the list for every row.
    CHECK (state = 'pending' OR state = 'done' OR state = 'aside' OR state = 'refused'),
    CHECK (kind = 'page' OR kind = 'robots' OR kind = 'sitemap' OR kind = 'asset' OR kind = 'external'),
    CHECK ((reason IS NOT NULL AND detail IS NOT NULL) = (state = 'aside' OR state = 'refused'))
) STRICT, WITHOUT ROWID;

-- Answers "which URL of this origin is next?".
CREATE INDEX state_pending ON state (crawl_id, origin_id, depth, url_id) WHERE state = 'pending';

-- Answers "what was under way when the last run ended?"; nearly always empty.
CREATE INDEX state_owing ON state (crawl_id, url_id) WHERE owes = 1;

-- Answers "which sitemaps are there?"; they are few.
CREATE INDEX state_sitemap ON state (crawl_id, url_id) WHERE kind = 'sitemap';

-- One request and its answer.
CREATE TABLE fetch (
    id            INTEGER PRIMARY KEY,
    crawl_id      INTEGER NOT NULL REFERENCES crawl (id),
    url_id        INTEGER NOT NULL REFERENCES url (id),
    started_at    INTEGER NOT NULL,
    elapsed_ms    INTEGER NOT NULL,  -- to the last byte
    first_byte_ms INTEGER,           -- to the end of the head
    status        INTEGER,           -- NULL if no answer came
    error         TEXT,              -- why none came, or not whole, in one word
    error_detail  TEXT,
    http_version  TEXT,
    ip            TEXT,
    wire_bytes    INTEGER NOT NULL,  -- of the body as it came
    body_bytes    INTEGER,           -- of the body, decoded; NULL if it was not read
    content_type  TEXT,
    redirect_to   INTEGER REFERENCES url (id),
    headers       TEXT,              -- JSON object of arrays; cookies' values are cut
    is_cut        INTEGER NOT NULL,  -- 1 if a limit ended the body
    page_id       INTEGER REFERENCES page (id), -- the page version it gave or confirmed
    body_id       INTEGER REFERENCES body (id), -- the body of what is no HTML; NULL if it was not kept
    is_unchanged  INTEGER NOT NULL DEFAULT 0    -- 1 if the server answered 304 (Not Modified): status, headers and
                                                -- page are those of the stored answer that it confirmed
) STRICT;

-- What one content of a URL says: a page version. Later crawls that find it
-- unchanged, and read it as it was read, refer to it.
CREATE TABLE page (
    id                INTEGER PRIMARY KEY,
    url_id            INTEGER NOT NULL REFERENCES url (id),
    content_hash      BLOB    NOT NULL,  -- BLAKE3 of the decoded body
    body_id           INTEGER REFERENCES body (id),  -- NULL if bodies were not kept
    charset           TEXT    NOT NULL,
    title             TEXT,
    description       TEXT,
    h1                TEXT,
    lang              TEXT,
    claimed_canonical TEXT,              -- what the page claims to be its preferred URL
    robots_directives TEXT,              -- what meta elements and headers say to robots
    is_index          INTEGER NOT NULL,  -- 0 if noindex was said
    is_follow         INTEGER NOT NULL,  -- 0 if nofollow was said
    words             INTEGER NOT NULL,
    links             INTEGER NOT NULL,  -- rows in link
    links_cut         INTEGER NOT NULL,  -- links that were too many to keep
    main_words        INTEGER,           -- of the text without navigation, header, footer and aside
    simhash           INTEGER,           -- 64 bits, of that text; NULL below 50 words
    headings          TEXT,              -- JSON array of [level, text]
    og                TEXT,              -- JSON object: Open Graph, article and Twitter properties
    jsonld_types      TEXT,              -- JSON array of names
    hreflang          TEXT,              -- JSON array of [language, URL]
    rel_next          TEXT,
    rel_prev          TEXT,
    needs_javascript  TEXT,              -- the evidence; NULL if the page says enough without scripts
    anchors           BLOB,              -- hashes, 4 bytes each, of the places that a fragment can name
    reading           INTEGER,           -- hash of what else it depends on what is read: program, settings, headers
    items             INTEGER            -- rows in item; NULL if it was not looked for any
) STRICT;

-- Answers "which versions does this URL have?".
CREATE INDEX page_url ON page (url_id);

-- The bodies of page versions, each content once.
CREATE TABLE body (
    id           INTEGER PRIMARY KEY,
    content_hash BLOB    NOT NULL UNIQUE,
    codec        TEXT    NOT NULL,  -- zstd, or gzip as the server sent it
    size_bytes   INTEGER NOT NULL,  -- before compression
    bytes        BLOB    NOT NULL
) STRICT;

-- Links as they stand on a page version; one row per target, kind, anchor, rel and fragment.
-- By far the most rows: each is a handful of numbers and its texts, and is appended. The index link_target, on
-- target_id, is made at the end of a crawl with 200 000 of them, or when a report first needs it.
CREATE TABLE link (
    id        INTEGER PRIMARY KEY,  -- page << 17 | position, from 0 in the order of the page
    target_id INTEGER NOT NULL REFERENCES url (id),
    shape_id  INTEGER NOT NULL REFERENCES link_shape (id),
    anchor    TEXT    NOT NULL,     -- visible text, white space folded; of images alt: '' is none, ' ' one that is empty
    rel       TEXT,                 -- NULL if there is none
    fragment  TEXT,                 -- what follows the #; NULL if nothing
    times     INTEGER NOT NULL      -- how often the page has it
) STRICT;

-- What links have in common; every combination has its row in every file.
CREATE TABLE link_shape (
    id        INTEGER PRIMARY KEY,  -- the lowest bit is is_follow
    kind      TEXT    NOT NULL,     -- a, area, iframe, img, ...
    region    TEXT    NOT NULL,     -- nav, header, main, aside, footer; body for what is in none of them
    is_follow INTEGER NOT NULL      -- 1 if it leads to a document and may be followed
) STRICT;
INSERT INTO link_shape
SELECT (kind.key << 4) + (region.key << 1) + follow.value, kind.value, region.value, follow.value
FROM json_each('["a", "area", "iframe", "frame", "link", "meta-refresh", "refresh-header", "link-header", "redirect",
         "sitemap", "img", "srcset", "script", "source", "video", "audio", "track", "poster", "embed", "object",
         "input", "background", "svg", "form", "cite"]') AS kind,
     json_each('["body", "nav", "header", "main", "aside", "footer"]') AS region,
     json_each('[0, 1]') AS follow;

-- What sitemaps say of URLs.
CREATE TABLE sitemap_entry (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    sitemap_id INTEGER NOT NULL REFERENCES url (id),
    url_id     INTEGER NOT NULL REFERENCES url (id),
    lastmod    TEXT,
    changefreq TEXT,
    priority   REAL,
    PRIMARY KEY (crawl_id, sitemap_id, url_id)
) STRICT, WITHOUT ROWID;

-- What is wrong with sitemaps that were read.
CREATE TABLE sitemap_problem (
    crawl_id   INTEGER NOT NULL REFERENCES crawl (id),
    sitemap_id INTEGER NOT NULL REFERENCES url (id),
    position   INTEGER NOT NULL,  -- 0 for the first problem of the sitemap
    problem    TEXT    NOT NULL,  -- in one word
    detail     TEXT    NOT NULL,
    line       INTEGER,           -- from 1; of the first place if there are several
    byte       INTEGER,           -- from 0, in the file once it is unzipped; NULL if its text was converted
    PRIMARY KEY (crawl_id, sitemap_id, position)
) STRICT, WITHOUT ROWID;

-- Patterns of URLs that would never end. URLs that match are set aside with the reason `trap`.
CREATE TABLE trap (
    host        TEXT    NOT NULL,
    pattern     TEXT    NOT NULL,  -- as a person names it to release it
    kind        TEXT    NOT NULL,
    evidence    TEXT    NOT NULL,
    parked_at   INTEGER NOT NULL,
    released_at INTEGER,           -- when somebody said that it is none; NULL while it is parked
    PRIMARY KEY (host, pattern)
) STRICT, WITHOUT ROWID;

-- Links whose fragment their target does not have; filled at the end of a crawl that is asked to.
CREATE TABLE broken_fragment (
    crawl_id INTEGER NOT NULL REFERENCES crawl (id),
    page_id  INTEGER NOT NULL REFERENCES page (id),
    position INTEGER NOT NULL,  -- of the link on the page
    PRIMARY KEY (crawl_id, page_id, position)
) STRICT, WITHOUT ROWID;

-- Statuses from 400 on that do not count as broken in a crawl.
CREATE TABLE accepted (
    crawl_id INTEGER NOT NULL REFERENCES crawl (id),
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,  -- itself among them
    PRIMARY KEY (crawl_id, first, last)
) STRICT, WITHOUT ROWID;

-- Links to each URL in a crawl, counted when a run ends; none while it runs.
CREATE TABLE inlink (
    crawl_id INTEGER NOT NULL REFERENCES crawl (id),
    url_id   INTEGER NOT NULL REFERENCES url (id),
    links    INTEGER NOT NULL,  -- rows in link
    pages    INTEGER NOT NULL,  -- pages that have them
    PRIMARY KEY (crawl_id, url_id)
) STRICT, WITHOUT ROWID;

-- The structured data of page versions: an item for each that belongs to no other.
CREATE TABLE item (
    id       INTEGER PRIMARY KEY,
    page_id  INTEGER NOT NULL REFERENCES page (id),
    position INTEGER NOT NULL,  -- 0 for the first item of the page
    format   TEXT    NOT NULL,  -- json-ld or microdata
    type     TEXT,              -- its types, separated by blanks; NULL if it says none
    json     TEXT,              -- the item with those in it; NULL if it cannot be read
    error    TEXT               -- why it cannot be read, or not whole
) STRICT;

-- Answers "which items does this page version have?".
CREATE INDEX item_page ON item (page_id);

-- The rules of users. Each fills a table `extracted_NAME` that is made with it, of page
-- version, position and a column for each field.
CREATE TABLE extract_rule (
    id        INTEGER PRIMARY KEY,
    name      TEXT    NOT NULL UNIQUE COLLATE NOCASE,
    text      TEXT    NOT NULL,  -- everything that its rows depend on besides the page
    columns   TEXT    NOT NULL,  -- JSON array of [name, type], in order
    unread_to INTEGER NOT NULL   -- page versions up to this one were there before this text; 0 once all were read
) STRICT;

-- Which page versions a rule was read on, and what it gave.
CREATE TABLE extract_page (
    rule_id INTEGER NOT NULL REFERENCES extract_rule (id),
    page_id INTEGER NOT NULL REFERENCES page (id),
    rows    INTEGER NOT NULL,
    cut     TEXT,                -- why the page was not looked through whole: size, depth, time or rows
    PRIMARY KEY (rule_id, page_id)
) STRICT, WITHOUT ROWID;
