-- Pages of a series (rel=next, rel=prev) whose neighbour is missing, not indexable, or does not link back.
--
-- One row per page and neighbour. Search engines see pages of a series as pages of their own, so each is best indexable,
-- with itself as canonical. Neighbours that this crawl did not fetch cannot be judged and are left out.
WITH
series AS MATERIALIZED (
    SELECT url_id, url, rel_next, rel_prev, inlinks
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200
      AND (rel_next IS NOT NULL OR rel_prev IS NOT NULL)
),
named (url, rel, neighbour, inlinks) AS MATERIALIZED (
    SELECT url, 'next', rel_next, inlinks FROM series WHERE rel_next IS NOT NULL
    UNION ALL
    SELECT url, 'prev', rel_prev, inlinks FROM series WHERE rel_prev IS NOT NULL
),
-- URLs have no index by name: one pass over all of them.
known (url_id, url) AS MATERIALIZED (
    SELECT id, url FROM url WHERE url IN (SELECT neighbour FROM named)
)
SELECT issue, url, rel, neighbour, neighbour_status, inlinks
FROM (
    SELECT n.url, n.rel, n.neighbour, f.status AS neighbour_status, n.inlinks,
           CASE WHEN n.neighbour = n.url THEN 'names itself'
                WHEN f.status IS NULL THEN 'no answer'
                WHEN f.status >= 400 THEN 'broken'
                WHEN f.status >= 300 THEN 'redirects'
                WHEN p.is_index = 0 THEN 'noindex'
                WHEN p.claimed_canonical <> n.neighbour THEN 'canonical elsewhere'
                WHEN CASE n.rel WHEN 'next' THEN p.rel_prev ELSE p.rel_next END IS NOT n.url THEN 'no link back'
                END AS issue
    FROM named n
    CROSS JOIN known k ON k.url = n.neighbour
    CROSS JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = k.url_id AND s.state = 'done'
    CROSS JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN page p ON p.id = f.page_id
)
WHERE issue IS NOT NULL
ORDER BY issue, url, rel;
