"""What can be seen of a crawl from outside: its process, its server's log, its file.

Shared by the scripts beside it. Nothing here knows the crawler's code: it is a
program that is started, the log is the server's, the file is read as any SQLite
tool would read it.
"""

import os
import signal
import socket
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
        return [self._parse(fields) for fields in self.fields()]

    def fields(self):
        """The whole lines since the last call, cut at the tabs."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            data = file.read()
        self.offset += len(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="surrogateescape").split("\t") for line in whole]

    @staticmethod
    def _parse(fields):
        if len(fields) == 4:
            return float(fields[0]) / 1000, fields[1] + fields[2], int(fields[3])
        return float(fields[0]), fields[4], int(fields[1])

    def settled(self, quiet=0.3, lines=None):
        """The lines until nothing was added for `quiet` seconds: requests that a kill left behind included."""
        lines = lines or self.lines
        found, last = lines(), time.monotonic()
        while time.monotonic() - last < quiet:
            time.sleep(0.02)
            more = lines()
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


def run(binary, *args, folder=None, stdin=None):
    """Runs the crawler to its end; its exit code, and what it said on standard output and standard error."""
    ran = subprocess.run([binary, *map(str, args)], cwd=folder, input=stdin, capture_output=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


NGINX = """worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  keepalive_requests 1000000; absolute_redirect off; sendfile on;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  log_format seen '$msec\\t$status\\t$body_bytes_sent\\t$request_method\\t$request_uri';
{servers}}}
"""


class Nginx:
    """An nginx that serves folders, each at a port of its own and with a log of its own; ends with `close`."""

    def __init__(self, folder, roots, first_port):
        """`roots`: folders by name."""
        self.roots = dict(roots)
        self.ports = {name: first_port + place for place, name in enumerate(roots)}
        self.logs = {name: os.path.join(folder, f"{name}.log") for name in roots}
        servers = "".join(
            f"  server {{ listen 127.0.0.1:{self.ports[name]}; root {root}; index index.html;"
            f" access_log {self.logs[name]} seen; }}\n" for name, root in roots.items())
        config = os.path.join(folder, "nginx.conf")
        with open(config, "w", encoding="utf-8") as file:
            user = "user root;\n" if os.geteuid() == 0 else ""
            file.write(user + NGINX.format(folder=folder, servers=servers))
        self.process = subprocess.Popen(["nginx", "-c", config, "-e", os.path.join(folder, "error.log")])
        for port in self.ports.values():
            wait_for_port(port)

    def close(self):
        self.process.terminate()
        self.process.wait()


def wait_for_port(port, seconds=10):
    """Until somebody listens there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit(f"nobody listens at port {port}")


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
