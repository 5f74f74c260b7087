#!/usr/bin/env python3
"""In control: limits, scope, traps, assets, checks and logins hold, and a changed mind costs no second fetch.

    control.py --binary PATH [--site NAME=FOLDER]... [--port 8450] [--only WORDS]

Serves each FOLDER (a documentation site with an index.html) with an nginx of its own, and sites of
which everything is known by itself, and runs crawls and resumes with changed settings. What the
servers logged is the judge, and the file as any SQLite tool reads it. A line per run: what the
servers were asked for before and in it, what the file holds after it, and what was set aside.

Broken, if over all runs of a case a URL was asked for twice; if the file calls a URL refused, set
aside or pending that was asked for, or done one that was not; if a run asked for anything else than
what the settings let in, one page more than a limit, or less; if an exit code is not the one
expected; and what each case says beside. A request that failed, as the file says, may be made again.
"""

import argparse
import collections
import os
import sys
import tempfile
from urllib.parse import urlsplit

import control_docs
import control_known
from outside_view import ROBOTS, Nginx, memory_folder, print_table, rows, run, verdict

ASKED_FREELY = {ROBOTS, "/sitemap.xml"}
COUNTED = "SELECT coalesce(reason, state), count(*) FROM urls WHERE state <> 'done' AND kind <> 'sitemap' GROUP BY 1"
# A request that got no answer is made again; the file has every one of them.
FAILED = "SELECT u.url, count(*) FROM fetch f JOIN url u ON u.id = f.url_id WHERE f.error IS NOT NULL GROUP BY 1"
HEAD = ["case", "run", "exit", "asked before", "asked now", "done", "not fetched", "twice", "refused, fetched"]


class Bench:
    """What all cases share: the program, a folder, the table, and what was broken."""

    def __init__(self, binary, folder, only):
        self.binary, self.folder, self.only = binary, folder, only
        self.table, self.broken, self.cases = [], [], 0

    def case(self, name, *logs):
        self.cases += 1
        return Case(self, name, logs)

    def wants(self, name):
        return not self.only or any(word in name for word in self.only.split(","))


class Case:
    """One file, and the logs of the servers that it is about."""

    def __init__(self, bench, name, logs):
        self.bench, self.name, self.logs = bench, name, logs
        self.file = os.path.join(bench.folder, f"case-{bench.cases}.db")
        self.asked, self.said = collections.Counter(), b""
        self.taken()

    def taken(self):
        return [request for log in self.logs for request in log.taken()]

    def run(self, shown, *args, exits=0, quiet=True):
        """One run of the crawler; the requests of it. `shown` is its line in the table."""
        before = sum(self.asked.values())
        code, out, err = run(self.bench.binary, *args, *(["-q"] if quiet else []), folder=self.bench.folder)
        self.said = out + err
        if not os.path.exists(self.file):
            raise SystemExit(f"{self.name}, {shown}: no file: {err.decode(errors='replace')}")
        requests = [request for request in self.taken() if urlsplit(request.url).path not in ASKED_FREELY]
        # What is asked for by HEAD first, and then whole, is two kinds of requests.
        self.asked.update((request.method, request.url) for request in requests)
        twice, refused = self.judge(shown)
        left = ", ".join(f"{count} {reason}" for reason, count in sorted(rows(self.file, COUNTED)))
        done = rows(self.file, "SELECT count(*) FROM urls WHERE state = 'done' AND kind <> 'sitemap'")[0][0]
        self.bench.table.append([self.name, shown, code, before, len(requests), done, left or "-", twice, refused])
        self.expect(code == exits, f"{shown}: exit code {code}, not {exits}: {err.decode(errors='replace')[-300:]}")
        return requests

    def crawl(self, seed, *args, **more):
        """A first run; its line in the table is what was added to the URL."""
        return self.run(line_of(args) or "crawl", "crawl", seed, "-o", self.file, *args, **more)

    def resume(self, *args, **more):
        return self.run("resume " + line_of(args), "resume", self.file, *args, **more)

    def judge(self, shown):
        """What must hold after every run: how often it did not."""
        asked = {url for _, url in self.asked}
        failed = dict(rows(self.file, FAILED))
        twice = [url for (_, url), count in self.asked.items() if count > 1 + failed.get(url, 0)]
        states = {url: (state, kind) for url, state, kind in rows(self.file, "SELECT url, state, kind FROM urls")}
        refused = [url for url in asked if states.get(url, ("unknown",))[0] != "done"]
        unseen = [url for url, (state, kind) in states.items() if state == "done" and kind != "sitemap" and url not in asked]
        self.expect(not twice, f"{shown}: {len(twice)} asked for twice, such as {twice[:3]}")
        self.expect(not refused, f"{shown}: {len(refused)} asked for and not done, such as {refused[:3]}")
        self.expect(not unseen, f"{shown}: {len(unseen)} done and never asked for, such as {unseen[:3]}")
        return len(twice), len(refused)

    def expect(self, holds, what):
        if not holds:
            self.bench.broken.append(f"{self.name}: {what}")

    def expect_urls(self, found, wanted, what):
        """Exactly these were asked for."""
        found, wanted = set(found), set(wanted)
        more, fewer = found - wanted, wanted - found
        self.expect(not more, f"{what}: {len(more)} too many, such as {sorted(more)[:3]}")
        self.expect(not fewer, f"{what}: {len(fewer)} missing, such as {sorted(fewer)[:3]}")

    def reasons(self):
        return dict(rows(self.file, COUNTED))


def line_of(args):
    """Flags as a person reads them: without what only makes the crawl fast, or its file."""
    quiet, words = {"--my-site", "--no-sitemaps"}, []
    for word in map(str, args):
        words += [] if word in quiet else [f"'{word}'" if set(word) & set("*?[]|^ ") else word]
    return " ".join(words)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--site", action="append", default=[], metavar="NAME=FOLDER", help="a documentation site")
    parser.add_argument("--port", type=int, default=8450, help="the first port of nginx [8450]")
    parser.add_argument("--only", help="cases whose names have one of these words, separated by commas")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    with tempfile.TemporaryDirectory(prefix="control-", dir=memory_folder()) as folder:
        bench = Bench(args.binary, folder, args.only)
        try:
            control_known.run_all(bench)
            if args.site:
                nginx = Nginx(folder, dict(site.split("=", 1) for site in args.site), args.port)
                try:
                    control_docs.run_all(bench, nginx)
                finally:
                    nginx.close()
        finally:
            # What was run is shown, also if the rest was interrupted.
            print_table(HEAD, bench.table)
        return verdict(bench.broken)


if __name__ == "__main__":
    sys.exit(main())
