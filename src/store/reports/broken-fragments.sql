-- Links to a place (#...) that their target does not have; only with --check-fragments.
--
-- One row per target and fragment, the most linked first.
SELECT u.url AS target, l.fragment, count(DISTINCT b.page_id) AS unique_inlinks, min(source.url) AS linked_from,
       min(l.anchor) AS anchor
FROM broken_fragment b
JOIN link l ON l.id = b.page_id << 17 | b.position
JOIN page p ON p.id = b.page_id
JOIN url source ON source.id = p.url_id
JOIN url u ON u.id = l.target_id
WHERE b.crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY l.target_id, l.fragment
ORDER BY unique_inlinks DESC, target, l.fragment;
