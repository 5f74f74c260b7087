-- Other hosts that pages link to: how many URLs, and how many links lead there.
SELECT s.detail AS host, count(*) AS urls, sum(i.links) AS inlinks, max(i.pages) AS most_unique_inlinks,
       min(u.url) AS example
FROM state s
JOIN url u ON u.id = s.url_id
LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.reason = 'external'
GROUP BY s.detail
ORDER BY urls DESC, host;
