"""A web on loopback where everything happens that a crawl may meet, and that remembers who asked for what.

Shared by the scripts beside it. Every answer follows from host and path, so that two crawls get
the same; only /once/ and /busy/ answer otherwise when they are asked for the first time in a
round (`begin_round`). One server is all hosts:

    127.0.1.1    the big one: a tree of pages with links anywhere, redirects (also in chains and loops),
                 404s, 500s that mend and others that do not, a folder that robots.txt disallows, one
                 that never ends, nofollow links, images, pages that only a sitemap names, and a chain of
                 pages to beyond the depth limit, to the middle of which a slow page leads
    127.0.2.n    polite ones: their robots.txt asks for a Crawl-delay
    127.0.3.n    busy ones: /busy/ answers 429 or 503 with Retry-After at first
    127.0.4.n    small ones, found all along the crawl
"""

import collections
import os
import socket
import struct
import threading
import time

ROBOTS = "/robots.txt"
LATENCY, SLOW = 0.004, 0.6
CRAWL_DELAY = 0.08
DEPTH = 7  # the limit that the chain /far/ is made for
FAR = 13
SO_TIMESTAMPNS = 35  # Linux; Python has no name for it

Request = collections.namedtuple("Request", "arrived host path status answered")


def wall_ahead():
    """Seconds from the clock that never jumps to the wall clock, measured when nothing came between the two looks."""
    def look():
        before = time.monotonic()
        wall = time.time()
        return time.monotonic() - before, wall - before
    return min(look() for _ in range(100))[1]


def spread(number):
    """A number that looks like any other."""
    number = (number * 0x9E3779B97F4A7C15 + 0x7F4A7C15) & (1 << 64) - 1
    return ((number ^ number >> 29) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1) >> 32


