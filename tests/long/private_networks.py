#!/usr/bin/env python3
"""No name leads into a private network, whatever DNS says of it, and whenever it says something else.

    private_networks.py --binary PATH

Enters network namespaces of its own (unshare; nothing of the machine's network is touched): one for the
crawler, and behind it a second one that is all the world: every address, private or not, answers on any
port with a page. A resolver stub says of each name, for each of PRIVATE's addresses,

    always   it is there
    both     it is there and at a public address, in one answer
    flip1-4  it is at a public address the first 1 to 4 times, and there from then on
    turns    a public and the private address by turns
    alias    it is another name of `localhost` or of a private host, which is there

and a crawl of a public site meets all of them by each way of WAYS. Then names are typed by the user:
one that is public when it is typed and private later, one that is cloud metadata, and one of the inside,
which may be reached. Every SYN that leaves the crawler's machine, its own loopback included, is taken from
the wire: none but those to public addresses and to what was allowed.

Broken, if any other SYN is seen or any page of a private address is stored, if an exit code is neither 0
nor 4, if names were not asked for or not refused, or if the wire shows nothing where the private network
is allowed: then it would show nothing anywhere. Prints a row per way.
"""

import argparse
import collections
import ipaddress
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading

from outside_view import print_table, rows, verdict

INSIDE = "CRAWLITE_INSIDE_NAMESPACE"
PATIENCE = 120
PRIVATE = ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.9.9.9", "172.16.9.9", "192.168.9.9", "100.64.9.9", "169.254.9.9",
           "198.18.9.9", "169.254.169.254", "::1", "::", "fd00::9", "fec0::9", "::ffff:10.9.9.9", "64:ff9b::10.9.9.9",
           "2002:a09:909::1", "fd00:ec2::254"]
BEHAVIOURS = ["always", "both", "flip1", "flip2", "flip3", "flip4", "turns", "alias"]
SITE = "site.example"
NAME = re.compile(r"(?:r(\d+)-)?(\w+?)-(\d+)\.example$")


def public(number):
    """The public address of the number-th name."""
    return f"93.184.{number // 200}.{number % 200 + 2}"


def is_public(address):
    return ipaddress.ip_address(address) in ipaddress.ip_network("93.184.0.0/16")


def names(run):
    return [f"r{run}-{behaviour}-{n}.example" for behaviour in BEHAVIOURS for n in range(len(PRIVATE))]


