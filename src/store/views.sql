-- The public face of the file: columns are only ever added.
--
-- Views show the newest finished crawl, or the newest if none is finished;
-- all_pages and all_links show every crawl. Made anew by every program version,
-- so a view may be corrected without a migration. The comment before each view
-- is what `crawlite schema` prints.

-- The crawl that the other views show.
CREATE VIEW shown_crawl AS
SELECT coalesce(
    (SELECT max(id) FROM crawl WHERE finished_at IS NOT NULL),
    (SELECT max(id) FROM crawl)) AS crawl_id;

-- Every crawl of this file: when, how it ended, with which settings.
CREATE VIEW crawls AS
SELECT id AS crawl_id, seeds,
       datetime(started_at / 1000, 'unixepoch') AS started_at,
       datetime(finished_at / 1000, 'unixepoch') AS finished_at,
       finish, round(elapsed_ms / 1000.0, 1) AS elapsed_s, runs, version, config
FROM crawl;

-- Every URL ever met in every crawl, and where it stands.
CREATE VIEW all_urls AS
SELECT s.crawl_id, u.url, s.state, s.reason, s.detail, s.kind, nullif(s.depth, 65535) AS depth,
       f.status, f.error, s.hops, s.attempts, p.content_hash, o.url AS found_on,
       s.reason IS NOT 'external' AND s.state <> 'refused' AS internal, s.url_id
FROM state s
JOIN url u ON u.id = s.url_id
LEFT JOIN fetch f ON f.id = s.fetch_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN url o ON o.id = s.found_on;

-- Every URL ever met: state pending, done, aside (a rule or limit you can change) or refused, with the reason.
CREATE VIEW urls AS
SELECT url, state, reason, detail, kind, depth, status, error, hops, attempts, content_hash, found_on, internal
FROM all_urls WHERE crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Every page of every crawl; as pages, with crawl_id.
CREATE VIEW all_pages AS
SELECT s.crawl_id, u.url, f.status, f.error, r.url AS redirect_to, f.content_type,
       p.id IS NOT NULL AS is_html, 1 AS internal, nullif(s.depth, 65535) AS depth,
       p.title, p.description, p.h1, p.lang, p.claimed_canonical, p.robots_directives,
       p.words, p.main_words, f.body_bytes, f.wire_bytes, f.elapsed_ms, f.first_byte_ms,
       p.links AS outlinks, p.links_cut,
       -- NULL while they are not counted.
       CASE WHEN i.links IS NULL AND EXISTS (SELECT 1 FROM inlink c WHERE c.crawl_id = s.crawl_id) THEN 0
            ELSE i.links END AS inlinks, p.content_hash, p.charset,
       CASE WHEN f.status IS NULL THEN 0
            WHEN f.status <> 200 OR p.id IS NULL THEN 0
            WHEN p.is_index = 0 THEN 0
            WHEN p.claimed_canonical IS NOT NULL AND p.claimed_canonical <> u.url THEN 0
            ELSE 1 END AS indexable,
       CASE WHEN f.status IS NULL THEN 'no answer'
            WHEN f.status BETWEEN 300 AND 399 THEN 'redirect'
            WHEN f.status <> 200 THEN 'status ' || f.status
            WHEN p.id IS NULL THEN 'not html'
            WHEN p.is_index = 0 THEN 'noindex'
            WHEN p.claimed_canonical IS NOT NULL AND p.claimed_canonical <> u.url THEN 'canonical elsewhere'
            END AS indexability_reason,
       f.is_cut, f.http_version, f.ip, f.headers, s.attempts, o.url AS found_on,
       strftime('%Y-%m-%d %H:%M:%S', f.started_at / 1000, 'unixepoch') AS fetched_at,
       p.headings, p.rel_next, p.rel_prev, p.hreflang, p.og, p.jsonld_types, p.simhash, p.needs_javascript,
       p.id AS page_id, s.url_id, f.is_unchanged AS unchanged
FROM state s
JOIN fetch f ON f.id = s.fetch_id
JOIN url u ON u.id = s.url_id
LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN url r ON r.id = f.redirect_to
LEFT JOIN url o ON o.id = s.found_on
LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
WHERE s.kind = 'page' AND s.state = 'done';

-- One row per URL fetched or tried, whatever came back: status (NULL if no answer), title, depth, size, times; unchanged: 1 if the server said (304) that what an earlier crawl stored still holds.
CREATE VIEW pages AS
SELECT url, status, error, redirect_to, content_type, is_html, internal, depth, title, description, h1, lang,
       claimed_canonical, robots_directives, words, body_bytes, wire_bytes, elapsed_ms, first_byte_ms, outlinks,
       links_cut, inlinks, content_hash, charset, indexable, indexability_reason, is_cut, http_version, ip, headers,
       attempts, found_on, fetched_at, main_words, headings, rel_next, rel_prev, hreflang, og, jsonld_types,
       simhash, needs_javascript, unchanged
