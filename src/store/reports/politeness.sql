-- How each host was treated: the delay it got, why, and whether any request came too early.
--
-- Gaps are from the start of one request to the start of the next at the same host, with and without www, robots.txt,
-- redirects and retries included. below_delay counts gaps shorter than the delay that was due, the longer of the
-- configured one and Crawl-delay (one that was changed between two runs counts as it is now). refusals are answers 429
-- and 503 and requests without an answer; each doubles the delay for a while.
WITH
setting (configured, longest) AS (
    SELECT CASE WHEN at > 0 THEN substr(config, at + 10, instr(substr(config, at + 10), '"') - 1) END,
           CASE WHEN cap > 0 THEN substr(config, cap + 20, instr(substr(config, cap + 20), '"') - 1) END
    FROM (
        SELECT config, instr(config, char(10) || 'delay = "') AS at,
               instr(config, char(10) || 'max_crawl_delay = "') AS cap
        FROM crawl WHERE id = (SELECT crawl_id FROM shown_crawl)
    )
),
limits (configured_ms, longest_ms) AS (
    SELECT CAST(configured AS REAL) * CASE WHEN configured LIKE '%ms' THEN 1 WHEN configured LIKE '%s' THEN 1000
               WHEN configured LIKE '%m' THEN 60000 WHEN configured LIKE '%h' THEN 3600000 ELSE 86400000 END,
           CAST(longest AS REAL) * CASE WHEN longest LIKE '%ms' THEN 1 WHEN longest LIKE '%s' THEN 1000
               WHEN longest LIKE '%m' THEN 60000 WHEN longest LIKE '%h' THEN 3600000 ELSE 86400000 END
    FROM setting
),
request AS (
    SELECT f.started_at, f.first_byte_ms, f.status, f.headers, substr(u.url, instr(u.url, '://') + 3) || '/' AS rest
    FROM fetch f JOIN url u ON u.id = f.url_id
    WHERE f.crawl_id = (SELECT crawl_id FROM shown_crawl)
),
hosted AS (
    SELECT started_at, first_byte_ms, status IN (429, 503) OR status IS NULL AS refused,
           CASE WHEN headers LIKE '%"retry-after"%' THEN 1 ELSE 0 END AS retry_after,
           CASE WHEN rest LIKE 'www.%' THEN substr(rest, 5, instr(rest, '/') - 5)
                ELSE substr(rest, 1, instr(rest, '/') - 1) END AS host
    FROM request
),
gapped AS MATERIALIZED (
    SELECT *, started_at - lag(started_at) OVER (PARTITION BY host ORDER BY started_at) AS gap_ms FROM hosted
),
ranked AS MATERIALIZED (
    SELECT host, gap_ms, row_number() OVER (PARTITION BY host ORDER BY gap_ms) AS place,
           count(*) OVER (PARTITION BY host) AS gaps
    FROM gapped WHERE gap_ms IS NOT NULL
),
median AS MATERIALIZED (SELECT host, gap_ms FROM ranked WHERE place = (gaps + 1) / 2),
asked AS MATERIALIZED (
    SELECT CASE WHEN name LIKE 'www.%' THEN substr(name, 5) ELSE name END AS host,
           max(crawl_delay_ms) AS crawl_delay_ms, max(parked) AS parked
    FROM (SELECT *, substr(origin, instr(origin, '://') + 3) AS name FROM origin)
    GROUP BY 1
),
due AS MATERIALIZED (
    SELECT DISTINCT g.host, min(a.crawl_delay_ms, coalesce(l.longest_ms, a.crawl_delay_ms)) AS crawl_delay_ms,
           coalesce(l.configured_ms, CASE WHEN g.host LIKE '127.%' OR g.host LIKE 'localhost%' OR g.host LIKE '[::1]%'
                                          THEN 0 ELSE 250 END) AS configured_ms,
           a.parked
    FROM (SELECT DISTINCT host FROM gapped) g CROSS JOIN limits l LEFT JOIN asked a ON a.host = g.host
)
SELECT g.host, count(*) AS requests, CAST(d.configured_ms AS INTEGER) AS configured_ms,
       CAST(d.crawl_delay_ms AS INTEGER) AS crawl_delay_ms, min(g.gap_ms) AS shortest_gap_ms,
       m.gap_ms AS median_gap_ms, CAST(round(avg(g.first_byte_ms)) AS INTEGER) AS mean_first_byte_ms,
       count(*) FILTER (WHERE g.gap_ms < 0.95 * max(d.configured_ms, coalesce(d.crawl_delay_ms, 0))) AS below_delay,
       sum(g.refused) AS refusals, sum(g.retry_after) AS retry_after,
       CASE WHEN d.crawl_delay_ms > d.configured_ms THEN 'Crawl-delay in robots.txt'
            WHEN d.configured_ms = 0 THEN 'no delay is set'
            WHEN avg(g.first_byte_ms) > d.configured_ms THEN 'grew to the mean time to answer'
            ELSE 'the configured delay' END
       || CASE WHEN sum(g.refused) > 0 THEN '; slowed down after ' || sum(g.refused) || ' refusals' ELSE '' END
       || CASE WHEN sum(g.retry_after) > 0 THEN '; Retry-After ' || sum(g.retry_after) || ' times' ELSE '' END
       || coalesce('; parked: ' || d.parked, '') AS why
FROM gapped g
JOIN due d ON d.host = g.host
LEFT JOIN median m ON m.host = g.host
GROUP BY g.host
ORDER BY requests DESC, g.host;
