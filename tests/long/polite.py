#!/usr/bin/env python3
"""Polite, as the server sees it: delay, requests at once, robots.txt, Retry-After; through kill -9 and resume.

    polite.py --binary PATH [--delay-ms 200]

Starts two small sites on 127.0.0.2 and 127.0.0.3 (pages that link across, redirects within
and across, slow pages, URLs that first answer 503 or 429 with Retry-After: 1, a disallowed
folder), crawls both with --per-host 1, then 2, kills each crawl halfway and resumes it at once.

A request starts when the kernel received it (so the time this script needs does not count)
and ends just before its answer is sent. Broken, if on a host two starts, robots.txt, redirects,
retries and the resume included, are closer than the delay less 2 ms; if more than --per-host
requests overlap; if a page is asked for before robots.txt was answered or although disallowed;
if anything starts within Retry-After; if a page is missing, or an exit code is not 0.
Prints a row per crawl and host.
"""

import argparse
import os
import socket
import struct
import sys
import tempfile
import threading
import time
from dataclasses import dataclass

from eventful_site import wall_ahead
from outside_view import ROBOTS, kill, print_table, rows, start, verdict

PAGES = 40
TOLERANCE = 0.002
RETRY_AFTER = 1.0
SLOW = 0.9  # several delays, and such pages come in a row, so that only the limit keeps them apart
SO_TIMESTAMPNS = 35  # Linux; Python has no name for it
WALL_AHEAD = wall_ahead()


@dataclass
class Request:
    path: str
    start: float
    end: float
    status: int


class Site:
    """One host: a thread per connection, and a list of what was asked for."""

    def __init__(self, host):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # accepted sockets inherit it
        self.listener.bind((host, 0))
        self.listener.listen(64)
        self.base = "http://%s:%d" % self.listener.getsockname()
        self.requests, self.lock, self.other = [], threading.Lock(), None

    def open(self, other):
        self.other = other
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = b""
        try:
            while True:
                data, extra, _, _ = connection.recvmsg(65536, 256)
                arrived = time.monotonic()
                for level, kind, value in extra:
                    if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                        seconds, nanoseconds = struct.unpack("qq", value[:16])
                        arrived = seconds + nanoseconds / 1e9 - WALL_AHEAD
                head += data
                if not data:
                    return
                if head.endswith(b"\r\n\r\n"):
                    self.answer(connection, head.split()[1].decode(), arrived)
                    head = b""
        except OSError:
            pass  # the crawler was killed

    def answer(self, connection, path, arrived):
        request = Request(path, arrived, float("inf"), 0)
        with self.lock:
            first = all(earlier.path != path for earlier in self.requests)
            self.requests.append(request)
        request.status, headers, body = self.content(path, first)
        if path.startswith("/slow/"):
            time.sleep(SLOW)
        head = f"HTTP/1.1 {request.status} x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        request.end = time.monotonic()
        connection.sendall((head + body).encode())

    def content(self, path, first):
        html = "Content-Type: text/html\r\n"
        folder, _, number = path[1:].partition("/")
        if path == ROBOTS:
            return 200, "Content-Type: text/plain\r\n", "User-agent: *\nDisallow: /private/\n"
        if folder == "moved":
            return 301, f"Location: /page/{number}\r\n", ""
        if folder == "away":
            return 301, f"Location: {self.other.base}/page/{number}\r\n", ""
        if folder == "once" and first:
            return 503, html, "later"
        if folder == "busy" and first:
            return 429, html + f"Retry-After: {RETRY_AFTER:.0f}\r\n", "later"
        if path not in self.paths():
            return 404, html, "not here"
        i = int(number) if number else 0
        targets = self.paths() if path == "/" else [f"/page/{(i * 7 + 1) % PAGES}", f"/private/{i}"]
        targets = [*targets, f"{self.other.base}/page/{(i * 3 + 2) % PAGES}"]
        return 200, html, f"<title>{path}</title>" + "".join(f'<a href="{t}">{t}</a>\n' for t in targets)

    @staticmethod
    def paths():
        """Every path a complete crawl asks for, robots.txt excepted."""
        folders = {"slow": 5, "moved": 4, "away": 4, "busy": 2, "once": 2, "page": PAGES}
        return ["/", *(f"/{folder}/{i}" for folder, count in folders.items() for i in range(count))]


