-- Pages that took longer than 800 ms to the first byte, the slowest first.
--
-- Up to 800 ms counts as good (web.dev, "Time to First Byte"), beyond 1 800 ms as poor. As seen from the machine that
-- crawled, while it asked for several pages at once.
SELECT first_byte_ms, url, elapsed_ms, status, body_bytes, inlinks
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND first_byte_ms > 800
ORDER BY first_byte_ms DESC, url;
