"""The cases of control.py on sites of which everything is known: see known_sites."""

import os
import subprocess

from known_sites import (COLORS, HTML, REAL, BRANDS, SIZES, SORTS, Site, checked_site, endless, named_hosts, page,
                         paginated, paginations, pairs, secret_site)
from outside_view import rows, start

PAGES = 300
SECRETS = {"sent": "SECRET-sent-8e1f", "set": "SECRET-set-77c2"}
FAST = ["--no-sitemaps"]
# Traps: what is parked, and how many pages of the trap are fetched before at least, and at most.
# Of the 30 pages with session ids the first one is met without an id, too.
TRAPS = {
    "calendar": ("calendar", 100, 400),
    "calendar by day": ("calendar", 700, 5000),
    "session": ("session", 30, 31),
    "session in the path": ("session", 30, 31),
    "growing": ("growing", 20, 400),
    "repeated": ("repeated", 1, 5),
    "order": ("parameters", 256, 300),
    "filters": ("parameters", 100, 1100),
    "soft 404": ("same-content", 50, 52),
    "one body": ("same-content", 50, 52),
}


def run_all(bench):
    for name, case in CASES.items():
        if bench.wants(name):
            case(bench, name)


def opened(bench, name, answer, address="127.0.0.1"):
    site = Site(answer, address=address)
    return site, bench.case(name, site)


def urls(requests):
    return {request.url for request in requests}


def real_paginations(bench, name):
    site, case = opened(bench, name, paginated(PAGES))
    asked = case.crawl(site.base + "/", *FAST)
    lists = paginations(PAGES)
    wanted = {site.base + path for pages in lists.values() for path in pages} | {site.base + "/"}
    case.expect_urls(urls(asked), wanted, f"{len(lists)} lists of {PAGES} pages")
    parked = rows(case.file, "SELECT pattern FROM traps")
    case.expect(not parked, f"parked: {parked}")
    site.close()


def trap(kind):
    def of_kind(bench, name):
        expected, least, most = TRAPS[kind]
        site, case = opened(bench, name, endless(kind))
        # Whoever does not see the trap is stopped by the limit.
        asked = case.crawl(site.base + "/", *FAST, "--max-pages", 6000)
        of_trap = [request.path for request in asked if request.path.startswith("/cal")]
        real = [request for request in asked if request.path.startswith("/real/")]
        case.expect(len(real) == REAL, f"{len(real)} of {REAL} real pages")
        case.expect(least <= len(of_trap) <= most, f"{len(of_trap)} pages of the trap, not {least} to {most}")
        traps = rows(case.file, "SELECT pattern, kind, evidence, urls FROM traps")
        kinds = {kind for _, kind, _, _ in traps}
        case.expect(expected in kinds, f"parked as {kinds}, not {expected}")
        case.expect(all(evidence and count for _, _, evidence, count in traps), f"without evidence or URLs: {traps}")
        complete(case, kind, of_trap)
        release(bench, case, [pattern for pattern, *_ in traps], len(asked))
        site.close()
    return of_kind


def complete(case, kind, of_trap):
    """Where a trap shows pages in many spellings, each page was fetched in one."""
    if kind.startswith("session"):
        found = {path.partition("?")[0].partition(";")[0] for path in of_trap}
        case.expect(len(found) == 30, f"{len(found)} of 30 pages with session ids")
    if kind == "order":
        found = {tuple(sorted(pairs(path).items())) for path in of_trap}
        case.expect(len(found) == 256, f"{len(found)} of 256 combinations")
    if kind == "filters":
        every = len(COLORS) * len(SIZES) * len(SORTS) * len(BRANDS)
        case.expect(len(of_trap) < every, f"all {every} combinations")


def release(bench, case, patterns, fetched):
    """A released pattern goes on where it was parked, fetching nothing again."""
    parked = {url for url, in rows(case.file, "SELECT url FROM urls WHERE reason = 'trap'")}
    for pattern in patterns:
        ran = subprocess.run([bench.binary, "traps", case.file, "release", pattern], capture_output=True, check=False)
        case.expect(ran.returncode == 0, f"release {pattern}: {ran.stderr.decode()}")
    asked = case.resume("--max-pages", fetched + 100, "--limit-ok")
    case.expect(len(asked) == 100, f"{len(asked)} pages after the release, not 100")
    case.expect(urls(asked) & parked, "none of what was parked is fetched")


