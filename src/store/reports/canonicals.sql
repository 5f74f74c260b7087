-- Canonicals that lead nowhere good: to what is broken, redirects, is noindex, or names yet another page.
--
-- Pages whose rel=canonical names themselves, or another page that is fine, are not here: the latter are in the report
-- non-indexable.
WITH
claim AS MATERIALIZED (
    SELECT url, claimed_canonical, inlinks
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND claimed_canonical <> url
),
-- URLs have no index by name: one pass over all of them.
known AS MATERIALIZED (
    SELECT id, url FROM url WHERE url IN (SELECT claimed_canonical FROM claim)
)
SELECT issue, url, claimed_canonical, canonical_status, inlinks
FROM (
    SELECT c.url, c.claimed_canonical, f.status AS canonical_status, c.inlinks,
           CASE WHEN s.state IS NULL THEN 'not met'
                WHEN s.state <> 'done' THEN 'not fetched: ' || coalesce(s.reason, s.state)
                WHEN f.status IS NULL THEN 'no answer'
                WHEN f.status >= 400 THEN 'broken'
                WHEN f.status >= 300 THEN 'redirects'
                WHEN p.id IS NULL THEN 'not html'
                WHEN p.is_index = 0 THEN 'noindex'
                WHEN p.claimed_canonical <> c.claimed_canonical THEN 'canonical elsewhere' END AS issue
    FROM claim c
    LEFT JOIN known k ON k.url = c.claimed_canonical
    LEFT JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = k.id
    LEFT JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN page p ON p.id = f.page_id
)
WHERE issue IS NOT NULL
ORDER BY issue, claimed_canonical, url;
