-- Structured data: which JSON-LD types and Open Graph properties the pages have, and how many have none.
WITH
html AS MATERIALIZED (
    SELECT url, inlinks, jsonld_types, og
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND is_html = 1 AND status = 200
),
item (format, name, url) AS (
    SELECT DISTINCT 'JSON-LD', j.value, html.url FROM html CROSS JOIN json_each(html.jsonld_types) j
    UNION ALL
    SELECT CASE WHEN j.key LIKE 'twitter:%' THEN 'Twitter' ELSE 'Open Graph' END, j.key, html.url
    FROM html CROSS JOIN json_each(html.og) j
    UNION ALL
    SELECT 'JSON-LD', '(none)', url FROM html WHERE coalesce(jsonld_types, '[]') = '[]'
    UNION ALL
    SELECT 'Open Graph', '(none)', url FROM html WHERE coalesce(og, '{}') = '{}'
)
SELECT format, name, count(*) AS pages, round(100.0 * count(*) / (SELECT count(*) FROM html), 1) AS percent,
       min(url) AS example
FROM item
GROUP BY format, name
ORDER BY format, name = '(none)' DESC, pages DESC, name;