def robots_ignored(bench, name):
    def answer(request):
        if request.path == "/robots.txt":
            return 200, {"Content-Type": "text/plain"}, "User-agent: *\nDisallow: /shut/\n"
        folder, _, number = request.path[1:].partition("/")
        links = [f"/{part}/{n}" for part in ("open", "shut") for n in range(10)] if not folder else [f"/shut/{number}/more"]
        return page(request.path, links if request.path.count("/") < 3 else [])

    site, case = opened(bench, name, answer)
    first = case.crawl(site.base + "/", *FAST)
    case.expect(len(first) == 11, f"{len(first)} pages, not 11")
    second = case.resume("--ignore-robots")
    case.expect(all("/shut/" in request.path for request in second) and len(second) == 20, f"{len(second)} pages, not 20")
    site.close()


def query_stripped(bench, name):
    """20 pages in 4 spellings each; what the spellings differ in is stripped by name or as tracking."""
    def answer(request):
        number = int(pairs(request.path).get("id", 0))
        links = [f"/a?utm_source={source}&id={n}&fbclid={n}&sid={source}" for n in range(1, 21) for source in "wxyz"]
        return page(f"page {number}", links if request.path == "/" else [], f"text {number}")

    site, case = opened(bench, name, answer)
    seed, count = site.base + "/", {}
    count["--strip-tracking"] = len(case.crawl(seed, *FAST, "--strip-tracking"))
    for flags in (["--strip-query", "sid"], ["--strip-tracking", "--strip-query", "sid"], ["--strip-query", "*"], []):
        other = bench.case(name, site)
        count[" ".join(flags)] = len(other.crawl(seed, *FAST, *flags, "--no-traps"))
    wanted = {"--strip-tracking": 81, "--strip-query sid": 81, "--strip-tracking --strip-query sid": 21,
              "--strip-query *": 2, "": 81}
    case.expect(count == wanted, f"pages: {count}, not {wanted}")
    site.close()


def hosts_and_ports(bench, name):
    """Names are looked up by a proxy on loopback, which is all these sites."""
    site = Site(named_hosts())
    site.answer = named_hosts()
    hosts = {
        "host": {"example.test", "www.example.test"},
        "subdomains": {"example.test", "www.example.test", "docs.example.test", "a.docs.example.test", "example.test:8080"},
        "domain": {"example.test", "www.example.test", "docs.example.test", "a.docs.example.test", "example.test:8080"},
        "any": {"example.test", "www.example.test", "docs.example.test", "a.docs.example.test", "example.test:8080",
                "notexample.test", "example.org.test"},
    }
    proxy = ["-x", site.base, "--delay", "0s", *FAST]
    for scope, wanted in hosts.items():
        case = bench.case(f"{name}, {scope}", site)
        asked = case.crawl("http://example.test/", *proxy, "--scope", scope)
        found = {request.host for request in asked}
        case.expect(found == wanted, f"asked {sorted(found)}, not {sorted(wanted)}")
        case.expect(len(asked) == 5 * len(wanted), f"{len(asked)} pages, not {5 * len(wanted)}")
    case = bench.case(f"{name}, widened", site)
    case.crawl("http://example.test/", *proxy)
    asked = case.resume("-x", site.base, "--scope", "domain")
    case.expect({request.host for request in asked} == hosts["domain"] - hosts["host"], "widened from host to domain")
    asked = case.resume("-x", site.base, "--scope", "any")
    case.expect({request.host for request in asked} == hosts["any"] - hosts["domain"], "widened from domain to any")
    site.close()


