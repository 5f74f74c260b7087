-- Pages that answer 200 but ask not to be indexed, or name another page as their canonical.
SELECT indexability_reason, url, claimed_canonical, robots_directives, inlinks
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND is_html = 1 AND status = 200 AND indexable = 0
ORDER BY indexability_reason, inlinks DESC, url;
