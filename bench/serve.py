#!/usr/bin/env python3
"""docker save and docker load through barge's Engine API and through dockerd: the same CLI, the same image, one run.

usage: bench/serve.py unix:///run/docker.sock ARCHIVE NAME

The socket is that of a dockerd that runs; ARCHIVE is loaded into both and NAME is an image in it. barge serves a
fresh store beside the archive. Needs a release build and docker's CLI. Each work is done ROUNDS times, the servers taking
turns; the best round counts. Loads begin without the image. CPU is user and system of the CLI, and apart from it of the
server and its children; memory is the largest resident set that the server ever had. Ratios are dockerd / barge: above
1, barge is better.
"""
import os, shutil, socket, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
TICKS = os.sysconf("SC_CLK_TCK")


def server(host):
    """The process that listens on a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.removeprefix("unix://"))
        return struct.unpack("3i", client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def family(pid):
    """A process and all below it."""
    found, parents = [pid], {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                parents.setdefault(int(stat.read().rpartition(")")[2].split()[1]), []).append(int(entry))
        except OSError:
            pass
    for one in found:
        found += parents.get(one, [])
    return found


def used(pid):
    """CPU seconds and the peak of memory in MiB."""
    cpu, peak = 0, 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            with open(f"/proc/{one}/status") as status:
                peak += next((int(line.split()[1]) for line in status if line.startswith("VmHWM")), 0) / 1024
        except OSError:
            continue
        cpu += sum(map(int, fields[11:13])) / TICKS
    return cpu, peak


def docker(host, *words, **more):
    began, before = time.monotonic(), os.times()
    subprocess.run(["docker", "--host", host, *words], check=True, stdout=subprocess.DEVNULL, **more)
    after = os.times()
    return time.monotonic() - began, after.children_user + after.children_system - before.children_user - before.children_system


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    _, dockerd, archive, name = sys.argv
    folder = tempfile.mkdtemp(prefix="barge-bench-", dir=os.path.dirname(os.path.abspath(archive)))
    ours = f"unix://{folder}/barge.sock"
    serving = subprocess.Popen([BARGE, "--store", f"{folder}/store", "serve", "--host", ours, "--log-level", "error"])
    try:
        while not os.path.exists(ours.removeprefix("unix://")):
            time.sleep(0.05)
        hosts = {"barge": ours, "dockerd": dockerd}
        pids = {peer: server(host) for peer, host in hosts.items()}
        best = {}

        def measure(work, peer, *words, **more):
            before = used(pids[peer])[0]
            wall, client = docker(hosts[peer], *words, **more)
            figures = wall, client, used(pids[peer])[0] - before
            best[work, peer] = min(best.get((work, peer), figures), figures)

        for _ in range(ROUNDS):
            for peer, host in hosts.items():
                subprocess.run(["docker", "--host", host, "image", "prune", "-af"], stdout=subprocess.DEVNULL, check=True)
                measure("load -i", peer, "load", "-i", archive)
            for peer in hosts:
                measure("save -o", peer, "save", "-o", f"{folder}/{peer}.tar", name)
            for peer in hosts:
                with open("/dev/null", "wb") as null:
                    command = ["docker", "--host", hosts[peer], "save", name]
                    before, began = used(pids[peer])[0], time.monotonic()
                    # Through a pipe, as to gzip or ssh.
                    saving = subprocess.Popen(command, stdout=subprocess.PIPE)
                    subprocess.run(["cat"], stdin=saving.stdout, stdout=null, check=True)
                    saving.stdout.close()
                    if saving.wait() != 0:
                        sys.exit(f"docker save by {peer} failed")
                    figures = time.monotonic() - began, 0.0, used(pids[peer])[0] - before
                    best["save |", peer] = min(best.get(("save |", peer), figures), figures)
        size = os.path.getsize(f"{folder}/barge.tar") / 1e6
        print(f"{name}, {size:.0f} MB, best of {ROUNDS}: wall s, CLI CPU s, server CPU s, server peak MiB; wall of barge = 1")
        for (work, peer), (wall, client, cpu) in sorted(best.items()):
            ratio = wall / best[work, "barge"][0]
            print(f"  {work:8} {peer:8} {wall:7.2f} {client:7.2f} {cpu:7.2f} {used(pids[peer])[1]:7.0f}   x{ratio:.2f}")
    finally:
        serving.terminate()
        serving.wait()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
