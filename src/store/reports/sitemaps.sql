-- What is wrong with sitemaps, and URLs in them that are broken, redirect or are not indexable.
--
-- A sitemap is best a list of pages that answer 200 and may be indexed. Problems of a sitemap itself come first, without
-- a status; detail says what, and where in the file.
WITH entry AS MATERIALIZED (
    SELECT url_id, min(sitemap_id) AS sitemap_id, max(lastmod) AS lastmod
    FROM sitemap_entry
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
    GROUP BY url_id
)
SELECT issue, url, status, sitemap, lastmod, detail
FROM (
    SELECT 0 AS place, sitemap AS url, NULL AS status, sitemap, NULL AS lastmod, problem AS issue,
           coalesce('line ' || line, '') || coalesce(', byte ' || byte, '')
           || CASE WHEN line IS NULL THEN '' ELSE ': ' END || detail AS detail
    FROM all_sitemap_problems WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
    UNION ALL
    SELECT 1, u.url, f.status, m.url, e.lastmod,
           CASE WHEN s.state IN ('aside', 'refused') THEN s.reason
                WHEN s.state IS NULL OR s.state = 'pending' THEN NULL
                WHEN f.status IS NULL THEN 'no answer'
                WHEN f.status >= 400 THEN 'broken'
                WHEN f.status >= 300 THEN 'redirects'
                WHEN p.is_index = 0 THEN 'noindex'
                WHEN p.claimed_canonical <> u.url THEN 'canonical elsewhere' END, NULL
    FROM entry e
    JOIN url u ON u.id = e.url_id
    JOIN url m ON m.id = e.sitemap_id
    LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = e.url_id
    LEFT JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN page p ON p.id = f.page_id
)
WHERE issue IS NOT NULL
ORDER BY place, issue, url;
