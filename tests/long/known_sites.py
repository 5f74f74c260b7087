"""Sites on loopback of which everything is known, each with a log in memory.

Shared by the scripts beside it. A site is a function: from a request to an answer.
What a crawl may find there follows from it, so that the truth needs no crawler.
"""

import collections
import datetime
import http.server
import random
import socketserver
import threading
import time

# `at` is in seconds since 1970; `url` as it was asked for, with the host of the request.
Request = collections.namedtuple("Request", "at method url path host headers status bytes")
HTML = {"Content-Type": "text/html; charset=utf-8"}


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        """A crawler that is killed resets its connections."""


class Site:
    """Serves what `answer(request)` gives: HTML, or (status, headers, body), or None for a 404.

    Serves as a proxy, too: a request for `http://any.test/` is answered like one for that host.
    """

    def __init__(self, answer, port=0, address="127.0.0.1"):
        self.answer, self.requests, self.lock, self.read = answer, [], threading.Lock(), 0
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                site.respond(self)

            def do_HEAD(self):
                site.respond(self)

            def log_message(self, *_):
                pass

        self.server = Server((address, port), Handler)
        self.host = f"{address}:{self.server.server_port}"
        self.base = f"http://{self.host}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def respond(self, handler):
        host, path = handler.headers.get("Host", ""), handler.path
        if "://" in path:
            host, _, path = path.split("://", 1)[1].partition("/")
            path = "/" + path
        asked = Request(time.time(), handler.command, f"http://{host}{path}", path, host, handler.headers, 0, 0)
        answer = self.answer(asked)
        status, headers, body = (200, HTML, answer) if isinstance(answer, str) else answer or (404, HTML, "not here")
        body = body.encode() if isinstance(body, str) else body
        with self.lock:
            self.requests.append(asked._replace(status=status, bytes=len(body)))
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def taken(self):
        """The requests since the last call."""
        with self.lock:
            new = self.requests[self.read:]
            self.read = len(self.requests)
        return new

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def page(title, links, text=""):
    """HTML with links."""
    listed = "".join(f"<li><a href='{link}'>{link}</a>\n" for link in links)
    return f"<title>{title}</title><h1>{title}</h1><p>{text}</p><ul>{listed}</ul>"


def pairs(path):
    """The parameters of a path's query."""
    query = path.partition("?")[2]
    return dict(part.partition("=")[::2] for part in query.split("&")) if query else {}


def paginations(count):
    """Lists of `count` pages each, in the styles of the web: the first page and what each page is called, by style."""
    tokens = [f"{random.Random(n).getrandbits(96):024x}" for n in range(count)]
    return {
        "?page=N": [f"/news?page={n + 1}" for n in range(count)],
        "/page/N/": [f"/blog/page/{n + 1}/" for n in range(count)],
        "?start=20N": [f"/topic?start={20 * n}" for n in range(count)],
        "?offset=N&limit=20": [f"/items?offset={20 * n}&limit=20" for n in range(count)],
        "/N.html": [f"/archive/{n + 1}.html" for n in range(count)],
        "/topic-7-N.html": [f"/forum/topic-7-{n + 1}.html" for n in range(count)],
        "/p0001": [f"/gallery/p{n + 1:04}" for n in range(count)],
        "?sort=price&dir=asc&page=N": [f"/shop?sort=price&dir=asc&page={n + 1}" for n in range(count)],
        "?after=TOKEN": [f"/feed?after={token}" for token in tokens],
        "/YYYY/MM/": [f"/diary/{2001 + n // 12}/{n % 12 + 1:02}/" for n in range(count)],
        "/x;page=N": [f"/list;page={n + 1}" for n in range(count)],
        "?page=N#top": [f"/wiki?title=Log&page={n + 1}" for n in range(count)],
    }


def paginated(count):
    """A site of these lists: each page has neighbours, the ends, and two entries of its own that are not followed."""
    lists = list(paginations(count).values())
    places = {path: (pages, place) for pages in lists for place, path in enumerate(pages)}

    def answer(request):
        if request.path == "/":
            return page("lists", [pages[0] for pages in lists])
        if request.path not in places:
            return None
        pages, place = places[request.path]
        links = pages[max(place - 2, 0):place + 3] + [pages[0], pages[-1]]
        return page(f"{request.path}", [link + "#top" for link in links], f"entries {2 * place} and {2 * place + 1}")

    return answer


WORDS = ["about", "jobs", "team", "press"]
COLORS, SIZES, SORTS, BRANDS = range(12), range(10), range(5), range(10)
REAL = 20


