#!/usr/bin/env python3
"""It finds every page, and asks for each once: crawls of real documentation sites against their ground truth.

    reach.py --binary PATH --bed DIR --sites-tsv FILE [--sites pg,py,boost] [--concurrency 16]

DIR holds `truth/SITE.json` (`html`, `broken`, `redirects`: paths found by a walk over the
site's files; `info.reachable_other`: how many linked files are not HTML) and
`logs/SITE.plain.log` (nginx); FILE gives each site's name, port and, last, its start path.
Paths are compared as the bytes they stand for, requests as they were sent.

Broken, if a reachable page is not in the file with status 200 and its links' targets all
known, if the server saw a URL twice, or saw one that nothing links to (robots.txt and
sitemap.xml excepted), or the exit code is not 0. Prints a row per site.

`--except SITE:PATH` names a page whose absence is known and accepted; it is still printed.
"""

import argparse
import collections
import json
import os
import sys
import tempfile
from urllib.parse import unquote_to_bytes, urlsplit

from outside_view import ROBOTS, ServerLog, print_table, rows, start, verdict

BESIDES = {ROBOTS, "/sitemap.xml"}


def spelled_out(path):
    """One form for every spelling of a path: the bytes that the escapes stand for, the query as it is."""
    path, mark, query = path.partition("?")
    return unquote_to_bytes(path.encode(errors="surrogateescape")), mark + query


def path_in(url):
    parts = urlsplit(url)
    return parts.path + ("?" + parts.query if parts.query else "")


def crawl(args, site, port, start_path, file):
    """Crawls one site; its table row and what was broken."""
    with open(os.path.join(args.bed, "truth", f"{site}.json"), encoding="utf-8") as source:
        truth = json.load(source)
    pages = {spelled_out(path) for path in truth["html"]}
    broken_links = {spelled_out(path) for path in truth["broken"]}
    accepted = {spelled_out(name.partition(":")[2]) for name in args.accepted if name.partition(":")[0] == site}
    log = ServerLog(os.path.join(args.bed, "logs", f"{site}.plain.log"))
    seed = f"http://127.0.0.1:{port}{start_path}"
    code = start(args.binary, "crawl", seed, "-o", file, "-c", args.concurrency,
                 "--per-host", args.concurrency, "-q").wait()
    seen = [(path, status) for _, path, status in log.settled() if path not in BESIDES]
    # nginx logs "-" for a request that it cannot read
    requests = [(path, status) for path, status in seen if path.startswith("/")]

    times = collections.Counter(path for path, _ in requests)
    twice = [path for path, count in times.items() if count > 1]
    asked = {spelled_out(path): (path, status) for path, status in requests}
    stored = {spelled_out(path_in(url)) for (url,) in rows(file, "SELECT url FROM pages WHERE status = 200")}
    missing, unasked = pages - stored, (pages & stored) - asked.keys()
    linked = pages | broken_links | {spelled_out(path) for path in truth["redirects"]}
    other = [path for key, (path, _) in asked.items() if key not in linked]
    nothing_there = [path for key, (path, status) in asked.items() if key not in linked and status != 200]
    unknown_targets = rows(file, "SELECT target FROM links EXCEPT SELECT url FROM urls")
    for key in missing:
        print(f"{site}: page not stored: {key[0].decode(errors='replace')}{key[1]}, "
              f"asked for: {asked.get(key, 'never')}{' (accepted)' if key in accepted else ''}")

    allowed = truth["info"]["reachable_other"]
    checks = {
        f"exit code {code}": code != 0,
        f"{len(missing - accepted)} reachable pages not stored": missing - accepted,
        f"{len(unasked)} pages stored that the server was not asked for": unasked,
        f"{len(twice)} URLs asked for more than once, such as {twice[:3]}": twice,
        f"{len(other)} other files asked for, {allowed} are linked, such as {other[:3]}": len(other) > allowed,
        f"{len(nothing_there)} URLs asked for that nothing links to, such as {nothing_there[:3]}": nothing_there,
        f"{len(unknown_targets)} link targets without a row": unknown_targets,
    }
    row = [site, len(pages), len(pages & stored), len(missing), len(requests), len(seen) - len(requests), len(twice),
           len(times) - len(asked),
           f"{len(broken_links & asked.keys())}/{len(broken_links)}", f"{len(other)}/{allowed}"]
    return row, [f"{site}: {what}" for what, wrong in checks.items() if wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--bed", required=True, help="folder with truth/ and logs/ of the sites")
    parser.add_argument("--sites-tsv", required=True, help="the sites: name, port, two more columns, start path")
    parser.add_argument("--sites", default="pg,py,boost", help="which of them [pg,py,boost]")
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight [16]")
    parser.add_argument("--except", dest="accepted", action="append", default=[], metavar="SITE:PATH")
    parser.add_argument("--dir", help="where the files go; kept [a temporary folder]")
    args = parser.parse_args()
    with open(args.sites_tsv, encoding="utf-8") as source:
        known = {line.split("\t")[0]: line.rstrip("\n").split("\t") for line in source}
    table, broken = [], []
    with tempfile.TemporaryDirectory(prefix="reach-") as folder:
        for site in args.sites.split(","):
            file = os.path.join(args.dir or folder, f"{site}.db")
            row, wrong = crawl(args, site, known[site][1], known[site][4], file)
            table.append(row)
            broken += wrong
    print_table(["site", "reachable", "stored", "missing", "requests", "unreadable", "twice", "two spellings", "broken",
                 "other files"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
