"""The cases of control.py on documentation sites, whatever they are.

What belongs to each case is computed beforehand from a crawl without any limit: a graph
of pages, in which the pages that a rule leaves out are not entered. Which folder (or first
word of names, on a flat site) rules and budgets speak of follows from the site.
"""

import collections
import os
import re
import sqlite3
from urllib.parse import urlsplit

from known_sites import Request
from outside_view import ServerLog, rows, run

FOLLOWED = """SELECT source, target FROM links
    WHERE follow = 1 AND (kind IN ('a', 'area', 'iframe', 'frame', 'meta-refresh')
        OR kind = 'link' AND rel IN ('next', 'prev', 'index', 'up', 'top', 'contents', 'copyright', 'author', 'help',
                                     'home', 'start', 'first', 'last', 'license'))"""
TAGS = re.compile(rb"<(?:img|script)\b[^>]*?\ssrc=[\"']([^\"']+)|<link\b(?=[^>]*\brel=[\"']stylesheet)[^>]*?\shref=[\"']([^\"']+)")
COMMENTS = re.compile(rb"<!--.*?-->", re.DOTALL)
REFERENCES = re.compile(rb"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")
FAST = ["-c", "16", "--per-host", "16"]


class Log:
    """The log of one site as requests, from now on."""

    def __init__(self, path, base):
        self.log, self.base = ServerLog(path), base

    def taken(self):
        lines = self.log.settled(lines=self.log.fields)
        return [Request(float(at), method, self.base + path, path, "", {}, int(status), int(size))
                for at, status, size, method, path in lines]


class Docs:
    """One site: its pages and links, as a crawl without limits has found them."""

    def __init__(self, bench, name, base, log, root):
        self.bench, self.name, self.base, self.log, self.root = bench, name, base, log, root
        self.seed = base + "/"
        case = bench.case(name, log)
        self.reference = case.file
        requests = case.crawl(self.seed, *FAST)
        self.pages = {request.url for request in requests}
        self.sizes = {request.url: request.bytes for request in requests}
        case.expect(rows(case.file, "SELECT count(*) FROM traps") == [(0,)], "a trap where there is none")
        self.links = collections.defaultdict(set)
        for source, target in rows(case.file, FOLLOWED):
            if target in self.pages:
                self.links[source].add(target)
        self.part = self.most_telling()

    def case(self, name):
        return self.bench.case(f"{self.name}: {name}", self.log)

    def most_telling(self):
        """The folder, or first word of names, that has the most nearly a fifth of the pages that link on."""
        counts = collections.Counter()
        for path in (url[len(self.base):] for url in self.pages if self.links[url]):
            folder = re.match(r"/[^/]+/", path) or re.match(r"/[A-Za-z0-9]+[-_]", path)
            counts.update([folder.group()] if folder else [])
        return min(counts, key=lambda part: abs(counts[part] - len(self.pages) / 5))

    def is_part(self, url):
        return url.startswith(self.base + self.part)

    def depths(self, enters=lambda url: True, seed=None):
        """The pages in reach of the seed through pages that are entered, with the links to each."""
        seed = seed or self.seed
        depths, queue = {seed: 0}, collections.deque([seed])
        while queue:
            source = queue.popleft()
            for target in self.links[source]:
                if target not in depths and enters(target):
                    depths[target] = depths[source] + 1
                    queue.append(target)
        return depths


def run_all(bench, nginx):
    for name, port in nginx.ports.items():
        base = f"http://127.0.0.1:{port}"
        docs = None
        for case in CASES:
            title = case.__name__.replace("_", " ")
            if bench.wants(f"{name} {title}"):
                docs = docs or Docs(bench, name, base, Log(nginx.logs[name], base), nginx.roots[name])
                case(docs, docs.case(title))


def urls(requests):
    return {request.url for request in requests}


def page_limit(docs, case):
    first = case.crawl(docs.seed, *FAST, "--max-pages", 100, exits=4)
    case.expect(len(first) == 100, f"{len(first)} pages for a limit of 100")
    second = case.resume("--max-pages", 250, exits=4)
    case.expect(len(second) == 150, f"{len(second)} pages for a limit raised from 100 to 250")
    third = case.resume("--max-pages", 1000000)
    case.expect_urls(urls(third), docs.pages - urls(first) - urls(second), "the rest")


def depth_limit(docs, case):
    depths = docs.depths()
    wanted = lambda least, most: {url for url, depth in depths.items() if least <= depth <= most}
    case.expect_urls(urls(case.crawl(docs.seed, *FAST, "-d", 1)), wanted(0, 1), "depth 1")
    case.expect_urls(urls(case.resume("-d", 2)), wanted(2, 2), "depth 2")
    case.expect_urls(urls(case.resume("-d", 1000)), wanted(3, 1000), "the rest")


