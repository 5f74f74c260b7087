#!/usr/bin/env python3
"""The file can be read while the crawl runs: status, query and sqlite3 in a loop, never busy, and a small WAL.

    readers.py --binary PATH --url URL [--concurrency 16]

Crawls URL (a site that takes at least some seconds) and meanwhile runs, in turn,
`BINARY status FILE`, `BINARY query FILE "SELECT count(*) FROM pages"` and
`sqlite3 FILE "SELECT count(*) FROM links"`, none of which waits for a lock.

Broken, if one of them fails or says busy or locked, if a count shrinks, if FILE-wal exceeds
64 MiB, or each ran fewer than 5 times. Prints a row per reader and the largest WAL.
"""

import argparse
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from outside_view import print_table, start, stored_pages, verdict

WAL_MAX = 64 * 1024 * 1024
RUNS_MIN = 5
START_MAX = 3  # seconds until the readers begin, pages or not


class Reader:
    """One command, with what its runs gave."""

    def __init__(self, name, command, counts):
        self.name, self.command, self.counts = name, command, counts
        self.runs = self.busy = self.failed = self.last = 0
        self.shrunk, self.slowest, self.first_failure = 0, 0.0, ""

    def read(self):
        began = time.monotonic()
        done = subprocess.run(self.command, capture_output=True, text=True, errors="replace", check=False)
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.runs += 1
        busy = re.search(r"\b(busy|locked)\b", done.stderr, re.IGNORECASE) is not None
        self.busy += busy
        if done.returncode != 0:
            self.failed += 1
        if (busy or done.returncode != 0) and not self.first_failure:
            self.first_failure = f"exit code {done.returncode}: {done.stderr.strip()[:300]}"
        numbers = re.findall(r"\d+", done.stdout)
        if self.counts and done.returncode == 0 and numbers:
            self.shrunk += int(numbers[-1]) < self.last
            self.last = int(numbers[-1])

    def broken(self):
        checks = {
            f"{self.busy} times busy or locked; {self.first_failure}": self.busy,
            f"{self.failed} failures; {self.first_failure}": self.failed,
            f"a count shrank {self.shrunk} times": self.shrunk,
            f"only {self.runs} runs: the crawl is too short": self.runs < RUNS_MIN,
        }
        return [f"{self.name}: {what}" for what, wrong in checks.items() if wrong]


class Wal(threading.Thread):
    """Follows the size of the WAL while the crawl runs."""

    def __init__(self, path, process):
        super().__init__()
        self.path, self.process, self.largest = path, process, 0

    def run(self):
        while self.process.poll() is None:
            self.largest = max(self.largest, size_of(self.path))
            time.sleep(0.01)


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:  # a clean end removes it
        return 0


def has_pages(file):
    """Whether there is something to read; a file that is just being made is not yet a crawl's file."""
    try:
        return stored_pages(file) > 0
    except sqlite3.OperationalError:
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--url", required=True, help="the seed")
    parser.add_argument("--concurrency", type=int, default=16, help="requests in flight [16]")
    parser.add_argument("--crawl-args", default="", help="more for `crawl`: --crawl-args='--scope any'")
    args = parser.parse_args()
    if shutil.which("sqlite3") is None:
        parser.error("there is no sqlite3 on the PATH")
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        return run(args, os.path.join(folder, "readers.db"))


def run(args, file):
    readers = [
        Reader("status", [args.binary, "status", file], counts=False),
        Reader("query", [args.binary, "query", file, "SELECT count(*) FROM pages"], counts=True),
        Reader("sqlite3", ["sqlite3", file, "SELECT count(*) FROM links"], counts=True),
    ]
    process = start(args.binary, "crawl", args.url, "-o", file, "-c", args.concurrency,
                    "--per-host", args.concurrency, "-q", *args.crawl_args.split())
    wal = Wal(file + "-wal", process)
    wal.start()
    latest = time.monotonic() + START_MAX
    while process.poll() is None and not has_pages(file) and time.monotonic() < latest:
        time.sleep(0.01)
    while process.poll() is None:
        for reader in readers:
            reader.read()
    wal.join()
    broken = [line for reader in readers for line in reader.broken()]
    if process.returncode != 0:
        broken.append(f"exit code {process.returncode} of the crawl")
    if wal.largest > WAL_MAX:
        broken.append(f"WAL of {wal.largest} bytes")
    print_table(["reader", "runs", "busy", "failed", "slowest s", "last count"],
                [[r.name, r.runs, r.busy, r.failed, f"{r.slowest:.3f}", r.last if r.counts else "-"] for r in readers])
    print(f"largest WAL: {wal.largest / 1024 / 1024:.1f} MiB of {WAL_MAX / 1024 / 1024:.0f};"
          f" pages at the end: {stored_pages(file)}")
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