FROM all_pages WHERE crawl_id = (SELECT crawl_id FROM shown_crawl);

-- The HTML pages that answered 200: what an audit of titles or texts looks at.
CREATE VIEW html_pages AS
SELECT * FROM pages WHERE is_html = 1 AND status = 200;

-- Every link of every crawl; as links, with crawl_id.
CREATE VIEW all_links AS
SELECT s.crawl_id, source.url AS source, target.url AS target, l.id & 131071 AS position, h.kind, l.anchor, l.rel,
       l.fragment, h.region, h.is_follow AS follow, l.times, l.target_id, s.url_id AS source_id
FROM state s
JOIN fetch f ON f.id = s.fetch_id
JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
JOIN link_shape h ON h.id = l.shape_id
JOIN url source ON source.id = s.url_id
JOIN url target ON target.id = l.target_id
WHERE s.state = 'done';

-- Every link: on which page (source), to what (target), with anchor text, kind (a, img, ...), rel and region of the page. The anchor of an image is its alt: one blank if that is empty, nothing if there is none.
CREATE VIEW links AS
SELECT source, target, position, kind, anchor, rel, fragment, region, follow, times
FROM all_links WHERE crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Redirects: each hop, with its status and where it leads; kind says how: http, meta-refresh or refresh-header.
CREATE VIEW redirects AS
SELECT url, status, redirect_to, depth, found_on, 'http' AS kind FROM pages WHERE redirect_to IS NOT NULL
UNION ALL
SELECT u.url, f.status, t.url, nullif(s.depth, 65535), o.url, h.kind
FROM state s
JOIN fetch f ON f.id = s.fetch_id
JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071 AND l.target_id <> s.url_id
JOIN link_shape h ON h.id = l.shape_id
JOIN url u ON u.id = s.url_id
JOIN url t ON t.id = l.target_id
LEFT JOIN url o ON o.id = s.found_on
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind = 'page'
  -- Their numbers follow one another; a lookup for each of millions of links takes twice as long.
  AND l.shape_id BETWEEN (SELECT min(id) FROM link_shape WHERE kind = 'meta-refresh')
                     AND (SELECT max(id) FROM link_shape WHERE kind = 'refresh-header');

-- Where each redirect ends: number of hops, whether it loops, the final URL and its status.
CREATE VIEW redirect_chains AS
WITH RECURSIVE hop (crawl_id, start_id, url_id, next_id, hops, path) AS (
    SELECT s.crawl_id, s.url_id, s.url_id, f.redirect_to, 1, ' ' || s.url_id || ' '
    FROM state s JOIN fetch f ON f.id = s.fetch_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.kind = 'page' AND f.redirect_to IS NOT NULL
    UNION ALL
    SELECT h.crawl_id, h.start_id, h.next_id, f.redirect_to, h.hops + 1, h.path || h.next_id || ' '
    FROM hop h
    JOIN state s ON s.crawl_id = h.crawl_id AND s.url_id = h.next_id
    JOIN fetch f ON f.id = s.fetch_id
    WHERE f.redirect_to IS NOT NULL AND h.hops < 20 AND instr(h.path, ' ' || h.next_id || ' ') = 0
)
SELECT start.url AS url, h.hops, instr(h.path, ' ' || h.next_id || ' ') > 0 AS loops,
       final.url AS final_url, f.status AS final_status
FROM hop h
JOIN url start ON start.id = h.start_id
JOIN url final ON final.id = h.next_id
LEFT JOIN state s ON s.crawl_id = h.crawl_id AND s.url_id = h.next_id
LEFT JOIN fetch f ON f.id = s.fetch_id
WHERE instr(h.path, ' ' || h.next_id || ' ') > 0 OR f.redirect_to IS NULL OR h.hops >= 20;

