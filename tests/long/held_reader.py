#!/usr/bin/env python3
"""A reader that holds a transaction for a minute stalls no crawl, and its log is brought home afterwards.

    held_reader.py --binary PATH --server SITE_SERVER [--hold 60] [--rate 300]

SITE_SERVER is the generator: `cargo bench --bench site_server --no-run` prints its path. Crawls it at
`--rate` requests a second, and lets a reader of its own begin a transaction, look, and hold it. As long
as it does nothing can be brought home from FILE-wal, which grows by all that is written; that is what
SQLite is, and the figure to know is how much that is for each page.

Broken, if pages stored per second fall below nine tenths of before while the transaction is held or
afterwards, if what the reader sees changes, if the log is not back at its limit of 16 MiB within 10 s
after, if the crawl does not end with 130 when it is stopped then, or the file is not sound.
"""

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
import time

import compare
from memory import MIB, serve, size_of
from outside_view import print_table, start, stored_pages, verdict

LIMIT = 16 * MIB
BACK_WITHIN = 10
PATIENCE = 30


class Watch:
    """Pages stored and the size of the log over a stretch of time."""

    def __init__(self, name, file, process):
        self.name, self.file, self.process = name, file, process
        self.began, self.before, self.largest = time.monotonic(), stored_pages(file), 0

    def during(self, seconds, until=lambda: False):
        while self.process.poll() is None and time.monotonic() - self.began < seconds and not until():
            self.largest = max(self.largest, size_of(self.file + "-wal"))
            time.sleep(0.02)
        self.took = time.monotonic() - self.began
        self.pages = stored_pages(self.file) - self.before
        self.rate = self.pages / self.took
        return self

    def row(self):
        return [self.name, f"{self.took:.1f}", self.pages, f"{self.rate:.0f}", f"{self.largest / MIB:.1f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--server", required=True, help="the generator site_server")
    parser.add_argument("--hold", type=float, default=60, help="seconds that the transaction is held [60]")
    parser.add_argument("--rate", type=int, default=300, help="requests a second [300]")
    args = parser.parse_args()
    args.urls, args.hosts = 1_000_000, 1000
    with tempfile.TemporaryDirectory(prefix="held-") as folder:
        server, url = serve(args, os.path.join(folder, "server.log"))
        try:
            return run(args, url, os.path.join(folder, "held.db"))
        finally:
            server.terminate()


def run(args, url, file):
    process = start(args.binary, "crawl", url, "-o", file, "-q", "--scope", "any", "--allow-private", "127.0.0.0/8",
                    "-c", 32, "--per-host", 16, "--delay", "0ms", "--rate", args.rate)
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(file) or stored_pages(file) < args.rate:
        if time.monotonic() > deadline or process.poll() is not None:
            return verdict(["the crawl did not get going"])
        time.sleep(0.1)
    before = Watch("before", file, process).during(15)
    reader = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    seen = reader.execute("SELECT count(*) FROM pages").fetchone()
    held = Watch("held", file, process).during(args.hold)
    seen_at_end = reader.execute("SELECT count(*) FROM pages").fetchone()
    reader.execute("COMMIT")
    back = Watch("until the log is back", file, process).during(PATIENCE, lambda: size_of(file + "-wal") <= LIMIT)
    after = Watch("after", file, process).during(15)
    process.send_signal(signal.SIGINT)
    code = process.wait(PATIENCE)
    print_table(["", "s", "pages", "a second", "largest log MiB"], [w.row() for w in (before, held, back, after)])
    print(f"the log grew by {held.largest / max(1, held.pages) / 1024:.1f} KiB for each page stored while it was held")
    checks = {
        f"{held.rate:.0f} pages a second while held, {before.rate:.0f} before": held.rate < 0.9 * before.rate,
        f"{after.rate:.0f} pages a second after, {before.rate:.0f} before": after.rate < 0.9 * before.rate,
        f"the reader saw {seen}, then {seen_at_end}": seen != seen_at_end,
        f"the log was back after {back.took:.1f} s": back.took > BACK_WITHIN,
        f"exit code {code}": code != 130,
    }
    return verdict([what for what, wrong in checks.items() if wrong] + compare.problems(file))


if __name__ == "__main__":
    sys.exit(main())
