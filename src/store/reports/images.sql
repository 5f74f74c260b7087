-- Images without alternative text, or with one of more than 100 characters, each with a page that shows it.
--
-- One row per image and issue, the most shown first; pages counts those where it stands so. The file does not tell an
-- empty alt, which says that an image is mere decoration, from none: both are missing. Images that only a stylesheet or
-- a srcset names are left out.
WITH
image (first_id, last_id) AS (SELECT min(id), max(id) FROM link_shape WHERE kind = 'img'),
found AS MATERIALIZED (
    SELECT l.target_id, l.anchor <> '' AS is_long, count(*) AS pages, min(l.id) >> 17 AS page_id
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND f.status = 200
      AND l.shape_id BETWEEN (SELECT first_id FROM image) AND (SELECT last_id FROM image)
      AND (l.anchor = '' OR length(l.anchor) > 100)
    GROUP BY 1, 2
)
SELECT CASE WHEN is_long THEN 'too long' ELSE 'missing' END AS issue, u.url, found.pages, source.url AS example
FROM found
JOIN url u ON u.id = found.target_id
JOIN page p ON p.id = found.page_id
JOIN url source ON source.id = p.url_id
ORDER BY is_long, found.pages DESC, u.url;
