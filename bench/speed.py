#!/usr/bin/env python3
"""Save, load, compress and verify one image: barge against its peers and against cp, in one run.

usage: bench/speed.py LAYOUT TAG [unix:///run/docker.sock]

LAYOUT is an OCI image layout and TAG one of its images, as `../shared/gen/gen_big.py` makes them. Every store is filled
before anything is measured. Peers that are not in PATH, and docker without the socket of its daemon, are skipped and said to
be. Needs a release build, and room for a dozen copies of the image beside LAYOUT. Each work is done ROUNDS times, the peers
taking turns; the best round counts. CPU is user and system of the process and its children, and of docker's daemon; memory is
the largest resident set of one process, and no less than what this script has itself. Ratios are peer / barge, wall and CPU: above 1, barge is better.
"""
import os, shutil, subprocess, sys, tempfile, time

from serve import server, used

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
NAME = "bench:x"


def works(f, layout, tag, host):
    """(work, peer, command, output); {n} is fresh, what it names is removed afterwards."""
    barge, docker = f"{BARGE} --store {f}/store", f"docker --host {host}"
    podman = f"podman --root {f}/podman --runroot {f}/podman-run --storage-driver vfs"
    archive = f"{f}/plain.tar"
    yield "save -o", "barge", f"{barge} save -o {{n}} {NAME}", "{n}"
    yield "save -o", "cp + sha256", f"cp {archive} {{n}} && openssl dgst -sha256 {archive}", "{n}"
    yield "save -o", "docker", f"{docker} save -o {{n}} {NAME}", "{n}"
    yield "save -o", "skopeo oci-archive", f"skopeo copy -q oci:{layout}:{tag} oci-archive:{{n}}:x", "{n}"
    yield "save -o", "skopeo docker-archive", f"skopeo copy -q oci:{layout}:{tag} docker-archive:{{n}}:{NAME}", "{n}"
    yield "save -o", "podman", f"{podman} save -q --format oci-archive -o {{n}} {NAME}", "{n}"
    yield "save |", "barge", f"{barge} save {NAME} | cat >/dev/null", None
    yield "save |", "docker", f"{docker} save {NAME} | cat >/dev/null", None
    yield "gzip", "barge", f"{barge} save --compress gzip -o {{n}} {NAME}", "{n}"
    yield "gzip", "barge | gzip", f"{barge} save {NAME} | gzip >{{n}}", "{n}"
    yield "gzip", "barge | pigz", f"{barge} save {NAME} | pigz >{{n}}", "{n}"
    yield "gzip", "docker | gzip", f"{docker} save {NAME} | gzip >{{n}}", "{n}"
    yield "zstd", "barge", f"{barge} save --compress zstd -o {{n}} {NAME}", "{n}"
    yield "zstd", "barge | zstd -T0", f"{barge} save {NAME} | zstd -q -T0 >{{n}}", "{n}"
    yield "load", "barge", f"{BARGE} --store {{n}} load -q -i {archive}", None
    yield "load", "docker", f"{docker} load -q -i {archive}", None
    yield "load", "skopeo oci:", f"skopeo copy -q oci-archive:{archive} oci:{{n}}:x", None
    yield "verify", "barge", f"{BARGE} archive verify {archive}", None
    yield "start", "barge", f"{BARGE} --store {f}/small save hello-barge | cat >/dev/null", None
    yield "start", "true", "true | cat >/dev/null", None


def size(path):
    if not os.path.isdir(path):
        return os.path.getsize(path)
    return sum(size(os.path.join(path, name)) for name in os.listdir(path))


def once(command, output, folder, host):
    if command.startswith("docker") and " load " in command:
        subprocess.run(["docker", "--host", host, "image", "prune", "-af"], stdout=subprocess.DEVNULL, check=True)
    daemon = server(host) if host and "docker --host" in command else None
    before = used(daemon)[0] if daemon else 0
    fresh = os.path.join(folder, "fresh")
    environment = dict(os.environ, TMPDIR=folder)
    began = time.monotonic()
    process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command.replace("{n}", fresh)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    cpu = usage.ru_utime + usage.ru_stime + (used(daemon)[0] - before if daemon else 0)
    written = size(fresh) if output and os.path.exists(fresh) else 0
    if os.path.isdir(fresh):
        shutil.rmtree(fresh)
    elif os.path.exists(fresh):
        os.unlink(fresh)
    if status != 0:
        return None, (said.decode(errors="replace").strip().splitlines() or ["failed"])[-1][:100]
    return (wall, cpu, usage.ru_maxrss / 1024, written / 1e6), None


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    layout, tag = os.path.abspath(sys.argv[1]), sys.argv[2]
    host = sys.argv[3] if len(sys.argv) == 4 else None
    folder = tempfile.mkdtemp(prefix="barge-bench-", dir=os.path.dirname(layout))

    def prepare(*words):
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    try:
        barge = [BARGE, "--store", f"{folder}/store"]
        prepare(*barge, "load", "-q", "--base-name", "bench", "-i", layout)
        prepare(*barge, "tag", f"bench:{tag}", NAME)
        prepare(*barge, "save", "-o", f"{folder}/plain.tar", NAME)
        prepare(BARGE, "--store", f"{folder}/small", "load", "-q", "-i", os.path.join(HERE, "..", "examples", "hello"))
        if host:
            prepare("docker", "--host", host, "load", "-q", "-i", f"{folder}/plain.tar")
        best, broken = {}, {}
        if shutil.which("podman"):
            loaded = subprocess.run(["podman", "--root", f"{folder}/podman", "--runroot", f"{folder}/podman-run", "--storage-driver", "vfs", "load", "-q", "-i", f"{folder}/plain.tar"], capture_output=True)
            if loaded.returncode != 0:
                broken["save -o", "podman"] = "it does not load here"
        for _ in range(ROUNDS):
            for work, peer, command, output in works(folder, layout, tag, host):
                programs = [part.split()[0] for part in command.replace("&&", "|").split("|")]
                missing = next((p for p in programs if shutil.which(p) is None), None)
                if missing or (missing := "no daemon" if peer.startswith("docker") and not host else None):
                    broken[work, peer] = missing
                if (work, peer) in broken:
                    continue
                figures, why = once(command, output, folder, host)
                if figures is None:
                    broken[work, peer] = why
                else:
                    best[work, peer] = min(best.get((work, peer), figures), figures)
        total = os.path.getsize(f"{folder}/plain.tar") / 1e6
        print(f"{layout} {tag}, {total:.0f} MB, {os.cpu_count()} cores, best of {ROUNDS}: wall s, CPU s, peak MiB, output MB; wall and CPU of barge = 1")
        for (work, peer), (wall, cpu, memory, written) in best.items():
            ours = best.get((work, "barge"))
            cpus = f"x{cpu / ours[1]:.2f}" if ours[1] else ""
            print(f"  {work:8} {peer:22} {wall:8.3f} {cpu:8.2f} {memory:7.0f} {written:8.1f}   x{wall / ours[0]:.2f} {cpus}")
        for (work, peer), why in sorted(broken.items()):
            print(f"  {work:8} {peer:22} SKIP {why}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