def time_limit(docs, case):
    first = case.crawl(docs.seed, "--delay", "10ms", "--max-time", "2s", exits=4)
    took = max(request.at for request in first) - min(request.at for request in first)
    case.expect(1 < took < 2.3, f"the last answer {took:.1f} s after the first for a limit of 2 s")
    case.expect(not case.resume(exits=4), "its time was over")
    rest = case.resume(*FAST, "--delay", "0s", "--max-time", "1h")
    case.expect_urls(urls(rest), docs.pages - urls(first), "the rest")


def byte_limit(docs, case):
    limit = sum(docs.sizes.values()) // 5
    first = sorted(case.crawl(docs.seed, "--per-host", 2, "--max-bytes", f"{limit}B", exits=4))
    received = [request.bytes for request in first]
    case.expect(sum(received) >= limit, f"only {sum(received)} bytes for a limit of {limit}")
    # The two that were in flight are not always the last two in the log: a large page takes longer to be read.
    at_start = sum(received) - sum(sorted(received[-100:])[-2:])
    case.expect(at_start < limit, f"{at_start} bytes, and two more requests, for a limit of {limit}")
    case.expect(not case.resume(exits=4), "its bytes were used")
    rest = case.resume(*FAST, "--max-bytes", "100GB")
    case.expect_urls(urls(rest), docs.pages - urls(first), "the rest")


def pages_per_host(docs, case):
    first = case.crawl(docs.seed, *FAST, "--max-per-host", 50)
    case.expect(len(first) == 50, f"{len(first)} pages for a limit of 50")
    second = case.resume("--max-per-host", 120)
    case.expect(len(second) == 70, f"{len(second)} pages for a limit raised from 50 to 120")
    third = case.resume("--set", "limits.per_host=1000000")
    case.expect_urls(urls(third), docs.pages - urls(first) - urls(second), "the rest")


def budget(docs, case):
    first = case.crawl(docs.seed, *FAST, "--budget", f"{docs.part}=20")
    of_part = [url for url in urls(first) if docs.is_part(url)]
    case.expect(len(of_part) == 20, f"{len(of_part)} pages for a budget of 20")
    second = case.resume("--budget", f"{docs.part}=50")
    of_part = [url for url in urls(second) if docs.is_part(url)]
    case.expect(len(of_part) == 30, f"{len(of_part)} pages for a budget raised from 20 to 50")
    third = case.resume("--set", "limits.budgets=[]")
    case.expect_urls(urls(third), docs.pages - urls(first) - urls(second), "the rest")


def left_out_and_let_in_again(docs, case, flag, pattern, unset, enters):
    """A rule that the first crawl has and a resume of the finished crawl has not."""
    inside = set(docs.depths(enters))
    case.expect_urls(urls(case.crawl(docs.seed, *FAST, flag, pattern)), inside, "with the rule")
    case.expect_urls(urls(case.resume("--set", unset)), docs.pages - inside, "without it")


def exclude_removed(docs, case):
    pattern = "^" + re.escape(docs.base + docs.part).replace(r"\-", "-")
    left_out_and_let_in_again(docs, case, "--exclude", pattern, "scope.exclude=[]", lambda url: not docs.is_part(url))


def exclude_glob_removed(docs, case):
    pattern = docs.base + docs.part + "*"
    left_out_and_let_in_again(docs, case, "--exclude-glob", pattern, "scope.exclude_glob=[]",
                              lambda url: not docs.is_part(url))


def include_removed(docs, case):
    left_out_and_let_in_again(docs, case, "--include", docs.part, "scope.include=[]", lambda url: docs.part in url)


def include_glob_removed(docs, case):
    left_out_and_let_in_again(docs, case, "--include-glob", f"*{docs.part}*", "scope.include_glob=[]",
                              lambda url: docs.part in url)


def exclude_added(docs, case):
    first = urls(case.crawl(docs.seed, *FAST, "--max-pages", 100, exits=4))
    second = urls(case.resume("--max-pages", 1000000, "--exclude", docs.part))
    stray = [url for url in second if docs.part in url]
    case.expect(not stray, f"{len(stray)} fetched that are excluded by now, such as {stray[:3]}")
    third = urls(case.resume("--set", "scope.exclude=[]"))
    case.expect_urls(first | second | third, docs.pages, "in all")


def no_parent(docs, case):
    if not docs.part.endswith("/"):
        return
    inside = [url for url in docs.pages if docs.is_part(url)]
    seed = max(inside, key=lambda url: (len(docs.links[url]), url))
    folder = seed[:seed.rfind("/") + 1]
    below = set(docs.depths(lambda url: url.startswith(folder), seed))
    case.expect_urls(urls(case.crawl(seed, *FAST, "--no-parent")), below, "below the folder")
    case.expect_urls(urls(case.resume("--scope", "host")), set(docs.depths(seed=seed)) - below, "the rest")


