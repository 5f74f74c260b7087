#!/usr/bin/env python3
"""A power cut loses nothing that was committed: what a disk may hold then is rebuilt, looked at and resumed.

    power.py --binary PATH [--cuts 200] [--resumes 20] [--migration]

Crawls a small web of eventful_site.py (with --migration: resumes a stopped crawl whose file is of
schema version 1) under shim.c, which logs every call on the file, its logs, its lock file and their
folder. Then, `--cuts` times: the power goes between two calls at random, after one of the syncs. On the
disk is what was synced, and of each later write a random share of its 512-byte sectors; of later
truncations, and of files made or removed without a sync of the folder, a random share. What lies
between the end of a file and a sector beyond it is zeros or rubbish.

Reported as committed is a URL when the crawler gives its slot in the lock file free, which it does
once the transaction is through; and everything, once the process has ended.

Broken, if the rebuilt file does not open or is not sound (judge.py), if a row of a request that was
reported is not in it or its page has another content, or if one of `--resumes` of them does not end
equal to an undisturbed crawl.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

import compare
import old_schema
import shim
from eventful_site import Site, crawl_args
from judge import ENDED, unsound
from outside_view import memory_folder, verdict

SECTOR = 512
SUFFIX = {"d": "", "w": "-wal", "j": "-journal", "l": ".lock", "b": ".v1.bak"}


class Inode:
    """A file's content: what is surely on the disk, and what was done to it since its last sync."""

    def __init__(self, content=b""):
        self.live, self.durable, self.pending = bytearray(content), bytearray(content), []

    def write(self, offset, data):
        put(self.live, offset, data, None)
        self.pending.append((offset, data))

    def truncate(self, length):
        cut(self.live, length)
        self.pending.append((length, None))

    def sync(self):
        self.durable, self.pending = bytearray(self.live), []

    def after_cut(self, share, dice):
        content = bytearray(self.durable)
        for offset, data in self.pending:
            if data is None:
                if dice.random() < share:
                    cut(content, offset)
                continue
            at = 0
            while at < len(data):
                size = min(SECTOR - (offset + at) % SECTOR, len(data) - at)
                if dice.random() < share:
                    put(content, offset + at, data[at:at + size], dice)
                at += size
        return content


def put(content, offset, data, dice):
    gap = offset - len(content)
    if gap > 0:
        content += dice.randbytes(gap) if dice and dice.random() < 0.5 else bytes(gap)
    content[offset:offset + len(data)] = data


def cut(content, length):
    del content[length:]
    content += bytes(length - len(content))


class Disk:
    """The files of a folder as calls change them."""

    def __init__(self, files):
        self.live = {kind: Inode(content) for kind, content in files.items()}
        self.durable, self.pending = dict(self.live), []

    def on(self, call):
        if call.error or call.op == "r":
            return
        if call.op == "o" and call.is_new:
            self.live[call.file] = Inode()
            self.pending.append((call.file, self.live[call.file]))
        elif call.op == "u":
            del self.live[call.file]
            self.pending.append((call.file, None))
        elif call.op == "s" and call.file == "f":
            self.durable, self.pending = dict(self.live), []
        elif call.op == "w":
            self.live[call.file].write(call.offset, call.bytes)
        elif call.op == "t":
            self.live[call.file].truncate(call.offset)
        elif call.op == "s":
            self.live[call.file].sync()

    def after_cut(self, dice):
        """What each file holds when the power comes back; not there: not in the result."""
        share, entries = dice.choice([0, 0.1, 0.5, 0.9, 1]), dict(self.durable)
        for kind, inode in self.pending:
            if dice.random() < share:
                entries[kind] = inode
        return {kind: inode.after_cut(share, dice) for kind, inode in entries.items() if inode}


def reports(calls):
    """(number of the call, id of the URL) of each report that a visit is committed."""
    slots, found = {}, []
    for number, call in enumerate(calls):
        if call.file == "l" and call.op == "w" and len(call.bytes) == 4:
            value, = struct.unpack("<I", call.bytes)
            before, slots[call.offset] = slots.get(call.offset, 0), value
            if value == 0 and before:
                found.append((number, before & ~ENDED))
    return found


