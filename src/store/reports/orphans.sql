-- Orphans: pages that only a sitemap names; no followed link leads to them.
--
-- Link to them from where readers come by, or take them from the sitemap.
SELECT url, status, title, indexable, words, found_on AS sitemap
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND depth IS NULL
ORDER BY url;
