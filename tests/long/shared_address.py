#!/usr/bin/env python3
"""Many names on one machine do not add up: at most 4 requests at once and 100 ms between two starts at an address.

    shared_address.py --binary PATH [--names 500]

Enters a network namespace of its own (unshare; nothing of the machine's network is touched),
gives its loopback device two addresses that are not loopback, lets --names names lead to the
first and one to the second by an /etc/hosts of its own, and crawls all of them with the default
manners. Every second answer takes 1.2 s, so that the limit of requests at once is reached, too.

Broken, if at the first address two starts are closer than 100 ms less 5 ms or more than 4
requests overlap, if the second address is slowed by the first, if a page is missing, or the
exit code is not 0. The gap is the server's, so it needs a machine that is not busy: how long the
crawler needs to connect counts too. Its own record of when it began each request stands beside it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading

from outside_view import print_table, rows, start, verdict
from polite import ROBOTS, Site, most_at_once, wait

GAP, MARGIN, AT_ONCE, SLOW = 0.1, 0.005, 4, 1.2
CROWD, ALONE = "10.77.0.1", "10.77.0.2"
INSIDE = "CRAWLITE_INSIDE_NAMESPACE"


class Address(Site):
    """All the sites of one address: each has a home page and one more."""

    def __init__(self, host, pages):
        super().__init__(host)
        self.pages = pages
        self.port = self.listener.getsockname()[1]

    def content(self, path, _first):
        with self.lock:
            number = len(self.requests)
        if number % 2 == 0 and self.pages == 1:
            threading.Event().wait(SLOW)
        if path == ROBOTS:
            return 404, "Content-Type: text/plain\r\n", ""
        links = "".join(f'<a href="/{n}">{n}</a>' for n in range(1, self.pages + 1)) if path == "/" else ""
        return 200, "Content-Type: text/html\r\n", f"<title>{path}</title>{links}"


def enter(args):
    """The same program in namespaces of its own."""
    if os.environ.get(INSIDE):
        return
    flags = ["--net", "--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net", "--mount"]
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def set_up(folder, names):
    def run(*command):
        subprocess.run(command, check=True)

    run("ip", "link", "set", "lo", "up")
    for address in (CROWD, ALONE):
        run("ip", "address", "add", f"{address}/32", "dev", "lo")
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w", encoding="utf-8") as file:
        file.write("127.0.0.1 localhost\n" + "".join(f"{CROWD} {name}\n" for name in names) + f"{ALONE} alone.test\n")
    run("mount", "--bind", hosts, "/etc/hosts")


def smallest(times):
    times = list(times)
    return min((later - earlier for earlier, later in zip(times, times[1:])), default=0)


def judge(site):
    asked = sorted(site.requests, key=lambda request: request.start)
    gaps = [later.start - earlier.start for earlier, later in zip(asked, asked[1:])]
    return asked, min(gaps, default=0), most_at_once(asked)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--names", type=int, default=500, help="names of the first address [500]")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    enter(args)
    names = [f"name{n}.test" for n in range(args.names)]
    with tempfile.TemporaryDirectory(prefix="address-") as folder:
        set_up(folder, names)
        crowd, alone = Address(CROWD, 1), Address(ALONE, 20)
        crowd.open(None), alone.open(None)
        seeds = os.path.join(folder, "seeds")
        with open(seeds, "w", encoding="utf-8") as file:
            file.write("".join(f"http://{name}:{crowd.port}/\n" for name in names))
            file.write(f"http://alone.test:{alone.port}/\n")
        db = os.path.join(folder, "x.db")
        process = start(args.binary, "crawl", "-i", seeds, "-o", db, "--no-sitemaps", "--no-traps", "-q",
                        "--set", "scope.mirrors=true", "--allow-private", "10.77.0.0/16")
        code = wait(process, args.names * 3 * 0.4 + 60)
        if code is None:
            process.kill()
        stored = rows(db, "SELECT count(*), count(DISTINCT substr(url, 1, instr(substr(url, 9), '/') + 8)) "
                      "FROM pages WHERE status = 200")[0]
        recorded = smallest(at for (at,) in rows(
            db, "SELECT f.started_at FROM fetch f JOIN url u ON u.id = f.url_id WHERE u.url NOT LIKE '%alone%' ORDER BY 1"))
        (asked, gap, most), (asked_alone, gap_alone, most_alone) = judge(crowd), judge(alone)
        took_alone = asked_alone[-1].start - asked_alone[0].start
        checks = {
            f"exit code {code}": code != 0,
            f"{stored[0]} pages stored on {stored[1]} hosts": stored != (2 * args.names + 21, args.names + 1),
            f"a gap of {gap * 1000:.1f} ms at {CROWD}": gap < GAP - MARGIN,
            f"{most} requests at once at {CROWD}": most > AT_ONCE,
            f"never {AT_ONCE} at once: nothing proved": most < AT_ONCE,
            f"{took_alone:.1f} s for the 22 requests at {ALONE}": took_alone > 22 * 0.25 * 1.5 + 1,
        }
    print_table(["address", "names", "requests", "smallest gap ms", "as recorded ms", "most at once", "seconds"], [
        [CROWD, args.names, len(asked), f"{gap * 1000:.1f}", recorded, most, f"{asked[-1].end - asked[0].start:.0f}"],
        [ALONE, 1, len(asked_alone), f"{gap_alone * 1000:.1f}", "-", most_alone, f"{took_alone:.1f}"],
    ])
    return verdict([what for what, wrong in checks.items() if wrong])


if __name__ == "__main__":
    sys.exit(main())
