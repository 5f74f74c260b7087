-- URLs that sitemaps name but should not: broken, redirecting, not indexable, or not allowed to be fetched.
--
-- A sitemap is best a list of pages that answer 200 and may be indexed.
WITH entry AS MATERIALIZED (
    SELECT url_id, min(sitemap_id) AS sitemap_id, max(lastmod) AS lastmod
    FROM sitemap_entry
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
    GROUP BY url_id
)
SELECT issue, url, status, sitemap, lastmod
FROM (
    SELECT u.url, f.status, m.url AS sitemap, e.lastmod,
           CASE WHEN s.state IN ('aside', 'refused') THEN s.reason
                WHEN s.state IS NULL OR s.state = 'pending' THEN NULL
                WHEN f.status IS NULL THEN 'no answer'
                WHEN f.status >= 400 THEN 'broken'
                WHEN f.status >= 300 THEN 'redirects'
                WHEN p.is_index = 0 THEN 'noindex'
                WHEN p.claimed_canonical <> u.url THEN 'canonical elsewhere' END AS issue
    FROM entry e
    JOIN url u ON u.id = e.url_id
    JOIN url m ON m.id = e.sitemap_id
    LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = e.url_id
    LEFT JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN page p ON p.id = f.page_id
)
WHERE issue IS NOT NULL
ORDER BY issue, url;