-- Broken links: the answer was 4xx, 5xx or none, and --accept does not let it pass; with the page that has the link and its anchor text, or the stylesheet (kind css) that was the first to refer to it.
CREATE VIEW broken_links AS
WITH target AS MATERIALIZED (
    SELECT s.url_id, f.status, f.error, s.found_on
    FROM state s JOIN fetch f ON f.id = s.fetch_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done'
      AND (f.status >= 400 OR f.status IS NULL)
      AND NOT (s.kind = 'external' AND coalesce(f.status, 0) IN (401, 403, 407, 429, 451, 999))
      AND NOT EXISTS (SELECT 1 FROM accepted a WHERE a.crawl_id = s.crawl_id AND f.status BETWEEN a.first AND a.last)
)
SELECT u.url AS target, t.status, t.error, source.url AS source, l.anchor, h.kind, h.region
FROM target t
CROSS JOIN link l ON l.target_id = t.url_id
CROSS JOIN link_shape h ON h.id = l.shape_id
CROSS JOIN page p ON p.id = l.id >> 17
CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id AND s.state = 'done'
CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
JOIN url u ON u.id = t.url_id
JOIN url source ON source.id = p.url_id
UNION ALL
SELECT u.url, t.status, t.error, source.url, '', 'css', NULL
FROM target t
JOIN state o ON o.crawl_id = (SELECT crawl_id FROM shown_crawl) AND o.url_id = t.found_on AND o.kind = 'asset'
JOIN fetch f ON f.id = o.fetch_id AND f.page_id IS NULL
JOIN url u ON u.id = t.url_id
JOIN url source ON source.id = o.url_id;

-- Links to other sites that refuse a program but may well work for a person: 401, 403, 407, 429, 451 and 999.
CREATE VIEW blocked_links AS
WITH target AS MATERIALIZED (
    SELECT s.url_id, f.status
    FROM state s JOIN fetch f ON f.id = s.fetch_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind = 'external'
      AND f.status IN (401, 403, 407, 429, 451, 999)
      AND NOT EXISTS (SELECT 1 FROM accepted a WHERE a.crawl_id = s.crawl_id AND f.status BETWEEN a.first AND a.last)
)
SELECT u.url AS target, t.status, source.url AS source, l.anchor, h.kind, h.region
FROM target t
CROSS JOIN link l ON l.target_id = t.url_id
CROSS JOIN link_shape h ON h.id = l.shape_id
CROSS JOIN page p ON p.id = l.id >> 17
CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id AND s.state = 'done'
CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
JOIN url u ON u.id = t.url_id
JOIN url source ON source.id = p.url_id;

