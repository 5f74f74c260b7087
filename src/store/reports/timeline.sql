-- The course of the crawl: answers per minute, by kind, with bytes and times.
--
-- robots.txt, sitemaps and retries are counted as well. Minutes without a request have no row.
SELECT strftime('%Y-%m-%d %H:%M', started_at / 1000, 'unixepoch') AS minute, count(*) AS requests,
       count(*) FILTER (WHERE status BETWEEN 200 AND 299) AS ok,
       count(*) FILTER (WHERE status BETWEEN 300 AND 399) AS redirects,
       count(*) FILTER (WHERE status BETWEEN 400 AND 499) AS "4xx",
       count(*) FILTER (WHERE status >= 500) AS "5xx",
       count(*) FILTER (WHERE status IS NULL) AS no_answer,
       CAST(round(avg(first_byte_ms)) AS INTEGER) AS mean_first_byte_ms, sum(wire_bytes) AS wire_bytes
FROM fetch
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY started_at / 60000
ORDER BY minute;
