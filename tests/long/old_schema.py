"""A file of an older schema, made from one of today: what a program of then would have left.

Shared by the scripts beside it.
"""

import os
import sqlite3

# What judge.py asks for, as the views of then gave it.
VIEWS_1 = """
CREATE VIEW pages AS SELECT u.url, f.status, p.links AS outlinks, p.content_hash, r.url AS redirect_to
FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN url u ON u.id = s.url_id LEFT JOIN page p ON p.id = f.page_id
LEFT JOIN url r ON r.id = f.redirect_to WHERE s.kind = 'page' AND s.state = 'done';
CREATE VIEW links AS SELECT a.url AS source, b.url AS target, l.position FROM state s JOIN fetch f ON f.id = s.fetch_id
JOIN link l ON l.page_id = f.page_id JOIN url a ON a.id = s.url_id JOIN url b ON b.id = l.target_id WHERE s.state = 'done';
CREATE VIEW urls AS SELECT u.url FROM state s JOIN url u ON u.id = s.url_id;
"""
LINKS_1 = """
INSERT INTO main.link SELECT l.id >> 17, l.id & 131071, l.target_id, h.kind, l.anchor, l.rel, l.fragment,
nullif(h.region, 'body'), h.is_follow, l.times FROM new.link l JOIN new.link_shape h ON h.id = l.shape_id
"""
SCHEMA_1 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../fixtures/schema-1.sql")


def to_version_1(path):
    """Replaces the file, which nobody has open, by one of schema version 1 with the same rows."""
    old = path + ".old"
    db = sqlite3.connect(old)
    db.executescript("PRAGMA page_size = 8192;" + open(SCHEMA_1, encoding="utf-8").read())
    db.execute("ATTACH ? AS new", (path,))
    for (table,) in db.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name <> 'link'").fetchall():
        columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
        db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    db.execute(LINKS_1)
    db.commit()
    db.execute("DETACH new")
    db.executescript(VIEWS_1 + "PRAGMA application_id = 0x63726c74; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;")
    db.close()
    os.replace(old, path)
