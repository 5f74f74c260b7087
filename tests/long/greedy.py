#!/usr/bin/env python3
"""Memory is bounded by what is known, not by what pages hold: many links a page, and sitemaps of 50 MB.

    greedy.py --binary PATH [--pages 50] [--links 20000] [--sitemaps 8] [--dir FOLDER]

Crawls a site of PAGES pages with LINKS links each, all of them different and all asked for
at once, so that results pile up before the writer; then one whose sitemap index names
SITEMAPS zipped sitemaps of 48 000 URLs of 900 bytes, 48 MB each.

Broken, if VmHWM goes above 150 MiB + 45 B per known URL (the URLs of sitemaps count with their
length: a batch of them is in memory once), or the exit code is neither 0 nor 4. Prints a row each.
"""

import argparse
import gzip
import http.server
import os
import socketserver
import sys
import tempfile
import threading
import time

from memory import known_urls, memory
from outside_view import print_table, start, verdict

MIB = 1024 * 1024
SITEMAP_URLS, URL_BYTES = 48_000, 900


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def serve(answer):
    """Serves what `answer(path)` gives, as (media type, body); the seed's URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            media_type, body = answer(self.path) or ("text/plain", None)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def pages_of_links(pages, links):
    home = "".join(f"<a href=/p{n}>" for n in range(pages)).encode()

    def answer(path):
        if path.startswith("/p"):
            return "text/html", "".join(f"<a href={path[2:]}/{n:x}>" for n in range(links)).encode()
        return ("text/html", home) if path == "/" else None

    return answer


def large_sitemaps(count):
    urls = "".join(f"<url><loc>/{'x' * URL_BYTES}{n}</loc></url>" for n in range(SITEMAP_URLS))
    sitemap = gzip.compress(f"<urlset>{urls}</urlset>".encode(), 1)
    index = "".join(f"<sitemap><loc>/s{n}</loc></sitemap>" for n in range(count))

    def answer(path):
        if path.startswith("/s") and path != "/sitemap.xml":
            return "application/xml", sitemap
        if path == "/sitemap.xml":
            return "application/xml", f"<sitemapindex>{index}</sitemapindex>".encode()
        return ("text/html", b"x") if path == "/" else None

    return answer


def crawl(binary, name, answer, folder, extra, in_hand=0):
    """Crawls to the end; a row of the table, and what is broken."""
    file = os.path.join(folder, f"{name.replace(' ', '-')}.db")
    began = time.monotonic()
    process = start(binary, "crawl", serve(answer), "-o", file, "-q", *extra)
    peak = 0
    while process.poll() is None:
        peak = max(peak, memory(process.pid)[1])
        time.sleep(0.005)
    known = known_urls(file)
    allowed = 150 * MIB + 45 * known + in_hand
    row = [name, known, f"{peak / MIB:.0f} MiB", f"{allowed / MIB:.0f} MiB", f"{time.monotonic() - began:.1f} s"]
    broken = [f"{name}: {peak / MIB:.0f} MiB"] if peak > allowed else []
    if process.returncode not in (0, 4):
        broken.append(f"{name}: exit code {process.returncode}")
    return row, broken


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--pages", type=int, default=50, help="pages of links [50]")
    parser.add_argument("--links", type=int, default=20_000, help="links of each [20000]")
    parser.add_argument("--sitemaps", type=int, default=8, help="large sitemaps [8]")
    parser.add_argument("--dir", help="where the files go; kept [a temporary folder]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="greedy-") as temporary:
        folder = args.dir or temporary
        each = ["-c", "64", "--per-host", "64", "--no-sitemaps", "-d", "1"]
        rows = [
            crawl(args.binary, "pages of links", pages_of_links(args.pages, args.links), folder, each),
            crawl(args.binary, "large sitemaps", large_sitemaps(args.sitemaps), folder,
                  ["--my-site", "--max-pages", "1"], in_hand=2 * SITEMAP_URLS * URL_BYTES),
        ]
    print_table(["site", "known URLs", "peak memory", "allowed", "took"], [row for row, _ in rows])
    return verdict([line for _, broken in rows for line in broken])


if __name__ == "__main__":
    sys.exit(main())
