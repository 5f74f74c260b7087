#!/usr/bin/env python3
"""A host that gives no robots.txt is parked, and says so; its pages wait for a resume, which fetches them.

    robots_parked.py --binary PATH

For each way of giving none (429, 500, 503, no answer in time, a reset, a failed TLS handshake) a site
of its own, crawled beside one that works, until the crawl ends by itself: robots.txt is asked for
again after 10, 30 and 90 s. Then the sites are mended, and each crawl is resumed. All run at once;
it takes about four minutes.

Broken, if a page is asked for before there are rules; if robots.txt is not asked for exactly four
times, at those distances; if the exit code is not 4; if summary, report skipped or the view skipped do
not name the host and why; if a URL is not pending afterwards; or if the resume does not fetch all.
"""

import argparse
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from outside_view import ROBOTS, print_table, verdict

RETRIES = (10, 30, 90)
TIMEOUT = 2  # of a request, in seconds
WAYS = {
    "429": ("http", b"HTTP/1.1 429 x\r\nContent-Length: 0\r\n\r\n", "robots.txt answers 429"),
    "500": ("http", b"HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", "robots.txt answers 500"),
    "503": ("http", b"HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", "robots.txt answers 503"),
    "timeout": ("http", None, "robots.txt gives no answer: timeout"),
    "reset": ("http", b"", "robots.txt gives no answer"),
    "bad TLS": ("https", b"HTTP/1.1 200 x\r\n\r\n", "robots.txt gives no answer: tls"),
}
PAGES = {"/": '<a href="/1">1</a><a href="/2">2</a>', "/1": "one", "/2": "two"}


class Site:
    """Answers robots.txt so until it is mended; notes what was asked for, and when."""

    def __init__(self, host, robots):
        self.robots, self.asked, self.mended = robots, [], False
        self.listener = socket.create_server((host, 0))
        self.address = "%s:%d" % self.listener.getsockname()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            head = connection.recv(65536)
            began = time.monotonic()
            path = head.split()[1].decode() if head.startswith(b"GET ") else ROBOTS  # a handshake
            self.asked.append((path, began))
            if path == ROBOTS and not self.mended:
                if self.robots is None:
                    threading.Event().wait(TIMEOUT + 2)
                connection.sendall(self.robots or b"")
                return
            body = "" if path == ROBOTS else PAGES.get(path, "")
            connection.sendall(f"HTTP/1.1 200 x\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
                               f"Connection: close\r\n\r\n{body}".encode())


def rows(db, sql):
    return sqlite3.connect(f"file:{db}?mode=ro", uri=True).execute(sql).fetchall()


class Crawl(threading.Thread):
    """One crawl, its resume, and what was broken."""

    def __init__(self, binary, folder, way):
        super().__init__()
        self.binary, self.way = binary, way
        self.scheme, robots, self.why = WAYS[way]
        self.site, self.other = Site("127.0.0.2", robots), Site("127.0.0.3", b"")
        self.other.mended = True
        self.db = os.path.join(folder, way.replace(" ", "-") + ".db")
        self.broken, self.gaps = [], []

    def command(self, *args):
        return subprocess.run([self.binary, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def run(self):
        origin = f"{self.scheme}://{self.site.address}"
        ran = self.command("crawl", f"{origin}/", f"http://{self.other.address}/", "-o", self.db, "--no-sitemaps",
                           "--allow-private", "127.0.0.0/8", "--timeout", f"{TIMEOUT}s", "--retries", "0")
        # An end of the connection is tried once more at once: that belongs to the same try.
        starts = [began for path, began in self.site.asked if path == ROBOTS]
        tries = [began for n, began in enumerate(starts) if n == 0 or began - starts[n - 1] > 5]
        self.gaps = [later - earlier for earlier, later in zip(tries, tries[1:])]
        waits = rows(self.db, f"SELECT reason, detail FROM skipped WHERE url = '{origin}/'")
        report = self.command("report", self.db, "skipped", "--format", "jsonl").stdout
        told = f"{origin} is parked: {self.why}"
        self.judge({
            f"exit code {ran.returncode}": ran.returncode != 4,
            f"pages asked for: {self.site.asked}": any(path != ROBOTS for path, _ in self.site.asked),
            f"robots.txt asked for after {self.gaps}": len(self.gaps) != 3 or any(
                not expected - 0.1 <= gap <= expected + TIMEOUT + 8 for gap, expected in zip(self.gaps, RETRIES)),
            f"the summary says nothing: {ran.stderr}": told not in ran.stderr,
            f"the view says {waits}": len(waits) != 1 or waits[0][0] != "pending" or self.why not in waits[0][1],
            f"the report says {report}": '"reason":"pending"' not in report,
            "the other host was not crawled": len(self.other.asked) != 4,
        })
        if self.scheme == "http":
            self.resume()

    def resume(self):
        self.site.mended = True
        ran = self.command("resume", self.db, "-q")
        pages = rows(self.db, "SELECT count(*) FROM pages WHERE status = 200")[0][0]
        self.judge({f"resume: exit code {ran.returncode}, {pages} pages": (ran.returncode, pages) != (0, 6)})

    def judge(self, checks):
        self.broken += [f"{self.way}: {what}" for what, wrong in checks.items() if wrong]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="parked-") as folder:
        crawls = [Crawl(os.path.abspath(args.binary), folder, way) for way in WAYS]
        for crawl in crawls:
            crawl.start()
        for crawl in crawls:
            crawl.join()
    print_table(["robots.txt", "asked for again after s", "pages asked for before the resume"], [
        [crawl.way, ", ".join(f"{gap:.0f}" for gap in crawl.gaps), 0] for crawl in crawls])
    return verdict([what for crawl in crawls for what in crawl.broken])


if __name__ == "__main__":
    sys.exit(main())
