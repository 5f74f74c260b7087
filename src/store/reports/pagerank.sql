-- The pages with the most weight in the site's links (PageRank).
--
-- `crawlite report` computes it, which SQL alone cannot, and adds two columns: pagerank, the share of a reader who
-- follows links for ever and starts anew with each 15th click of 100, in percent of all; and link_score, from 0 to 100 on
-- a logarithmic scale, 100 for the highest. Damping 0.85, until the ranks change by less than one in a million or
-- 50 rounds are done. Every followed link in a page counts once per target, a redirect hands all its weight on, and
-- what has no links hands it to all. This SQL lists the same pages by the number of pages that link to them.
SELECT u.url, i.pages AS unique_inlinks, p.links AS outlinks, nullif(s.depth, 65535) AS depth, p.title, s.url_id
FROM state s
CROSS JOIN fetch f ON f.id = s.fetch_id
CROSS JOIN page p ON p.id = f.page_id
CROSS JOIN url u ON u.id = s.url_id
LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.kind = 'page' AND s.state = 'done' AND f.status = 200
ORDER BY i.pages DESC, u.url;
