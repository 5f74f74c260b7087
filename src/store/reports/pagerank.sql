-- The pages with the most weight in the site's links (PageRank).
--
-- `crawlite report` computes it, which SQL alone cannot, and adds two columns: pagerank, the share of all readers who
-- are on the page if they follow links at random and start anew somewhere with 15 of 100 clicks (damping 0.85), in
-- percent; and link_score, from 0 for the lowest to 100 for the highest on a logarithmic scale. It ends when the ranks
-- change by less than one in a million, or after 100 rounds. Every followed link counts once per page and target, a
-- redirect hands all its weight on, and what has no links hands it to all. This SQL lists the same pages by the number
-- of pages that link to them.
SELECT u.url, i.pages AS unique_inlinks, p.links AS outlinks, nullif(s.depth, 65535) AS depth, p.title, s.url_id
FROM state s
CROSS JOIN fetch f ON f.id = s.fetch_id
CROSS JOIN page p ON p.id = f.page_id
CROSS JOIN url u ON u.id = s.url_id
LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.kind = 'page' AND s.state = 'done' AND f.status = 200
ORDER BY i.pages DESC, u.url;
