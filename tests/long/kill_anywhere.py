#!/usr/bin/env python3
"""No work is lost on a site where everything happens: kill -9 at any moment and at every delicate one.

    kill_anywhere.py --binary PATH [--kills 200] [--only moment,commit] [--seed 1]

Crawls the web of eventful_site.py once undisturbed: the reference. Then crawls are killed

    moment   spread over 5 to 95 % of the URLs, in crawls, resumes and resumes of resumes,
             a third of them of a crawl that a page limit, raised afterwards, ended in between
    commit   at one of the writes or syncs of the write-ahead log, or in the middle of a write
    start    at one of the calls before the first commit, from the file's first open on
    migrate  at one of the calls that bring a file of schema version 1 up to date
    drain    within 40 ms of a Ctrl-C
    close    at one of the calls of a resume that fetches the last pages, checkpoints and closes
    load     at one of the calls of a resume before its first request, up to three times in a row
    stop     not at all: one Ctrl-C, by turns two, spread over 5 to 75 % (`--stops`, beside the kills)

and finished. judge.py looks at the file after each kill and at the end. A kill counts if it hit.
Broken, if anything is found, a kill makes more than concurrency + 128 requests come to nothing,
one Ctrl-C any, two more than concurrency; if a stopped crawl takes more than 30 s, after two 2 s, to
end; or if an exit code is not what it must be. A round in which the machine stood still for 10 s says
nothing, as every request may have timed out: it is made again. Prints a row per kind of kill and the
distribution.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import old_schema
import shim
from eventful_site import Site, crawl_args
from judge import Judge
from outside_view import kill, memory_folder, print_table, stored_pages, verdict

CONCURRENCY = 16
SLACK = 128  # pages between answer and commit: visited, inbox and batch together
SHARES = {"moment": 100, "commit": 30, "start": 15, "migrate": 15, "drain": 15, "close": 15, "load": 10}
PATIENCE = 60  # seconds without a request until a run counts as hung
STILL = 10  # seconds without the processor in which requests may time out
ALL_CALLS = "ortwsum:dwjlbf"


class Found(Exception):
    """Something is broken, and that was all there was to know."""


class Watch:
    """Notes when the machine stands still: stopped, or all its processors taken by others."""

    def __init__(self):
        self.stood_still_at = 0.0
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(0.1)
            now = time.monotonic()
            if now - last > STILL:
                self.stood_still_at = now
            last = now


class Bench:
    """The site, the crawler, the reference, and what all kills gave."""

    def __init__(self, args, folder):
        self.binary, self.folder = args.binary, folder
        self.library = shim.compiled(folder)
        self.random = random.Random(args.seed)
        self.site = Site()
        self.reference = os.path.join(folder, "reference.db")
        self.broken, self.kills, self.missed, self.rounds = [], [], 0, 0
        self.gaps, self.first = [(9.9, 9.9)], args.first
        self.watch, self.still = Watch(), 0

    def measure(self):
        """The undisturbed crawl, and how many calls a crawl makes; whether it came to its end."""
        self.site.begin_round()
        log = os.path.join(self.folder, "calls")
        done = subprocess.run([self.binary, *map(str, crawl_args(self.site, self.reference))],
                              env=shim.environment(self.library, self.reference, log=log), check=False)
        if done.returncode != 0:
            self.broken.append(f"the undisturbed crawl ended with {done.returncode}")
            return False
        calls = shim.calls(log)
        self.urls = len({(r.host, r.path) for r in self.site.requests})
        self.pages = stored_pages(self.reference)
        self.wal_calls = sum(c.file == "w" and c.op in "ws" for c in calls)
        self.first_commit = next(i for i, c in enumerate(calls) if c.file == "w" and c.op == "s")
        print(f"reference: {len(self.site.requests)} requests for {self.urls} URLs, {self.pages} pages,"
              f" {len(calls)} calls on the file, {self.wal_calls} of them on its log", flush=True)
        return True

    def until_first_request(self, log):
        """How many calls of a resume come before its first request."""
        calls = shim.calls(log)
        return next((i for i, c in enumerate(calls) if c.file == "l" and c.op == "w"), len(calls))


class Round:
    """One crawl with its kills, from the first start to the finished resume."""

    def __init__(self, bench, template=None):
        self.bench = bench
        bench.rounds += 1
        self.file = os.path.join(bench.folder, f"round-{bench.rounds}.db")
        self.judge = Judge(bench.site, bench.reference, self.file, bench.folder)
        self.name = "crawl"
        self.began, self.before = time.monotonic(), (len(bench.broken), len(bench.kills))
        bench.site.begin_round()
        if template:
            template.restore(self)

    def start(self, do=None, limit=None, log=None):
        """A process under the shim: the crawl, or its resume if there is something to resume."""
        args = crawl_args(self.bench.site, self.file, *(["--max-pages", limit] if limit else []))
        if self.judge.fetches:
            args = ["resume", self.file, "-q", "--max-pages", limit or 1_000_000]
        env = shim.environment(self.bench.library, self.file, do, log)
        return subprocess.Popen([self.bench.binary, *map(str, args)], env=env, stdin=subprocess.DEVNULL)

    def wait_for(self, process, share):
        goal = share * self.bench.urls
        while process.poll() is None and len({(r.host, r.path) for r in list(self.bench.site.requests)}) < goal:
            time.sleep(0.001)

    def wait(self, process):
        """Until the process ends: its exit code; "hung" if it made no request for long, and was killed."""
        site, seen, last = self.bench.site, -1, time.monotonic()
        while process.poll() is None:
            if len(site.requests) != seen:
                seen, last = len(site.requests), time.monotonic()
            if time.monotonic() - last > PATIENCE:
                threads = os.listdir(f"/proc/{process.pid}/task")
                waits = {open(f"/proc/{process.pid}/task/{thread}/wchan").read() for thread in threads}
                print(f"hung after {seen} requests; its threads wait in {sorted(waits)}", flush=True)
                kill(process)
                return "hung"
            time.sleep(0.005)
        return process.returncode

    def kill(self, kind, how, limit=None):
        """Starts, kills as `how` says, judges; whether it hit."""
        process = self.start(how if isinstance(how, str) else None, limit)
        if isinstance(how, str):
            code = self.wait(process)
            hit = code == -signal.SIGKILL
            if code == "hung":
                self.bench.broken.append(f"round {self.bench.rounds}: a run under {how} hung")
        else:
            share, after_stop = how
            self.wait_for(process, share)
            if after_stop is not None and process.poll() is None:
                process.send_signal(signal.SIGINT)
                time.sleep(after_stop)
            hit = kill(process)
        self.after(kind, hit, how)
        return hit

    def after(self, kind, hit, how):
        bench = self.bench
        left = self.judge.after_kill(bench.site.settled(), clean=kind.startswith("stop"))
        bench.missed += not hit
        stored = len(self.judge.fetches)
        if hit:
            bench.kills.append((kind, self.name, left.lost, stored))
        label = f"round {bench.rounds}, {kind} kill in the {self.name} ({how}), {stored} requests stored"
        bench.broken += [f"{label}: {finding}" for finding in left.findings]
        if left.lost > CONCURRENCY + SLACK:
            bench.broken.append(f"{label}: {left.lost} requests came to nothing")
        self.name = "resume" if self.name == "crawl" else "resume of a " + self.name
        return left

    def run(self, code, limit=None):
        """Runs to an end that nobody disturbs."""
        ended = self.wait(self.start(limit=limit))
        if ended != code:
            self.bench.broken.append(f"round {self.bench.rounds}: exit code {ended} of the {self.name}, not {code}")
        self.name = "resume" if self.name == "crawl" else "resume of a " + self.name

    def finish(self):
        """The last resume, and what is wrong after it; whether the round says anything."""
        self.run(0)
        requests = self.bench.site.settled()
        findings = self.judge.at_end(requests)
        if self.bench.watch.stood_still_at > self.began:
            del self.bench.broken[self.before[0]:], self.bench.kills[self.before[1]:]
            self.bench.still += 1
            self.remove()
            return False
        self.bench.broken += [f"round {self.bench.rounds}: {finding}" for finding in findings]
        self.bench.gaps.append(self.judge.smallest_gap(requests))
        if self.bench.first and self.bench.broken:
            raise Found
        if not findings:
            self.remove()
        return True

    def remove(self):
        for end in ("", "-wal", "-shm", ".lock", ".v1.bak"):
            if os.path.exists(self.file + end):
                os.remove(self.file + end)


class Template:
    """A crawl that was ended somewhere, to start rounds from: its file, and what the site remembers."""

    def __init__(self, bench, ending, change=None):
        round_ = Round(bench)
        ending(round_)
        self.requests, self.met = bench.site.settled(), set(bench.site.met)
        self.file, self.judge = round_.file, round_.judge
        if change:
            change(self.file)
        self.log = os.path.join(bench.folder, "template-calls")

    def restore(self, round_):
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(self.file + end):
                shutil.copyfile(self.file + end, round_.file + end)
        site = round_.bench.site
        site.requests, site.met = list(self.requests), set(self.met)
        judge = round_.judge
        judge.fetches, judge.seen, judge.deaths = list(self.judge.fetches), self.judge.seen, list(self.judge.deaths)
        round_.name = "resume"

    def calls(self, bench):
        """How many calls a resume from here makes before its first request, and in all."""
        round_ = Round(bench, self)
        if os.path.exists(self.log):
            os.remove(self.log)
        round_.wait(round_.start(log=self.log))
        return bench.until_first_request(self.log), len(shim.calls(self.log))


def moments(bench, count):
    shares = [0.05 + 0.9 * (i + bench.random.random()) / count for i in range(count)]
    bench.random.shuffle(shares)
    number = 0
    while shares:
        size = (2, 3, 1)[number % 3]
        ours, shares = sorted(shares[:size]), shares[size:]
        round_ = Round(bench)
        limit = None
        if number % 3 == 0:  # the limit lies between the kills, is reached, and raised
            limit = int(bench.pages * (ours[0] + ours[-1]) / 2) if size > 1 else None
        missed = []
        for i, share in enumerate(ours):
            if limit and i == 1:
                round_.run(4, limit)
            if not round_.kill("moment", (share, None), limit if i == 0 else None):
                missed.append(0.2 + 0.6 * bench.random.random())
        shares += missed if round_.finish() else ours
        number += 1


def commits(bench, count):
    while sum(k[0] == "commit" for k in bench.kills) < count:
        round_ = Round(bench)
        for _ in range(2):
            action, ops = bench.random.choice([("kill", "w"), ("kill", "s"), ("tear", "w")])
            most = bench.wal_calls // (2 if ops == "w" else 80)
            round_.kill("commit", f"{action}:{ops}:w:{bench.random.randint(1, most)}:1")
        round_.finish()


def starts(bench, count):
    def start(i):
        round_ = Round(bench)
        n = 1 + int(bench.first_commit * (i + bench.random.random()) / count)
        round_.kill("start", f"kill:{ALL_CALLS}:{n}:1")
        return round_.finish()
    each(start, count)


def each(round_of, count):
    """A round for every number below `count`, again where it said nothing."""
    for i in range(count):
        while not round_of(i):
            pass


def stops(bench, count):
    each(lambda i: stop(bench, 0.05 + 0.7 * i / count, i % 2 == 1), count)


def stop(bench, share, twice):
    round_ = Round(bench)
    process = round_.start()
    round_.wait_for(process, share)
    began = time.monotonic()
    for _ in range(1 + twice):
        process.send_signal(signal.SIGINT)
        time.sleep(0.002)
    code, took = round_.wait(process), time.monotonic() - began
    kind = "stop twice" if twice else "stop"
    left = round_.after(kind, True, f"after {took:.2f} s with {code}")
    checks = {f"exit code {code}": code != 130, f"{left.lost} requests came to nothing": left.lost > twice * CONCURRENCY,
              f"it took {took:.1f} s": took > (2 if twice else 30)}
    bench.broken += [f"round {bench.rounds}, {kind}: {what}" for what, wrong in checks.items() if wrong]
    return round_.finish()


def spread_over_calls(bench, kind, count, template, first, last):
    def spread(i):
        round_ = Round(bench, template)
        n = first + int((last - first) * (i + bench.random.random()) / count)
        round_.kill(kind, f"kill:{ALL_CALLS}:{max(1, n)}:1")
        return round_.finish()
    each(spread, count)


def stopped_at(share):
    def ending(round_):
        round_.kill("template", (share, None))
    return ending


def migrations(bench, count):
    def stop(round_):
        process = round_.start()
        round_.wait_for(process, 0.4)
        process.send_signal(signal.SIGINT)
        round_.wait(process)
        round_.after("stop", False, "to be migrated")
    template = Template(bench, stop, old_schema.to_version_1)
    before, _ = template.calls(bench)
    spread_over_calls(bench, "migrate", count, template, 1, before)


def drains(bench, count):
    while sum(k[0] == "drain" for k in bench.kills) < count:
        round_ = Round(bench)
        share = 0.1 + 0.6 * bench.random.random()
        round_.kill("drain", (share, 0.04 * bench.random.random()))
        round_.kill("drain", (share + 0.25, 0.04 * bench.random.random()))
        round_.finish()


def closes(bench, count):
    template = Template(bench, lambda round_: round_.run(4, bench.pages - 30))
    before, in_all = template.calls(bench)
    spread_over_calls(bench, "close", count, template, before, in_all)


def loads(bench, count):
    template = Template(bench, stopped_at(0.5))
    before, _ = template.calls(bench)
    done = 0
    while done < count:
        round_ = Round(bench, template)
        hits = sum(round_.kill("load", f"kill:{ALL_CALLS}:{bench.random.randint(before // 2, before)}:1")
                   for _ in range(min(3, count - done)))
        done += hits if round_.finish() else 0


KINDS = {"moment": moments, "commit": commits, "start": starts, "migrate": migrations, "drain": drains,
         "close": closes, "load": loads, "stop": stops}


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else "-"


def show(bench):
    bench.kills = [k for k in bench.kills if k[0] != "template"]
    lines = []
    for kind in [*SHARES, "all kills", "stop", "stop twice"]:
        ours = [k for k in bench.kills if k[0] == kind or kind == "all kills" and k[0] in SHARES]
        if ours:
            lost = [k[2] for k in ours]
            lines.append([kind, len(ours), sum(k[1] != "crawl" for k in ours), min(lost), percentile(lost, 0.5),
                          percentile(lost, 0.95), max(lost), min(k[3] for k in ours), max(k[3] for k in ours)])
    print_table(["kind", "kills", "in a resume", "lost: least", "median", "95 %", "most", "stored: least", "most"], lines)
    print(f"lost: requests of a killed run that came to nothing, of at most {CONCURRENCY + SLACK}; {bench.rounds} rounds, "
          f"{bench.still} of them again as the machine stood still, {bench.missed} more kills hit nothing")
    print(f"smallest gap under a Crawl-delay of 80 ms: {min(g[0] for g in bench.gaps) * 1000:.1f} ms, "
          f"across a kill {min(g[1] for g in bench.gaps) * 1000:.1f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--kills", type=int, default=200, help="kills in all [200]")
    parser.add_argument("--stops", type=int, default=20, help="crawls stopped by Ctrl-C besides [20]")
    parser.add_argument("--only", help="kinds of kills, by commas [all]")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments [1]")
    parser.add_argument("--first", action="store_true", help="end with the first round in which something is found")
    parser.add_argument("--dir", help="where the files go, kept if something is found [a temporary folder]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-", dir=memory_folder()) as folder:
        bench = Bench(args, args.dir or folder)
        if not bench.measure():
            return verdict(bench.broken)
        kinds = args.only.split(",") if args.only else list(KINDS)
        whole = sum(SHARES.get(kind, 0) for kind in kinds)
        for kind in kinds:
            began, before = time.monotonic(), len(bench.kills)
            try:
                share = args.kills * SHARES[kind] / whole if kind in SHARES else args.stops
                KINDS[kind](bench, max(1, round(share)))
            except Found:
                break
            print(f"{kind}: {len(bench.kills) - before} in {time.monotonic() - began:.0f} s,"
                  f" {len(bench.broken)} findings so far", flush=True)
        show(bench)
        return verdict(bench.broken)


if __name__ == "__main__":
    sys.exit(main())
