#!/usr/bin/env python3
"""Two crawls of one site gave the same: the promise that nothing is lost, as far as files show it.

    compare.py A.db B.db

Equal means: the same rows of (url, state, reason, status, content_hash) in `urls` and
of (source, position, target) in `links`, as text. Ids, times, attempts and found_on may
differ. Each file is also judged alone: every link's source and target is a row of `urls`,
no URL twice, refused and aside rows have reason and detail, done rows have a status or
an error, integrity_check and foreign_key_check find nothing.

Prints the counts, the first differences and the verdict. Exit 0 if equal and sound, else 1.
"""

import argparse
import sqlite3
import sys

from outside_view import print_table, verdict

COMPARED = {
    "urls": ("url", "state", "reason", "status", "content_hash"),
    "links": ("source", "position", "target"),
}
# Each gives rows only where a file breaks the promise.
SOUND = {
    "link to a URL without a row": "SELECT target FROM links EXCEPT SELECT url FROM urls",
    "link from a URL without a row": "SELECT source FROM links EXCEPT SELECT url FROM urls",
    "URL with two rows": "SELECT url FROM urls GROUP BY url HAVING count(*) > 1",
    "unknown state": "SELECT state, url FROM urls WHERE state IS NULL"
    " OR state NOT IN ('pending', 'done', 'refused', 'aside')",
    "refused or aside without reason or detail": "SELECT url, reason, detail FROM urls"
    " WHERE state IN ('refused', 'aside') AND (coalesce(reason, '') = '' OR coalesce(detail, '') = '')",
    "done without status or error": "SELECT url FROM urls"
    " WHERE state = 'done' AND status IS NULL AND coalesce(error, '') = ''",
    "integrity_check": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "foreign_key_check": "SELECT * FROM pragma_foreign_key_check",
}


def read(path):
    """A read-only connection that gives text as bytes, so that no odd URL can break the comparison."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    return connection


def show(row):
    return " | ".join(cell.decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row)


def problems(path, limit=5):
    """What is unsound in one file: a line for each kind with its count and first rows."""
    found = []
    connection = read(path)
    for name, sql in SOUND.items():
        bad = connection.execute(sql).fetchall()
        if bad:
            found.append(f"{path}: {name}: {len(bad)}, such as " + "; ".join(map(show, bad[:limit])))
    connection.close()
    return found


def counts(path):
    """URLs by state, and links."""
    connection = read(path)
    states = connection.execute("SELECT state, count(*) FROM urls GROUP BY state ORDER BY state").fetchall()
    links = connection.execute("SELECT count(*) FROM links").fetchone()[0]
    connection.close()
    return {(state or b"NULL").decode(): count for state, count in states} | {"links": links}


def ordered(connection, view):
    """The compared columns of a view, each row as one text, in byte order."""
    row = " || ' | ' || ".join(f"quote({column})" for column in COMPARED[view])
    return (text for (text,) in connection.execute(f"SELECT {row} AS line FROM {view} ORDER BY line"))


def differences(a, b, view):
    """Rows only in `a` and rows only in `b`, counting repetitions; sorted streams, so memory does not grow."""
    connections = read(a), read(b)
    left, right = (ordered(connection, view) for connection in connections)
    only_a, only_b = [], []
    x, y = next(left, None), next(right, None)
    while x is not None or y is not None:
        if x == y:
            x, y = next(left, None), next(right, None)
        elif y is None or (x is not None and x < y):
            only_a.append(x)
            x = next(left, None)
        else:
            only_b.append(y)
            y = next(right, None)
    for connection in connections:
        connection.close()
    return only_a, only_b


def compare(a, b, limit=5):
    """Every finding on two files, as lines; none if they are equal and sound."""
    found = problems(a) + problems(b)
    for view in COMPARED:
        for path, only in zip((a, b), differences(a, b, view)):
            if only:
                first = "\n    ".join(line.decode(errors="replace") for line in only[:limit])
                found.append(f"{len(only)} rows of {view} only in {path}:\n    {first}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", metavar="A.db")
    parser.add_argument("b", metavar="B.db")
    parser.add_argument("--first", type=int, default=5, help="differences to print of each kind [5]")
    args = parser.parse_args()
    in_a, in_b = counts(args.a), counts(args.b)
    names = list(dict.fromkeys([*in_a, *in_b]))
    print_table(["", *names], [[path, *(found.get(name, 0) for name in names)]
                               for path, found in ((args.a, in_a), (args.b, in_b))])
    return verdict(compare(args.a, args.b, args.first))


if __name__ == "__main__":
    sys.exit(main())
