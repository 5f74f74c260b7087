-- Mixed content: what pages with https fetch or send by http, without encryption.
--
-- One row per resource and kind, each with the number of pages and one of them. issue is blocked where browsers refuse it
-- (scripts, stylesheets, frames, plug-ins), upgraded where they try https instead (images, video, audio), and form where
-- what people type is sent in the clear. Links that only lead there are left out.
WITH
secure AS MATERIALIZED (
    SELECT f.page_id
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND f.status = 200
      AND f.page_id IS NOT NULL AND u.url LIKE 'https:%'
),
-- Most links are of the kinds a and area, whose numbers are lower. Without the plus the index on targets would be read
-- once a page.
found AS MATERIALIZED (
    SELECT l.target_id, h.kind, count(*) AS pages, min(l.id) >> 17 AS page_id
    FROM secure
    CROSS JOIN link l ON l.id BETWEEN secure.page_id << 17 AND secure.page_id << 17 | 131071
    CROSS JOIN link_shape h ON h.id = l.shape_id
    WHERE l.shape_id > (SELECT max(id) FROM link_shape WHERE kind IN ('a', 'area'))
      AND +l.target_id IN (SELECT id FROM url WHERE url LIKE 'http:%')
      AND (h.kind IN ('iframe', 'frame', 'img', 'srcset', 'script', 'source', 'video', 'audio', 'track', 'poster', 'embed',
                      'object', 'input', 'background', 'svg', 'form')
           OR h.kind = 'link' AND (l.rel LIKE '%stylesheet%' OR l.rel LIKE '%icon%' OR l.rel LIKE '%preload%'
                                   OR l.rel LIKE '%manifest%'))
    GROUP BY l.target_id, h.kind
)
SELECT CASE WHEN kind = 'form' THEN 'form'
            WHEN kind IN ('iframe', 'frame', 'script', 'link', 'track', 'embed', 'object') THEN 'blocked'
            ELSE 'upgraded' END AS issue,
       u.url AS target, found.kind, found.pages, source.url AS example
FROM found
JOIN url u ON u.id = found.target_id
JOIN page p ON p.id = found.page_id
JOIN url source ON source.id = p.url_id
ORDER BY issue, found.pages DESC, target, found.kind;
