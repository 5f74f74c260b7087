-- First headings (h1) of indexable pages that are missing, several, or used on more than one page.
--
-- One row per page and issue; copies is how many pages share it.
WITH page_heading AS MATERIALIZED (
    SELECT url, h1, inlinks,
           (SELECT count(*) FROM json_each(headings) WHERE json_extract(value, '$[0]') = 1) AS times
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND indexable = 1
)
SELECT issue, url, h1, times, copies, inlinks
FROM (
    SELECT 1 AS place, 'missing' AS issue, NULL AS h1, times, NULL AS copies, url, inlinks
    FROM page_heading WHERE trim(coalesce(h1, '')) = ''
    UNION ALL
    SELECT 2, 'several', h1, times, NULL, url, inlinks FROM page_heading WHERE times > 1
    UNION ALL
    SELECT 3, 'duplicate', h1, times, copies, url, inlinks
    FROM (SELECT *, count(*) OVER (PARTITION BY h1) AS copies FROM page_heading WHERE trim(h1) <> '')
    WHERE copies > 1
)
ORDER BY place, copies DESC, h1, inlinks DESC, url;
