#!/usr/bin/env python3
"""A file that knows millions of URLs is resumed soon, and goes on as fast as one that knows few.

    many_urls.py --binary PATH --urls 10000,1000000,10000000 [--hosts 1000] [--limit 10] [--pages 20000] [--dir FOLDER]

For each number of --urls: crawls one page of a server of its own, and fills the tables of that file
as a crawl of so many URLs would have: 70 bytes each, on --hosts hosts (addresses 127.x.y.z, all that
server), a third of them fetched. Then it resumes the file three times, each time until the server's
first request, which ends it (kill -9), and notes the seconds and the peak memory; and once until
--pages pages more are fetched, each with 20 links to URLs that are not known yet, and notes the CPU
of a page (without the first 1000). Ten million URLs need about 3 GB in FOLDER.

Broken, if the middle of the times is above --limit seconds, the memory above 150 MiB and 45 B
for each URL, or a page costs 15 % more than with the fewest URLs.
"""

import argparse
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

from outside_view import print_table, start, verdict

MIB = 1024 * 1024
BASE, PER_URL = 150 * MIB, 45
HEADERS = '{"content-type":["text/html"],"server":["nginx"],"etag":["\\"5f3c-1a2b\\""],"date":["Fri, 27 Nov 2026 09:00:00 GMT"]}'
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
WARM = 1000  # pages before the cost is counted
LINKS = 20


class Server:
    """Answers every host; notes when the first request came since it was asked to, and counts pages."""

    def __init__(self, port):
        self.listener = socket.create_server(("", port), backlog=1024)
        self.port = self.listener.getsockname()[1]
        self.asked = threading.Event()
        self.pages = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def page(self):
        """A page that leads to others which nobody has met."""
        with self.lock:
            self.pages += 1
            number = self.pages
        links = "".join(f"<p><a href=/new/{number}/{link}.html>page {number}, {link}</a>" for link in range(LINKS))
        body = f"<!doctype html><title>Page {number}</title>{links}".encode()
        return b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def settle(self, quiet=0.5):
        """Waits until nothing is left of what a crawler that was killed had asked for."""
        while self.asked.wait(quiet):
            self.asked.clear()

    def answer(self, connection):
        with connection:
            try:
                while request := connection.recv(4096):
                    self.asked.set()
                    connection.sendall(MISSING if b" /robots.txt " in request else self.page())
            except OSError:
                pass  # the crawler was killed


def begin(binary, file, port):
    """A crawl with one page and its rest to go."""
    subprocess.run([binary, "crawl", f"http://127.0.0.1:{port}/", "-o", file, "--max-pages", "1", "-c", "64", "--delay", "0ms",
                    "--scope", "any", "--allow-private", "127.0.0.0/8", "--no-sitemaps", "-q"], check=False)


