"""The layer between the crawler and the system (shim.c): compiled, given its orders, its log read.

Shared by the scripts beside it. What the shim can do is said in shim.c.
"""

import collections
import os
import struct
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shim.c")
ENTRY = struct.Struct("<ccHiQQ")

Call = collections.namedtuple("Call", "op file is_new error offset length bytes")


def compiled(folder):
    """The shared library in `folder`, made by the C compiler of this machine."""
    library = os.path.join(folder, "shim.so")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


def environment(library, file, do=None, log=None, bytes_too=False, clock=None):
    """The environment in which a crawl of `file` runs under the shim."""
    more = {"LD_PRELOAD": library, "SHIM_FILE": os.path.abspath(file)}
    for name, value in (("SHIM_DO", do), ("SHIM_LOG", log), ("SHIM_CLOCK", clock),
                        ("SHIM_BYTES", True if bytes_too else None)):
        if value is not None:
            more[name] = str(value)
    return os.environ | more


def calls(log, bytes_too=False):
    """Every call in a log, in order; with what was written if the log has that."""
    with open(log, "rb") as file:
        data = file.read()
    at, found = 0, []
    while at < len(data):
        op, kind, is_new, error, offset, length = ENTRY.unpack_from(data, at)
        at += ENTRY.size
        size = length if bytes_too and op == b"w" else 0
        found.append(Call(op.decode(), kind.decode(), is_new, error, offset, length, data[at:at + size]))
        at += size
    return found


def count(log, ops, files):
    """How many calls of these kinds a log has."""
    return sum(call.op in ops and call.file in files for call in calls(log))
