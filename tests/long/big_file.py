#!/usr/bin/env python3
"""Every report answers within two seconds on 100 000 pages and 10 million links.

    big_file.py --binary PATH --file FILE [--pages 100000] [--links 100] [--seconds 2] [--by wall|cpu]

Makes FILE if there is none: BINARY crawls one page of loopback, so that the schema is the
program's own, and the rows of two finished crawls of a made-up site are written beside it (pages
with a menu that all share, broken and redirecting targets, duplicates, sitemaps, external links;
in the second crawl one page in fifty has changed). Then runs `BINARY report FILE NAME` for each
name that `BINARY report FILE` lists, and the list itself: once to warm the disk's cache, then
measured. Broken, if one fails or takes longer than --seconds; the list may take five times that, the
page of HTML with all of them (FILE.html) ten times. On a machine that does other work --by cpu
judges by CPU seconds instead: nearly all of it is work on one core. Then the full-text index is
built by a first search and asked again, and each view is asked for 50 rows by sqlite3's library
(broken, if one takes longer than 200 ms). Prints a row per report. Needs about 1.5 GB.
"""

import argparse
import hashlib
import http.server
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import threading
import time

from outside_view import print_table, verdict

HOST = "https://big.example"
SHARED = 30  # links of the menu, the same on every page
PAGE_MAX = 4_000_000  # bytes of the page of HTML
SEARCH_BUILD = 60  # how often --seconds the first search may take, which builds the index
VIEW_MS = 200  # a view gives 50 rows within that
WORDS = "river stone cloud paper window garden copper winter signal harbour engine mirror".split()


