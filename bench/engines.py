#!/usr/bin/env python3
"""barge save --from an engine, over its API and from its disk, against what saves from the same store: one image, one run.

usage: bench/engines.py ARCHIVE NAME TARGET...

ARCHIVE is loaded into every engine and NAME is an image in it. A TARGET is one of
    docker=unix:///run/docker.sock        against docker save, and skopeo copy docker-daemon: where there is skopeo
    containerd=/run/containerd/containerd.sock         against ctr images export
    podman[=GRAPHROOT]                                 against podman save
and may be followed by flags of barge with commas between them, where this host sees an engine's files elsewhere than it does:
docker=unix:///a.sock,--root,/b,--address,/c. Needs a release build and, for disks, root.

Each work is done ROUNDS times (default 3), the programs taking turns; the best round counts. CPU is user and system of the
program and its children, and apart from it of the daemon and its children. Disk is what was on it at the worst moment, beyond the
output. Ratios are peer / barge from disk, wall and all CPU together: above 1, barge is better. barge and docker sync what they
write, the others leave it to the system.
"""
import os, shutil, subprocess, sys, tempfile, threading, time

from serve import BARGE, server, used

ROUNDS = int(os.environ.get("ROUNDS", "3"))


def works(name, kind, place, flags):
    """What saves from this engine: who, the command with {o} for the output, and the daemon that takes part."""
    barge = f"{BARGE} save --from {kind} {' '.join(flags)} {name} -o {{o}}"
    if kind == "docker":
        daemon = server(place)
        barge = barge.replace(" -o", f" --host {place} -o")
        yield "barge, disk", f"{barge} --via disk", daemon
        yield "barge, API", f"{barge} --via api", daemon
        yield "docker save", f"docker --host {place} save {name} -o {{o}}", daemon
        yield "docker save | cat", f"docker --host {place} save {name} | cat > {{o}}", daemon
        if shutil.which("skopeo"):
            yield "skopeo copy", f"skopeo copy --quiet --src-daemon-host {place} docker-daemon:{name} docker-archive:{{o}}:{name}", daemon
    if kind == "containerd":
        daemon = server(f"unix://{place}")
        barge = barge.replace(" -o", f" --address {place} -o")
        yield "barge, disk", f"{barge} --via disk", daemon
        yield "barge, API", f"{barge} --via api", daemon
        yield "ctr export", f"ctr --address {place} images export {{o}} docker.io/library/{name}", daemon
    if kind == "podman":
        root = f"--root {place}" if place else ""
        yield "barge, disk", f"{barge} {root}", None
        yield "podman save", f"podman {root} save --quiet {name} -o {{o}}", None


def load(archive, kind, place):
    podman = ["podman", *(["--root", place] if place else []), "load", "--quiet", "-i", archive]
    command = {"docker": ["docker", "--host", place, "load", "-i", archive], "containerd": ["ctr", "--address", place, "images", "import", archive], "podman": podman}
    subprocess.run(command[kind], check=True, stdout=subprocess.DEVNULL)


def once(command, output, daemon, folder):
    free = lambda: (lambda s: s.f_bavail * s.f_frsize)(os.statvfs(folder))
    worst, done, start = [0], threading.Event(), free()

    def watch():
        while not done.wait(0.02):
            worst[0] = max(worst[0], start - free())

    watching = threading.Thread(target=watch)
    watching.start()
    before, began = used(daemon)[0] if daemon else 0, time.monotonic()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command.replace("{o}", output)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    theirs = used(daemon)[0] - before if daemon else 0
    done.set()
    watching.join()
    if status:
        return None
    size = os.path.getsize(output)
    os.remove(output)
    return wall, usage.ru_utime + usage.ru_stime, theirs, max(0, worst[0] - size) / 1e6, size


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    archive, name, *targets = sys.argv[1:]
    folder = tempfile.mkdtemp(prefix="barge-bench-", dir=os.path.dirname(os.path.abspath(archive)))
    try:
        for target in targets:
            target, *flags = target.split(",")
            kind, _, place = target.partition("=")
            load(archive, kind, place)
            all_works, best = list(works(name, kind, place, flags)), {}
            for _ in range(ROUNDS):
                for who, command, daemon in all_works:
                    figures = once(command, f"{folder}/out.tar", daemon, folder)
                    if figures:
                        best[who] = min(best.get(who, figures), figures)
                    elif who.startswith("barge"):
                        sys.exit(f"failed: {command}")
            ours = best["barge, disk"]
            print(f"{target}: wall s, CPU s, daemon CPU s, extra disk MB, output MB; wall and CPU of barge from disk = 1")
            for who in (who for who, _, _ in all_works if who not in best):
                print(f"  {who:18} fails with this engine")
            for who, (wall, cpu, theirs, disk, size) in best.items():
                ratios = f"x{wall / ours[0]:.1f} x{(cpu + theirs) / (ours[1] + ours[2]):.1f}"
                print(f"  {who:18} {wall:7.2f} {cpu:7.2f} {theirs:7.2f} {disk:7.0f} {size / 1e6:7.0f}   {ratios}", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
