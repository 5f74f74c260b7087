#!/usr/bin/env python3
"""Memory is bounded: 150 MiB and 45 bytes per known URL, whatever the site; through a stop and a resume.

    memory.py --binary PATH --server SITE_SERVER --urls 1000000 [--kill] [--dir FOLDER]

SITE_SERVER is the generator: `cargo bench --bench site_server --no-run` prints its path.
Starts it, crawls all its hosts, stops the crawl with SIGINT (or kill -9 with --kill) when
half of the URLs were asked for, resumes, and samples each second VmRSS, the number of known URLs,
descriptors, threads and the size of the write-ahead log, which is judged as long as requests are
made: the index on link targets, built at the end, is one transaction. A million URLs need about 3 GB in FOLDER.

Broken, if a half's peak (VmHWM) is above 150 MiB + 45 B per known URL, if in the last half of
the crawl VmRSS grows by more than 45 B for each URL that became known then plus the slack, if
descriptors or threads grow there by more than 64, if the log exceeds 64 MiB, if exit codes are not 130 (137 after --kill) and 0, or pages are missing at the end. Prints a line
every 10 s, then a row per half, with the seconds from the resume to the server's first request.
"""

import argparse
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

from outside_view import ServerLog, print_table, rows, start, stored_pages, verdict

MIB = 1024 * 1024
BASE, PER_URL = 150 * MIB, 45
WAL_MAX = 64 * MIB
MORE_FILES = 64  # descriptors or threads by which the last half may grow


def of_process(pid):
    """VmRSS and VmHWM in bytes, descriptors and threads; zeros once the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            fields = dict(line.split(":", 1) for line in status)
        rss, peak = (int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))
        return rss, peak, len(os.listdir(f"/proc/{pid}/fd")), int(fields["Threads"])
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return 0, 0, 0, 0


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def known_urls(file, before=0):
    """URLs met so far: ids are given in order and never freed, so the largest is their number."""
    try:
        return rows(file, "SELECT max(id) FROM url")[0][0] or 0
    except sqlite3.OperationalError:
        return before  # the file is just being made or closed


class Half:
    """One process from its start to its end, with a sample each second."""

    def __init__(self, name, process, file, log):
        self.name, self.process, self.file, self.log = name, process, file, log
        self.started, self.first_request = time.time(), None
        self.samples, self.peak, self.requests = [], 0, 0
        self.files, self.threads, self.wal, self.last_wal = [], [], 0, 0

    def watch(self, stop=lambda half: False):
        """Samples until the process ends or `stop` says so."""
        due = said = time.monotonic()
        asked = False
        while self.process.poll() is None and not stop(self):
            lines = self.log.lines()
            self.requests += len(lines)
            asked = asked or bool(lines)
            if lines and self.first_request is None:
                self.first_request = lines[0][0]
            if time.monotonic() >= due:
                rss, peak, files, threads = of_process(self.process.pid)
                self.peak, wal = max(self.peak, peak), size_of(self.file + "-wal")
                self.wal, self.last_wal = max(self.wal, wal if asked else 0), max(self.last_wal, wal)
                asked = False
                if rss:
                    self.files.append(files)
                    self.threads.append(threads)
                    known = known_urls(self.file, self.samples[-1][2] if self.samples else 0)
                    self.samples.append((time.time(), rss, known))
                due += 1
                if time.monotonic() >= said + 10 and self.samples:
                    said = time.monotonic()
                    print(f"{self.name}: {self.requests} requests, {self.samples[-1][2]} known, "
                          f"{rss / MIB:.0f} MiB, peak {peak / MIB:.0f} MiB, {files} descriptors, {threads} threads", flush=True)
            time.sleep(0.02)

    def row(self):
        known = known_urls(self.file)
        waited = self.first_request - self.started if self.first_request else float("nan")
        allowed = BASE + PER_URL * known
        cells = [self.name, self.requests, known, f"{self.peak / MIB:.1f}", f"{allowed / MIB:.1f}", f"{waited:.2f}",
                 max(self.files, default=0), max(self.threads, default=0), f"{self.wal / MIB:.1f}", f"{self.last_wal / MIB:.1f}"]
        checks = {f"peak {self.peak / MIB:.1f} MiB": self.peak > allowed,
                  f"a write-ahead log of {self.wal / MIB:.1f} MiB": self.wal > WAL_MAX}
        return cells, [f"{self.name}: {what}" for what, wrong in checks.items() if wrong]

    def growth(self, values):
        """By how much the last tenth of the samples is above that after the first tenth."""
        few = max(1, len(values) // 10)
        return sum(values[-few:]) / few - sum(values[few:2 * few]) / few if len(values) > 20 else 0


def last_half_growth(second, slack):
    """What VmRSS grew by in the resumed half, in words; and whether it was too much.

    Its start does not count: known URLs are loaded, buffers and connections are made.
    """
    half = [sample for sample in second.samples if sample[0] >= (second.first_request or 0)]
    half = half[len(half) // 10 + 1:]
    if len(half) < 10:
        return "last half: too short to judge growth", False
    few = max(1, len(half) // 10)  # a single sample may catch a burst
    grown = sum(s[1] for s in half[-few:]) / few - sum(s[1] for s in half[:few]) / few
    allowed = PER_URL * (half[-1][2] - half[0][2]) + slack
    return (f"last half: {grown / MIB:+.1f} MiB in {half[-1][0] - half[0][0]:.0f} s, allowed {allowed / MIB:.1f} MiB, "
            f"{half[-1][2] - half[0][2]} URLs became known"), grown > allowed


def serve(args, log):
    """The site server, when it says that it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [args.server, "--urls", args.urls, "--hosts", args.hosts, "--big", args.urls // 2, "--port", port,
               "--log", log]
    server = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    print(server.stdout.readline().strip(), flush=True)
    return server, f"http://127.0.0.1:{port}/"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--server", required=True, help="the generator site_server")
    parser.add_argument("--urls", type=int, default=1_000_000, help="[1000000]; half of them on one host")
    parser.add_argument("--hosts", type=int, default=1000, help="[1000]")
    parser.add_argument("--concurrency", type=int, default=64, help="requests in flight [64]")
    parser.add_argument("--kill", action="store_true", help="stop with kill -9 instead of SIGINT")
    parser.add_argument("--slack-mib", type=float, default=16, help="growth in the last half that is not counted [16]")
    parser.add_argument("--dir", help="where the file goes; kept [a temporary folder]")
    args = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # idle connections to every host
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        log_path = os.path.join(folder, "server.log")
        server, url = serve(args, log_path)
        try:
            return run(args, url, os.path.join(args.dir or folder, "memory.db"), ServerLog(log_path))
        finally:
            server.terminate()
            print(server.communicate()[0].strip())