def crawl_one_page(binary, path):
    """Lets the program make its file."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"<title>x</title>" if self.path == "/" else b""
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}/"
    subprocess.run([binary, "crawl", url, "-o", path, "-q"], check=True)
    server.shutdown()


class Site:
    """Which URLs there are, by id, and what each answers."""

    def __init__(self, pages, chance):
        self.pages, self.chance = pages, chance
        self.urls = []  # (url, kind of answer)
        add = lambda name, url, count: setattr(self, name, self.add(url, name, count))
        add("page", "/section-{a}/page-{n}.html{q}", pages)
        add("missing", "/gone/{n}", pages // 100)
        add("failing", "/fails/{n}", pages // 1000)
        add("silent", "/silent/{n}", pages // 1000)
        add("moved", "/moved/{n}", pages // 50)
        add("moved_twice", "/moved-twice/{n}", pages // 200)
        add("orphan", "/only-in-sitemap/{n}", pages // 50)
        add("disallowed", "/private/{n}", pages // 10)
        add("asset", "/static/picture-{n}.png", pages // 2)
        add("insecure", "http://static.big.example/{n}.png", pages // 20)
        add("external", "https://other-{a}.example/{n}", pages * 2)
        self.robots = self.add("/robots.txt", "robots", 1)[0]
        self.sitemap = self.add("/sitemap.xml", "sitemap", 1)[0]

    def add(self, pattern, kind, count):
        first = len(self.urls) + 1
        for n in range(count):
            url = pattern.format(n=n, a=n % 97, q="" if n % 10 or n == 0 else f"?Page_id={n}")
            self.urls.append((url if "://" in url else HOST + url, kind))
        return range(first, first + count)

    def links_of(self, page, count):
        """(target, kind, anchor, follow) of one page."""
        chance, menu = self.chance, self.page[:SHARED]
        for n, target in enumerate(menu):
            yield target, "a", f"Menu {n}", 1
        yield self.missing[0], "a", "Terms", 1
        yield self.moved[0], "a", "Old home", 1
        for _ in range(count - SHARED - 2):
            draw = chance.random()
            if draw < 0.6:
                near = page + int(chance.gauss(0, 300))
                target = near if near in self.page else chance.choice(self.page)
                yield target, "a", chance.choice(WORDS) + " " + chance.choice(WORDS), 1
            elif draw < 0.75:
                yield chance.choice(self.external), "a", chance.choice(WORDS), 1
            elif draw < 0.95:
                group = self.insecure if draw < 0.77 else self.asset
                text = "A picture of a " + chance.choice(WORDS)
                yield chance.choice(group), "img", chance.choice(["", " ", text, text]), 0
            elif draw < 0.98:
                yield chance.choice(self.disallowed), "a", "private", 1
            elif draw < 0.99:
                yield chance.choice(self.moved_twice if draw < 0.985 else self.moved), "a", "old", 1
            else:
                group = self.missing if draw < 0.997 else self.failing if draw < 0.999 else self.silent
                yield chance.choice(group), "a", chance.choice(WORDS), 1


class Filler:
    """Writes rows, leaving out columns that this version of the schema does not have."""

    def __init__(self, db):
        self.db = db
        self.known = {}

    def insert(self, table, rows):
        rows = iter(rows)
        first = next(rows, None)
        if first is None:
            return
        if table not in self.known:
            self.known[table] = {row[1] for row in self.db.execute(f"PRAGMA table_info({table})")}
        columns = [column for column in first if column in self.known[table]]
        marks = ", ".join(":" + column for column in columns)
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        self.db.execute(sql, first)
        self.db.executemany(sql, rows)


def fill(path, pages, links):
    """Replaces what the file holds by two crawls of the made-up site."""
    chance = random.Random(7)
    site = Site(pages, chance)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = OFF")
    config = db.execute("SELECT config FROM crawl").fetchone()[0]
    shapes = db.execute("SELECT kind, region, is_follow, id FROM link_shape")
    site.shapes = {(kind, region, bool(follow)): id for kind, region, follow, id in shapes}
    tables = ["inlink", "sitemap_entry", "link", "state", "fetch", "page", "body", "url", "origin", "crawl"]
    db.execute("DROP INDEX IF EXISTS link_target")
    db.execute("BEGIN")
    for table in tables:
        db.execute(f"DELETE FROM {table}")
    filler = Filler(db)
    filler.insert("origin", [origin()])
    filler.insert("url", (url(site, i) for i in range(len(site.urls))))
    versions = {target: target for target in [*site.page, *site.orphan]}
    filler.insert("body", (body(site, target) for target in versions))
    filler.insert("page", (page(site, target, target, chance) for target in versions))
    for target in versions:
        filler.insert("link", link_rows(site, target, target, links))
    for crawl_id in (1, 2):
        if crawl_id == 2:
            changed = chance.sample(list(versions), pages // 50)
            for version, target in enumerate(changed, start=10 * len(site.urls)):
                filler.insert("page", [page(site, version, target, chance)])
                filler.insert("link", link_rows(site, version, target, links))
                versions[target] = version
        began = 1_790_000_000_000 + crawl_id * 86_400_000
        filler.insert("crawl", [crawl(crawl_id, began, config)])
        answers = random.Random(crawl_id)
        rows = [standing(site, crawl_id, n, began, versions, answers) for n in range(len(site.urls))]
        filler.insert("fetch", (fetch for _, fetch in rows if fetch))
        filler.insert("state", (state for state, _ in rows))
        listed = [*site.orphan, *site.page[: pages // 2]]
        filler.insert("sitemap_entry", (entry(crawl_id, site.sitemap, target) for target in listed))
    db.execute("COMMIT")
    db.execute("CREATE INDEX link_target ON link (target_id)")
    for crawl_id in (1, 2):
        db.execute(
            """INSERT INTO inlink (crawl_id, url_id, links, pages)
               SELECT ?1, target_id, count(*), count(DISTINCT id >> 17) FROM link
               WHERE id >> 17 IN (SELECT page_id FROM fetch WHERE crawl_id = ?1) GROUP BY target_id""",
            (crawl_id,),
        )
    db.close()


def origin():
    return {"id": 1, "origin": HOST, "robots_at": 1_790_000_000_000, "robots_status": 200,
            "robots_body": "User-agent: *\nDisallow: /private/\n", "crawl_delay_ms": None}


def url(site, index):
    text = site.urls[index][0]
    return {"id": index + 1, "hash": hashlib.blake2b(text.encode(), digest_size=12).digest(), "url": text}


def page(site, version, target, chance):
    n = target - 1
    text = site.urls[n][0]
    # One page in fifty is a copy of the one before it, one in thirty nearly so.
    content = hashlib.sha256(str(version - (n % 50 == 1)).encode()).digest()
    simhash = random.Random(target - (n % 30 == 2)).getrandbits(64) - (1 << 63)
    if n % 30 == 2:
        simhash ^= 1 << chance.randrange(62)
    title = None if n % 211 == 0 else "A common title" if n % 97 == 0 else f"Page {n} about " + chance.choice(WORDS) * (n % 9)
    canonical = None if n % 3 == 0 else text if n % 40 else site.urls[(n * 7) % site.pages][0]
    other = site.urls[(n + 1) % site.pages][0]
    return {
        "id": version, "url_id": target, "body_id": target, "content_hash": content, "charset": "UTF-8", "title": title,
        "description": None if n % 5 == 0 else f"What is to be said of {n}. " * (n % 8),
        "h1": None if n % 19 == 0 else f"Heading {n % (site.pages // 2)}", "lang": "en",
        "claimed_canonical": canonical, "robots_directives": "noindex" if n % 67 == 0 else None,
        "is_index": int(n % 67 != 0), "is_follow": 1, "words": 50 + n % 900, "links": 100, "links_cut": 0,
        "simhash": simhash, "headings": json.dumps([[1, f"Heading {n}"], [2, "More"], [2, "Still more"]]),
        "og": json.dumps({"og:title": title, "og:type": "article"}) if n % 2 else None,
        "jsonld_types": json.dumps(["Article", "BreadcrumbList"]) if n % 4 else None,
        "hreflang": json.dumps([["en", text], ["de", other]]) if n % 4 == 0 else None,
        "rel_next": other if n % 4 else None, "rel_prev": site.urls[n - 1][0] if n % 4 and n % 19 else None,
        "needs_javascript": "an empty app root" if n % 999 == 0 else None, "main_words": n % 900,
    }


def body(site, target):
    """What the full-text index is made from: some 200 words, of which a few thousand differ."""
    words = random.Random(target)
    text = " ".join(words.choice(WORDS) + (str(words.randrange(400)) if n % 4 == 0 else "") for n in range(200))
    data = f"<title>Page {target - 1}</title><main><h1>Heading {target - 1}</h1><p>{text}</p></main>".encode()
    return {"id": target, "content_hash": hashlib.sha256(data).digest(), "codec": "identity",
            "size_bytes": len(data), "bytes": data}


def link_rows(site, version, target, count):
    for position, (to, kind, anchor, follow) in enumerate(site.links_of(target, count)):
        shape = site.shapes[kind, "nav" if position < SHARED else "body", bool(follow)]
        yield {"id": version << 17 | position, "target_id": to, "shape_id": shape, "anchor": anchor, "times": 1}


def crawl(crawl_id, began, config):
    return {"id": crawl_id, "seeds": json.dumps([site_root()]), "config": config, "version": "0.1.0", "started_at": began,
            "finished_at": began + 9_000_000, "finish": "finished", "elapsed_ms": 9_000_000, "runs": 1}


def site_root():
    return HOST + "/section-0/page-0.html"


def entry(crawl_id, sitemap, target):
    return {"crawl_id": crawl_id, "sitemap_id": sitemap, "url_id": target, "lastmod": "2026-11-01"}


def standing(site, crawl_id, index, began, versions, answers):
    """The state of a URL and its request, if it was fetched."""
    kind, target = site.urls[index][1], index + 1
    refused = {"external": ("external", "other.example"), "asset": ("asset", "img"), "insecure": ("asset", "img"),
               "disallowed": ("robots", "line 2: Disallow: /private/")}.get(kind)
    depth = 65535 if kind == "orphan" else min(9, index // max(1, site.pages // 9))
    state = {"crawl_id": crawl_id, "url_id": target, "state": "aside" if refused else "done",
             "reason": refused and refused[0], "detail": refused and refused[1],
             "kind": kind if kind == "sitemap" else "page", "depth": depth,
             "found_on": None if index == 0 or kind == "orphan" else site.page[0], "hops": 0,
             "origin_id": None if kind in ("external", "asset", "insecure") else 1, "attempts": 0 if refused else 1, "fetch_id": None}
    if refused:
        return state, None
    status = {"missing": 404, "failing": 503, "silent": None, "moved": 301, "moved_twice": 302}.get(kind, 200)
    if kind == "missing" and crawl_id == 1 and index % 10 == 0:
        status = 200  # broken only since
    to = {"moved": lambda: answers.choice(site.page), "moved_twice": lambda: answers.choice(site.moved)}.get(kind)
    fetch_id = crawl_id * 10 * len(site.urls) + index
    state["fetch_id"] = fetch_id
    size = None if status is None else answers.randrange(2_000, 90_000) * (40 if index % 500 == 0 else 1)
    return state, {
        "id": fetch_id, "crawl_id": crawl_id, "url_id": target, "started_at": began + index * 75,
        "elapsed_ms": 60, "first_byte_ms": answers.randrange(20, 900), "status": status,
        "error": "timeout" if status is None else None, "error_detail": "no answer within 2m" if status is None else None,
        "http_version": "HTTP/1.1", "ip": "192.0.2.1", "wire_bytes": size or 0, "body_bytes": size,
        "content_type": "text/html; charset=utf-8" if index % 20 else "application/pdf", "redirect_to": to and to(),
        "headers": json.dumps({"content-type": ["text/html; charset=utf-8"], "server": ["nginx"], "x-filler": ["x" * 300]}
                              | ({"x-frame-options": ["DENY"]} if index % 3 else {})),
        "is_cut": 0, "page_id": versions.get(target),
    }


def measure(command):
    """Seconds, CPU seconds, and how it ended."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False)
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done


