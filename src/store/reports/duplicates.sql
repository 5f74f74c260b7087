-- Indexable pages whose content is the same to the byte, group by group.
--
-- Pages that are noindex or name another page as their canonical are settled and left out (the view duplicates has
-- them, too). Keep one of each group and let the others redirect to it or name it as rel=canonical.
SELECT copies, url, title, inlinks, content
FROM (
    SELECT url, title, inlinks, hex(substr(content_hash, 1, 8)) AS content,
           count(*) OVER (PARTITION BY content_hash) AS copies
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND indexable = 1
)
WHERE copies > 1
ORDER BY copies DESC, content, url;