-- Links whose fragment (#...) their target does not have; filled only by --check-fragments.
CREATE VIEW broken_fragments AS
SELECT l.target, l.fragment, l.source, l.anchor, l.kind, l.region
FROM broken_fragment b
JOIN page p ON p.id = b.page_id
JOIN all_links l ON l.crawl_id = b.crawl_id AND l.source_id = p.url_id AND l.position = b.position
WHERE b.crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Pages that show their content only to those who run scripts, with the evidence.
CREATE VIEW javascript_pages AS
SELECT url, words, outlinks, needs_javascript AS evidence FROM html_pages WHERE needs_javascript IS NOT NULL;

-- What was met but not fetched in every crawl; as skipped, with crawl_id.
CREATE VIEW all_skipped AS
SELECT crawl_id, url, reason, detail, found_on,
       CASE reason
            WHEN 'external' THEN 'crawlite resume FILE --check-external (or --scope domain, to crawl them)'
            WHEN 'asset' THEN 'crawlite resume FILE --assets'
            WHEN 'out-of-scope' THEN 'crawlite resume FILE --scope host'
            WHEN 'excluded' THEN 'crawlite resume FILE with other --exclude patterns'
            WHEN 'not-included' THEN 'crawlite resume FILE with other --include patterns'
            WHEN 'nofollow' THEN 'crawlite resume FILE --follow-nofollow'
            WHEN 'robots' THEN 'crawlite resume FILE --ignore-robots (only if the site is yours)'
            WHEN 'depth' THEN 'crawlite resume FILE --depth N'
            WHEN 'trap' THEN 'crawlite traps FILE release ''PATTERN'' (the detail), then resume'
            WHEN 'budget' THEN 'crawlite resume FILE with a higher --budget or --max-per-host'
            WHEN 'session' THEN 'crawlite crawl URL without a login, into another file'
            WHEN 'mirror' THEN 'crawlite resume FILE --set scope.mirrors=true'
            WHEN 'private-address' THEN 'crawlite resume FILE --allow-private HOST'
            WHEN 'crashed' THEN 'crawlite resume FILE --retry-failed crashed'
            WHEN 'asset' THEN 'crawlite resume FILE --assets'
            END AS release, url_id
FROM all_urls WHERE state IN ('aside', 'refused')
UNION ALL
SELECT s.crawl_id, u.url, 'pending', coalesce(o.parked, c.finish, 'the crawl is not finished'), f.url,
       'crawlite resume FILE' || CASE c.finish WHEN 'page-limit' THEN ' --max-pages N' WHEN 'time-limit' THEN ' --max-time TIME'
                                               WHEN 'byte-limit' THEN ' --max-bytes SIZE' ELSE '' END, s.url_id
FROM state s
JOIN crawl c ON c.id = s.crawl_id
JOIN url u ON u.id = s.url_id
LEFT JOIN origin o ON o.id = s.origin_id
LEFT JOIN url f ON f.id = s.found_on
WHERE s.state = 'pending';

-- What was met but not fetched, why, and what would release it.
CREATE VIEW skipped AS
SELECT url, reason, detail, found_on, release FROM all_skipped WHERE crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Patterns of URLs that would never end: what shows it, how many URLs are set aside under each, one of them.
CREATE VIEW traps AS
SELECT t.host, t.pattern, t.kind, t.evidence, count(s.url_id) AS urls, min(u.url) AS example,
       datetime(t.parked_at / 1000, 'unixepoch') AS parked_at, datetime(t.released_at / 1000, 'unixepoch') AS released_at
FROM trap t
LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.reason = 'trap' AND s.detail = t.pattern
LEFT JOIN url u ON u.id = s.url_id
GROUP BY t.host, t.pattern;

-- Links to other sites: each URL once, with one page that has it; status and error are NULL unless --check-external.
CREATE VIEW external_links AS
SELECT url,
       coalesce(detail, substr(url, instr(url, '://') + 3, instr(substr(url, instr(url, '://') + 3), '/') - 1)) AS host,
       found_on, status, error
FROM urls WHERE reason = 'external' OR kind = 'external';

-- Images, scripts, stylesheets and the like that pages refer to; status and error are NULL unless --assets.
CREATE VIEW assets AS
SELECT url, detail AS kind, found_on, status, error FROM urls WHERE reason = 'asset' OR kind = 'asset';

-- Each host that was crawled: its robots.txt, delays, requests, failures and mean answer time.
CREATE VIEW hosts AS
SELECT o.origin AS host, o.robots_status, o.crawl_delay_ms, o.parked, m.origin AS mirror_of,
       datetime(o.robots_at / 1000, 'unixepoch') AS robots_at,
       count(*) FILTER (WHERE s.state = 'done' AND s.kind = 'page') AS pages,
       count(*) FILTER (WHERE s.state = 'pending') AS pending,
       count(*) FILTER (WHERE f.error IS NOT NULL OR f.status >= 400) AS failures,
       round(avg(f.first_byte_ms)) AS mean_first_byte_ms, sum(f.wire_bytes) AS wire_bytes, o.robots_body
FROM origin o
JOIN state s ON s.origin_id = o.id
LEFT JOIN fetch f ON f.id = s.fetch_id
LEFT JOIN origin m ON m.id = o.mirror_of
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY o.id;

-- URLs that gave no answer, and why.
CREATE VIEW errors AS
SELECT url, error, attempts, found_on, fetched_at FROM pages WHERE error IS NOT NULL AND status IS NULL;

-- What the sitemaps say of each URL, and what came of it.
CREATE VIEW sitemap_urls AS
SELECT u.url, m.url AS sitemap, e.lastmod, e.changefreq, e.priority, s.state, s.reason, f.status,
       nullif(s.depth, 65535) AS depth
FROM sitemap_entry e
JOIN url u ON u.id = e.url_id
JOIN url m ON m.id = e.sitemap_id
LEFT JOIN state s ON s.crawl_id = e.crawl_id AND s.url_id = e.url_id
LEFT JOIN fetch f ON f.id = s.fetch_id
WHERE e.crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Each sitemap: who names it (NULL: nobody, /sitemap.xml was tried), what it answered, its URLs and problems.
CREATE VIEW sitemaps AS
SELECT u.url, n.url AS named_by, s.state, s.reason, f.status, f.error, r.url AS redirect_to,
       (SELECT count(*) FROM sitemap_entry e WHERE e.crawl_id = s.crawl_id AND e.sitemap_id = s.url_id) AS urls,
       coalesce(p.problems, 0) AS problems,
       f.body_bytes, strftime('%Y-%m-%d %H:%M:%S', f.started_at / 1000, 'unixepoch') AS fetched_at
FROM state s
JOIN url u ON u.id = s.url_id
LEFT JOIN fetch f ON f.id = s.fetch_id
LEFT JOIN url r ON r.id = f.redirect_to
LEFT JOIN url n ON n.id = s.found_on
LEFT JOIN (SELECT sitemap, count(*) AS problems FROM all_sitemap_problems
           WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) GROUP BY sitemap) p ON p.sitemap = u.url
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.kind = 'sitemap';

