-- Redirect chains of two hops or more, and redirects that loop.
--
-- Each hop costs a visitor a round trip; browsers give up after 20. path names the first ten stations. What links to
-- the start is best changed to final_url.
WITH RECURSIVE
redirect AS MATERIALIZED (
    SELECT s.url_id, f.redirect_to
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind <> 'robots'
      AND f.redirect_to IS NOT NULL
),
-- Only those that lead to a further redirect.
hop (start_id, url_id, hops) AS (
    SELECT r.url_id, r.redirect_to, 1 FROM redirect r WHERE r.redirect_to IN (SELECT url_id FROM redirect)
    UNION ALL
    SELECT hop.start_id, r.redirect_to, hop.hops + 1
    FROM hop JOIN redirect r ON r.url_id = hop.url_id WHERE hop.hops < 20
),
ending AS MATERIALIZED (SELECT start_id, url_id, max(hops) AS hops FROM hop GROUP BY start_id)
SELECT u.url, e.hops >= 20 AS loops, CASE WHEN e.hops < 20 THEN e.hops END AS hops, i.pages AS unique_inlinks,
       CASE WHEN e.hops < 20 THEN final.url END AS final_url, f.status AS final_status,
       u.url || (SELECT group_concat(' -> ' || station.url, '')
                 FROM (SELECT url_id FROM hop WHERE hop.start_id = e.start_id AND hops < 10 ORDER BY hops) p
                 JOIN url station ON station.id = p.url_id) AS path
FROM ending e
JOIN url u ON u.id = e.start_id
JOIN url final ON final.id = e.url_id
LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = e.url_id
LEFT JOIN fetch f ON f.id = s.fetch_id AND e.hops < 20
LEFT JOIN inlink i ON i.crawl_id = (SELECT crawl_id FROM shown_crawl) AND i.url_id = e.start_id
ORDER BY loops DESC, e.hops DESC, i.pages DESC, u.url;
