-- Structured data: which JSON-LD, microdata and Open Graph the pages have, and how many pages have none.
-- (broken) is what cannot be read: see structured-data-errors.
WITH
html AS MATERIALIZED (
    SELECT url, page_id, jsonld_types, og
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND is_html = 1 AND status = 200
),
found AS MATERIALIZED (
    SELECT html.url, i.format, i.json FROM html CROSS JOIN item i WHERE i.page_id = html.page_id
),
named (format, name, url) AS (
    SELECT DISTINCT 'JSON-LD', j.value, html.url FROM html CROSS JOIN json_each(html.jsonld_types) j
    UNION ALL
    SELECT DISTINCT 'Microdata', t.value, found.url
    FROM found CROSS JOIN json_tree(found.json) t
    WHERE found.format = 'microdata' AND t.type = 'text' AND (t.key = '@type' OR t.path LIKE '%"@type"')
    UNION ALL
    SELECT CASE WHEN j.key LIKE 'twitter:%' THEN 'Twitter' ELSE 'Open Graph' END, j.key, html.url
    FROM html CROSS JOIN json_each(html.og) j
    UNION ALL
    SELECT DISTINCT CASE format WHEN 'json-ld' THEN 'JSON-LD' ELSE 'Microdata' END, '(broken)', url
    FROM found WHERE json IS NULL
    UNION ALL
    SELECT 'JSON-LD', '(none)', url FROM html WHERE coalesce(jsonld_types, '[]') = '[]'
    UNION ALL
    SELECT 'Open Graph', '(none)', url FROM html WHERE coalesce(og, '{}') = '{}'
)
SELECT format, name, count(*) AS pages, round(100.0 * count(*) / (SELECT count(*) FROM html), 1) AS percent,
       min(url) AS example
FROM named
GROUP BY format, name
ORDER BY format, name = '(none)' DESC, name = '(broken)' DESC, pages DESC, name;
