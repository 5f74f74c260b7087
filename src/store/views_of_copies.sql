-- The views of pages that are copies of others, or nearly so; the rest is in
-- views.sql, which says what holds for all of them.

-- Pages whose content is the same to the byte: one row per page, numbered by group.
CREATE VIEW duplicates AS
WITH copy AS MATERIALIZED (
    SELECT p.content_hash, p.title, p.url_id
    FROM page p
    CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id
    CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id AND f.status = 200
    -- Versions that no crawl shows any more are among them; that costs less than to look at every state.
    WHERE p.content_hash IN (SELECT content_hash FROM page GROUP BY content_hash HAVING count(*) > 1)
      AND s.state = 'done' AND s.kind = 'page'
)
SELECT hex(substr(content_hash, 1, 8)) AS content, copies, url, title
FROM (SELECT *, count(*) OVER (PARTITION BY content_hash) AS copies FROM copy) JOIN url ON url.id = url_id
WHERE copies > 1;

-- Pages with nearly the same main text: pairs whose SimHash differs in at most 3 of 64 bits, without exact duplicates.
CREATE VIEW near_duplicates AS
-- Such pairs share at least one of four blocks of 16 bits. A block is put in order when the ones before it gave too few
-- rows, and passes over pairs that they gave.
WITH print AS NOT MATERIALIZED (
    SELECT id AS page_id, url_id, simhash, simhash & 65535 AS first, simhash >> 16 & 65535 AS second,
           simhash >> 32 & 65535 AS third, simhash >> 48 & 65535 AS fourth
    FROM page WHERE simhash IS NOT NULL
),
by_first AS MATERIALIZED (SELECT first, url_id, page_id, simhash FROM print ORDER BY 1),
by_second AS MATERIALIZED (SELECT second, url_id, page_id, simhash, first FROM print ORDER BY 1),
by_third AS MATERIALIZED (SELECT third, url_id, page_id, simhash, first, second FROM print ORDER BY 1),
by_fourth AS MATERIALIZED (SELECT fourth, url_id, page_id, simhash, first, second, third FROM print ORDER BY 1),
pair (one, other, mine, theirs) AS (
    SELECT a.page_id, b.page_id, a.simhash, b.simhash
    FROM by_first a CROSS JOIN by_first b ON b.first = a.first AND b.url_id > a.url_id
    UNION ALL
    SELECT a.page_id, b.page_id, a.simhash, b.simhash
    FROM by_second a CROSS JOIN by_second b ON b.second = a.second AND b.url_id > a.url_id
    WHERE b.first <> a.first
    UNION ALL
    SELECT a.page_id, b.page_id, a.simhash, b.simhash
    FROM by_third a CROSS JOIN by_third b ON b.third = a.third AND b.url_id > a.url_id
    WHERE b.first <> a.first AND b.second <> a.second
    UNION ALL
    SELECT a.page_id, b.page_id, a.simhash, b.simhash
    FROM by_fourth a CROSS JOIN by_fourth b ON b.fourth = a.fourth AND b.url_id > a.url_id
    WHERE b.first <> a.first AND b.second <> a.second AND b.third <> a.third
),
-- Where they differ, without the sign: 63 bits never overflow.
differ (one, other, sign, bits) AS (
    SELECT one, other, (mine < 0) <> (theirs < 0), ((mine | theirs) - (mine & theirs)) & 9223372036854775807 FROM pair
),
-- Bits cleared one by one, three at most.
once (one, other, sign, bits, rest) AS (SELECT one, other, sign, bits, bits & (bits - 1) FROM differ),
twice (one, other, bits, rest) AS (
    SELECT one, other, sign + (bits <> 0) + (rest <> 0) + (rest & (rest - 1) <> 0), rest & (rest - 1) FROM once
)
SELECT a.url, b.url AS near_url, c.bits
FROM twice c
CROSS JOIN page p ON p.id = c.one
CROSS JOIN page q ON q.id = c.other AND q.content_hash <> p.content_hash
CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id
CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
CROSS JOIN state t ON t.crawl_id = s.crawl_id AND t.url_id = q.url_id
CROSS JOIN fetch g ON g.id = t.fetch_id AND g.page_id = q.id
CROSS JOIN url a ON a.id = p.url_id
CROSS JOIN url b ON b.id = q.url_id
WHERE c.bits <= 3 AND c.rest & (c.rest - 1) = 0
  AND s.state = 'done' AND s.kind = 'page' AND f.status = 200 AND t.state = 'done' AND t.kind = 'page' AND g.status = 200;