-- What is wrong with sitemaps in every crawl; as sitemap_problems, with crawl_id.
CREATE VIEW all_sitemap_problems AS
WITH map AS (
    SELECT s.crawl_id, s.url_id, u.url AS sitemap, s.state, s.reason, s.detail, f.status, f.error,
           CASE WHEN b.kind IS NOT 'sitemap' THEN 'robots.txt names it'
                WHEN d.redirect_to = s.url_id THEN 'the sitemap ' || n.url || ' leads there'
                ELSE 'the sitemap ' || n.url || ' names it' END AS named,
           -- A /sitemap.xml that nobody names, or what it leads to.
           s.found_on IS NULL OR b.kind IS 'sitemap' AND b.found_on IS NULL AND d.redirect_to IS s.url_id AS is_guess,
           EXISTS (SELECT 1 FROM sitemap_entry e WHERE e.crawl_id = s.crawl_id AND e.sitemap_id = s.url_id) AS has_urls
    FROM state s
    JOIN url u ON u.id = s.url_id
    LEFT JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN url n ON n.id = s.found_on
    LEFT JOIN state b ON b.crawl_id = s.crawl_id AND b.url_id = s.found_on
    LEFT JOIN fetch d ON d.id = b.fetch_id
    WHERE s.kind = 'sitemap'
)
SELECT m.crawl_id, m.sitemap, p.problem,
       CASE WHEN p.problem = 'html' THEN p.detail || '; ' || m.named ELSE p.detail END AS detail, p.line, p.byte
FROM map m JOIN sitemap_problem p ON p.crawl_id = m.crawl_id AND p.sitemap_id = m.url_id
WHERE NOT m.is_guess OR m.has_urls OR p.problem NOT IN ('html', 'format', 'not-a-url')
UNION ALL
SELECT crawl_id, sitemap,
       CASE WHEN status IS NULL THEN 'no-answer' WHEN status >= 400 THEN 'not-found' ELSE 'not-read' END,
       CASE WHEN status >= 400 THEN 'answers ' || status ELSE error END || '; ' || named, NULL, NULL
FROM map WHERE state = 'done' AND NOT is_guess AND (status >= 400 OR error IS NOT NULL)
UNION ALL
SELECT crawl_id, sitemap, 'not-read', reason || ': ' || detail, NULL, NULL
FROM map WHERE state IN ('aside', 'refused') AND NOT (is_guess AND reason = 'robots');

-- What is wrong with the sitemaps that robots.txt and other sitemaps name: not found, not read, bad XML, URLs that do not belong there, with line and byte where they are known.
CREATE VIEW sitemap_problems AS
SELECT sitemap, problem, detail, line, byte FROM all_sitemap_problems
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl);

-- Pages that only a sitemap names: no followed link leads to them.
CREATE VIEW orphans AS
SELECT url, status, title FROM pages WHERE depth IS NULL;

-- Each request made for robots.txt and sitemaps.
CREATE VIEW housekeeping AS
SELECT u.url, f.status, f.error, f.wire_bytes,
       strftime('%Y-%m-%d %H:%M:%S', f.started_at / 1000, 'unixepoch') AS fetched_at
FROM fetch f JOIN url u ON u.id = f.url_id
LEFT JOIN state s ON s.crawl_id = f.crawl_id AND s.url_id = f.url_id AND s.kind = 'page'
WHERE f.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id IS NULL;

-- Structured data of the pages: each item that belongs to no other, in JSON-LD or microdata, with those in it as JSON
-- (@type, @id, properties); and what cannot be read, with the error.
CREATE VIEW items AS
SELECT u.url, i.format, i.type, i.json, i.error, i.position
FROM item i
CROSS JOIN page p
CROSS JOIN url u
CROSS JOIN state s
CROSS JOIN fetch f
WHERE p.id = i.page_id AND u.id = p.url_id
    AND s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id AND s.state = 'done'
    AND f.id = s.fetch_id AND f.page_id = p.id;

-- What each extraction rule gave on each page it is for: rows, and why a page was not looked through whole (cut).
CREATE VIEW extractions AS
SELECT r.name AS rule, u.url, e.rows, e.cut, e.page_id
FROM extract_page e
CROSS JOIN extract_rule r
CROSS JOIN page p
CROSS JOIN url u
CROSS JOIN state s
CROSS JOIN fetch f
WHERE r.id = e.rule_id AND p.id = e.page_id AND u.id = p.url_id
    AND s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id AND s.state = 'done'
    AND f.id = s.fetch_id AND f.page_id = p.id;
