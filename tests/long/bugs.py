#!/usr/bin/env python3
"""The judges can fail: kill_anywhere.py finds each bug in bugs/*.patch, power.py each in bugs/power/*.patch,
faults.py each in bugs/faults/*.patch, and none of them finds anything in the tree as it is.

    bugs.py [--scratch DIR] [--only NAME,NAME] [--kills 40]

Copies the committed tree into DIR, with a target folder of its own (filled from this tree's debug
build, so that only crawlite itself is compiled), checks that every patch applies, then applies one
at a time, builds, and runs the judge until it finds something. Each patch is a bug that a
person could write: its first line says which. Broken, if a bug is not found, or something is found
without one. Prints a row per bug with the first finding. About two minutes a bug on two cores.
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

from outside_view import memory_folder, print_table, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
BUGS = os.path.join(HERE, "bugs")


def run(*command, cwd, **more):
    return subprocess.run(command, cwd=cwd, check=True, **more)


def scratch_tree(folder):
    """The committed tree, and the compiled dependencies."""
    tree, target = os.path.join(folder, "tree"), os.path.join(folder, "target")
    shutil.rmtree(tree, ignore_errors=True)
    os.makedirs(tree)
    archive = run("git", "archive", "HEAD", cwd=TREE, stdout=subprocess.PIPE).stdout
    run("tar", "-x", cwd=tree, input=archive)
    if not os.path.exists(target):
        for part in (".fingerprint", "build", "deps"):
            shutil.copytree(os.path.join(TREE, "target/debug", part), os.path.join(target, "debug", part))
    return tree, target


def build(tree, target):
    env = os.environ | {"CARGO_TARGET_DIR": target}
    run("cargo", "build", "--locked", "--quiet", cwd=tree, stderr=subprocess.DEVNULL, env=env)
    return os.path.join(target, "debug/crawlite")


def kind(name):
    """Which judge is to find it."""
    return os.path.dirname(name)


def judge(name, binary, kills, folder):
    """The first finding, if there is one, or why there is no judgement; and whether there is one."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    script = {"power": ["power.py"], "faults": ["faults.py", "--most", "2"]}.get(
        kind(name), ["kill_anywhere.py", "--kills", str(kills), "--first", "--dir", folder])
    script[0] = os.path.join(HERE, script[0])
    done = subprocess.run([sys.executable, *script, "--binary", binary], capture_output=True, text=True, check=False)
    findings = [line for line in done.stdout.splitlines() if line.startswith("BROKEN: ")]
    if done.returncode not in (0, 1) or (done.returncode == 1) != bool(findings):
        return f"the judge itself failed: {done.stderr.strip().splitlines()[-1:]}", False
    return (findings[0].removeprefix("BROKEN: ") if findings else None), True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", help="tree and target folder, kept for the next time [a temporary folder]")
    parser.add_argument("--only", help="names of bugs, by commas [all]")
    parser.add_argument("--kills", type=int, default=40, help="kills until a bug counts as not found [40]")
    args = parser.parse_args()
    names = sorted(os.path.relpath(path, BUGS).removesuffix(".patch")
                   for path in glob.glob(os.path.join(BUGS, "**/*.patch"), recursive=True))
    names = [name for name in names if not args.only or name in args.only.split(",")]
    with tempfile.TemporaryDirectory(prefix="bugs-", dir=memory_folder()) as folder:
        return compare(args, names, args.scratch or folder, os.path.join(folder, "files"))


def compare(args, names, scratch, files):
    tree, target = scratch_tree(scratch)
    patches = {name: os.path.join(tree, os.path.relpath(BUGS, TREE), name + ".patch") for name in names}
    for patch in patches.values():
        run("git", "apply", "--check", patch, cwd=tree)
    print(f"{len(names)} patches apply", flush=True)
    table, broken = [], []
    for name in [*sorted({os.path.join(kind(name), "none") for name in names}), *names]:
        began, is_bug = time.monotonic(), name in patches
        if is_bug:
            run("git", "apply", patches[name], cwd=tree)
        try:
            finding, is_judged = judge(name, build(tree, target), args.kills, files)
        finally:
            if is_bug:
                run("git", "apply", "-R", patches[name], cwd=tree)
        found = "found" if finding else "not found"
        table.append([name, found if is_judged else "?", (finding or "")[:150]])
        print(f"{name}: {found} in {time.monotonic() - began:.0f} s: {finding}", flush=True)
        if not is_judged or bool(finding) != is_bug:
            broken.append(f"{name}: {finding or 'not found'}")
    print_table(["bug", "", "first finding"], table)
    print(f"{sum(row[1] == 'found' and row[0] in patches for row in table)} of {len(names)} bugs found")
    return verdict(broken)


if __name__ == "__main__":
    sys.exit(main())