def endless(kind):
    """A site of REAL pages and one trap, all URLs of which begin with /cal."""
    def trap(path):
        parts = path.strip("/").split("/")
        if kind == "calendar":
            month = int(parts[1]) * 12 + int(parts[2])
            return [f"/cal/{m // 12:04}/{m % 12 + 1:02}" for m in (month - 2, month)], path
        if kind == "calendar by day":
            day = int(pairs(path)["date"].replace("-", ""))
            return [f"/cal?date={later}" for later in neighbours(day)], path
        if kind == "session":
            known = [f"/cal/{n}" for n in range(30)]
            return [f"{link}?PHPSESSID={random.getrandbits(128):032x}" for link in known], path.partition("?")[0]
        if kind == "session in the path":
            known = [f"/cal/{n}.jsp" for n in range(30)]
            return [f"{link};jsessionid={random.getrandbits(128):032X}" for link in known], path.partition(";")[0]
        if kind == "growing":
            return [f"{path}{word}/" for word in WORDS], path
        if kind == "repeated":
            return [f"{path}cal/x/"], path
        if kind == "order":
            values = [f"{name}={n}" for name in "abcd" for n in range(3)]
            chosen = [part for part in path.partition("?")[2].split("&") if part]
            rest = [value for value in values if value[0] not in {part[0] for part in chosen}]
            return ["/cal?" + "&".join(random.Random(path).sample(chosen + [more], len(chosen) + 1)) for more in rest], \
                "&".join(sorted(chosen))
        if kind == "filters":
            chosen = pairs(path)
            values = {"color": COLORS, "size": SIZES, "sort": SORTS, "brand": BRANDS}
            return [f"/cal?color={c}&size={s}&sort={o}&brand={b}" for c, s, o, b in (
                (*(int(chosen.get(name, 0)) if name != changed else value for name in values),)
                for changed, all_values in values.items() for value in all_values)], path
        # soft-404 and one body: what is shown does not depend on the URL
        return [], "nothing is here"

    def answer(request):
        path = request.path
        if path == "/":
            begin = {"calendar": ["/cal/2026/11"], "calendar by day": ["/cal?date=2026-11-27"],
                     "growing": ["/cal/"], "repeated": ["/cal/x/"], "order": ["/cal?"],
                     "filters": ["/cal?color=0&size=0&sort=0&brand=0"], "session": ["/cal/0"],
                     "session in the path": ["/cal/0.jsp"],
                     "soft 404": [f"/cal/{WORDS[n % 4]}-{n}/" for n in range(400)],
                     "one body": [f"/cal?view={n}" for n in range(400)]}[kind]
            return page("home", [f"/real/{n}" for n in range(REAL)] + begin)
        if path.startswith("/real/"):
            return page(path, ["/"], f"the page {path}") if int(path[6:]) < REAL else None
        if path.startswith("/cal"):
            links, text = trap(path)
            return page("cal", links, text)
        return None

    return answer


def neighbours(day):
    """The days before and after a day written as a number."""
    date = datetime.date(day // 10000, day // 100 % 100, day % 100)
    return [(date + datetime.timedelta(days=step)).isoformat() for step in (-1, 1)]


def secret_site(way, secrets):
    """Pages for those who are logged in; whoever asks for /logout is out, and /delete/N deletes a page.

    `way` is jar, basic or header; `secrets` the values that have to be sent.
    """
    state = {"in": True, "deleted": 0}

    def is_known(request):
        sent = {"jar": "Cookie", "basic": "Authorization", "header": "X-Token"}[way]
        value = request.headers.get(sent, "")
        return state["in"] and secrets["sent"] in value

    def answer(request):
        path = request.path
        if path == "/robots.txt":
            return None
        if not is_known(request):
            return (401 if way == "basic" else 403), HTML, "who are you?"
        if "logout" in path or "sign-out" in path:
            state["in"] = False
        if "delete" in path or "remove" in path:
            state["deleted"] += 1
        number = int(path[3:]) if path.startswith("/p/") else 0
        links = [f"/p/{n}" for n in range(number + 1, min(number + 4, 40))]
        links += ["/logout", "/user/sign-out?next=/", f"/posts/{number}/delete", f"/posts?action=remove&id={number}"]
        headers = HTML | {"Set-Cookie": f"token={secrets['set']}; Path=/; HttpOnly"}
        return 200, headers, page(path, links, "only for those who are in")

    return answer, state


def checked_site(other, other_host):
    """A site with every kind of broken link, and what is broken: {target: pages}."""
    pages = {
        "/": page("home", ["/a", "/b", "/gone", f"{other}/fine", f"{other}/lost", "/a#there", "/b#nowhere"]),
        "/a": page("a", ["/", "/gone", f"{other}/lost", f"{other}/get-only"], "<h2 id=there>there</h2>")
              + "<img src=/missing.png><img src=/there.png><link rel=stylesheet href=/style.css>",
        "/b": page("b", ["/a", f"{other}/shut"]) + "<script src=/missing.js></script>",
    }
    files = {
        "/there.png": (200, {"Content-Type": "image/png"}, b"png"),
        "/style.css": (200, {"Content-Type": "text/css"}, b"a{background:url(/missing-too.png)}@import '/more.css';"),
        "/more.css": (200, {"Content-Type": "text/css"}, b"b{background:url(there.png)}"),
    }
    broken = {"/gone": {"/", "/a"}, "/missing.png": {"/a"}, "/missing.js": {"/b"}, "/missing-too.png": {"/style.css"},
              f"{other}/lost": {"/", "/a"}, "/b#nowhere": {"/"}}

    def answer(request):
        if request.host == other_host:
            if request.path == "/get-only" and request.method == "HEAD":
                return 405, HTML, ""
            answers = {"/fine": page("fine", ["/never"]), "/get-only": "got", "/shut": (403, HTML, "no")}
            return answers.get(request.path)
        return pages.get(request.path) or files.get(request.path)

    return answer, broken


NAMES = ["example.test", "www.example.test", "docs.example.test", "a.docs.example.test", "example.test:8080",
         "notexample.test", "example.org.test"]


def named_hosts():
    """The same five pages on each of NAMES, which all link to each other's first page."""

    def answer(request):
        host = request.host
        if host not in NAMES or request.path == "/robots.txt":
            return None
        links = [f"http://{name}/" for name in NAMES] + [f"/d/{n}" for n in range(4)]
        known = {"/"} | {f"/d/{n}" for n in range(4)}
        return page(f"{request.path} of {host}", links, host) if request.path in known else None

    return answer
