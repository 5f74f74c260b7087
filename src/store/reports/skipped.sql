-- What was met but not fetched, by reason, with the command that releases it.
--
-- details counts the hosts, patterns or lines behind a reason. Each URL with its evidence is in the view skipped.
-- FILE is this file.
SELECT reason, count(*) AS urls, min(release) AS release, count(DISTINCT detail) AS details, min(url) AS example
FROM all_skipped
WHERE crawl_id = (SELECT crawl_id FROM shown_crawl)
GROUP BY reason
ORDER BY urls DESC, reason;
