-- Security headers that HTML pages are answered without, by host, with the number of pages and one of them.
--
-- Usually a line in the server's settings mends a row. Strict-Transport-Security is asked of https alone, and
-- frame-ancestors in Content-Security-Policy stands for X-Frame-Options. What a header says is not judged, and a policy in
-- a meta element does not count.
WITH
answer AS (
    SELECT u.url, substr(u.url, 1, instr(substr(u.url, 9) || '/', '/') + 7) AS host,
           instr(f.headers, '"content-security-policy":') = 0 AS no_policy,
           instr(f.headers, '"referrer-policy":') = 0 AS no_referrer,
           u.url LIKE 'https:%' AND instr(f.headers, '"strict-transport-security":') = 0 AS no_transport,
           instr(f.headers, '"x-content-type-options":') = 0 AS no_sniffing,
           instr(f.headers, '"x-frame-options":') = 0
           AND (instr(f.headers, 'frame-ancestors') = 0
                OR coalesce(json_extract(f.headers, '$."content-security-policy"'), '') NOT LIKE '%frame-ancestors%') AS no_frames
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.state = 'done' AND s.kind = 'page'
      AND f.status = 200 AND f.page_id IS NOT NULL AND f.headers IS NOT NULL
),
host AS MATERIALIZED (
    SELECT host, count(*) AS answers,
           sum(no_policy) AS no_policy, min(url) FILTER (WHERE no_policy) AS policy_example,
           sum(no_referrer) AS no_referrer, min(url) FILTER (WHERE no_referrer) AS referrer_example,
           sum(no_transport) AS no_transport, min(url) FILTER (WHERE no_transport) AS transport_example,
           sum(no_sniffing) AS no_sniffing, min(url) FILTER (WHERE no_sniffing) AS sniffing_example,
           sum(no_frames) AS no_frames, min(url) FILTER (WHERE no_frames) AS frames_example
    FROM answer
    GROUP BY host
)
SELECT header, host, pages, round(100.0 * pages / answers, 1) AS percent, example
FROM (
    SELECT 'Content-Security-Policy' AS header, host, no_policy AS pages, answers, policy_example AS example FROM host
    UNION ALL
    SELECT 'Referrer-Policy', host, no_referrer, answers, referrer_example FROM host
    UNION ALL
    SELECT 'Strict-Transport-Security', host, no_transport, answers, transport_example FROM host
    UNION ALL
    SELECT 'X-Content-Type-Options', host, no_sniffing, answers, sniffing_example FROM host
    UNION ALL
    SELECT 'X-Frame-Options', host, no_frames, answers, frames_example FROM host
)
WHERE pages > 0
ORDER BY pages DESC, header, host;
