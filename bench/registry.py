#!/usr/bin/env python3
"""Pull into the store, and registry to archive: barge against its peers, on the same registry in one run.

usage: bench/registry.py NAME [NAME...]      for instance 127.0.0.1:5000/big:gzip

NAME is an image in a registry without TLS on loopback. Peers that are not in PATH are skipped and said to be:
skopeo, crane, oras, and docker if its daemon runs. Needs a release build. Each work is done ROUNDS times, the
peers taking turns; the best round counts. CPU is user and system of the process and its children (docker's
daemon works elsewhere and shows none); memory is the largest resident set; disk is what the temporary folder
held at its fullest. Ratios are peer / barge: above 1, barge is better.
"""
import os, resource, shutil, subprocess, sys, tempfile, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def works(name):
    """(work, peer, command); {d} is a fresh folder, {t} the temporary one."""
    plain = name.rsplit(":", 1)
    yield "pull", "barge", [BARGE, "--store", "{d}/store", "pull", "-q", "--platform", "all", name]
    yield "pull", "skopeo", ["skopeo", "copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", "docker://" + name, "oci:{d}/layout:x"]
    yield "pull", "crane", ["crane", "pull", "--insecure", "--format", "oci", name, "{d}/layout"]
    yield "pull", "oras", ["oras", "cp", "--no-tty", "--from-plain-http", name, "--to-oci-layout", "{d}/layout:x"]
    yield "pull", "docker", ["docker", "pull", "-q", name]
    yield "archive", "barge", [BARGE, "--store", "{d}/store", "save", "-o", "{d}/x.tar", "docker://" + name]
    yield "archive", "skopeo oci-archive", ["skopeo", "copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", "docker://" + name, "oci-archive:{d}/x.tar:x"]
    yield "archive", "skopeo docker-archive", ["skopeo", "copy", "-q", "--src-tls-verify=false", "docker://" + name, "docker-archive:{d}/x.tar:" + plain[0].split("/")[-1] + ":x"]
    yield "archive", "crane", ["crane", "pull", "--insecure", name, "{d}/x.tar"]


def held(folder):
    total = 0
    for root, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.lstat(os.path.join(root, file)).st_size
            except OSError:
                pass
    return total


def once(command):
    folder, temporary = tempfile.mkdtemp(prefix="barge-bench-"), tempfile.mkdtemp(prefix="barge-bench-tmp-")
    command = [word.replace("{d}", folder) for word in command]
    fullest, over = [0], threading.Event()

    def watch():
        while not over.wait(0.05):
            fullest[0] = max(fullest[0], held(temporary))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ, TMPDIR=temporary))
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    over.set()
    watcher.join()
    shutil.rmtree(folder)
    shutil.rmtree(temporary)
    if command[0] == "docker":
        subprocess.run(["docker", "image", "rm", "-f", command[-1]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run(["docker", "image", "prune", "-af"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if status != 0:
        return None, error.decode(errors="replace").strip().splitlines()[-1:] or ["failed"]
    return (wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, fullest[0] / 1e6), None


def main():
    for name in sys.argv[1:] or sys.exit(__doc__):
        best, broken = {}, {}
        for _ in range(ROUNDS):
            for work, peer, command in works(name):
                if shutil.which(command[0]) is None:
                    broken[work, peer] = "not installed"
                    continue
                if (work, peer) in broken:
                    continue
                figures, why = once(command)
                if figures is None:
                    broken[work, peer] = why[0][:100]
                else:
                    best[work, peer] = min(best.get((work, peer), figures), figures)
        print(f"{name}, best of {ROUNDS}: wall s, CPU s, peak MiB, temporary MB; and wall and CPU of barge = 1")
        for (work, peer), (wall, cpu, memory, disk) in sorted(best.items()):
            ours = best.get((work, "barge"))
            print(f"  {work:8} {peer:22} {wall:7.2f} {cpu:7.2f} {memory:7.0f} {disk:8.0f}   x{wall / ours[0]:.2f} x{cpu / ours[1]:.2f}")
        for (work, peer), why in sorted(broken.items()):
            print(f"  {work:8} {peer:22} SKIP {why}")


if __name__ == "__main__":
    main()
