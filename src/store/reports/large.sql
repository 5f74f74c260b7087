-- Documents of more than 1 MiB, or so large that they were cut, the largest first.
--
-- body_bytes is the size without compression, wire_bytes what came over the network; both are NULL or smaller where a
-- body was not read to its end.
SELECT max(coalesce(body_bytes, 0), wire_bytes) AS bytes, url, wire_bytes, is_cut, content_type, inlinks
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
  AND (body_bytes > 1048576 OR wire_bytes > 1048576 OR is_cut = 1 AND is_html = 1)
ORDER BY bytes DESC, url;
