-- Hreflang links that do not work: no link back, or a target that is not an indexable page.
--
-- An alternate counts only if it names the page as well (Google Search Central, "Localized versions"). One row per
-- page and alternate; targets that this crawl did not fetch cannot be judged and are left out.
WITH
page_lang AS MATERIALIZED (
    SELECT url_id, page_id, url, claimed_canonical, inlinks, hreflang
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND hreflang IS NOT NULL
),
alternate (source_id, source, lang, target) AS MATERIALIZED (
    SELECT p.url_id, p.url, json_extract(j.value, '$[0]'), json_extract(j.value, '$[1]')
    FROM page_lang p CROSS JOIN json_each(p.hreflang) j
),
-- URLs have no index by name: one pass over all of them.
known (url_id, url) AS MATERIALIZED (
    SELECT id, url FROM url WHERE url IN (SELECT target FROM alternate)
),
named (source_id, lang, target_id) AS MATERIALIZED (
    SELECT DISTINCT a.source_id, a.lang, k.url_id
    FROM alternate a CROSS JOIN known k ON k.url = a.target WHERE k.url_id <> a.source_id
),
pair (source_id, target_id) AS MATERIALIZED (SELECT DISTINCT source_id, target_id FROM named)
SELECT issue, url, lang, alternate, alternate_status
FROM (
    SELECT source.url, n.lang, target.url AS alternate, f.status AS alternate_status,
           CASE WHEN f.status IS NULL THEN 'no answer'
                WHEN f.status >= 400 THEN 'broken'
                WHEN f.status >= 300 THEN 'redirects'
                WHEN p.is_index = 0 THEN 'noindex'
                WHEN p.claimed_canonical <> target.url THEN 'canonical elsewhere'
                WHEN back.source_id IS NULL THEN 'no return link' END AS issue
    FROM named n
    JOIN url source ON source.id = n.source_id
    JOIN url target ON target.id = n.target_id
    JOIN state s ON s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = n.target_id AND s.state = 'done'
    JOIN fetch f ON f.id = s.fetch_id
    LEFT JOIN page p ON p.id = f.page_id
    LEFT JOIN pair back ON back.source_id = n.target_id AND back.target_id = n.source_id
)
WHERE issue IS NOT NULL
ORDER BY issue, url, lang;