class Trial:
    """The site, a traced crawl and its reference."""

    def __init__(self, args, folder):
        self.binary, self.folder, self.dice = args.binary, folder, random.Random(args.seed)
        self.site = Site(pages=80, polite=1, busy=1, small=8)
        self.reference, self.traced = (os.path.join(folder, name) for name in ("reference.db", "traced.db"))
        self.rebuilt = os.path.join(folder, "rebuilt.db")
        self.crawl(self.reference)
        self.site.begin_round()
        before = self.old_file() if args.migration else {}
        log = os.path.join(folder, "calls")
        env = shim.environment(shim.compiled(folder), self.traced, log=log, bytes_too=True)
        self.crawl(self.traced, env)
        self.calls = shim.calls(log, bytes_too=True)
        self.before, self.reports = before, reports(self.calls)
        db = compare.read(self.traced)
        self.urls = dict(db.execute("SELECT id, url FROM url"))
        self.contents = dict(db.execute("SELECT url, content_hash FROM pages WHERE content_hash IS NOT NULL"))
        self.requests = collections.Counter(url for url, in db.execute("SELECT url_id FROM fetch"))

    def crawl(self, file, env=None):
        done = subprocess.run([self.binary, *map(str, crawl_args(self.site, file))], env=env, check=False,
                              timeout=60, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip()}")

    def old_file(self):
        """A crawl that was stopped early, as a program of schema version 1 would have left it."""
        process = subprocess.Popen([self.binary, *map(str, crawl_args(self.site, self.traced))])
        while len(self.site.requests) < 60 and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        process.wait()
        old_schema.to_version_1(self.traced)
        return {"d": open(self.traced, "rb").read()}

    def cut_points(self, count):
        """Calls before which the power goes, each after a sync of its own choice."""
        syncs = [i for i, call in enumerate(self.calls) if call.op == "s"] + [len(self.calls)]
        chosen = [self.dice.randrange(len(syncs) - 1) for _ in range(count)]
        return sorted(self.dice.randint(syncs[i] + 1, syncs[i + 1]) for i in chosen)

    def lay_out(self, files):
        for kind, end in {**SUFFIX, "s": "-shm"}.items():
            if os.path.exists(self.rebuilt + end):
                os.remove(self.rebuilt + end)
            if kind in files:
                with open(self.rebuilt + end, "wb") as file:
                    file.write(files[kind])

    def look(self, reported):
        """What is wrong with the rebuilt file. Opening it mends it, as the next program to come would."""
        if not os.path.exists(self.rebuilt) or not os.path.getsize(self.rebuilt):
            return [f"no file, and {len(reported)} URLs were reported"] if reported else []
        db = sqlite3.connect(self.rebuilt)
        db.text_factory = bytes
        try:
            if not db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'fetch'").fetchone()[0]:
                return [f"no tables, and {len(reported)} URLs were reported"] if reported else []
            findings = unsound(db)
            stored = collections.Counter(url for url, in db.execute("SELECT url_id FROM fetch"))
            missing = reported - stored
            if missing:
                findings.append(f"{len(missing)} URLs were reported and are not there, such as {list(missing)[:3]}")
            contents = db.execute("SELECT url, content_hash FROM pages WHERE content_hash IS NOT NULL")
            other = [url for url, content in contents if self.contents.get(url) != content]
            return findings + ([f"other content: {other[:3]}"] if other else [])
        except sqlite3.DatabaseError as error:
            return [str(error)]
        finally:
            db.close()


def run(args, folder):
    trial = Trial(args, folder)
    disk, broken, at, counted = Disk(trial.before), [], 0, []
    points = trial.cut_points(args.cuts)
    resumed = set(trial.dice.sample(range(len(points)), min(args.resumes, len(points))))
    for number, point in enumerate(points):
        for call in trial.calls[at:point]:
            disk.on(call)
        at = point
        whole = point == len(trial.calls)
        reported = trial.requests if whole else collections.Counter(url for call, url in trial.reports if call < point)
        files = disk.after_cut(trial.dice)
        trial.lay_out(files)
        findings = trial.look(reported)
        counted.append(sum(reported.values()))
        if number in resumed and not findings:
            trial.lay_out(files)
            try:
                trial.crawl(trial.rebuilt)
                findings = compare.compare(trial.reference, trial.rebuilt)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                findings = [f"the resume: {error}"]
        if findings and args.dir:
            shutil.copytree(folder, os.path.join(args.dir, f"cut-{point}"), dirs_exist_ok=True)
        broken += [f"cut before call {point} of {len(trial.calls)}: {finding}" for finding in findings]
    syncs = collections.Counter(call.file for call in trial.calls if call.op == "s")
    of_each = ", ".join(f"{count} of FILE{SUFFIX[kind]}" if kind in SUFFIX else f"{count} of the folder"
                        for kind, count in syncs.items())
    print(f"{len(trial.calls)} calls, of them syncs: {of_each}; "
          f"{len(trial.reports)} reports of {sum(trial.requests.values())} requests")
    print(f"{len(points)} cuts, reported by then: least {min(counted)}, median {sorted(counted)[len(counted) // 2]}, "
          f"most {max(counted)}; {len(resumed)} of them resumed to the end")
    return verdict(broken)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the crawler")
    parser.add_argument("--cuts", type=int, default=200, help="power cuts [200]")
    parser.add_argument("--resumes", type=int, default=20, help="rebuilt files that are resumed to the end [20]")
    parser.add_argument("--migration", action="store_true", help="of a resume that brings an older file up to date")
    parser.add_argument("--seed", type=int, default=1, help="of what is on the disk [1]")
    parser.add_argument("--dir", help="keep what was found wrong here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="power-", dir=memory_folder()) as folder:
        return run(args, folder)


if __name__ == "__main__":
    sys.exit(main())