def checked(bench, name):
    """Broken links of every kind on a site and on another one, both on loopback."""
    site = Site(lambda request: None)
    other = Site(lambda request: None, address="127.0.0.2")
    site.answer, broken = checked_site(other.base, other.host)
    other.answer = site.answer
    case = bench.case(name, site, other)
    asked = case.run("check", "check", site.base + "/", "-o", case.file, "--allow-private", "127.0.0.2", *FAST, exits=2)
    told = case.said.decode()
    for target, pages in broken.items():
        url = target if "://" in target else site.base + target
        group = told.partition(f" {url}\n")[2].split("\n")
        on = {line.strip()[3:] for line in group[:len(pages)]}
        case.expect(on == {site.base + path for path in pages}, f"{url} is on {sorted(on)}, not {sorted(pages)}")
    listed = [line for line in told.split("\n") if line[:1] not in ("", " ")]
    case.expect(len(listed) >= len(broken), f"{len(listed)} groups, not {len(broken)}")
    outside = [(request.method, request.path) for request in asked if request.host == other.host]
    wanted = [("GET", "/get-only"), ("GET", "/lost"), ("GET", "/shut"), ("HEAD", "/fine"), ("HEAD", "/get-only"),
              ("HEAD", "/lost"), ("HEAD", "/shut")]
    case.expect(sorted(outside) == wanted, f"asked elsewhere for {sorted(outside)}, not {wanted}")
    blocked = rows(case.file, "SELECT DISTINCT target FROM blocked_links")
    case.expect(blocked == [(f"{other.base}/shut",)], f"blocked: {blocked}")
    accepted(bench, name, site, other)
    site.close()
    other.close()


def accepted(bench, name, site, other):
    """With --accept nothing is broken but what gave no place; and a repaired site is fine."""
    case = bench.case(f"{name}, accepted", site, other)
    flags = ["--allow-private", "127.0.0.2", *FAST, "--accept", "404"]
    case.run("check --accept 404", "check", site.base + "/", "-o", case.file, *flags, exits=2)
    told = case.said.decode()
    case.expect("/gone" not in told and "#nowhere" in told, f"said: {told}")
    case = bench.case(f"{name}, repaired", site, other)
    site.answer = lambda request: page("fine", [])
    case.run("check of a site without faults", "check", site.base + "/", "-o", case.file, *FAST)
    case.expect(not case.said.strip(), f"said: {case.said}")


def external_links(bench, name):
    """A finished crawl is told to check links to other sites, and does nothing else."""
    site, other = Site(lambda request: None), Site(lambda request: None, address="127.0.0.2")
    site.answer, _ = checked_site(other.base, other.host)
    other.answer = site.answer
    case = bench.case(name, site, other)
    first = case.crawl(site.base + "/", *FAST)
    case.expect(other.host not in {request.host for request in first}, "another site was asked")
    second = case.resume("--check-external", "--allow-private", "127.0.0.2")
    case.expect({request.host for request in second} == {other.host}, "more than other sites was asked")
    third = case.resume("--check-external", "--allow-private", "127.0.0.2")
    case.expect(not third, f"asked again for {urls(third)}")
    site.close()
    other.close()


def stored_documents(bench, name):
    """A page, a PDF, a spreadsheet and an image: which bodies are kept, by --store."""
    files = {"/a.pdf": "application/pdf", "/b.ods": "application/vnd.oasis.opendocument.spreadsheet",
             "/c.bin": "application/octet-stream", "/d.png": "image/png"}

    def answer(request):
        if request.path in files:
            return 200, {"Content-Type": files[request.path]}, request.path * 50
        return page("home", list(files)) if request.path == "/" else None

    site = Site(answer)
    for which, wanted in {"none": 0, "html": 1, "documents": 3, "all": 5}.items():
        case = bench.case(f"{name}, {which}", site)
        asked = case.crawl(site.base + "/", *FAST, "--store", which)
        kept = rows(case.file, "SELECT count(*) FROM body")[0][0]
        case.expect(kept == wanted and len(asked) == 5, f"{kept} bodies of {len(asked)} answers, not {wanted} of 5")
    site.close()


LOGINS = {
    "jar": lambda jar: ["--cookie-jar", jar, "--cookies"],
    "basic": lambda jar: ["-u", f"me:{SECRETS['sent']}"],
    "header": lambda jar: ["-H", f"X-Token: {SECRETS['sent']}"],
}


