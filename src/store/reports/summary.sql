-- The crawl in numbers: what was met, what it answered, what was left out, and the report that says more.
--
-- percent is the share of the topic's first line.
WITH
met AS MATERIALIZED (
    SELECT kind, state, reason, count(*) AS urls FROM state
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) GROUP BY kind, state, reason
),
fetched AS MATERIALIZED (
    SELECT status / 100 AS class, is_html = 1 AND status = 200 AS is_page, indexable, depth, outlinks, first_byte_ms,
           trim(coalesce(title, '')) = '' AS no_title, trim(coalesce(description, '')) = '' AS no_description,
           trim(coalesce(h1, '')) = '' AS no_h1, words, unchanged
    FROM all_pages WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
),
total AS MATERIALIZED (
    SELECT count(*) AS pages, count(*) FILTER (WHERE class = 2) AS ok, count(*) FILTER (WHERE class = 3) AS redirects,
           count(*) FILTER (WHERE class = 4) AS client_errors, count(*) FILTER (WHERE class = 5) AS server_errors,
           count(*) FILTER (WHERE class IS NULL) AS no_answer, count(*) FILTER (WHERE is_page) AS html,
           count(*) FILTER (WHERE indexable) AS indexable, count(*) FILTER (WHERE indexable AND no_title) AS no_title,
           count(*) FILTER (WHERE indexable AND no_description) AS no_description,
           count(*) FILTER (WHERE indexable AND no_h1) AS no_h1, count(*) FILTER (WHERE depth IS NULL) AS orphans,
           sum(unchanged) AS unchanged, sum(outlinks) AS links, max(depth) AS depth,
           CAST(round(avg(words) FILTER (WHERE is_page)) AS INTEGER) AS words,
           CAST(round(avg(first_byte_ms)) AS INTEGER) AS first_byte_ms
    FROM fetched
),
received AS MATERIALIZED (
    SELECT count(*) AS requests, sum(wire_bytes) AS bytes FROM fetch
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
),
line (place, topic, what, count, whole, report) AS (
    SELECT 1, 'URLs', 'met', (SELECT sum(urls) FROM met), (SELECT sum(urls) FROM met), NULL
    UNION ALL
    SELECT 2, 'URLs', 'pages fetched or tried', pages, (SELECT sum(urls) FROM met), 'hosts' FROM total
    UNION ALL
    SELECT 3, 'URLs', kind || 's checked', sum(urls), (SELECT sum(urls) FROM met), 'broken'
    FROM met WHERE state = 'done' AND kind IN ('asset', 'external') GROUP BY kind
    UNION ALL
    SELECT 4, 'URLs', 'skipped: ' || reason, sum(urls), (SELECT sum(urls) FROM met), 'skipped'
    FROM met WHERE state IN ('aside', 'refused') GROUP BY reason
    UNION ALL
    SELECT 5, 'URLs', 'still to fetch', sum(urls), (SELECT sum(urls) FROM met), 'skipped'
    FROM met WHERE state = 'pending' HAVING sum(urls) > 0
    UNION ALL
    SELECT 6, 'Pages', 'fetched or tried', pages, pages, 'hosts' FROM total
    UNION ALL
    SELECT 7, 'Pages', '2xx success', ok, pages, 'content-types' FROM total
    UNION ALL
    SELECT 7.5, 'Pages', '2xx, unchanged since an earlier crawl (304)', unchanged, pages, 'changes' FROM total
    WHERE unchanged > 0
    UNION ALL
    SELECT 8, 'Pages', '3xx redirection', redirects, pages, 'redirects' FROM total
    UNION ALL
    SELECT 9, 'Pages', '4xx client error', client_errors, pages, 'broken' FROM total
    UNION ALL
    SELECT 10, 'Pages', '5xx server error', server_errors, pages, 'broken' FROM total
    UNION ALL
    SELECT 11, 'Pages', 'no answer', no_answer, pages, 'errors' FROM total
    UNION ALL
    SELECT 12, 'Pages', 'known only from a sitemap', orphans, pages, 'orphans' FROM total
    UNION ALL
    SELECT 13, 'HTML', 'pages with status 200', html, html, NULL FROM total
    UNION ALL
    SELECT 14, 'HTML', 'indexable', indexable, html, 'non-indexable' FROM total
    UNION ALL
    SELECT 15, 'HTML', 'indexable without title', no_title, html, 'titles' FROM total
    UNION ALL
    SELECT 16, 'HTML', 'indexable without description', no_description, html, 'descriptions' FROM total
    UNION ALL
    SELECT 17, 'HTML', 'indexable without h1', no_h1, html, 'h1' FROM total
    UNION ALL
    SELECT 18, 'HTML', 'words on a page, mean', words, NULL, NULL FROM total
    UNION ALL
    SELECT 19, 'Links', 'on all pages', links, NULL, 'inlinks' FROM total
    UNION ALL
    SELECT 20, 'Links', 'from a seed to the deepest page', depth, NULL, 'depth' FROM total
    UNION ALL
    SELECT 21, 'Requests', 'in all', requests, NULL, 'timeline' FROM received
    UNION ALL
    SELECT 22, 'Requests', 'milliseconds to the first byte, mean', first_byte_ms, NULL, 'slow' FROM total
    UNION ALL
    SELECT 23, 'Requests', 'bytes received', bytes, NULL, 'large' FROM received
    UNION ALL
    SELECT 24, 'Requests', 'seconds it took', elapsed_ms / 1000, NULL, 'politeness' FROM crawl
    WHERE id = (SELECT crawl_id FROM shown_crawl)
)
SELECT topic, what, count, round(100.0 * count / nullif(whole, 0), 1) AS percent, report
FROM line
ORDER BY place, count DESC;
