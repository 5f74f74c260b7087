-- Link targets that end in 4xx, 5xx or no answer, with the pages that link to them.
--
-- One row per target, the most linked first: unique_inlinks counts the pages that link to it, linked_from and
-- anchors name five of them and what they say (every link: the view broken_links). A redirect counts by where it
-- ends (final_url). is_new: not broken in the finished crawl before; NULL if there is none. Other people's sites
-- that refuse a program (401, 403, 407, 429, 451, 999) are not broken: the view blocked_links. Nor is what --accept lets
-- pass.
WITH RECURSIVE
asked (crawl_id) AS (
    SELECT crawl_id FROM shown_crawl
    UNION ALL
    SELECT max(id) FROM crawl WHERE finished_at IS NOT NULL AND id < (SELECT crawl_id FROM shown_crawl)
),
-- What redirects, and what is broken: few of all answers.
answer AS MATERIALIZED (
    SELECT s.crawl_id, s.url_id, s.kind, s.found_on, f.status, f.error, f.redirect_to
    FROM asked
    CROSS JOIN state s ON s.crawl_id = asked.crawl_id AND s.state = 'done' AND s.kind <> 'robots'
    CROSS JOIN fetch f ON f.id = s.fetch_id
    WHERE (f.redirect_to IS NOT NULL OR f.status >= 400 OR f.status IS NULL)
      AND NOT (s.kind = 'external' AND f.status IN (401, 403, 407, 429, 451, 999))
      AND NOT EXISTS (SELECT 1 FROM accepted a WHERE a.crawl_id = s.crawl_id AND f.status BETWEEN a.first AND a.last)
),
hop (crawl_id, start_id, url_id, hops) AS (
    SELECT crawl_id, url_id, redirect_to, 1 FROM answer WHERE redirect_to IS NOT NULL
    UNION ALL
    SELECT hop.crawl_id, hop.start_id, a.redirect_to, hop.hops + 1
    FROM hop JOIN answer a ON a.crawl_id = hop.crawl_id AND a.url_id = hop.url_id
    WHERE a.redirect_to IS NOT NULL AND hop.hops < 20
),
ending (crawl_id, url_id, final_id, status, error) AS MATERIALIZED (
    SELECT crawl_id, url_id, NULL, status, error FROM answer WHERE redirect_to IS NULL
    UNION ALL
    SELECT hop.crawl_id, hop.start_id, hop.url_id, a.status, a.error
    FROM hop JOIN answer a ON a.crawl_id = hop.crawl_id AND a.url_id = hop.url_id
    WHERE a.redirect_to IS NULL
    UNION ALL
    SELECT crawl_id, start_id, url_id, NULL, 'redirect loop' FROM hop WHERE hops = 20
),
target AS MATERIALIZED (
    SELECT e.url_id, e.final_id, e.status, e.error, i.links, i.pages, a.found_on
    FROM ending e
    JOIN answer a ON a.crawl_id = e.crawl_id AND a.url_id = e.url_id
    LEFT JOIN inlink i ON i.crawl_id = e.crawl_id AND i.url_id = e.url_id
    WHERE e.crawl_id = (SELECT crawl_id FROM shown_crawl)
      AND (i.pages > 0 OR a.kind <> 'sitemap')
      -- What only a redirect leads to is shown as that redirect.
      AND NOT (i.pages IS NULL AND EXISTS (
          SELECT 1 FROM answer b
          WHERE b.crawl_id = e.crawl_id AND b.url_id = a.found_on AND b.redirect_to = e.url_id))
)
SELECT u.url AS target, t.status, t.error, t.pages AS unique_inlinks,
       -- Without the index on link targets each would read all links: the page where it was found has to do.
       CASE WHEN EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'link_target')
            -- What only a stylesheet or a sitemap refers to has no link on a page.
            THEN coalesce((SELECT group_concat(url, ' ') FROM (
                -- DISTINCT ends with the fifth; GROUP BY would read every link to the target.
                SELECT DISTINCT source.url
                FROM link l
                CROSS JOIN page p ON p.id = l.id >> 17
                CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id
                CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
                CROSS JOIN url source ON source.id = p.url_id
                WHERE l.target_id = t.url_id
                LIMIT 5)), (SELECT url FROM url WHERE id = t.found_on))
            ELSE (SELECT url FROM url WHERE id = t.found_on) END AS linked_from,
       CASE WHEN EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'link_target')
            THEN (SELECT group_concat(anchor, ' | ') FROM (
                SELECT DISTINCT anchor FROM (
                    SELECT l.anchor
                    FROM link l
                    CROSS JOIN page p ON p.id = l.id >> 17
                    CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id
                    CROSS JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
                    WHERE l.target_id = t.url_id LIMIT 20)
                WHERE trim(anchor) <> '' LIMIT 5)) END AS anchors,
       final.url AS final_url, t.links AS inlinks,
       CASE WHEN (SELECT count(crawl_id) FROM asked) = 2 THEN NOT EXISTS (
           SELECT 1 FROM ending before
           WHERE before.crawl_id <> (SELECT crawl_id FROM shown_crawl) AND before.url_id = t.url_id) END AS is_new
FROM target t
JOIN url u ON u.id = t.url_id
LEFT JOIN url final ON final.id = t.final_id
ORDER BY t.pages DESC, u.url;
