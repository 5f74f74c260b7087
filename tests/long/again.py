#!/usr/bin/env python3
"""A weekly crawl of a site that did not change: what it costs, and by how much the file grows.

    again.py --binary PATH --seed http://127.0.0.1:8101/ [--times 3] [-c 16] [-- MORE FLAGS]

Crawls a site that sends validators several times into one file, and prints for each crawl its
seconds, CPU, bytes on the wire, pages, how many of them were unchanged, and what the file
grew by, its tables apart. Broken, if a further crawl finds other pages or links than the
first, a page that did not change is sent again, or rows of links are added.
"""

import argparse
import os
import resource
import sys
import tempfile
import time

from outside_view import print_table, rows, start, verdict

FOUND = """SELECT url, status, title, content_hash FROM all_pages WHERE crawl_id = {0} ORDER BY url"""
LINKS = """SELECT source, target, position FROM all_links WHERE crawl_id = {0} ORDER BY 1, 3"""
NUMBERS = """SELECT count(*), sum(f.is_unchanged), sum(f.wire_bytes),
    sum(f.status = 200 AND f.page_id IS NOT NULL AND NOT f.is_unchanged),
    (SELECT count(*) FROM link), (SELECT count(*) FROM page)
    FROM fetch f WHERE f.crawl_id = {0}"""


def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--seed", required=True, help="a site whose pages have ETag or Last-Modified")
    parser.add_argument("--times", type=int, default=3, help="crawls [3]")
    parser.add_argument("-c", "--concurrency", default="16", help="requests in flight [16]")
    parser.add_argument("more", nargs="*", help="further flags")
    args = parser.parse_args()
    table, broken = [], []
    with tempfile.TemporaryDirectory(prefix="again-", dir=os.environ.get("TMPDIR")) as folder:
        file, before, first = os.path.join(folder, "x.db"), 0, None
        for crawl in range(1, args.times + 1):
            used, began = cpu(), time.monotonic()
            code = start(args.binary, "crawl", args.seed, "-o", file, "-c", args.concurrency, "--per-host",
                         args.concurrency, "-q", *args.more).wait()
            took, used = time.monotonic() - began, cpu() - used
            size = os.path.getsize(file)
            requests, unchanged, wire, sent, links, versions = rows(file, NUMBERS.format(crawl))[0]
            found = rows(file, FOUND.format(crawl)), rows(file, LINKS.format(crawl))
            table.append([crawl, f"{took:.2f}", f"{used:.2f}", wire, requests, len(found[0]), unchanged, links, versions,
                          size, size - before])
            before, first = size, first or (*found, links)
            checks = {
                f"exit code {code}": code != 0,
                "other pages than in the first": found[0] != first[0],
                "other links than in the first": found[1] != first[1],
                f"{links - first[2]} rows of links more": links != first[2],
                f"{sent} pages sent again": crawl > 1 and sent > 0,
            }
            broken += [f"crawl {crawl}: {what}" for what, wrong in checks.items() if wrong]
    print_table(["crawl", "seconds", "CPU s", "bytes on the wire", "requests", "pages", "unchanged", "rows of links",
                 "page versions", "file", "grew by"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
