-- Each host that was crawled: pages, failures, bytes, times, and what its robots.txt answered.
--
-- pages, broken and no_answer count pages alone; bytes and times are those of robots.txt and sitemaps as well.
SELECT o.origin AS host, count(*) FILTER (WHERE s.state = 'done' AND s.kind = 'page') AS pages,
       count(*) FILTER (WHERE s.state = 'pending') AS pending,
       count(*) FILTER (WHERE s.kind = 'page' AND f.status >= 400) AS broken,
       count(*) FILTER (WHERE s.kind = 'page' AND s.state = 'done' AND f.status IS NULL) AS no_answer,
       CAST(round(avg(f.first_byte_ms)) AS INTEGER) AS mean_first_byte_ms, max(f.first_byte_ms) AS max_first_byte_ms,
       sum(f.wire_bytes) AS wire_bytes, o.robots_status, o.crawl_delay_ms, o.parked,
       m.origin AS mirror_of
FROM state s
JOIN origin o ON o.id = s.origin_id
LEFT JOIN origin m ON m.id = o.mirror_of
LEFT JOIN fetch f ON f.id = s.fetch_id
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY o.id
ORDER BY pages DESC, host;