class Resolver:
    """What DNS says, and what it said: answers in the packets of RFC 1035."""

    def __init__(self):
        self.asked, self.told = collections.Counter(), collections.defaultdict(set)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def addresses(self, name, time):
        """All addresses of a name when it is asked for the time-th time."""
        if name == SITE:
            return [public(0)]
        found = NAME.match(name)
        if not found:
            return []
        behaviour, number = found[2], int(found[3])
        at_home, inside = public(1 + BEHAVIOURS.index(behaviour) * len(PRIVATE) + number), PRIVATE[number]
        if behaviour.startswith("flip"):
            return [at_home if time <= int(behaviour[4:]) else inside]
        return {"always": [inside], "both": [inside, at_home], "alias": [inside],
                "turns": [(at_home, inside)[time % 2 == 0]]}[behaviour]

    def serve(self):
        while True:
            packet, peer = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(packet), peer)

    def answer(self, packet):
        labels, at = [], 12
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        name, kind = ".".join(labels).lower(), int.from_bytes(packet[at + 1:at + 3], "big")
        self.asked[name, kind] += 1
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        all_addresses = self.addresses(name, self.asked[name, kind])
        ours = [a for a in all_addresses if family == (socket.AF_INET6 if ":" in a else socket.AF_INET)]
        self.told[name] |= set(ours)
        records, owner = [], b"\xc0\x0c"
        if "alias" in name and ours:
            owner = b"\x09localhost\x00"
            records.append(b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x00" + len(owner).to_bytes(2, "big") + owner)
        for address in ours:
            data = socket.inet_pton(family, address)
            records.append(owner + kind.to_bytes(2, "big") + b"\x00\x01\x00\x00\x00\x00" + len(data).to_bytes(2, "big") + data)
        head = packet[:2] + b"\x84\x00\x00\x01" + len(records).to_bytes(2, "big") + bytes(4)
        return head + packet[12:at + 5] + b"".join(records)


class Wire:
    """Every SYN that leaves, as (address, port), loopback included."""

    def __init__(self):
        self.seen, self.lock = collections.Counter(), threading.Lock()
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            packet, (_, protocol, kind, _, _) = self.socket.recvfrom(65536)
            if kind != socket.PACKET_OUTGOING:
                continue
            if protocol == 0x0800 and packet[9] == 6:
                tcp, target = packet[(packet[0] & 15) * 4:], socket.inet_ntop(socket.AF_INET, packet[16:20])
            elif protocol == 0x86DD and packet[6] == 6:
                tcp, target = packet[40:], socket.inet_ntop(socket.AF_INET6, packet[24:40])
            else:
                continue
            if tcp[13] & 0x12 == 0x02:
                with self.lock:
                    self.seen[target, int.from_bytes(tcp[2:4], "big")] += 1

    def take(self):
        """What was seen since the last time; a knock of ours comes last."""
        with socket.socket() as knock:
            knock.connect_ex(("127.0.0.1", 1))
        while ("127.0.0.1", 1) not in self.seen:
            threading.Event().wait(0.002)
        with self.lock:
            seen, self.seen = self.seen, collections.Counter()
        del seen["127.0.0.1", 1]
        return seen


def listed(urls, form):
    return "".join(form.format(url) for url in urls)


def one_each(path, urls, page):
    """A home page with a link for each URL to a page of ours, and those pages."""
    if path == "/":
        return listed(range(len(urls)), "<a href=/{0}>{0}</a>")
    return page(urls[int(path[1:])]) if path[1:].isdigit() and int(path[1:]) < len(urls) else None


# How the site leads to names: what it answers to a path: a body, or headers and a body.
WAYS = {
    "link": lambda path, urls: listed(urls, "<a href='{}'>x</a>") if path == "/" else None,
    "iframe": lambda path, urls: listed(urls, "<iframe src='{}'></iframe>") if path == "/" else None,
    "canonical": lambda path, urls: one_each(path, urls, lambda url: f"{url}<link rel=canonical href='{url}'>"),
    "redirect": lambda path, urls: one_each(path, urls, lambda url: (f"Location: {url}\r\n", "")),
    "refresh": lambda path, urls: one_each(path, urls, lambda url: (f"Refresh: 0;url={url}\r\n", url)),
    "sitemap": lambda path, urls: {"/": "x", "/sitemap.xml": "<urlset>" + listed(urls, "<url><loc>{}</loc></url>") + "</urlset>"}.get(path),
    "robots": lambda path, urls: {"/": "x", "/robots.txt": listed(urls, "Sitemap: {}\n")}.get(path),
    "robots redirect": lambda path, urls: None,  # the hosts of the seed list redirect theirs
    "seed list": lambda path, urls: None,
    "external": lambda path, urls: listed(urls, "<a href='{}'>x</a>") if path == "/" else None,
    "asset": lambda path, urls: listed(urls, "<img src='{}'><link rel=stylesheet href='{}x.css'>".replace("{}", "{0}")) if path == "/" else None,
}


class World:
    """All addresses and ports: in a namespace where every address is its own. Runs as a program of its own."""

    def __init__(self):
        self.way, self.urls = "link", []
        for family, any_address in ((socket.AF_INET6, "::"),):
            listener = socket.socket(family)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind((any_address, 80))
            listener.listen(1024)
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        head = b""
        try:
            while not head.endswith(b"\r\n\r\n"):
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            text = head.decode(errors="replace")
            host = text.lower().split("\r\nhost:")[1].split("\r\n")[0].strip()
            connection.sendall(self.answer(host, text.split(" ", 2)[1]))
        except OSError:
            pass
        finally:
            connection.close()  # each request needs a connection of its own, and each of those a look-up

    def answer(self, host, path):
        content = WAYS[self.way](path, self.urls) if host == SITE else self.of_name(host, path)
        headers, body = content if isinstance(content, tuple) else ("", content)
        status = 404 if body is None else 302 if "Location:" in headers else 200
        kind = "text/xml" if path.endswith(".xml") else "text/plain" if path.endswith(".txt") else "text/html"
        head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nConnection: close\r\n{headers}"
        body = (body or "").encode()
        return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def of_name(self, host, path):
        """What every name but the site's shows: three pages."""
        if path == "/robots.txt" and self.way == "robots redirect":
            number = (hash(host) + 1) % len(self.urls)
            return f"Location: {self.urls[number]}\r\n", ""
        return "<a href=/1>1</a><a href=/2>2</a><a href=/3>3</a>" if path in ("/", "/1", "/2", "/3") else None

    def run(self):
        """A line of standard input per crawl: its way and its number."""
        print("ready", flush=True)
        for line in sys.stdin:
            way, run = line.rstrip("\n").split("\t")
            self.way, self.urls = way, [f"http://{name}/" for name in names(run)]
            print("ready", flush=True)


def enter():
    """The same program in namespaces of its own."""
    if os.environ.get(INSIDE):
        return
    flags = ["--net", "--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--net", "--mount"]
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def run(*command):
    subprocess.run(command, check=True)


def set_up(folder):
    """The crawler's network, and the world behind it."""
    world = subprocess.Popen(["unshare", "--net", sys.executable, os.path.abspath(__file__), "--world"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    world.stdout.readline()  # it is in its namespace
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "out", "type", "veth", "peer", "name", "in", "netns", str(world.pid))
    run("ip", "address", "add", "203.0.113.2/24", "dev", "out")
    run("ip", "address", "add", "3fff::2/64", "dev", "out", "nodad")
    run("ip", "link", "set", "out", "up")
    inside = ["nsenter", "--net", "-t", str(world.pid), "ip"]
    for command in ("link set lo up", "address add 203.0.113.1/24 dev in", "-6 address add 3fff::1/64 dev in nodad",
                    "link set in up", "route add local 0.0.0.0/0 dev lo table local metric 9",
                    "-6 route add local ::/0 dev lo table local metric 9999"):
        run(*inside, *command.split())
    run("ip", "route", "add", "default", "via", "203.0.113.1")
    run("ip", "-6", "route", "add", "default", "via", "3fff::1")
    for name, text in (("resolv.conf", "nameserver 127.0.0.1\noptions attempts:1\n"), ("hosts", "")):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        run("mount", "--bind", path, f"/etc/{name}")
    return world


class Bench:
    def __init__(self, args, folder, world):
        self.binary, self.folder, self.world = args.binary, folder, world
        self.resolver, self.wire = Resolver(), Wire()
        self.table, self.broken, self.runs = [], [], 0

    def crawl(self, name, way, *args, allowed=(), file=None, codes=(0, 4)):
        """One crawl: what the wire saw, as a row; what was broken is kept. Returns its file, SYNs to `allowed`,
        what the resolver told of its names, how many of them changed, and how many URLs were refused."""
        self.runs += 1
        urls = [f"http://{host}/" for host in names(self.runs)]
        self.world.stdin.write(f"{way}\t{self.runs}\n")
        self.world.stdin.flush()
        self.world.stdout.readline()
        seeds = os.path.join(self.folder, "seeds")
        with open(seeds, "w", encoding="utf-8") as list_of_seeds:
            list_of_seeds.write("\n".join(urls))
        file = file or os.path.join(self.folder, f"{self.runs}.db")
        words = [word.replace("SEEDS", seeds).replace("RUN", str(self.runs)) for word in args]
        how = ["-q", "-c", "128", "--my-site", "--retries", "0", "--set", "politeness.max_wait=1s", "-t", "3s", "--no-traps"]
        where = [] if words[0] == "resume" else ["-o", file, "--scope", "host" if way == "external" else "any"]
        command = [self.binary, *words, *([file] if words[0] == "resume" else []), *where, *how]
        done = subprocess.run(command, timeout=PATIENCE, capture_output=True, text=True, check=False)
        if not os.path.exists(file):
            raise RuntimeError(f"{command} ended with {done.returncode}: {done.stderr}")
        syns = self.wire.take()
        wrong = {target: n for target, n in syns.items() if not is_public(target[0]) and target[0] not in allowed}
        within = sum(n for target, n in syns.items() if target[0] in allowed)
        stored = [row[0] for row in rows(file, "SELECT DISTINCT ip FROM pages WHERE ip IS NOT NULL")]
        inside = [address for address in stored if not is_public(address) and address.removeprefix("::ffff:") not in allowed]
        ran = f"r{self.runs}-"
        told = [self.resolver.told[name] for name in list(self.resolver.told) if name.startswith(ran)]
        both = sum(any(map(is_public, of)) and not all(map(is_public, of)) for of in told)
        refused = rows(file, "SELECT count(*) FROM skipped WHERE reason = 'private-address'")[0][0]
        self.table.append([name, len(told), both, sum(syns.values()), refused, sum(wrong.values())])
        if wrong or inside:
            self.broken.append(f"{name}: SYNs to {wrong}, pages of {inside}")
        if done.returncode not in codes:
            self.broken.append(f"{name}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
        return file, within, told, both, refused

    def ways(self):
        """Every way, with robots.txt and without."""
        for way in WAYS:
            seeds = ["-i", "SEEDS"] if way in ("seed list", "robots redirect") else [f"http://{SITE}/"]
            more = {"external": ["--check-external"], "asset": ["--assets"]}.get(way, [])
            for ignore in ([], ["--ignore-robots"]):
                _, _, told, both, refused = self.crawl(f"{way} {' '.join(ignore)}", way, "crawl", *seeds, *more, *ignore)
                reads = not ignore or way not in ("sitemap", "robots", "robots redirect")
                if reads and way != "canonical" and (len(told) < 100 or both < 20 or refused < 20):
                    self.broken.append(f"{way} {ignore}: {len(told)} names were asked for, {both} of them changed, {refused} were refused")

    def typed(self):
        """Names that the user typed."""
        private, metadata = PRIVATE.index("10.9.9.9"), PRIVATE.index("169.254.169.254")
        for behaviour in ("flip1", "flip2", "flip3", "flip4", "turns", "both"):
            for number in (0, private, metadata):
                self.crawl(f"typed, {behaviour} {PRIVATE[number]}", "link", "crawl", f"http://r{self.runs + 1}-{behaviour}-{number}.example/",
                           codes=(0, 1, 4))  # 1: robots.txt or the only page was refused
        self.crawl("typed, metadata", "link", "crawl", f"http://r{self.runs + 1}-always-{metadata}.example/", codes=(1,))
        name = f"http://r{self.runs + 1}-always-{private}.example/"
        file, within, *_ = self.crawl("typed, of the inside", "link", "crawl", name, "--max-pages", "2", allowed=("10.9.9.9",))
        _, again, *_ = self.crawl("the same, resumed", "link", "resume", "--max-pages", "100", file=file, allowed=("10.9.9.9",))
        if not within or not again:
            self.broken.append(f"what was typed was not reached: {within} SYNs, {again} after the resume")

    def resumed(self):
        """Public when the crawl began, private when it goes on."""
        name = f"http://r{self.runs + 1}-flip4-3.example/"
        file, *_ = self.crawl("typed, then stopped", "link", "crawl", name, "--max-pages", "1")
        self.crawl("and resumed when it is private", "link", "resume", "--max-pages", "100", file=file)

    def control(self):
        """Where the private network is allowed the wire must show it, or it shows nothing."""
        allowed = ("10.9.9.9", "192.168.9.9", "fd00::9")
        networks = ["--allow-private", "10.0.0.0/8", "--allow-private", "192.168.9.9/32", "--allow-private", "fd00::/16"]
        _, within, *_ = self.crawl("allowed, to see that the wire sees", "link", "crawl", f"http://{SITE}/", *networks, allowed=allowed)
        if within < 20:
            self.broken.append(f"only {within} SYNs to networks that were allowed: the wire is not seen")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", help="the crawler")
    parser.add_argument("--world", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.world:
        return World().run()
    args.binary = os.path.abspath(args.binary)
    enter()
    with tempfile.TemporaryDirectory(prefix="private-") as folder:
        world = set_up(folder)
        try:
            bench = Bench(args, folder, world)
            bench.ways()
            bench.typed()
            bench.resumed()
            bench.control()
        finally:
            world.terminate()
    print_table(["names met by", "names asked for", "that changed", "SYNs", "refused", "not allowed"], bench.table)
    print(f"{sum(row[3] for row in bench.table)} connections tried, {sum(row[5] for row in bench.table)} of them not allowed")
    return verdict(bench.broken)


if __name__ == "__main__":
    sys.exit(main())