def most_at_once(requests):
    edges = sorted([(r.start, 1) for r in requests] + [(r.end, -1) for r in requests])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def judge(name, site, killed_at, per_host, delay):
    """A table row for one host, and what was broken there."""
    asked = sorted(site.requests, key=lambda r: r.start)
    starts = [r.start for r in asked]
    gaps = [later - earlier for earlier, later in zip(starts, starts[1:])]
    after = [gap for gap, later in zip(gaps, starts[1:]) if later > killed_at][:1]
    waits = [s - r.end for r in asked if r.status == 429 for s in starts if s > r.end]
    wait, most, gap = min(waits, default=float("inf")), most_at_once(asked), min(gaps, default=0)
    final = {r.path: r.status for r in asked}
    missing = [path for path in site.paths() if final.get(path) not in (200, 301)]
    checks = {
        f"gap of {gap * 1000:.1f} ms": gap < delay - TOLERANCE,
        f"{most} requests at once": most > per_host,
        "robots.txt not answered first": asked[0].path != ROBOTS or starts[1] < asked[0].end,
        f"a start {wait:.3f} s after a 429 with Retry-After": wait < RETRY_AFTER - TOLERANCE,
        "no request after the resume": not after,
        "disallowed paths requested": any(r.path.startswith("/private/") for r in asked),
        f"{len(missing)} paths missing, such as {missing[:3]}": bool(missing),
        "no 429 or no 503 was met: nothing proved": not {429, 503} <= {r.status for r in asked},
    }
    row = [name, site.base, len(asked), f"{gap * 1000:.1f}", most, f"{wait * 1000:.0f}",
           f"{after[0] * 1000:.0f}" if after else "-", sum(r.path == ROBOTS for r in asked)]
    return row, [f"{name}, {site.base}: {what}" for what, wrong in checks.items() if wrong]


def wait(process, seconds, until=lambda: False):
    """Until the process ends, or `until` says so; None if it still runs."""
    deadline = time.monotonic() + seconds
    while process.poll() is None and not until() and time.monotonic() < deadline:
        time.sleep(0.005)
    return process.returncode


def crawl(args, per_host, file):
    """One crawl with a kill and a resume; its table rows and what was broken."""
    sites = [Site("127.0.0.2"), Site("127.0.0.3")]
    for site, other in zip(sites, reversed(sites)):
        site.open(other)
    half = sum(len(site.paths()) for site in sites) // 2

    def halfway():
        # A hold that was answered but not yet stored when the kill comes cannot be known to the resume.
        asked = [r for site in sites for r in site.requests]
        held = any(r.status == 429 and time.monotonic() - r.end < RETRY_AFTER + 0.2 for r in asked)
        return len(asked) >= half and not held

    process = start(args.binary, "crawl", *(site.base + "/" for site in sites), "-o", file, "--per-host", per_host,
                    "--delay", f"{args.delay_ms}ms", "--allow-private", "127.0.0.0/8", "-q")
    wait(process, args.timeout, halfway)
    broken = [] if kill(process) else [f"per host {per_host}: ended with {process.returncode} before the kill"]
    killed_at = time.monotonic()
    process = start(args.binary, "resume", file, "-q")
    code = wait(process, args.timeout)
    kill(process)
    if code != 0:
        broken.append(f"per host {per_host}: exit code of resume {code} (None: still running after {args.timeout} s)")
    stored = {url for (url,) in rows(file, "SELECT url FROM pages WHERE status IN (200, 301)")}
    lacking = [s.base + path for s in sites for path in s.paths() if s.base + path not in stored]
    if lacking:
        broken.append(f"per host {per_host}: {len(lacking)} pages not in the file, such as {lacking[:3]}")
    judged = [judge(per_host, site, killed_at, per_host, args.delay_ms / 1000) for site in sites]
    return [row for row, _ in judged], broken + [line for _, lines in judged for line in lines]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--delay-ms", type=int, default=200, help="--delay of the crawls [200]")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for each half of a crawl [180]")
    args = parser.parse_args()
    table, broken = [], []
    with tempfile.TemporaryDirectory(prefix="polite-") as folder:
        for per_host in (1, 2):
            lines, wrong = crawl(args, per_host, os.path.join(folder, f"per-host-{per_host}.db"))
            table, broken = table + lines, broken + wrong
    print_table(["per host", "host", "requests", "smallest gap ms", "most at once", "after 429 ms",
                 "first after resume ms", "robots.txt"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
