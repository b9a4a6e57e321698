#!/usr/bin/env python3
"""Whether memory stays the same when images grow: an image of GB gigabytes through every way there is.

usage: bench/memory.py [GB] [FOLDER]      (default 10, and the folder for temporary files; needs a release build)

The image has one plain layer of half the size, one of gzip of a quarter, and the rest in sixteen of gzip; nothing of it is
sparse or can be compressed. As root, with the memory controller of cgroups (version 1 or 2), each command runs in a group
that may have LIMIT MiB (default 64), page cache included: what needs more is killed. The figure is the largest resident set
of the process, and no less than what this script has itself. Needs three times the size of the image on disk.
"""
import os, shutil, subprocess, sys, tempfile, time

from made import large

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.path.abspath(os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge")))
LIMIT = int(os.environ.get("LIMIT", "64"))
GB = float(sys.argv[1]) if len(sys.argv) > 1 else 10


def group():
    """A control group with the limit: its folder, or why there is none."""
    for root, name in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")):
        folder = os.path.join(root, "barge-memory")
        try:
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, name), "w") as out:
                out.write(str(LIMIT << 20))
            return folder, None
        except OSError as error:
            why = str(error)
    return None, why


def run(title, command, limited, folder):
    began = time.monotonic()

    def enter():
        if limited:
            with open(os.path.join(limited, "cgroup.procs"), "w") as out:
                out.write(str(os.getpid()))

    process = subprocess.Popen(["bash", "-c", "exec " + command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=enter, cwd=folder)
    said = process.stderr.read().decode(errors="replace").strip()
    _, status, usage = os.wait4(process.pid, 0)
    print(f"  {title:28} {usage.ru_maxrss / 1024:6.0f} MiB {time.monotonic() - began:8.1f} s  {'' if status == 0 else f'FAILED {status}: {said[-200:]}'}", flush=True)
    return status == 0


def main():
    folder = tempfile.mkdtemp(prefix="barge-memory-", dir=sys.argv[2] if len(sys.argv) > 2 else None)
    limited, why = group()
    good = True
    try:
        large(os.path.join(folder, "layout"), GB * 1e9, [-1 / 2, 1 / 4] + 16 * [1 / 64])
        print(f"an image of {GB:g} GB, " + (f"{LIMIT} MiB in a control group" if limited else f"no control group: {why}") + ": largest resident set", flush=True)
        barge = f"{BARGE} --store store"
        good &= run("load a folder", f"{barge} load -q -i layout", limited, folder)
        shutil.rmtree(os.path.join(folder, "layout"))
        good &= run("save | cat", f"{barge} save large:1 > >(cat >/dev/null)", limited, folder)
        for title, flags, file in (("save -o", "", "a.tar"), ("aligned", "--layout aligned", "a.tar"), ("verify never", "--verify never", "a.tar"),
                                   ("gzip", "", "a.tar.gz"), ("zstd", "", "a.tar.zst")):
            good &= run(f"save -o {file}, {title}", f"{barge} save {flags} -o {file} large:1", limited, folder)
            if title in ("aligned", "gzip", "zstd"):
                good &= run(f"archive ls {file}", f"{BARGE} archive ls {file}", limited, folder)
                good &= run(f"archive verify {file}", f"{BARGE} archive verify {file}", limited, folder)
                if file != "a.tar":
                    os.unlink(os.path.join(folder, file))
        shutil.rmtree(os.path.join(folder, "store"))
        good &= run("load -i a.tar", f"{barge} load -q -i a.tar", limited, folder)
        shutil.rmtree(os.path.join(folder, "store"))
        good &= run("load < a.tar", f"{barge} load -q < a.tar", limited, folder)
        good &= run("archive verify - < a.tar", f"{BARGE} archive verify - < a.tar", limited, folder)
        good &= run("store check", f"{barge} store check", limited, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if limited:
            os.rmdir(limited)
    sys.exit(0 if good else 1)


main()
