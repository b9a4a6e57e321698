#!/usr/bin/env python3
"""Save, load, compress and verify: barge against its peers and against cp, on the same images, in one run.

usage: bench/speed.py [--json FILE] [LAYOUT TAG] [unix:///run/docker.sock]

LAYOUT is an OCI image layout and TAG one of its images, as `../shared/gen/gen_big.py` makes them; without, an image of 500 MB
of noise stands in. Fifty images of 280 MB together, and 1 to 1000 small ones, are made here. docker is measured where the
socket of a daemon is named, ctr with a containerd that is started here; as root, an XFS file system in a file is, too. Peers
that are not in PATH are skipped and said to be. Needs a release build, and room for a dozen copies of the image beside LAYOUT.

Every store is filled before anything is measured. Each work is done ROUNDS times (default 3), the peers taking turns; the best
round counts. CPU is user and system of all processes of the work, daemons included. Memory is the largest resident set of one
process, and no less than what this script has; disk is what was on it at the worst moment, beyond the output. Ratios are
peer / barge, wall and CPU: above 1, barge is better. barge and docker sync what they write, the others leave it to the system.
"""
import json, os, shutil, subprocess, sys, tempfile, threading, time

import made
from serve import server, used

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.path.abspath(os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge")))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
NAME = "bench:x"


class Bench:
    def __init__(self, folder, docker):
        self.folder, self.docker = folder, docker
        self.best, self.broken, self.daemons = {}, {}, {}
        if docker:
            self.daemons["docker"] = server(docker)

    def prepare(self, command):
        subprocess.run(["bash", "-c", command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def containerd(self):
        """Starts a containerd of our own, if there is one to start."""
        if not shutil.which("containerd") or not shutil.which("ctr"):
            return None
        f = f"{self.folder}/containerd"
        os.makedirs(f)
        with open(f"{f}/config.toml", "w") as out:
            out.write(f'version = 2\nroot = "{f}/root"\nstate = "{f}/state"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{f}/sock"\n')
        process = subprocess.Popen(["containerd", "--config", f"{f}/config.toml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if os.path.exists(f"{f}/sock"):
                self.daemons["ctr"] = process.pid
                return process
            time.sleep(0.1)
        process.kill()
        return None

    def once(self, command, output):
        daemon = self.daemons.get(command.split()[0])
        fresh = os.path.join(os.path.dirname(output) if output else self.folder, "fresh")
        before = used(daemon)[0] if daemon else 0
        peak, done = [0], threading.Event()
        disk = lambda: (lambda s: (s.f_blocks - s.f_bfree) * s.f_frsize)(os.statvfs(self.folder))
        start = disk()

        def watch():
            while not done.wait(0.02):
                peak[0] = max(peak[0], disk() - start)

        watching = threading.Thread(target=watch)
        watching.start()
        began = time.monotonic()
        process = subprocess.Popen(["bash", "-o", "pipefail", "-c", command.replace("{n}", fresh)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=dict(os.environ, TMPDIR=self.folder))
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        done.set()
        watching.join()
        cpu = usage.ru_utime + usage.ru_stime + (used(daemon)[0] - before if daemon else 0)
        written = size(fresh)
        if os.path.isdir(fresh):
            shutil.rmtree(fresh)
        elif os.path.exists(fresh):
            os.unlink(fresh)
        if status != 0:
            return None, (said.decode(errors="replace").strip().splitlines() or ["failed"])[-1][:100]
        return dict(wall=wall, cpu=cpu, memory=usage.ru_maxrss / 1024, disk=max(0, peak[0] - written) / 1e6, output=written / 1e6), None

    def rounds(self, works):
        """(work, peer, command, output or None, command before or None)"""
        for turn in range(ROUNDS):
            for work, peer, command, output, before in works:
                programs = [part.split()[0] for part in command.replace("&&", "|").split("|")]
                missing = next((p for p in programs if shutil.which(p) is None), None)
                if peer.split()[0] in ("docker", "ctr") and peer.split()[0] not in self.daemons:
                    missing = "no daemon"
                if missing:
                    self.broken[work, peer] = missing
                if (work, peer) in self.broken:
                    continue
                if before:
                    self.prepare(before)
                figures, why = self.once(command, output)
                if figures is None:
                    self.broken[work, peer] = why
                elif (work, peer) not in self.best or figures["wall"] < self.best[work, peer]["wall"]:
                    self.best[work, peer] = figures
                print(f"\r{turn + 1}/{ROUNDS} {work}, {peer}\033[K", end="", file=sys.stderr, flush=True) if sys.stderr.isatty() else None


def size(path):
    if os.path.isdir(path):
        return sum(size(os.path.join(path, name)) for name in os.listdir(path))
    return os.path.getsize(path) if os.path.exists(path) else 0


def one_image(bench, layout, name, source):
    f = bench.folder
    barge, docker = f"{BARGE} --store {f}/store", f"docker --host {bench.docker}"
    podman = f"podman --root {f}/podman --runroot {f}/podman-run --storage-driver vfs"
    ctr, archive, to = f"ctr --address {f}/containerd/sock", f"{f}/plain.tar", f"{f}/fresh"
    bench.prepare(f"{barge} load -q -i {layout} --base-name bench && {barge} tag {name} {NAME} && {barge} save -o {archive} {NAME}")
    bench.prepare(f"{BARGE} --store {f}/small load -q -i {HERE}/../examples/hello")
    if "docker" in bench.daemons:
        bench.prepare(f"{docker} load -q -i {archive}")
    if "ctr" in bench.daemons:
        bench.prepare(f"{ctr} image import --no-unpack {archive}")
    if shutil.which("podman"):
        loaded = subprocess.run(f"{podman} load -q -i {archive}", shell=True, capture_output=True)
        if loaded.returncode != 0:
            bench.broken["save -o", "podman"] = "it does not load here"
    full = f"docker.io/library/{NAME}"
    saved = f"openssl dgst -sha256 {archive}"
    works = [
        ("save -o", "barge", f"{barge} save -o {{n}} {NAME}", to, None),
        ("save -o", "barge, aligned", f"{barge} save --layout aligned -o {{n}} {NAME}", to, None),
        ("save -o", "barge, verify changed", f"{barge} save --verify changed -o {{n}} {NAME}", to, None),
        ("save -o", "cp + sha256", f"cp {archive} {{n}} && {saved}", to, None),
        ("save -o", "cp + sync + sha256", f"cp {archive} {{n}} && sync {{n}} && {saved}", to, None),
        ("save -o", "docker", f"{docker} save -o {{n}} {NAME}", to, None),
        ("save -o", "ctr", f"{ctr} image export {{n}} {full}", to, None),
        ("save -o", "skopeo oci-archive", f"skopeo copy -q {source} oci-archive:{{n}}:x", to, None),
        ("save -o", "skopeo docker-archive", f"skopeo copy -q {source} docker-archive:{{n}}:{NAME}", to, None),
        ("save -o", "podman", f"{podman} save -q --format oci-archive -o {{n}} {NAME}", to, None),
        ("save |", "barge", f"{barge} save {NAME} | cat >/dev/null", None, None),
        ("save |", "barge, verify changed", f"{barge} save --verify changed {NAME} | cat >/dev/null", None, None),
        ("save |", "docker", f"{docker} save {NAME} | cat >/dev/null", None, None),
        ("gzip", "barge", f"{barge} save --compress gzip -o {{n}} {NAME}", to, None),
        ("gzip", "barge | gzip", f"{barge} save {NAME} | gzip >{{n}}", to, None),
        ("gzip", "barge | pigz", f"{barge} save {NAME} | pigz >{{n}}", to, None),
        ("gzip", "docker | gzip", f"{docker} save {NAME} | gzip >{{n}}", to, None),
        ("zstd", "barge", f"{barge} save --compress zstd -o {{n}} {NAME}", to, None),
        ("zstd", "barge | zstd -T0", f"{barge} save {NAME} | zstd -q -T0 >{{n}}", to, None),
        ("load", "barge", f"{BARGE} --store {{n}} load -q -i {archive}", to, None),
        ("load", "barge, digests", f"{BARGE} --store {{n}} load -q --verify digests -i {archive}", to, None),
        ("load", "docker", f"{docker} load -q -i {archive}", None, f"{docker} image prune -af"),
        ("load", "ctr --no-unpack", f"{ctr} image import --no-unpack {archive}", None, f"{ctr} image rm --sync {full}; {ctr} content prune references"),
        ("load", "skopeo oci:", f"skopeo copy -q oci-archive:{archive} oci:{{n}}:x", to, None),
        ("verify", "barge", f"{BARGE} archive verify {archive}", None, None),
        ("100 starts", "barge", f"seq 100 | xargs -I% {BARGE} --store {f}/small save hello-barge | cat >/dev/null", None, None),
        ("100 starts", "true", "seq 100 | xargs -I% true | cat >/dev/null", None, None),
    ]
    bench.rounds(works)
    return os.path.getsize(archive) / 1e6


def on_xfs(bench):
    f, mount = bench.folder, f"{bench.folder}/xfs"
    if os.geteuid() != 0 or not shutil.which("mkfs.xfs"):
        bench.broken["XFS", "barge"] = "needs root and mkfs.xfs"
        return
    space = 4 * os.path.getsize(f"{f}/plain.tar") + (1 << 30)
    try:
        bench.prepare(f"truncate -s {space} {mount}.img && mkfs.xfs -q -m reflink=1 {mount}.img && mkdir {mount} && mount -o loop {mount}.img {mount}")
    except subprocess.CalledProcessError as error:
        bench.broken["XFS", "barge"] = error.stderr.decode().strip()[-80:]
        return
    try:
        barge, to = f"{BARGE} --store {mount}/store", f"{mount}/fresh"
        bench.prepare(f"{barge} load -q -i {f}/plain.tar && {barge} save --layout aligned -o {mount}/aligned.tar {NAME}")
        aligned = f"{barge} save --layout aligned"
        bench.rounds([
            ("XFS", "barge", f"{aligned} -o {{n}} {NAME}", to, None),
            ("XFS", "barge, verify changed", f"{aligned} --verify changed -o {{n}} {NAME}", to, None),
            ("XFS", "barge, docker's layout", f"{barge} save -o {{n}} {NAME}", to, None),
            ("XFS", "cp --reflink=never", f"cp --reflink=never {mount}/aligned.tar {{n}}", to, None),
            ("XFS load", "barge", f"{BARGE} --store {{n}} load -q --verify digests -i {mount}/aligned.tar", to, None),
            ("XFS load", "cp --reflink=never", f"cp --reflink=never {mount}/aligned.tar {{n}}", to, None),
        ])
    finally:
        bench.prepare(f"umount {mount} && rm {mount}.img")


def many_images(bench):
    f = bench.folder
    to, docker, ctr = f"{f}/fresh", f"docker --host {bench.docker}", f"ctr --address {f}/containerd/sock"
    made.many(f"{f}/fifty", 50, 8 * [25_000_000], 1_600_000)
    barge = f"{BARGE} --store {f}/fifty-store"
    bench.prepare(f"{barge} load -q -i {f}/fifty")
    names = [f"many:{n}" for n in range(50)]
    bench.prepare(f"{barge} save -o {f}/fifty.tar {' '.join(names)}")
    if "docker" in bench.daemons:
        bench.prepare(f"{docker} load -q -i {f}/fifty.tar")
    if "ctr" in bench.daemons:
        bench.prepare(f"{ctr} image import --no-unpack {f}/fifty.tar")
    full = " ".join(f"docker.io/library/{name}" for name in names)
    works = [
        ("50 images", "barge", f"{barge} save -o {{n}} {' '.join(names)}", to, None),
        ("50 images", "docker", f"{docker} save -o {{n}} {' '.join(names)}", to, None),
        ("50 images", "ctr", f"{ctr} image export {{n}} {full}", to, None),
        ("50 images", "cp + sha256", f"cp {f}/fifty.tar {{n}} && openssl dgst -sha256 {f}/fifty.tar", to, None),
    ]
    made.many(f"{f}/thousand", 1000, [], 1)
    barge = f"{BARGE} --store {f}/thousand-store"
    bench.prepare(f"{barge} load -q -i {f}/thousand")
    for count in (1, 10, 100, 1000):
        works.append((f"{count} small", "barge", f"{barge} save -o {{n}} {' '.join(f'many:{n}' for n in range(count))}", to, None))
        works.append((f"{count} small", "cp", f"cp {f}/small-{count}.tar {{n}}", to, None))
        bench.prepare(f"{barge} save -o {f}/small-{count}.tar {' '.join(f'many:{n}' for n in range(count))}")
    bench.rounds(works)


def versions(docker):
    asked = dict(barge=f"{BARGE} --version", dockerd=f"docker --host {docker} version --format {{{{.Server.Version}}}}", ctr="ctr --version",
                 skopeo="skopeo --version", podman="podman --version", kernel="uname -r")
    tell = lambda command: subprocess.run(command, shell=True, capture_output=True, text=True).stdout.strip().splitlines()[:1]
    return {what: line[0].split()[-1] for what, command in asked.items() if (line := tell(command))}


def main():
    words = sys.argv[1:]
    report = None
    if words[:1] == ["--json"]:
        report, words = words[1], words[2:]
    docker = words.pop() if words and words[-1].startswith("unix://") else None
    if len(words) not in (0, 2):
        sys.exit(__doc__)
    beside = os.path.dirname(os.path.abspath(words[0])) if words else None
    folder = tempfile.mkdtemp(prefix="barge-bench-", dir=beside)
    bench = Bench(folder, docker)
    containerd = bench.containerd()
    try:
        if words:
            layout, tag = os.path.abspath(words[0]), words[1]
            total = one_image(bench, layout, f"bench:{tag}", f"oci:{layout}:{tag}")
        else:
            made.large(f"{folder}/layout", 500e6, [0.3] + 14 * [0.05])
            total = one_image(bench, f"{folder}/layout", "large:1", f"oci:{folder}/layout")
        on_xfs(bench)
        many_images(bench)
    finally:
        if containerd:
            containerd.terminate()
            containerd.wait()
        shutil.rmtree(folder, ignore_errors=True)
    told = versions(docker)
    print(f"an image of {total:.0f} MB, {os.cpu_count()} cores, best of {ROUNDS}; " + "; ".join(f"{k} {v}" for k, v in told.items()))
    print(f"  {'work':10} {'':24} {'wall s':>8} {'CPU s':>8} {'MiB':>6} {'disk MB':>8} {'out MB':>8}   wall and CPU of barge = 1")
    for (work, peer), x in bench.best.items():
        ours = bench.best.get((work, "barge"), x)
        cpu = f"x{x['cpu'] / ours['cpu']:.2f}" if ours["cpu"] else ""
        print(f"  {work:10} {peer:24} {x['wall']:8.3f} {x['cpu']:8.2f} {x['memory']:6.0f} {x['disk']:8.0f} {x['output']:8.1f}   x{x['wall'] / ours['wall']:.2f} {cpu}")
    for (work, peer), why in sorted(bench.broken.items()):
        print(f"  {work:10} {peer:24} SKIP {why}")
    if report:
        rows = [dict(work=work, peer=peer, **x) for (work, peer), x in bench.best.items()]
        with open(report, "w") as out:
            json.dump(dict(megabytes=total, cores=os.cpu_count(), rounds=ROUNDS, versions=told, rows=rows), out, indent=1)


if __name__ == "__main__":
    main()
