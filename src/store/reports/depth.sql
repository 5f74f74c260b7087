-- How many links away from the seeds the pages are.
--
-- Depth NULL: no followed link leads there, only a sitemap. What is deeper than a few clicks is found late or never.
SELECT depth, count(*) AS pages, round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS percent,
       count(*) FILTER (WHERE indexable = 1) AS indexable,
       count(*) FILTER (WHERE status BETWEEN 300 AND 399) AS redirects,
       count(*) FILTER (WHERE status >= 400 OR status IS NULL) AS broken,
       round(avg(inlinks), 1) AS mean_inlinks, min(url) AS example
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY depth
ORDER BY depth IS NULL, depth;
