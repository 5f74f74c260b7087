#!/usr/bin/env python3
"""How long would a breadth-first crawl of a site take, if a page cost nothing but the wait for its answer?

    benches/ideal.py FILE [--concurrency 64] [--latency-ms 100]

FILE is a crawl of the site, made with `--per-host` at the same number and `--delay 0s`, from a server
that takes about that long for every answer. Walks the graph that the file has from its seeds, first met first
fetched, with so many requests in flight and each answered after exactly that latency (robots.txt alone first;
an answer that took twice as long, because the server redirected within itself, takes as many latencies here), and
compares the requests per second with those of the crawl. So what the site's own shape costs, a start at
one page and chains of pages at the end, is told apart from what the crawler costs.
"""

import argparse
import heapq
import sqlite3
from collections import deque


def rows(file, sql):
    return file.execute(sql).fetchall()


def ideal(file, concurrency, latency):
    """Milliseconds from the first request to the last answer."""
    waits = {url: max(1, round(took / latency)) * latency
             for url, took in rows(file, "SELECT url_id, elapsed_ms FROM fetch")}
    leads_to = {}
    for source, target in rows(file, "SELECT url_id, redirect_to FROM fetch WHERE redirect_to IS NOT NULL UNION ALL "
                                     "SELECT s.id, t.id FROM links JOIN url s ON s.url = source JOIN url t ON t.url = target"):
        leads_to.setdefault(source, []).append(target)
    robots = rows(file, "SELECT url_id FROM fetch ORDER BY id LIMIT 1")[0][0]
    first = rows(file, "SELECT url_id FROM state WHERE fetch_id IS NOT NULL AND (found_on IS NULL OR kind = 'sitemap')")
    queue = deque(url for (url,) in first)
    met = {robots, *queue}
    now, in_flight = waits[robots], []
    while queue or in_flight:
        while queue and len(in_flight) < concurrency:
            url = queue.popleft()
            heapq.heappush(in_flight, (now + waits[url], url))
        now, url = heapq.heappop(in_flight)
        for target in leads_to.get(url, ()):
            if target in waits and target not in met:
                met.add(target)
                queue.append(target)
    return now


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--latency-ms", type=float, default=100)
    args = parser.parse_args()
    file = sqlite3.connect(f"file:{args.file}?mode=ro", uri=True)
    took = ideal(file, args.concurrency, args.latency_ms) / 1000
    count = rows(file, "SELECT count(*) FROM fetch")[0][0]
    began, ended = rows(file, "SELECT min(started_at), max(started_at + elapsed_ms) FROM fetch")[0]
    real = (ended - began) / 1000
    print(f"{count} requests: {count / took:.0f}/s would be ideal ({took:.2f} s), "
          f"{count / real:.0f}/s were made ({real:.2f} s): {100 * took / real:.1f} %")
    full = args.concurrency * 1000 / args.latency_ms
    print(f"with {args.concurrency} in flight from the first moment to the last it were {full:.0f}/s")


if __name__ == "__main__":
    main()
