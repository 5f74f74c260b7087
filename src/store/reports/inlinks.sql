-- The pages that most pages link to.
--
-- unique_inlinks counts pages, inlinks links; percent is the share of all HTML pages that link there. Counted when a
-- crawl ends.
SELECT u.url, i.pages AS unique_inlinks, i.links AS inlinks,
       round(100.0 * i.pages / (
           SELECT count(*) FROM state s JOIN fetch f ON f.id = s.fetch_id
           WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND f.page_id IS NOT NULL
       ), 1) AS percent,
       f.status, nullif(s.depth, 65535) AS depth, p.title
FROM inlink i
CROSS JOIN state s ON s.crawl_id = i.crawl_id AND s.url_id = i.url_id AND s.state = 'done' AND s.kind = 'page'
CROSS JOIN fetch f ON f.id = s.fetch_id
JOIN url u ON u.id = i.url_id
LEFT JOIN page p ON p.id = f.page_id
WHERE i.crawl_id = (SELECT crawl_id FROM shown_crawl)
ORDER BY i.pages DESC, i.links DESC, u.url;