class Site:
    """The web; its threads end with the process."""

    def __init__(self, pages=1500, polite=6, busy=4, small=90, latency=LATENCY, retry_after=1, eventful=True):
        self.pages, self.latency, self.retry_after, self.eventful = pages, latency, retry_after, eventful
        groups = {"127.0.1.": 1, "127.0.2.": polite, "127.0.3.": busy, "127.0.4.": small}
        self.hosts = [f"{group}{n}" for group, count in groups.items() for n in range(1, count + 1)]
        self.requests, self.lock, self.met, self.wall_ahead = [], threading.Lock(), set(), wall_ahead()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)  # accepted sockets inherit it
        self.listener.bind(("0.0.0.0", 0))
        self.listener.listen(512)
        self.port = self.listener.getsockname()[1]
        self.seed = self.url(self.hosts[0], "/")
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, host, path):
        return f"http://{host}:{self.port}{path}"

    def begin_round(self):
        """From here on: nothing was asked for yet."""
        with self.lock:
            self.requests, self.met = [], set()

    def settled(self, quiet=0.15):
        """The requests so far, once no further one came for `quiet` seconds."""
        last, since = -1, time.monotonic()
        while time.monotonic() - since < quiet:
            if len(self.requests) != last:
                last, since = len(self.requests), time.monotonic()
            time.sleep(0.01)
        return list(self.requests)

    def accept(self):
        while True:
            connection, (peer, _) = self.listener.accept()
            if peer.startswith("127."):
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
            else:
                connection.close()

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
                        arrived = seconds + nanoseconds / 1e9 - self.wall_ahead
                head += data
                if not data:
                    break
                if head.endswith(b"\r\n\r\n"):
                    self.answer(connection, head.decode(errors="replace"), arrived)
                    head = b""
        except OSError:
            pass  # the crawler was killed
        connection.close()

    def answer(self, connection, head, arrived):
        path = head.split(" ", 2)[1]
        host = head.lower().split("\r\nhost:")[1].split("\r\n")[0].strip().split(":")[0]
        with self.lock:
            first = (host, path) not in self.met
            self.met.add((host, path))
            status, headers, body = self.content(host, path, first)
            wait = SLOW if path.startswith("/slow/") else self.latency
            self.requests.append(Request(arrived, host, path, status, time.monotonic() + wait))
        time.sleep(wait)
        body = body.encode()
        kind = "text/plain" if path == ROBOTS else "text/xml" if path.endswith(".xml") else "text/html"
        head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    def content(self, host, path, first):
        """Status, headers and body."""
        if host not in self.hosts:
            return 404, "", "no such host"
        if path == ROBOTS:
            return 200, "", self.robots(host)
        folder, _, rest = path[1:].partition("/")
        if path.endswith(".xml"):
            return self.sitemap(host, path)
        if folder == "once" and first:
            return 500, "", "not now"
        if folder == "busy" and first:
            status = 429 if int(host.rpartition(".")[2]) % 2 else 503
            return status, f"Retry-After: {self.retry_after}\r\n", "later"
        if folder == "down":
            return 500, "", "never"
        target = self.redirect(folder, rest)
        if target:
            return 302, f"Location: {target}\r\n", ""
        links = self.links(host, path, folder, rest)
        if links is None:
            return 404, "", f"not here: {host}{path}"
        listed = "".join(f"<li><a href='{link}'>to {link}</a>\n" for link in links)
        extra = "<a rel=nofollow href=/nofollow/1>n</a><a href='mailto:x@y'>m</a><img src=/i/1.png>" if path == "/" else ""
        return 200, "", f"<title>{host}{path}</title><h1>{path} of {host}</h1>{extra}<ul>{listed}</ul>"

    def robots(self, host):
        text = "User-agent: *\nDisallow: /private/\n"
        if host.startswith("127.0.2."):
            text += f"Crawl-delay: {CRAWL_DELAY}\n"
        return text + (f"Sitemap: {self.url(host, '/index.xml')}\n" if host == self.hosts[0] else "")

    def sitemap(self, host, path):
        if host != self.hosts[0] or path not in ("/index.xml", "/one.xml", "/two.xml"):
            return 404, "", f"not here: {host}{path}"
        if path == "/index.xml":
            places = "".join(f"<sitemap><loc>{self.url(host, p)}</loc></sitemap>" for p in ("/one.xml", "/two.xml"))
            return 200, "", f"<sitemapindex xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{places}</sitemapindex>"
        first = 0 if path == "/one.xml" else 10
        paths = [f"/only/{n}" for n in range(first, first + 10)] + [f"/p/{first + 3}", "/private/9"]
        places = "".join(f"<url><loc>{self.url(host, p)}</loc></url>" for p in paths)
        return 200, "", f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{places}</urlset>"

    def redirect(self, folder, rest):
        """Where a path of the big host redirects to, if it does."""
        if folder == "moved":
            return f"/p/{int(rest) * 37 + 5}"
        if folder == "away":
            return self.url(self.hosts[1 + int(rest) % (len(self.hosts) - 1)], "/x/1")
        if folder == "chain":
            return f"/chain/{int(rest) + 1}" if int(rest) < 3 else "/p/7"
        if folder == "loop":
            return "/loop/b" if rest == "a" else "/loop/a"
        return f"/hop/{int(rest) + 1}" if folder == "hop" else None

    def links(self, host, path, folder, rest):
        """What a page links to; None if there is no such page."""
        number = int(rest) if rest.isdigit() else 0
        if host != self.hosts[0]:
            return self.links_of_small(host, path, folder, number)
        if path == "/" or (folder == "p" and 0 < number < self.pages):
            children = [f"/p/{n}" for n in range(4 * number + 1, 4 * number + 5) if n < self.pages]
            anywhere = [f"/p/{spread(number * 3 + n) % self.pages or 1}" for n in range(3)]
            far = [self.url(self.hosts[number // 5 % len(self.hosts)], "/")] if number % 5 == 0 else []
            return children + anywhere + far + (self.events() if path == "/" and self.eventful else [])
        if folder == "trap":
            return ["sub/", f"/p/{path.count('sub') + 2}"]
        if folder == "far" and 0 < number < FAR:
            return [f"/far/{number + 1}", f"/p/{number}"]
        if folder == "slow":
            return ["/far/6", "/p/11"]
        is_page = folder in ("once", "only", "nofollow") and number < 40
        return [f"/p/{number + 1}"] if is_page else None

    def events(self):
        """What the first page leads to besides."""
        count = {"moved": 6, "away": 6, "once": 8, "down": 2, "gone": 3, "private": 3}
        named = [f"/{folder}/{n}" for folder, most in count.items() for n in range(most)]
        busy = [self.url(host, "/") for host in self.hosts if host.startswith("127.0.3.")]
        return busy + named + ["/chain/0", "/loop/a", "/hop/0", "/trap/", "/far/1", "/slow/0"]

    def links_of_small(self, host, path, folder, number):
        group = host.rpartition(".")[0]
        count = 14 if group == "127.0.2" else 7
        if path == "/":
            busy = ["/busy/0"] if group == "127.0.3" else []
            return busy + [f"/x/{n}" for n in range(count)] + ["/private/1"]
        if folder == "x" and number < count:
            other = self.hosts[1 + (self.hosts.index(host) + number) % (len(self.hosts) - 1)]
            return [f"/x/{(number + 1) % count}", "/", self.url(other, f"/x/{number % 7}")]
        return [] if folder == "busy" else None


def crawl_args(site, file, *more):
    """The arguments of a crawl of the whole web."""
    return ["crawl", site.seed, "-o", file, "-q", "--scope", "any", "--allow-private", "127.0.0.0/8", "--depth", DEPTH,
            "--retries", 1, "-c", 16, "--per-host", 16, *more]


if __name__ == "__main__":  # to look at it: the address, until it is ended
    print(Site().seed, os.getpid(), flush=True)
    threading.Event().wait()
