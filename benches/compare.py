#!/usr/bin/env python3
"""What does a crawl cost beside other programs that crawl the same site?

    benches/compare.py --url http://127.0.0.1:8080/ --binary target/release/crawlite wget2 wget httrack

Runs crawlite and each program that is named and installed in turn, several times over, so that
what else the machine does hits all of them alike, and prints for each the middle run: CPU (user and
system) per 1000 pages, pages per second, peak memory, what it stored. Pages are the HTML pages that
crawlite found: the same work for all. Compare the ratios: server and crawlers share the machine, so
absolute figures mean little. A command given as NAME=COMMAND may name {url}, {out} and {concurrency}.

Only against a server of your own, on this machine.
"""

import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

NOT_PAGES = r"\.(css|js|json|png|gif|svg|jpe?g|ico|woff2?|ttf|eot|pdf|zip|t?gz|bz2|xz|txt|c|h|hpp|py|xml|rst|tar)$"
PROGRAMS = {
    "wget2": "wget2 -r -l inf -q --progress=none --max-threads={concurrency} --compression=identity "
    "--ignore-tags=img,link,script,object,embed,source,input,body --filter-urls "
    f"--reject-regex='{NOT_PAGES}' -P {{out}} {{url}}",
    "wget": "wget -r -l inf -q -nv --ignore-tags=img,link,script,object,embed,source,input,body "
    f"--regex-type=posix --reject-regex='{NOT_PAGES}' -P {{out}} {{url}}",
    "httrack": "httrack {url} -O {out} -q -c{concurrency} -%c1000 --disable-security-limits -A1000000000 "
    "-p1 -r99 -s0 -I0 -%v0",
}
LOOPBACK = ("127.", "localhost", "[::1]")


def main():
    args = arguments()
    host = urlsplit(args.url).netloc
    if not host.startswith(LOOPBACK):
        sys.exit(f"{host} is not on this machine; compare on a server of your own on loopback")
    commands = {"crawlite": "{binary} crawl {url} -o {out}/site.db -c {concurrency} --per-host {concurrency} --delay 0s -q"}
    for name in args.programs:
        name, _, command = name.partition("=")
        command = command or PROGRAMS.get(name) or sys.exit(f"{name}: give it as NAME=COMMAND")
        if shutil.which(command.split()[0]):
            commands[name] = command
        else:
            print(f"{name} is not installed and left out", file=sys.stderr)
    runs = {name: [] for name in commands}
    pages = 0
    for _ in range(args.runs):
        for name, command in commands.items():
            with tempfile.TemporaryDirectory(dir=args.folder) as out:
                runs[name].append(run(command, args, out))
                if name == "crawlite":
                    pages = html_pages(f"{out}/site.db")
    table(runs, pages)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--binary", default="target/release/crawlite")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--timeout", type=int, default=300, help="seconds for each run")
    parser.add_argument("--folder", default="/dev/shm" if os.path.isdir("/dev/shm") else None, help="where the crawls are stored")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"{', '.join(PROGRAMS)}, or NAME=COMMAND")
    return parser.parse_args()


def run(command, args, out):
    """CPU seconds, wall seconds, peak memory in MB and stored bytes of one run."""
    command = command.format(binary=args.binary, url=args.url, out=out, concurrency=args.concurrency)
    began = time.monotonic()
    child = subprocess.Popen(["timeout", str(args.timeout), "bash", "-c", f"exec {command}"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - began
    stored = sum(file.stat().st_size for file in Path(out).rglob("*") if file.is_file())
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024, stored


def html_pages(file):
    with sqlite3.connect(file) as db:
        return db.execute("SELECT count(*) FROM html_pages").fetchone()[0]


def table(runs, pages):
    print(f"{pages} pages; the middle of {len(next(iter(runs.values())))} runs\n")
    print("| program | CPU per 1000 pages | beside crawlite | pages/s | peak memory | stored |")
    print("| --- | --- | --- | --- | --- | --- |")
    middle = {name: sorted(of)[len(of) // 2] for name, of in runs.items()}
    own = middle["crawlite"][0]
    for name, (cpu, _, memory, stored) in middle.items():
        wall = statistics.median(one[1] for one in runs[name])
        print(f"| {name} | {cpu / pages * 1000:.3f} s | {cpu / own:.2f} | {pages / wall:.0f} "
              f"| {memory:.0f} MB | {stored / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()
