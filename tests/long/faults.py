#!/usr/bin/env python3
"""A call on the file fails: nothing is damaged, nobody hangs, nothing is silently missing, and a resume goes on.

    faults.py --binary PATH [--most 10]

Crawls a small web of eventful_site.py under shim.c, which makes the N-th call of one kind (open,
read, write, sync, truncate, unlink) on one file (the crawl's, its logs, its lock file) fail with one
error (ENOSPC, EIO, EINTR, EMFILE, EACCES), once or from then on: for every such combination and up to
`--most` values of N, spread over all calls that an undisturbed crawl makes.

Broken, if a crawl takes more than 30 s or ends by a signal; if it ends with 0 and its file is not equal
to an undisturbed crawl's; if it ends otherwise without exactly one line, with `error:` and the file's
name in it; if the file is not sound then, or the same crawl without faults does not end equal.
Prints a row per kind of call, file and error.
"""

import argparse
import collections
import errno
import os
import subprocess
import sys
import tempfile

import compare
import shim
from eventful_site import Site, crawl_args
from judge import unsound
from outside_view import memory_folder, print_table, verdict
from power import SUFFIX

PATIENCE = 30
OPS = {"o": "open", "r": "read", "w": "write", "s": "sync", "t": "truncate", "u": "unlink"}
ERRORS = {"o": ("EMFILE", "EACCES", "EIO"), "r": ("EIO",), "w": ("ENOSPC", "EIO", "EINTR"), "s": ("EIO", "ENOSPC"),
          "t": ("EIO", "EINTR"), "u": ("EIO", "EACCES")}


class Trial:
    def __init__(self, args, folder):
        self.binary, self.folder = args.binary, folder
        self.library = shim.compiled(folder)
        self.site = Site(pages=25, polite=0, busy=0, small=2, latency=0.002, eventful=False)
        self.reference, self.file = os.path.join(folder, "reference.db"), os.path.join(folder, "x.db")
        self.log = os.path.join(folder, "calls")
        self.crawl(shim.environment(self.library, self.reference, log=self.log), self.reference)
        self.calls = collections.Counter((call.op, call.file) for call in shim.calls(self.log))

    def crawl(self, env=None, file=None):
        """Exit code, and the lines said; a hang is a code of its own."""
        args = [self.binary, *map(str, crawl_args(self.site, file or self.file))]
        try:
            done = subprocess.run(args, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return "hung", []
        return done.returncode, done.stderr.strip().splitlines()

    def remove(self):
        for end in [*SUFFIX.values(), "-shm"]:
            if os.path.exists(self.file + end):
                os.remove(self.file + end)

    def fail(self, do):
        """One crawl with a fault: whether it ended with 0, and what is wrong."""
        self.remove()
        code, lines = self.crawl(shim.environment(self.library, self.file, do))
        if code == 0:
            return True, [f"ended with 0, and {line}" for line in compare.compare(self.reference, self.file)]
        wrong = []
        if code == "hung" or code < 0:
            wrong.append(f"ended by a signal or not at all: {code}")
        elif len(lines) != 1 or not lines[0].startswith("error: ") or "x.db" not in lines[0]:
            wrong.append(f"exit code {code}, and said: {lines}")
        return False, wrong + self.mended()

    def mended(self):
        """What is wrong with the file that was left, or after the same crawl again."""
        code, lines = self.crawl()
        if code != 0:
            return [f"again without faults: exit code {code}, {lines}"]
        db = compare.read(self.file)
        wrong = [f"again without faults: {line}" for line in compare.compare(self.reference, self.file) + unsound(db)]
        db.close()
        return wrong


def numbers(count, most):
    """Up to `most` numbers from 1 to `count`, the first and the last among them."""
    if count <= most:
        return range(1, count + 1)
    return sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


def run(args, folder):
    trial, table, broken = Trial(args, folder), [], []
    for (op, file), count in sorted(trial.calls.items()):
        if file == "f" or op not in ERRORS:
            continue
        for error in ERRORS[op]:
            # SQLite tries again after EINTR for as long as it comes: it never does for ever.
            for times in (1,) if error == "EINTR" else (1, 0):
                runs = ended_well = 0
                for n in numbers(count, args.most):
                    do = f"fail:{op}:{file}:{n}:{times}:{getattr(errno, error)}"
                    well, wrong = trial.fail(do)
                    runs, ended_well = runs + 1, ended_well + well
                    broken += [f"{do} ({error}): {line}" for line in wrong]
                table.append([OPS[op], "FILE" + SUFFIX[file], error, "once" if times else "from then on", count, runs,
                              ended_well])
    print_table(["call", "on", "error", "", "calls", "crawls", "ended with 0"], table)
    print(f"{sum(row[5] for row in table)} crawls with a fault, {sum(row[6] for row in table)} ended with 0 and all there")
    return verdict(broken)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--most", type=int, default=10, help="values of N for each kind of fault [10]")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-", dir=memory_folder()) as folder:
        return run(args, folder)


if __name__ == "__main__":
    sys.exit(main())
