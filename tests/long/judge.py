"""Is a file what its crawl and the server's log say it must be? Judged without the crawler's code.

Shared by the scripts beside it. `Judge.after_kill` looks into the file that a dead process left,
`Judge.at_end` into the finished one; both give findings as lines, none if all is well. Tables are
read as schema.sql documents them, links through the views.
"""

import collections
import os
import shutil
import sqlite3
import struct

import compare
from eventful_site import CRAWL_DELAY

TOLERANCE = 0.002  # seconds: between the decision to start and the server's kernel
UNDER_WAY = 0.400  # seconds after an answer in which requests may arrive that were sent before it came
ENDED = 1 << 31  # the bit of a slot whose visit has ended
# Each gives rows only where a file breaks the promise, whenever its crawl was ended.
SOUND = {
    "integrity_check": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "foreign_key_check": "SELECT * FROM pragma_foreign_key_check",
    "page whose links are not as many as it says": "SELECT p.url, p.outlinks, l.n FROM pages p"
    " LEFT JOIN (SELECT source, count(*) AS n FROM links GROUP BY source) l ON l.source = p.url"
    " WHERE coalesce(p.outlinks, 0) <> coalesce(l.n, 0)",
    "link of a page that is not there": "SELECT id FROM link WHERE id >> 17 NOT IN (SELECT id FROM page)",
    "link whose target stands nowhere": "SELECT target FROM links EXCEPT SELECT url FROM urls",
    "URL that stands nowhere": "SELECT u.url FROM url u LEFT JOIN state s ON s.url_id = u.id"
    " WHERE s.url_id IS NULL AND u.url NOT LIKE '%/robots.txt'",
    "URL with two rows": "SELECT url FROM url GROUP BY url HAVING count(*) > 1",
    # One met before may have come nearer through a page that is fetched again.
    "URL that nothing stored leads to": "SELECT u.url FROM state s JOIN url u ON u.id = s.url_id"
    " WHERE s.found_on IS NOT NULL AND s.found_on NOT IN (SELECT url_id FROM fetch)"
    " AND u.url NOT IN (SELECT target FROM links) AND u.id NOT IN (SELECT url_id FROM sitemap_entry)"
    " AND u.id NOT IN (SELECT redirect_to FROM fetch WHERE redirect_to IS NOT NULL)",
    "done without its request": "SELECT u.url FROM state s JOIN url u ON u.id = s.url_id"
    " LEFT JOIN fetch f ON f.id = s.fetch_id AND f.url_id = s.url_id AND f.crawl_id = s.crawl_id"
    " WHERE s.state = 'done' AND (f.id IS NULL OR f.status IS NULL AND f.error IS NULL)",
    "page with 200 and no content": "SELECT url FROM pages WHERE status = 200 AND content_hash IS NULL",
    "aside or refused without reason or detail": "SELECT u.url FROM state s JOIN url u ON u.id = s.url_id"
    " WHERE s.state IN ('aside', 'refused') AND (coalesce(s.reason, '') = '' OR coalesce(s.detail, '') = '')",
    "attempts that are not as many as its requests": "SELECT u.url, s.attempts, f.n FROM state s JOIN url u ON u.id = s.url_id"
    " LEFT JOIN (SELECT crawl_id, url_id, count(*) AS n FROM fetch GROUP BY 1, 2) f"
    " ON f.url_id = s.url_id AND f.crawl_id = s.crawl_id"
    " WHERE s.kind = 'page' AND s.state IN ('pending', 'done') AND s.attempts <> coalesce(f.n, 0)",
    "redirect whose target stands nowhere": "SELECT url FROM pages WHERE redirect_to IS NOT NULL"
    " AND redirect_to NOT IN (SELECT url FROM urls)",
    "pending URL that belongs to no origin": "SELECT url_id FROM state WHERE state = 'pending' AND origin_id IS NULL",
    "Retry-After that is not kept": "SELECT u.url FROM fetch f JOIN url u ON u.id = f.url_id JOIN state s ON s.url_id = u.id"
    f" JOIN origin o ON o.id = s.origin_id WHERE f.status IN (429, 503)"
    " AND coalesce(o.hold_until, 0) < f.started_at + f.elapsed_ms + 1000 - 5",
}
TWICE = "SELECT u.url, count(*) FROM fetch f JOIN url u ON u.id = f.url_id WHERE u.url NOT LIKE '%/robots.txt'" \
        " AND u.url NOT LIKE '%/once/%' AND u.url NOT LIKE '%/busy/%' AND u.url NOT LIKE '%/down/%'" \
        " GROUP BY 1 HAVING count(*) > 1"
FETCHES = "SELECT f.id, u.url, f.status, hex(p.content_hash) FROM fetch f JOIN url u ON u.id = f.url_id" \
          " LEFT JOIN page p ON p.id = f.page_id ORDER BY f.id"


# Requests until then; hosts whose rules the file had by then, and whose Retry-After.
Death = collections.namedtuple("Death", "requests ruled held")


class Left(collections.namedtuple("Left", "findings lost lost_urls")):
    """What a dead process left: findings, requests that came to nothing, and for which URLs."""