def assets(docs, case):
    case.crawl(docs.seed, *FAST)
    met = {url for url, in rows(case.file, "SELECT url FROM urls WHERE reason = 'asset'") if url.startswith(docs.base)}
    fetched = case.resume("--assets")
    # What a page refers to as a part of it may be a page, too.
    framed = {request.url for request in fetched if request.url.endswith(".html")}
    wanted = docs_assets(docs, docs.pages | framed)
    missing = wanted - urls(fetched)
    case.expect(not missing, f"{len(missing)} assets on disk not asked for, such as {sorted(missing)[:3]}")
    strange = urls(fetched) - wanted - met
    case.expect(not strange, f"{len(strange)} asked for that nothing refers to, such as {sorted(strange)[:3]}")
    case.expect(not case.resume("--assets"), "a second time")


def docs_assets(docs, pages):
    """What pages and their stylesheets refer to, read from the folder by other eyes."""
    found, queue = set(), []
    for url in sorted(pages):
        text = COMMENTS.sub(b"", read(docs, url))
        queue += [one(docs, url, match) for match in TAGS.finditer(text)]
    while queue:
        url = queue.pop()
        if url and url not in found:
            found.add(url)
            if urlsplit(url).path.endswith(".css"):
                queue += [one(docs, url, match) for match in REFERENCES.finditer(read(docs, url))]
    return found - docs.pages


def one(docs, page, match):
    """The URL that a match refers to, if it is on the site."""
    reference = next(group for group in match.groups() if group).decode(errors="replace")
    reference = reference.strip().replace("&amp;", "&").partition("#")[0]
    if not reference or re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", reference):
        return reference if reference.startswith(docs.base + "/") else None
    # urljoin drops a bare ? and joins two slashes to one: to a browser those are other URLs.
    path, mark, query = reference.partition("?")
    folder = "" if path.startswith("/") else page[len(docs.base):].partition("?")[0].rpartition("/")[0] + "/"
    segments = []
    for segment in (folder + path).split("/")[1:]:
        if segment == "..":
            segments = segments[:-1]
        elif segment != ".":
            segments.append(segment)
    return docs.base + "/" + "/".join(segments) + mark + query


def read(docs, url):
    path = os.path.join(docs.root, urlsplit(url).path.lstrip("/"))
    path = os.path.join(path, "index.html") if os.path.isdir(path) else path
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


def nofollow_followed(docs, case):
    case.crawl(docs.seed, *FAST)
    aside = {url for url, in rows(case.file, "SELECT url FROM urls WHERE reason = 'nofollow'")}
    case.expect_urls(urls(case.resume("--follow-nofollow")), aside, "behind nofollow")


def explained(docs, case):
    """A URL for each state and reason, and one that was never met: what is said of it, asking nobody."""
    case.crawl(docs.seed, *FAST, "-d", 1, "--budget", f"{docs.part}=1", "--max-pages", 5, "--exclude", "/index", exits=4)
    chosen = rows(case.file, "SELECT state, reason, min(url) FROM urls WHERE kind = 'page' OR reason IS NOT NULL GROUP BY 1, 2")
    words = {"done": "answered ", "pending": "is still to be fetched"}
    for state, reason, url in [*chosen, ("never met", None, docs.base + "/never")]:
        code, out, _ = run(docs.bench.binary, "explain", case.file, url)
        told = out.decode()
        wanted = f"{state}: {reason}" if reason else words.get(state, "no crawl of this file has met it")
        case.expect(code == 0 and wanted in told, f"{url}: `{wanted}` is not in {told[:400]}")
        released = state == "done" or reason == "scheme" or "to fetch it" in told or "verdict" in told
        case.expect(released, f"{url}: no way to fetch it in {told[:400]}")
    case.expect(not case.taken(), "explain asked the server")


def stored_bodies(docs, case):
    html, hashes = rows(docs.reference, "SELECT count(*), count(DISTINCT content_hash) FROM html_pages")[0]
    case.expect(bodies(docs.reference) == hashes, f"{html} pages of {hashes} contents, {bodies(docs.reference)} bodies")
    for which in ("none", "all"):
        other = docs.case(f"stored bodies, {which}")
        found = urls(other.crawl(docs.seed, *FAST, "--store", which))
        other.expect_urls(found, docs.pages, f"--store {which}")
        kept = bodies(other.file)
        other.expect(kept == 0 if which == "none" else kept >= hashes, f"{kept} bodies with --store {which}")


def bodies(file):
    return rows(file, "SELECT count(*) FROM body")[0][0]


CASES = [page_limit, depth_limit, time_limit, byte_limit, pages_per_host, budget, exclude_removed, exclude_glob_removed,
         include_removed, include_glob_removed, exclude_added, no_parent, nofollow_followed, assets, explained, stored_bodies]
