-- Meta descriptions of indexable pages that are missing, duplicate, over 155 or under 70 characters long.
--
-- One row per page and issue. Search engines cut longer ones, and shorter ones leave room unused; copies is how many pages
-- share it.
WITH page_description AS MATERIALIZED (
    SELECT url, description, inlinks
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND indexable = 1
)
SELECT issue, url, description, length, copies, inlinks
FROM (
    SELECT 1 AS place, 'missing' AS issue, NULL AS description, NULL AS length, NULL AS copies, url, inlinks
    FROM page_description WHERE trim(coalesce(description, '')) = ''
    UNION ALL
    SELECT 2, 'duplicate', description, length(description), copies, url, inlinks
    FROM (
        SELECT *, count(*) OVER (PARTITION BY description) AS copies FROM page_description WHERE trim(description) <> ''
    )
    WHERE copies > 1
    UNION ALL
    SELECT 3, 'too long', description, length(description), NULL, url, inlinks
    FROM page_description WHERE length(description) > 155
    UNION ALL
    SELECT 4, 'too short', description, length(description), NULL, url, inlinks
    FROM page_description WHERE length(description) < 70 AND trim(description) <> ''
)
ORDER BY place, copies DESC, description, inlinks DESC, url;
