-- Traps: patterns of URLs that would never end, with the evidence and how many URLs wait behind each.
--
-- status is parked, or released once somebody said that it is none.
SELECT t.host, t.pattern, t.kind, CASE WHEN t.released_at IS NULL THEN 'parked' ELSE 'released' END AS status,
       t.evidence, (
           SELECT count(*) FROM state s
           WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.reason = 'trap'
             AND instr(s.detail, t.pattern) > 0) AS urls,
       strftime('%Y-%m-%d %H:%M:%S', t.parked_at / 1000, 'unixepoch') AS parked_at
FROM trap t
ORDER BY t.released_at IS NOT NULL, urls DESC, t.host, t.pattern;