def logged_in(way):
    def by_way(bench, name):
        import base64
        sent = base64.b64encode(f"me:{SECRETS['sent']}".encode()).decode() if way == "basic" else SECRETS["sent"]
        answer, state = secret_site(way, SECRETS | {"sent": sent})
        site = Site(answer)
        other = Site(lambda request: page("other", ["/"]), address="127.0.0.2")
        site.answer = lambda request: with_link(answer(request), other.base)
        case = bench.case(name, site, other)
        jar = os.path.join(bench.folder, f"{way}.jar")
        with open(jar, "w", encoding="utf-8") as file:
            file.write(f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t{sent}\n")
        flags = [*LOGINS[way](jar), *FAST, "--scope", "any", "--allow-private", "127.0.0.2", "-vv"]
        asked = case.run(f"logged in by {way}", "crawl", site.base + "/", "-o", case.file, *flags, "--max-pages", 20,
                         quiet=False, exits=4)
        said = case.said
        again = case.run("resume", "resume", case.file, *LOGINS[way](jar), "--max-pages", 1000, "-vv", quiet=False)
        inside = [request for request in asked + again if request.host == site.host]
        case.expect(len(inside) == 40 and {request.status for request in inside} == {200},
                    f"{len(inside)} pages of 40, with {sorted({request.status for request in inside})}")
        case.expect(state == {"in": True, "deleted": 0}, f"the site was changed: {state}")
        outside = [request for request in asked + again if request.host == other.host]
        leaked = [request for request in outside if sent in str(request.headers)]
        case.expect(outside and not leaked, f"{len(leaked)} of {len(outside)} requests to another site had the secret")
        spared = case.reasons().get("session")
        case.expect(spared == 2 + 2 * 40, f"{spared} URLs spared, not 82")
        search_bytes(bench, case, way, jar, said + case.said, sent)
        site.close()
        other.close()
    return by_way


def with_link(answer, link):
    """The same page with a link more."""
    status, headers, body = answer if isinstance(answer, tuple) else (404, HTML, "not here")
    return status, headers, body + f"<a href='{link}/'>other</a>"


def search_bytes(bench, case, way, jar, said, sent):
    """Neither in what was said, nor the file, its log, or whatever is made of it."""
    places = {"what was said": said} | killed(bench, case, way, jar)
    with open(case.file, "rb") as file:
        places["the file"] = file.read()
    for made in ("csv", "jsonl", "sitemap", "warc", "dot", "gexf", "markdown", "parquet"):
        target = os.path.join(bench.folder, f"{way}-{made}")
        ran = subprocess.run([bench.binary, "export", case.file, made, "-o", target], capture_output=True, check=False)
        places[f"export {made}"] = ran.stdout + ran.stderr + contents(target)
        case.expect(ran.returncode == 0, f"export {made}: {ran.stderr.decode()}")
    target = os.path.join(bench.folder, f"{way}.html")
    subprocess.run([bench.binary, "report", case.file, "--html", target, "-q"], check=True)
    places["the report"] = contents(target)
    for secret in {sent, SECRETS["sent"], SECRETS["set"]}:
        found = [place for place, data in places.items() if secret.encode() in data]
        case.expect(not found, f"a secret is in {found}")
    case.expect(all(places.values()), f"nothing to search in {[place for place, data in places.items() if not data]}")


def killed(bench, case, way, jar):
    """The file and its log after kill -9 in the middle of a crawl."""
    site = Site(secret_site(way, SECRETS | {"sent": ""})[0])
    file = os.path.join(bench.folder, f"{way}-killed.db")
    process = start(bench.binary, "crawl", site.base + "/", "-o", file, *LOGINS[way](jar), *FAST, "--delay", "20ms", "-q")
    while process.poll() is None and len(site.requests) < 20:
        pass
    process.kill()
    process.wait()
    site.close()
    return {f"the {what} of a killed crawl": contents(file + suffix) for what, suffix in (("file", ""), ("log", "-wal"))}


def contents(path):
    """The bytes of a file, or of all files in a folder; none if there is no such file."""
    if os.path.isdir(path):
        inside = [os.path.join(root, name) for root, _, names in os.walk(path) for name in names]
        return b"".join(contents(name) for name in inside)
    if not os.path.exists(path):
        return b""
    with open(path, "rb") as file:
        return file.read()


CASES = {"real paginations": real_paginations}
CASES |= {f"trap: {kind}": trap(kind) for kind in TRAPS}
CASES |= {"robots.txt ignored": robots_ignored, "query stripped": query_stripped, "hosts and ports": hosts_and_ports,
          "check": checked, "external links": external_links, "stored documents": stored_documents}
CASES |= {f"logged in: {way}": logged_in(way) for way in LOGINS}
