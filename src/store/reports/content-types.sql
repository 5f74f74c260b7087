-- Content types of all answers, with their sizes and times.
SELECT lower(trim(substr(content_type, 1, instr(content_type || ';', ';') - 1))) AS content_type, count(*) AS urls,
       round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent, sum(wire_bytes) AS wire_bytes,
       CAST(round(avg(body_bytes)) AS INTEGER) AS mean_body_bytes, max(body_bytes) AS max_body_bytes,
       CAST(round(avg(first_byte_ms)) AS INTEGER) AS mean_first_byte_ms, min(url) AS example
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status IS NOT NULL
GROUP BY 1
ORDER BY urls DESC, 1;
