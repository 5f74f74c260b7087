-- Other hosts that pages link to: how many URLs and links, and how many of them are broken.
--
-- checked counts the URLs that were asked (--check-external); broken is NULL for a host of which none was.
SELECT substr(rest, 1, instr(rest || '/', '/') - 1) AS host, count(*) AS urls, sum(links) AS inlinks,
       max(pages) AS most_unique_inlinks, sum(checked) AS checked, CASE WHEN sum(checked) > 0 THEN sum(broken) END AS broken,
       min(url) AS example
FROM (
    SELECT u.url, substr(u.url, instr(u.url, '://') + 3) AS rest, i.links, i.pages, s.state = 'done' AS checked,
           s.state = 'done'
           AND coalesce(f.status >= 400 AND f.status NOT IN (401, 403, 407, 429, 451, 999), 1)
           AND NOT EXISTS (SELECT 1 FROM accepted a WHERE a.crawl_id = s.crawl_id AND f.status BETWEEN a.first AND a.last) AS broken
    FROM state s
    JOIN url u ON u.id = s.url_id
    LEFT JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND (s.reason = 'external' OR s.kind = 'external')
)
GROUP BY 1
ORDER BY urls DESC, host;
