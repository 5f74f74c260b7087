-- Images without an alt attribute, with an empty one, or with a text of more than 100 characters.
--
-- One row per image and issue, each with the number of pages where it stands so and one of them. An empty alt (alt="",
-- or blanks alone) says that the image is mere decoration: right for an ornament, wrong for what tells or links
-- something. Without the attribute screen readers may read out the file's name. Images that only a stylesheet or a srcset
-- names are left out.
WITH
image (first_id, last_id) AS (SELECT min(id), max(id) FROM link_shape WHERE kind = 'img'),
found AS MATERIALIZED (
    -- The length tells them apart: 0 is none, 1 the blank that stands for an empty one.
    SELECT l.target_id, min(length(l.anchor), 2) AS length, count(*) AS pages, min(s.url_id) AS source_id
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND f.status = 200
      AND l.shape_id BETWEEN (SELECT first_id FROM image) AND (SELECT last_id FROM image)
      AND (l.anchor = '' OR l.anchor = ' ' OR length(l.anchor) > 100)
    GROUP BY 1, 2
)
SELECT CASE length WHEN 0 THEN 'no alt attribute' WHEN 1 THEN 'empty alt' ELSE 'too long' END AS issue,
       u.url, found.pages, source.url AS example
FROM found
JOIN url u ON u.id = found.target_id
JOIN url source ON source.id = found.source_id
ORDER BY length = 1, length, found.pages DESC, u.url;
