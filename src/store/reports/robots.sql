-- The robots.txt of each host, and how many URLs each of its lines kept from being fetched.
--
-- robots_status is that of its answer after redirects; NULL if none came. Its text is in the view hosts.
SELECT o.origin AS host, o.robots_status, o.crawl_delay_ms, d.detail AS rule, d.urls AS disallowed, d.example,
       length(o.robots_body) AS robots_bytes, datetime(o.robots_at / 1000, 'unixepoch') AS robots_at
FROM origin o
LEFT JOIN (
    SELECT s.origin_id, s.detail, count(*) AS urls, min(u.url) AS example
    FROM state s JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.reason = 'robots'
    GROUP BY s.origin_id, s.detail
) d ON d.origin_id = o.id
WHERE o.robots_at IS NOT NULL OR d.urls > 0
ORDER BY d.urls DESC, host;
