-- What changed since the finished crawl before: new and gone pages, status, title, content and links.
--
-- One row per page and change. gone: it answered then, and was not fetched this time (after: why not). content: the
-- body differs in at least a byte; where the fingerprint of the main text (SimHash) is the same, that is said. links:
-- how many it has, or that they lead elsewhere.
WITH
compared (now_id, before_id) AS MATERIALIZED (
    SELECT crawl_id, (SELECT max(id) FROM crawl WHERE finished_at IS NOT NULL AND id < crawl_id) FROM shown_crawl
),
pair AS MATERIALIZED (
    SELECT s.url_id, f.status, b.status AS status_before, f.error, b.error AS error_before,
           f.page_id, b.page_id AS page_before
    FROM compared c
    CROSS JOIN state s ON s.crawl_id = c.now_id AND s.kind = 'page' AND s.state = 'done'
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN state t ON t.crawl_id = c.before_id AND t.url_id = s.url_id AND t.state = 'done'
    CROSS JOIN fetch b ON b.id = t.fetch_id
    WHERE f.status IS NOT b.status OR f.page_id IS NOT b.page_id
),
-- Both versions of what is HTML in both.
version AS MATERIALIZED (
    SELECT pair.url_id, p.title, b.title AS title_before, p.words, b.words AS words_before,
           p.simhash = b.simhash AS same_text, p.content_hash <> b.content_hash AS differs, p.links,
           b.links AS links_before, p.id AS page_id, b.id AS page_before
    FROM pair CROSS JOIN page p ON p.id = pair.page_id CROSS JOIN page b ON b.id = pair.page_before
    WHERE pair.page_id <> pair.page_before
),
difference (place, change, url_id, before, after) AS (
    SELECT 1, 'gone', t.url_id, coalesce(b.status, b.error), coalesce(s.reason, s.state, 'not met')
    FROM compared c
    CROSS JOIN state t ON t.crawl_id = c.before_id AND t.kind = 'page' AND t.state = 'done'
    CROSS JOIN fetch b ON b.id = t.fetch_id
    LEFT JOIN state s ON s.crawl_id = c.now_id AND s.url_id = t.url_id
    WHERE s.state IS NOT 'done' AND b.status < 400
    UNION ALL
    SELECT 2, 'new', s.url_id, t.reason, coalesce(f.status, f.error)
    FROM compared c
    CROSS JOIN state s ON s.crawl_id = c.now_id AND s.kind = 'page' AND s.state = 'done'
    CROSS JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN state t ON t.crawl_id = c.before_id AND t.url_id = s.url_id
    WHERE c.before_id IS NOT NULL AND t.state IS NOT 'done'
    UNION ALL
    SELECT 3, 'status', url_id, coalesce(status_before, error_before), coalesce(status, error)
    FROM pair WHERE status IS NOT status_before
    UNION ALL
    SELECT 4, 'title', url_id, title_before, title FROM version WHERE title IS NOT title_before
    UNION ALL
    SELECT 5, 'content', url_id, words_before || ' words',
           words || ' words' || CASE WHEN same_text THEN ', same main text' ELSE '' END
    FROM version WHERE differs
    UNION ALL
    SELECT 6, 'links', url_id, links_before || ' links',
           CASE WHEN links <> links_before THEN links || ' links' ELSE 'other targets' END
    FROM version
    WHERE links <> links_before
       OR (SELECT total(target_id) FROM link WHERE id BETWEEN version.page_id << 17 AND version.page_id << 17 | 131071)
          <> (SELECT total(target_id) FROM link WHERE id BETWEEN version.page_before << 17 AND version.page_before << 17 | 131071)
)
SELECT change, u.url, d.before, d.after
FROM difference d
JOIN url u ON u.id = d.url_id
ORDER BY d.place, u.url;
