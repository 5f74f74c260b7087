-- Structured data that cannot be read: JSON-LD with the place of its error, and what was too much to keep.
SELECT a.url, i.format, i.position, i.error
FROM all_pages a
CROSS JOIN item i
WHERE a.crawl_id = (SELECT crawl_id FROM shown_crawl) AND i.page_id = a.page_id AND i.error IS NOT NULL
ORDER BY a.url, i.position;
