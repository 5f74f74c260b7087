-- Pages that show their content only to those who run scripts, with the evidence.
--
-- crawlite runs no scripts, as many search engines and assistants do not: what it did not see, they may not see.
SELECT needs_javascript AS evidence, url, words, outlinks, inlinks
FROM all_pages
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND needs_javascript IS NOT NULL
ORDER BY inlinks DESC, url;
