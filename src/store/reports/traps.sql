-- Traps: patterns of URLs that would never end, with the evidence and how many URLs wait behind each.
--
-- status is parked, or released once somebody said that it is none.
WITH waiting AS MATERIALIZED (
    SELECT s.detail AS pattern, count(*) AS urls, min(u.url) AS example
    FROM state s JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.reason = 'trap'
    GROUP BY s.detail
)
SELECT t.pattern, t.kind, CASE WHEN t.released_at IS NULL THEN 'parked' ELSE 'released' END AS status,
       coalesce(w.urls, 0) AS urls, t.evidence, w.example, t.host,
       strftime('%Y-%m-%d %H:%M:%S', t.parked_at / 1000, 'unixepoch') AS parked_at
FROM trap t
LEFT JOIN waiting w ON w.pattern = t.pattern
ORDER BY t.released_at IS NOT NULL, urls DESC, t.host, t.pattern;