class Times:
    """What was measured, and what took too long."""

    def __init__(self, args):
        self.args, self.table, self.broken = args, [], []

    def ask(self, name, command, most, rows=lambda done: done.stdout.count(b"\n")):
        """Runs a command twice and judges the second time."""
        cold, _, _ = measure(command)
        return self.once(name, command, most, rows, round(cold, 2))

    def once(self, name, command, most, rows=lambda done: "", cold=""):
        took, cpu, done = measure(command)
        self.table.append((name, rows(done), cold, round(took, 2), round(cpu, 2)))
        if done.returncode != 0:
            self.broken.append(f"{name}: {done.stderr.decode(errors='replace').strip()[:300]}")
        if (cpu if self.args.by == "cpu" else took) > most:
            self.broken.append(f"{name}: {took:.2f} s, {cpu:.2f} of CPU")
        return done


def ask_views(times):
    """Each view, as any SQLite tool would ask for its first rows."""
    db = sqlite3.connect(f"file:{times.args.file}?mode=ro", uri=True)
    for (view,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name").fetchall():
        took, cpu, rows = [], [], 0
        for _ in range(3):
            began, before = time.monotonic(), time.process_time()
            rows = len(db.execute(f"SELECT * FROM {view} LIMIT 50").fetchall())
            took.append(time.monotonic() - began)
            cpu.append(time.process_time() - before)
        ms, cpu_ms = min(took) * 1000, min(cpu) * 1000
        times.table.append((f"view {view}", rows, "", round(ms / 1000, 3), round(cpu_ms / 1000, 3)))
        if (cpu_ms if times.args.by == "cpu" else ms) > VIEW_MS:
            times.broken.append(f"view {view}: {ms:.0f} ms, {cpu_ms:.0f} of CPU")
    db.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--file", required=True)
    parser.add_argument("--pages", type=int, default=100_000)
    parser.add_argument("--links", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--by", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--names", nargs="*", help="only these reports")
    return parser.parse_args()


def main():
    args = arguments()
    if not os.path.exists(args.file):
        crawl_one_page(args.binary, args.file)
        fill(args.file, args.pages, args.links)
    times, report = Times(args), [args.binary, "report", args.file]
    first, _, done = measure([*report, "--format", "json"])
    names = args.names or [row["report"] for row in json.loads(done.stdout)]
    print(f"{os.path.getsize(args.file) / 1e6:.0f} MB; {len(names)} reports; first list {first:.1f} s")
    for name in names:
        times.ask(name, [*report, name, "--format", "jsonl"], args.seconds)
    times.once("(the list)", [*report, "--format", "json"], 5 * args.seconds)
    page = args.file + ".html"
    times.once("(the page)", [*report, "--html", page, "--force"], 10 * args.seconds)
    if os.path.exists(page) and os.path.getsize(page) > PAGE_MAX:
        times.broken.append(f"the page has {os.path.getsize(page)} bytes")
    search = [args.binary, "search", args.file]
    times.once("(first search)", [*search, "garden"], SEARCH_BUILD * args.seconds)
    for words in (["garden signal"], ["river17 -stone3"], ["--missing", "garden"]):
        times.ask(f"search {' '.join(words)}", [*search, *words, "--limit", "20"], args.seconds)
    ask_views(times)
    print_table(["report", "rows", "first s", "again s", "CPU s"], times.table)
    sys.exit(verdict(times.broken))


if __name__ == "__main__":
    main()
