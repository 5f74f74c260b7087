-- Indexable pages with nearly the same main text: fingerprints (SimHash) that differ in at most 3 of 64 bits.
--
-- One row per page with its closest match, by how many bits they differ, and how many such pages there are. Pages of
-- less than 50 words have no fingerprint; copies to the byte count once and are in the report duplicates. Two
-- fingerprints within 3 bits share at least one of four blocks of 16 bits, so only those with a block in common are
-- compared; a block that more than 100 different fingerprints share is not looked at.
WITH
indexable_page AS MATERIALIZED (
    SELECT url_id, simhash, content_hash
    FROM all_pages
    WHERE crawl_id = (SELECT crawl_id FROM shown_crawl) AND status = 200 AND indexable = 1 AND simhash IS NOT NULL
),
-- One page for each content.
content AS MATERIALIZED (
    SELECT min(url_id) AS url_id, simhash FROM indexable_page GROUP BY content_hash
),
print AS MATERIALIZED (
    SELECT simhash, count(*) AS pages, min(url_id) AS first_id, max(url_id) AS last_id FROM content GROUP BY simhash
),
-- Each fingerprint under its four blocks; the place of a block stands in its upper bits. In order, since SQLite then
-- indexes them in half the time.
block (bits, simhash) AS MATERIALIZED (
    SELECT place << 16 | (simhash >> (16 * place) & 65535), simhash
    FROM print CROSS JOIN (SELECT 0 AS place UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)
    ORDER BY 1
),
-- Where they differ, without the sign, which is added below: 63 bits never overflow.
pair (one, other, bits) AS (
    SELECT a.simhash, b.simhash, ((a.simhash | b.simhash) - (a.simhash & b.simhash)) & 9223372036854775807
    FROM block a CROSS JOIN block b ON b.bits = a.bits AND b.simhash > a.simhash
    WHERE a.bits NOT IN (SELECT bits FROM block GROUP BY bits HAVING count(*) > 100)
),
-- Bits cleared one by one, three at most.
close (one, other, sign, bits, second, third) AS MATERIALIZED (
    SELECT one, other, (one < 0) <> (other < 0), bits, bits & (bits - 1), bits & (bits - 1) & ((bits & (bits - 1)) - 1)
    FROM pair
    WHERE bits & (bits - 1) & ((bits & (bits - 1)) - 1)
          & ((bits & (bits - 1) & ((bits & (bits - 1)) - 1)) - 1) = 0
),
near (simhash, other, bits) AS MATERIALIZED (
    SELECT one, other, sign + (bits <> 0) + (second <> 0) + (third <> 0) FROM close
    WHERE sign + (bits <> 0) + (second <> 0) + (third <> 0) <= 3
    UNION
    SELECT other, one, sign + (bits <> 0) + (second <> 0) + (third <> 0) FROM close
    WHERE sign + (bits <> 0) + (second <> 0) + (third <> 0) <= 3
),
-- The closest of each, and how many pages they are.
match AS MATERIALIZED (
    SELECT near.simhash, min(near.bits) AS bits, p.first_id, sum(p.pages) AS pages
    FROM near JOIN print p ON p.simhash = near.other
    GROUP BY near.simhash
)
SELECT u.url, closest.url AS closest_match, CASE WHEN print.pages > 1 THEN 0 ELSE match.bits END AS bits,
       print.pages - 1 + coalesce(match.pages, 0) AS near_duplicates
FROM content c
JOIN print ON print.simhash = c.simhash
LEFT JOIN match ON match.simhash = c.simhash
JOIN url u ON u.id = c.url_id
JOIN url closest ON closest.id = CASE
    WHEN print.pages > 1 AND c.url_id = print.first_id THEN print.last_id
    WHEN print.pages > 1 THEN print.first_id
    ELSE match.first_id END
WHERE print.pages > 1 OR match.pages > 0
ORDER BY near_duplicates DESC, closest_match, u.url;