def run(args, url, file, log):
    first = Half("crawl", start(args.binary, "crawl", url, "-o", file, "-c", args.concurrency, "--per-host", 16,
                                "--delay", "0ms", "--scope", "any", "--allow-private", "127.0.0.0/8", "-q"), file, log)
    first.watch(lambda half: half.requests >= args.urls // 2)
    stop, expected = (signal.SIGKILL, -signal.SIGKILL) if args.kill else (signal.SIGINT, 130)
    asked_to_stop = time.time()
    first.process.send_signal(stop)
    first.watch()  # the drain is part of the half
    code = first.process.returncode
    broken = [] if code == expected else [f"exit code {code} after {stop.name}"]
    took = time.time() - asked_to_stop
    print(f"{stop.name}: ended after {took:.1f} s, {stored_pages(file)} pages stored", flush=True)
    first.requests += len(log.settled())

    first_row, wrong = first.row()
    broken += wrong
    second = Half("resume", start(args.binary, "resume", file, "-q"), file, log)
    second.watch()
    second.requests += len(log.settled())
    if second.process.returncode != 0:
        broken.append(f"exit code {second.process.returncode} of the resume")
    second_row, wrong = second.row()
    broken += wrong
    print_table(["half", "requests", "known", "peak MiB", "allowed MiB", "s to first request", "descriptors", "threads",
                 "log MiB", "at the end"], [first_row, second_row])
    for what, values in (("descriptors", second.files), ("threads", second.threads)):
        grown = second.growth(values)
        print(f"last half: {grown:+.0f} {what}")
        if grown > MORE_FILES:
            broken.append(f"{grown:.0f} more {what} in the last half")
    words, too_much = last_half_growth(second, args.slack_mib * MIB)
    print(words)
    if too_much:
        broken.append(words)
    pages = stored_pages(file)
    if pages != args.urls:
        broken.append(f"{pages} pages stored of {args.urls}")
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
