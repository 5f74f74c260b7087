-- Redirects: where each leads, where it ends after all hops, and how many pages link to it.
--
-- The most linked first: a link to a redirect is best changed to final_url. final_status is NULL where the end was not
-- fetched (final_reason says why) or gave no answer, and where it loops.
WITH RECURSIVE
redirect AS MATERIALIZED (
    SELECT s.url_id, f.status, f.redirect_to
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind <> 'robots'
      AND f.redirect_to IS NOT NULL
),
hop (start_id, url_id, hops) AS (
    SELECT url_id, redirect_to, 1 FROM redirect
    UNION ALL
    SELECT hop.start_id, r.redirect_to, hop.hops + 1
    FROM hop JOIN redirect r ON r.url_id = hop.url_id WHERE hop.hops < 20
),
ending AS MATERIALIZED (SELECT start_id, url_id, max(hops) AS hops FROM hop GROUP BY start_id)
SELECT u.url, r.status, i.pages AS unique_inlinks, hop.hops, final.url AS final_url, f.status AS final_status,
       CASE WHEN hop.hops >= 20 THEN 'redirect loop' ELSE coalesce(s.reason, f.error) END AS final_reason,
       next.url AS redirect_to
FROM redirect r
JOIN ending hop ON hop.start_id = r.url_id
JOIN url u ON u.id = r.url_id
JOIN url next ON next.id = r.redirect_to
JOIN url final ON final.id = hop.url_id
LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = hop.url_id
LEFT JOIN fetch f ON f.id = s.fetch_id AND hop.hops < 20
LEFT JOIN inlink i ON i.crawl_id = (SELECT crawl_id FROM shown_crawl) AND i.url_id = r.url_id
ORDER BY i.pages DESC, u.url;