class Judge:
    """Follows one crawl through its kills."""

    def __init__(self, site, reference, file, scratch):
        self.site, self.file, self.scratch = site, file, os.path.join(scratch, "looked-at.db")
        self.contents = dict(compare.read(reference).execute("SELECT url, hex(content_hash) FROM pages"))
        self.reference = reference
        self.fetches, self.seen = [], 0  # rows of requests in the file, requests in the log, at the last look
        self.deaths = []

    def copy(self):
        """The file and its log as they lie there: looking must not mend anything."""
        for end in ("", "-wal", "-journal", "-shm"):
            if os.path.exists(self.scratch + end):
                os.remove(self.scratch + end)
            if end != "-shm" and os.path.exists(self.file + end):
                shutil.copyfile(self.file + end, self.scratch + end)
        return sqlite3.connect(self.scratch)

    def after_kill(self, requests):
        """Looks at the file once the process is dead and the server has answered; `requests`: the whole log."""
        of_run, self.seen = requests[self.seen:], len(requests)
        db = self.copy()
        db.text_factory = bytes
        if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'fetch'").fetchone()[0]:
            self.deaths.append(Death(len(requests), set(), set()))
            wrong = ["nothing is left of a file that had rows"] if self.fetches else []
            return Left(wrong, len(of_run), [self.url(r) for r in of_run])
        findings = unsound(db)
        fetches = db.execute(FETCHES).fetchall()
        if fetches[:len(self.fetches)] != self.fetches:
            findings.append("rows of requests that were stored before are gone or changed")
        new = collections.Counter(url for _, url, _, _ in fetches[len(self.fetches):])
        asked = collections.Counter(self.url(r) for r in of_run)
        more = new - asked
        if more:
            findings.append(f"{sum(more.values())} rows of requests that the server never saw, such as {list(more)[:2]}")
        wrong = [url for _, url, _, content in fetches if content and self.contents.get(url) != content]
        if wrong:
            findings.append(f"{len(wrong)} pages have another content than in the reference, such as {wrong[:2]}")
        lost = asked - new
        findings += self.unnamed(db, lost)
        known = db.execute("SELECT origin FROM origin WHERE robots_at IS NOT NULL").fetchall()
        busy = {url for _, url, status, _ in fetches if status in (429, 503)}
        self.deaths.append(Death(len(requests), {host(origin) for origin, in known}, {host(url) for url in busy}))
        self.fetches = fetches
        db.close()
        return Left(findings, sum(lost.values()), list(lost))

    def unnamed(self, db, lost):
        """Every URL that was asked for and is not stored must be named in the lock file as what was in flight."""
        data = b""
        if os.path.exists(self.file + ".lock"):
            with open(self.file + ".lock", "rb") as file:
                data = file.read()
        named = {slot & ~ENDED for slot, in struct.iter_unpack("<I", data[:len(data) // 4 * 4])}
        ids = dict(db.execute("SELECT url, id FROM url").fetchall())
        missing = [url for url in lost if url in ids and ids[url] not in named]
        return [f"{len(missing)} URLs in flight are named nowhere, such as {missing[:2]}"] if missing else []

    def url(self, request):
        return self.site.url(request.host, request.path).encode()

    def at_end(self, requests):
        """Findings on the finished file and the whole log."""
        findings = compare.compare(self.reference, self.file)
        db = self.copy()
        db.text_factory = bytes
        findings += unsound(db)
        twice = db.execute(TWICE).fetchall()
        if twice:
            findings.append(f"{len(twice)} URLs were stored and asked for again, such as {twice[:2]}")
        depths = "SELECT url, depth FROM urls WHERE state = 'done' ORDER BY url"
        wrong = set(db.execute(depths)) ^ set(compare.read(self.reference).execute(depths))
        if wrong:
            findings.append(f"{len(wrong)} rows differ in depth, such as {sorted(wrong)[:3]}")
        db.close()
        return findings + self.impolite(requests)

    def impolite(self, requests):
        """Gaps across a kill that are shorter than robots.txt asked for, and anything within Retry-After, if the
        file knew of it. Gaps within a run are for polite.py: a busy machine sends unevenly."""
        findings, last, held = [], {}, {}
        for number, request in enumerate(requests):
            name = request.host
            before = last.get(name)
            gap = request.arrived - before[1].arrived if before else 9.9
            kills = self.deaths_between(before, number)
            is_ruled = name.startswith("127.0.2.") and kills and all(name in k.ruled for k in kills)
            if is_ruled and gap < CRAWL_DELAY - TOLERANCE:
                findings.append(f"{gap * 1000:.1f} ms before {request.path} of {name}, {len(kills)} kills between")
            wait = request.arrived - held[name][1].answered if name in held else 9.9
            kills = self.deaths_between(held.get(name), number)
            if UNDER_WAY < wait < self.site.retry_after - TOLERANCE and all(name in k.held for k in kills):
                findings.append(f"{wait:.3f} s after Retry-After of {name}, {len(kills)} kills between")
            last[name] = number, request
            if request.status in (429, 503):
                held[name] = number, request
        return findings

    def deaths_between(self, before, number):
        return [death for death in self.deaths if before and before[0] < death.requests <= number]

    def smallest_gap(self, requests):
        """On polite hosts, in seconds; and across a kill whose file knew of the delay."""
        gaps, across, last = [9.9], [9.9], {}
        for number, request in enumerate(requests):
            before, last[request.host] = last.get(request.host), (number, request)
            kills = self.deaths_between(before, number)
            if before and request.host.startswith("127.0.2.") and all(request.host in k.ruled for k in kills):
                (across if kills else gaps).append(request.arrived - before[1].arrived)
        return min(gaps), min(across)


def host(url):
    return url.decode().split("//")[1].split(":")[0]


def unsound(db, limit=3):
    """What is unsound in a file, a line for each kind."""
    found = []
    version, = db.execute("PRAGMA user_version").fetchone()
    for name, sql in SOUND.items():
        if version < 3 and name == "link of a page that is not there":
            continue  # its foreign key says so
        try:
            bad = db.execute(sql).fetchall()
        except sqlite3.DatabaseError as error:
            bad = [(str(error),)]
        if bad:
            found.append(f"{name}: {len(bad)}, such as " + "; ".join(compare.show(row) for row in bad[:limit]))
    return found
