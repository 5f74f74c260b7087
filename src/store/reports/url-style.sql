-- Pages whose URL is hard to read, type or share: long, with capitals, underscores, blanks, parameters.
--
-- One row per page and issue. too long: more than 115 characters. non-ASCII: other letters, which stand as escapes of
-- percent signs in most places where a URL is pasted. double slash: an empty folder, often a mistake of a template.
-- parameters: a query, under which one page easily has many URLs. Search engines cope with all of these.
WITH page AS MATERIALIZED (
    SELECT url, substr(url, instr(url, '://') + 3) AS rest, inlinks
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND is_html = 1
)
SELECT issue, url, length(url) AS length, inlinks
FROM (
    SELECT 1 AS place, 'too long' AS issue, url, inlinks FROM page WHERE length(url) > 115
    UNION ALL
    SELECT 2, 'double slash', url, inlinks FROM page WHERE instr(substr(rest, 1, instr(rest || '?', '?')), '//') > 0
    UNION ALL
    SELECT 3, 'blank', url, inlinks FROM page WHERE rest LIKE '%\%20%' ESCAPE '\'
    UNION ALL
    SELECT 4, 'non-ASCII', url, inlinks FROM page WHERE rest GLOB '*%[89A-Fa-f][0-9A-Fa-f]*'
    UNION ALL
    -- The letters of an escape such as %2F do not count. Names of hosts have no capitals.
    SELECT 5, 'uppercase', url, inlinks FROM page WHERE rest GLOB '*[G-Z]*' OR rest GLOB '*[^%][^%][A-F]*'
    UNION ALL
    SELECT 6, 'underscore', url, inlinks FROM page WHERE instr(substr(rest, instr(rest, '/')), '_') > 0
    UNION ALL
    SELECT 7, 'parameters', url, inlinks FROM page WHERE instr(rest, '?') > 0
)
ORDER BY place, length DESC, url;
