#!/usr/bin/env python3
"""A network that is down costs no page: the crawl waits for it, counts nothing against anybody, and goes on.

    network_down.py --binary PATH [--minutes 10] [--pages 120]

Enters a network namespace of its own (unshare; nothing of the machine's network is touched), gives
its loopback device addresses that are not loopback, two with a site of --pages pages and one with a
small site that wants 16 s between requests, so that no connection to it is open when it is asked next;
a fourth cannot be reached before the network comes back. All are crawled by name with the default manners. After a third of the pages the device is taken down
and the names no longer resolve; after --minutes both come back. Then the crawl must go on by itself.

Broken, if the exit code is not 0; if a page is missing, has an error or a status other than 200; if
more URLs than could be in flight were tried a second time; if a site was asked for anything meanwhile;
if the person was not told; or if the crawl needs more than 90 s to notice that the network is back.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time

from outside_view import print_table, rows, verdict
from polite import ROBOTS, Site, wait

HOSTS = {"one.test": "10.78.0.1", "two.test": "10.78.0.2"}
SLOW = {"slow.test": "10.78.0.3"}
LATE = {"late.test": "10.78.0.4"}
SLOW_DELAY, SLOW_PAGES, LATE_PAGES = 16, 6, 3
INSIDE = "CRAWLITE_INSIDE_NAMESPACE"
PER_HOST = 2
NOTICES = 90.0  # seconds: the longest wait between two tries is a minute
SAID = "is the network down?"


class Pages(Site):
    """A home page that links to all others."""

    def __init__(self, host, pages, robots=""):
        super().__init__(host)
        self.pages, self.robots = pages, robots
        self.port = self.listener.getsockname()[1]

    def content(self, path, _first):
        if path == ROBOTS:
            return 200, "Content-Type: text/plain\r\n", self.robots
        links = "".join(f'<a href="/{n}">{n}</a>' for n in range(1, self.pages)) if path == "/" else ""
        return 200, "Content-Type: text/html\r\n", f"<title>{path}</title>{links}"


def run(*command):
    subprocess.run(command, check=True)


def enter():
    """The same program in namespaces of its own."""
    if os.environ.get(INSIDE):
        return
    flags = ["--net", "--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net", "--mount"]
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


class Network:
    """The names and the device, as they are and as they are not."""

    def __init__(self, folder):
        self.hosts = os.path.join(folder, "hosts")
        self.names(HOSTS | SLOW)
        run("ip", "link", "set", "lo", "up")
        for address in (HOSTS | SLOW | LATE).values():
            run("ip", "address", "add", f"{address}/32", "dev", "lo")
        run("mount", "--bind", self.hosts, "/etc/hosts")

    def names(self, hosts):
        with open(self.hosts, "w", encoding="utf-8") as file:
            file.write("127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in hosts.items()))

    def down(self):
        self.names({})
        run("ip", "link", "set", "lo", "down")

    def up(self):
        run("ip", "link", "set", "lo", "up")
        self.names(HOSTS | SLOW | LATE)


def crawl(args, folder, sites):
    """Starts the crawl; the process, its file, and what it says."""
    db, said = os.path.join(folder, "x.db"), []
    seeds = [f"http://{name}:{site.port}/" for name, site in sites.items()]
    process = subprocess.Popen(
        [args.binary, "crawl", *seeds, "-o", db, "--no-sitemaps", "--no-traps", "--allow-private", "10.78.0.0/16"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def listen():
        said.extend(process.stderr)

    threading.Thread(target=listen, daemon=True).start()
    return process, db, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--minutes", type=float, default=10, help="how long the network is down [10]")
    parser.add_argument("--pages", type=int, default=120, help="pages of each site [120]")
    args = parser.parse_args()
    args.binary = os.path.abspath(args.binary)
    enter()
    with tempfile.TemporaryDirectory(prefix="network-") as folder:
        network = Network(folder)
        sites = {name: Pages(address, args.pages) for name, address in HOSTS.items()}
        robots = f"User-agent: *\nCrawl-delay: {SLOW_DELAY}\n"
        sites |= {name: Pages(address, SLOW_PAGES, robots) for name, address in SLOW.items()}
        sites |= {name: Pages(address, LATE_PAGES) for name, address in LATE.items()}
        for site in sites.values():
            site.open(None)
        process, db, said = crawl(args, folder, sites)

        def asked():
            return [request for site in sites.values() for request in site.requests]

        wait(process, 120, lambda: len(asked()) >= len(HOSTS) * args.pages // 3)
        network.down()
        down_at, before = time.monotonic(), len(asked())
        code = wait(process, args.minutes * 60)
        ended_early = code is not None
        network.up()
        up_at = time.monotonic()
        code = wait(process, NOTICES + args.pages * 2 + SLOW_DELAY * SLOW_PAGES)
        if code is None:
            process.kill()
        process.wait()
        late = [request.start for request in asked() if request.start > up_at]
        meanwhile = [request.path for request in asked() if down_at + 1 < request.start < up_at]
        pages = rows(db, "SELECT count(*), coalesce(sum(status IS 200 AND error IS NULL), 0), "
                         "coalesce(sum(attempts > 1), 0), coalesce(max(attempts), 0) FROM pages")[0]
        pending = rows(db, "SELECT count(*) FROM urls WHERE state = 'pending'")[0][0]
    notices = min(late, default=float("inf")) - up_at
    wanted, in_flight = len(HOSTS) * args.pages + SLOW_PAGES + LATE_PAGES, len(sites) * PER_HOST
    checks = {
        f"exit code {code}": code != 0,
        f"it ended after {time.monotonic() - down_at:.0f} s, before the network was back": ended_early,
        f"{pages[1]} of {wanted} pages, {pending} pending": pages[:2] != (wanted, wanted),
        f"{pages[2]} URLs tried again, up to {pages[3]} times": pages[2] > in_flight or pages[3] > 2,
        f"asked meanwhile: {meanwhile[:3]}": bool(meanwhile),
        f"{notices:.0f} s until it noticed": notices > NOTICES,
        "nobody was told": not any(SAID in line for line in said),
        f"all of {before} requests came before the network was lost": before >= wanted,
    }
    print_table(["minutes down", "requests before", "pages", "tried again", "attempts at most", "noticed after s"],
                [[args.minutes, before, pages[1], pages[2], pages[3], f"{notices:.1f}"]])
    broken = [what for what, wrong in checks.items() if wrong]
    if broken:
        sys.stderr.writelines(said[-12:])
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
