-- Security headers that HTML pages are answered without, by host, with the number of pages and one of them.
--
-- Usually a line in the server's settings mends a row. Strict-Transport-Security is asked of https alone, and
-- frame-ancestors in Content-Security-Policy stands for X-Frame-Options. What a header says is not judged, and a policy in
-- a meta element does not count.
WITH
answer AS MATERIALIZED (
    SELECT u.url, substr(u.url, 1, instr(substr(u.url, 9) || '/', '/') + 7) AS host, u.url LIKE 'https:%' AS is_https,
           f.headers
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind = 'page'
      AND f.status = 200 AND f.page_id IS NOT NULL AND f.headers IS NOT NULL
),
lack (host, url, header) AS (
    SELECT host, url, 'Content-Security-Policy' FROM answer WHERE instr(headers, '"content-security-policy":') = 0
    UNION ALL
    SELECT host, url, 'Referrer-Policy' FROM answer WHERE instr(headers, '"referrer-policy":') = 0
    UNION ALL
    SELECT host, url, 'Strict-Transport-Security' FROM answer
    WHERE is_https AND instr(headers, '"strict-transport-security":') = 0
    UNION ALL
    SELECT host, url, 'X-Content-Type-Options' FROM answer WHERE instr(headers, '"x-content-type-options":') = 0
    UNION ALL
    SELECT host, url, 'X-Frame-Options' FROM answer
    WHERE instr(headers, '"x-frame-options":') = 0
      AND instr(coalesce(json_extract(headers, '$."content-security-policy"'), ''), 'frame-ancestors') = 0
)
SELECT header, lack.host, count(*) AS pages, round(100.0 * count(*) / whole.pages, 1) AS percent, min(url) AS example
FROM lack
JOIN (SELECT host, count(*) AS pages FROM answer GROUP BY host) whole ON whole.host = lack.host
GROUP BY header, lack.host
ORDER BY count(*) DESC, header, lack.host;
