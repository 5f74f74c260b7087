"""What can be seen of a crawl from outside: its process, its server's log, its file.

Shared by the scripts beside it. Nothing here knows the crawler's code: it is a
program that is started, the log is the server's, the file is read as any SQLite
tool would read it.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time

ROBOTS = "/robots.txt"


class ServerLog:
    """The server's log from a moment on.

    Reads two forms, tabs between the fields: `ms host path status` (site_server)
    and nginx's `sec status bytes method path ...`.
    """

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.rest = b""
        self.mark()

    def mark(self):
        """From here on: what was logged before is no longer read."""
        self.offset = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        self.rest = b""

    def lines(self):
        """The whole lines since the last call, as (seconds since 1970, key, status); a key is host and path."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [self._parse(line.decode(errors="surrogateescape").split("\t")) for line in whole]

    @staticmethod
    def _parse(fields):
        if len(fields) == 4:
            return float(fields[0]) / 1000, fields[1] + fields[2], int(fields[3])
        return float(fields[0]), fields[4], int(fields[1])

    def settled(self, quiet=0.3):
        """The lines until nothing was added for `quiet` seconds: requests that a kill left behind included."""
        found, last = self.lines(), time.monotonic()
        while time.monotonic() - last < quiet:
            time.sleep(0.02)
            more = self.lines()
            if more:
                found, last = found + more, time.monotonic()
        return found


def memory_folder():
    """A folder in memory, where there is one: a busy disk decides nothing then."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


def path_of(key):
    """The path in a key of `ServerLog.lines`."""
    return "/" + key.partition("/")[2]


def start(binary, *args):
    """Starts the crawler with `args`. What it says on standard error is passed through."""
    return subprocess.Popen([binary, *map(str, args)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def kill(process):
    """kill -9, and wait until it is gone. False if it had ended before."""
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL and alive


def rows(path, sql, parameters=()):
    """Every row of a query, read-only. Waits for nobody: a lock is an error."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0)
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.close()


def stored_pages(path):
    """Rows of the view `pages`; 0 if there is no such file or view yet."""
    try:
        return rows(path, "SELECT count(*) FROM pages")[0][0]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error) or "unable to open" in str(error):
            return 0
        raise


def print_table(head, lines):
    """Columns as wide as their longest cell; numbers to the right."""
    cells = [[str(cell) for cell in line] for line in [head, *lines]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for line, source in zip(cells, [head, *lines]):
        parts = [
            cell.rjust(width) if isinstance(value, (int, float)) or source is head else cell.ljust(width)
            for cell, width, value in zip(line, widths, source)
        ]
        print("  ".join(parts).rstrip())


def verdict(broken):
    """Prints what was broken, or that nothing was; the exit code."""
    for line in broken:
        print(f"BROKEN: {line}")
    print("the promise holds" if not broken else f"the promise is broken: {len(broken)} findings")
    sys.stdout.flush()
    return 1 if broken else 0