def fill(file, urls, hosts, port):
    """Rows of a crawl that knows so many URLs and has fetched a third of them."""
    db = sqlite3.connect(file, isolation_level=None)
    db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN;")
    first_url, first_origin, first_fetch = (db.execute(f"SELECT max(id) + 1 FROM {table}").fetchone()[0]
                                            for table in ("url", "origin", "fetch"))
    names = [f"http://127.{1 + n // 60000}.{n // 250 % 240}.{1 + n % 250}:{port}" for n in range(hosts)]
    db.executemany("INSERT INTO origin (id, origin) VALUES (?, ?)", enumerate(names, first_origin))
    dice = random.Random(1)
    ids = range(first_url, first_url + urls)
    host_of = [dice.randrange(hosts) for _ in ids]
    db.executemany("INSERT INTO url (id, hash, url) VALUES (?, ?, ?)", (
        (i, dice.randbytes(12), f"{names[host]}/section-{i % 977}/article-{i}-{dice.getrandbits(64):016x}.html")
        for i, host in zip(ids, host_of)))
    db.executemany(
        """INSERT INTO fetch (id, crawl_id, url_id, started_at, elapsed_ms, status, wire_bytes, headers, is_cut)
           VALUES (?, 1, ?, 1795770000000, 20, 200, 9000, ?, 0)""",
        ((first_fetch + n, i, HEADERS) for n, i in enumerate(ids[::3])))
    db.executemany(
        """INSERT INTO state (crawl_id, url_id, state, kind, depth, found_on, hops, origin_id, attempts, fetch_id)
           VALUES (1, ?, ?, 'page', ?, 1, 0, ?, ?, ?)""",
        ((i, *(("done", 3, first_origin + host, 1, first_fetch + n // 3) if n % 3 == 0
               else ("pending", 4, first_origin + host, 0, None)))
         for n, (i, host) in enumerate(zip(ids, host_of))))
    db.execute("COMMIT")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()


def port_of(file):
    """The port of the server that a kept file is of."""
    with sqlite3.connect(file) as db:
        return int(db.execute("SELECT origin FROM origin").fetchone()[0].rpartition(":")[2])


def resume(binary, file, server):
    """Seconds until the first request, and the peak memory in bytes by then."""
    server.settle()
    began = time.monotonic()
    process = start(binary, "resume", file, "--max-pages", "2000000000", "-q")
    while not server.asked.wait(0.01):
        if process.poll() is not None:
            sys.exit(f"the resume ended with {process.returncode}")
    took = time.monotonic() - began
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    process.kill()
    process.wait()
    return took, peak


def cpu_of(process):
    """CPU seconds of a process so far."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost(binary, file, server, pages):
    """CPU seconds of a page, in a resume that fetches some more."""
    server.settle()
    process, before = start(binary, "resume", file, "--max-pages", "2000000000", "-q"), server.pages
    spent = []
    for goal in (WARM, WARM + pages):
        while server.pages < before + goal:
            if process.poll() is not None:
                sys.exit(f"the resume ended with {process.returncode}")
            time.sleep(0.005)
        spent.append(cpu_of(process))
    process.kill()
    process.wait()
    return (spent[1] - spent[0]) / pages


def measure(args, urls, folder):
    """A row of the table: URLs, seconds, memory in bytes, CPU seconds of a page."""
    file = os.path.join(folder, f"many-{urls}.db")
    server = Server(port_of(file) if os.path.exists(file) else 0)
    if not os.path.exists(file):
        begin(args.binary, file, server.port)
        fill(file, urls, args.hosts, server.port)
    took, peak = sorted(resume(args.binary, file, server) for _ in range(3))[1]
    return urls, took, peak, cost(args.binary, file, server, args.pages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--urls", default="10000,1000000,10000000", help="[10000,1000000,10000000]")
    parser.add_argument("--hosts", type=int, default=1000, help="[1000]")
    parser.add_argument("--limit", type=float, default=10, help="seconds until the first request [10]")
    parser.add_argument("--pages", type=int, default=20000, help="pages whose cost is counted [20000]")
    parser.add_argument("--dir", help="where the files go; kept, and used again [a temporary folder]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="many-urls-") as folder:
        measured = [measure(args, int(urls), args.dir or folder) for urls in args.urls.split(",")]
    least = measured[0][3]
    print_table(["URLs", "s to first request", "peak MiB", "allowed MiB", "CPU us a page", "of the first"],
                [[urls, f"{took:.2f}", f"{peak / MIB:.0f}", f"{(BASE + PER_URL * urls) / MIB:.0f}", f"{page * 1e6:.0f}",
                  f"{page / least:.2f}" if least else "-"] for urls, took, peak, page in measured])
    broken = []
    for urls, took, peak, page in measured:
        checks = {f"{took:.1f} s until the first request": took > args.limit,
                  f"{peak / MIB:.0f} MiB of memory": peak > BASE + PER_URL * urls,
                  f"{page / least:.2f} times the CPU of a page": page > 1.15 * least}
        broken += [f"{urls} URLs: {what}" for what, wrong in checks.items() if wrong]
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
