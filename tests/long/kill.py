#!/usr/bin/env python3
"""No work is lost: kill -9 at any moment, resume, and the crawl is as if nothing had happened.

    kill.py --binary PATH --url URL --log SERVERLOG [--kills 20] [--concurrency 16]

URL is a site nobody else crawls at the moment, SERVERLOG its server's log: nginx with
`$msec\\t$status\\t$bytes\\t$method\\t$request_uri` or site_server's own. A site that is
crawled in less than a second is too fast to be hit; use one with latency.

First one crawl runs undisturbed: the reference. Then crawls are killed when the server
has seen between 5 and 95 % of the URLs, resumed, some killed again in the resume and in
the resume of the resume (at least a third of all kills), and finished. A kill counts if
some pages, and not all, were stored by then; others are made up for by further ones.

Broken, if a finished file differs from the reference (see compare.py), a kill makes the
server see more than concurrency + 128 URLs again, one run asks twice for a URL, or an
exit code is not 0. Prints a line per kill, the distribution and the totals.
"""

import argparse
import collections
import itertools
import os
import random
import sys
import tempfile
import time

import compare
from outside_view import ROBOTS, ServerLog, kill, path_of, print_table, start, stored_pages, verdict

SLACK = 128  # pages between answer and commit: visited, inbox and batch together


class Round:
    """One crawl with its kills, from the first start to the finished resume."""

    def __init__(self, args, number, file):
        self.args, self.number, self.file = args, number, file
        self.log = ServerLog(args.log)
        self.last_run = {}  # URL -> the run that asked for it last; run n ends with kill n
        self.again = collections.Counter()  # run -> URLs asked for by it and by a later one
        self.twice = []  # asked for twice in one run
        self.robots = 0
        self.run = 0

    def note(self, lines):
        for _, url, _ in lines:
            if path_of(url) == ROBOTS:
                self.robots += 1
                continue
            before = self.last_run.get(url)
            if before == self.run:
                self.twice.append(url)
            elif before is not None:
                self.again[before] += 1
            self.last_run[url] = self.run

    def start(self):
        if self.run == 0:
            each = self.args.concurrency
            return start(self.args.binary, "crawl", self.args.url, "-o", self.file, "-c", each,
                         "--per-host", each, "-q", *self.args.crawl_args.split())
        return start(self.args.binary, "resume", self.file, "-q")

    def kill_at(self, share, urls):
        """Starts or resumes, kills at the share of all URLs; (requested by then, pages stored), or None if too late."""
        process = self.start()
        goal = max(share * urls, len(self.last_run) + 1)
        while len(self.last_run) < goal and process.poll() is None:
            self.note(self.log.lines())
            time.sleep(0.0005)
        requested = len(self.last_run)
        killed = kill(process)
        self.note(self.log.settled())
        self.run += 1
        return (requested, stored_pages(self.file)) if killed else None

    def finish(self):
        """Crawls or resumes to the end; what is wrong with the round as a whole."""
        code = self.start().wait()
        self.note(self.log.settled())
        wrong = [f"round {self.number}: exit code {code} after {self.run} kills"] if code != 0 else []
        if self.twice:
            wrong.append(f"round {self.number}: {len(self.twice)} URLs twice in one run, such as {self.twice[:3]}")
        return wrong


class Tally:
    """What all rounds together gave."""

    def __init__(self, pages):
        self.pages = pages
        self.lines, self.again, self.each = [], [], []
        self.rounds = self.idle = self.resumed = self.lost = self.robots = 0

    def add(self, round_, shares, results):
        """Takes a finished round in; for each kill that does not count, how many runs were before it."""
        missed = []
        for i, (share, result) in enumerate(zip(shares, results)):
            counts = result is not None and 0 < result[1] < self.pages
            requested, stored = result or ("-", "ended before")
            again = round_.again[i]
            self.lines.append([round_.number, "crawl" if i == 0 else f"resume {i}", f"{share:.0%}", requested,
                               stored, again, "yes" if counts else "no"])
            self.each.append((again, round_.number, i + 1))
            if counts:
                self.again.append(again)
                self.resumed += i > 0
            else:
                missed.append(i)
        self.rounds += 1
        self.idle += len(missed)
        self.robots += round_.robots
        self.lost += max(0, self.pages - stored_pages(round_.file))
        return missed

    def show(self, allowed):
        print_table(["round", "killed in", "at", "requested", "stored", "again", "counts"], self.lines)
        again = sorted(self.again) or [0]
        print(f"fetched again per kill: least {again[0]}, median {again[len(again) // 2]}, "
              f"90 % {again[len(again) * 9 // 10]}, most {again[-1]} (allowed {allowed}); in all {sum(again)}; "
              f"robots.txt {self.robots} times in {self.rounds} rounds")
        print(f"{len(self.again)} kills, {self.resumed} of them in a resume; pages lost {self.lost}")

    def broken(self, allowed):
        found = [f"round {number}, kill {nth}: {again} URLs again"
                 for again, number, nth in self.each if again > allowed]
        if self.resumed * 3 < len(self.again):
            found.append(f"only {self.resumed} of {len(self.again)} kills in a resume: not the test that was promised")
        return found


def plan(kills, random_):
    """Shares of the crawl, spread evenly over 5 to 95 %, in rounds of two, three kills and one by turns."""
    shares = [0.05 + 0.9 * (i + random_.random()) / kills for i in range(kills)]
    random_.shuffle(shares)
    rounds, sizes = [], itertools.cycle((2, 3, 1))
    while shares:
        size = next(sizes)
        rounds.append(sorted(shares[:size]))
        del shares[:size]
    return rounds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--url", required=True, help="the seed")
    parser.add_argument("--log", required=True, help="the server's log")
    parser.add_argument("--kills", type=int, default=20, help="kills that count [20]")
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight [16]")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments [1]")
    parser.add_argument("--crawl-args", default="", help="more for `crawl`: --crawl-args='--scope any'")
    parser.add_argument("--dir", help="where the files go; kept [a temporary folder]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        return run(args, args.dir or folder)


def run(args, folder):
    random_ = random.Random(args.seed)
    reference = Round(args, 0, os.path.join(folder, "reference.db"))
    broken = reference.finish()
    urls, pages = len(reference.last_run), stored_pages(reference.file)
    print(f"reference: {urls} URLs requested, {pages} pages stored, {compare.counts(reference.file)}")
    if broken or pages == 0:
        return verdict(broken or ["the reference stored nothing"])

    tally = Tally(pages)
    rounds = plan(args.kills, random_)
    while rounds:
        shares = rounds.pop(0)
        round_ = Round(args, tally.rounds + 1, os.path.join(folder, f"round-{tally.rounds + 1}.db"))
        results = [round_.kill_at(share, urls) for share in shares]
        wrong = round_.finish()
        wrong += [f"round {round_.number}: {line}" for line in compare.compare(reference.file, round_.file)]
        broken += wrong
        for missed in tally.add(round_, shares, results):
            rounds.append(sorted(0.2 + 0.6 * random_.random() for _ in range(missed + 1)))
        if tally.idle > 2 * args.kills:
            broken.append("too many kills hit nothing: the site is too fast or too small")
            break
        if not args.dir and not wrong:
            os.remove(round_.file)
    tally.show(args.concurrency + SLACK)
    return verdict(broken + tally.broken(args.concurrency + SLACK))


if __name__ == "__main__":
    sys.exit(main())
