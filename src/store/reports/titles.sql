-- Titles of indexable pages that are missing, used more than once, longer than 60 or shorter than 30 characters.
--
-- One row per page and issue. Search engines cut longer titles, and shorter ones leave room unused; copies is how many
-- pages share it.
WITH page_title AS MATERIALIZED (
    SELECT url, title, inlinks
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND indexable = 1
)
SELECT issue, url, title, length, copies, inlinks
FROM (
    SELECT 1 AS place, 'missing' AS issue, NULL AS title, NULL AS length, NULL AS copies, url, inlinks
    FROM page_title WHERE trim(coalesce(title, '')) = ''
    UNION ALL
    SELECT 2, 'duplicate', title, length(title), copies, url, inlinks
    FROM (SELECT *, count(*) OVER (PARTITION BY title) AS copies FROM page_title WHERE trim(title) <> '')
    WHERE copies > 1
    UNION ALL
    SELECT 3, 'too long', title, length(title), NULL, url, inlinks FROM page_title WHERE length(title) > 60
    UNION ALL
    SELECT 4, 'too short', title, length(title), NULL, url, inlinks
    FROM page_title WHERE length(title) < 30 AND trim(title) <> ''
)
ORDER BY place, copies DESC, title, inlinks DESC, url;
