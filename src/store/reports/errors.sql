-- URLs that gave no answer, or none to its end, and why.
--
-- attempts counts the tries; `crawlite resume` does not ask again for what was given up.
SELECT f.error, u.url, f.error_detail AS detail, s.attempts, f.status, o.url AS found_on,
       strftime('%Y-%m-%d %H:%M:%S', f.started_at / 1000, 'unixepoch') AS fetched_at
FROM state s
CROSS JOIN fetch f ON f.id = s.fetch_id
JOIN url u ON u.id = s.url_id
LEFT JOIN url o ON o.id = s.found_on
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND f.error IS NOT NULL
ORDER BY f.error, u.url;
