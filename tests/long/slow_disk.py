#!/usr/bin/env python3
"""A disk that takes 50 ms for each transaction slows a crawl down and stalls nobody.

    slow_disk.py --binary PATH [--ms 50]

Crawls a small web of eventful_site.py under shim.c, which lets every sync of the write-ahead log wait
so long; once undisturbed, once with a kill -9 in the middle, after which each suspect's row is awaited.

Broken, if a run makes no request for more than 10 s, does not end with 0, or its file is not equal to
that of an undisturbed crawl on a fast disk. Prints a row per run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

import compare
import shim
from eventful_site import Site, crawl_args
from memory import MIB, of_process
from outside_view import kill, memory_folder, print_table, verdict

STALL = 10
PATIENCE = 120


def watched(process, site, until=lambda: False):
    """Waits for the end; the longest time without a request, and the peak of memory."""
    began = last = time.monotonic()
    seen, longest, peak = len(site.requests), 0.0, 0
    while process.poll() is None and not until() and time.monotonic() - began < PATIENCE:
        if len(site.requests) != seen:
            seen, last = len(site.requests), time.monotonic()
        longest = max(longest, time.monotonic() - last)
        peak = max(peak, of_process(process.pid)[1])
        time.sleep(0.01)
    return time.monotonic() - began, longest, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--ms", type=int, default=50, help="milliseconds for each sync [50]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slow-", dir=memory_folder()) as folder:
        return run(args, folder)


def run(args, folder):
    site, library = Site(pages=600, polite=2, busy=2, small=20), shim.compiled(folder)
    reference, file = os.path.join(folder, "reference.db"), os.path.join(folder, "x.db")
    table, broken = [], []

    def crawl(name, how, file, do=None, until=None):
        arguments = crawl_args(site, file) if how == "crawl" else ["resume", file, "-q"]
        before = len(site.requests)
        process = subprocess.Popen([args.binary, *map(str, arguments)], env=shim.environment(library, file, do))
        took, longest, peak = watched(process, site, until or (lambda: False))
        killed = kill(process)
        if process.returncode != 0 and not (until and killed):
            broken.append(f"{name}: exit code {process.returncode} after {took:.0f} s")
        if longest > STALL:
            broken.append(f"{name}: no request for {longest:.1f} s")
        table.append([name, len(site.requests) - before, f"{took:.1f}", f"{longest:.2f}", f"{peak / MIB:.0f}"])

    crawl("fast disk", "crawl", reference)
    slow = f"sleep:s:w:1:0:{args.ms * 1000}"
    for name, at in (("slow disk", None), ("slow disk, killed", len(site.requests) // 2)):
        site.begin_round()
        crawl(name, "crawl", file, slow, at and (lambda: len(site.requests) >= at))
        if at:
            crawl("its resume", "resume", file, slow)
        broken += [f"{name}: {line}" for line in compare.compare(reference, file)]
        os.remove(file)
    print_table(["run", "requests", "s", "longest pause s", "peak MiB"], table)
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
