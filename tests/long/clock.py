#!/usr/bin/env python3
"""The wall clock jumps, and nobody is asked too soon, nor waited for without end.

    clock.py --binary PATH

Crawls a small web of eventful_site.py, some of whose hosts ask for a Crawl-delay, others with a
Retry-After of 4 s, under shim.c, which sets the wall clock an hour or a year forth or back (the
clock that never jumps goes on): in the middle of a crawl, and between a kill -9 within those 4 s
and the resume that follows at once.

Broken, if a gap across the kill is shorter than the Crawl-delay; if anything is asked for within
Retry-After (only where the clock was set forth between two runs nobody can know how long ago the
server asked); if a run takes more than 30 s or does not end with 0; or if the file is not equal to
that of an undisturbed crawl. Prints a row per jump.
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time

import compare
import shim
from eventful_site import CRAWL_DELAY, Site, crawl_args
from judge import Death, Judge
from outside_view import kill, memory_folder, print_table, verdict

PATIENCE = 30
HOUR, YEAR = 3600, 365 * 24 * 3600
JUMPS = {"1 h forth": HOUR, "1 h back": -HOUR, "1 year forth": YEAR, "1 year back": -YEAR}


class Trial:
    def __init__(self, args, folder):
        self.binary, self.folder = args.binary, folder
        self.library = shim.compiled(folder)
        self.site = Site(pages=200, polite=3, busy=3, small=6, retry_after=4)
        self.clock = os.path.join(folder, "clock")
        self.reference = os.path.join(folder, "reference.db")
        self.set_clock(0)
        self.start("crawl", self.reference).wait(PATIENCE)

    def set_clock(self, offset):
        """In place: the shim reads it at each call."""
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as file:
            file.write(struct.pack("<q", offset))

    def start(self, how, file):
        args = crawl_args(self.site, file) if how == "crawl" else ["resume", file, "-q"]
        env = shim.environment(self.library, file, clock=self.clock)
        return subprocess.Popen([self.binary, *map(str, args)], env=env)

    def until_held(self, process):
        """Waits until every busy host has asked to be left alone, and the file knows."""
        busy = [host for host in self.site.hosts if host.startswith("127.0.3.")]
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < deadline:
            held = {r.host for r in list(self.site.requests) if r.status in (429, 503)}
            if held >= set(busy):
                break
            time.sleep(0.002)
        time.sleep(0.5)  # well within the 4 s, and long enough for a commit

    def jump(self, name, between_runs):
        """One crawl with a jump; its table row and what was broken."""
        self.site.begin_round()
        self.set_clock(0)
        file = os.path.join(self.folder, "x.db")
        for end in ("", "-wal", "-shm", ".lock"):
            if os.path.exists(file + end):
                os.remove(file + end)
        judge, broken = Judge(self.site, self.reference, file, self.folder), []
        process = self.start("crawl", file)
        self.until_held(process)
        if between_runs:
            broken += [] if kill(process) else ["it ended before the kill"]
            left = judge.after_kill(self.site.settled())
            broken += left.findings
            if JUMPS[name] > 0:
                judge.deaths = [Death(d.requests, d.ruled, set()) for d in judge.deaths]
        self.set_clock(JUMPS[name])
        began = time.monotonic()
        process = self.start("resume", file) if between_runs else process
        try:
            code = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            kill(process)
            code = "hung"
        took = time.monotonic() - began
        broken += [] if code == 0 else [f"exit code {code} after {took:.1f} s"]
        requests = self.site.settled()
        broken += compare.compare(self.reference, file) + judge.impolite(requests)
        within, across = judge.smallest_gap(requests)
        where = "between kill and resume" if between_runs else "during a crawl"
        row = [name, where, len(requests), f"{within * 1000:.1f}", f"{across * 1000:.1f}" if between_runs else "-",
               f"{took:.1f}"]
        return row, [f"{name} {where}: {line}" for line in broken]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    args = parser.parse_args()
    table, broken = [], []
    with tempfile.TemporaryDirectory(prefix="clock-", dir=memory_folder()) as folder:
        trial = Trial(args, folder)
        for name in JUMPS:
            for between_runs in (False, True):
                row, wrong = trial.jump(name, between_runs)
                table.append(row)
                broken += wrong
    print_table(["jump", "when", "requests", f"smallest gap ms (delay {CRAWL_DELAY * 1000:.0f})", "across the kill ms",
                 "s to the end"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
