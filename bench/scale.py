#!/usr/bin/env python3
"""How `ls`, `save` and friends behave with many images in the store.

usage: bench/scale.py [IMAGES]          (default 10000; needs a release build)

Builds one archive of IMAGES two-platform images that share base layers, loads it into a fresh store, and
times single commands on it, best and median of 9. Figures besides moving blobs: each image has 3 kB of them.
"""
import hashlib, io, json, os, shutil, statistics, subprocess, sys, tarfile, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
BARGE = os.environ.get("BARGE", os.path.join(HERE, "..", "target", "release", "barge"))
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
ROUNDS = 9


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


def blob(blobs, content, media_type, **more):
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    blobs[digest] = content
    return dict(mediaType=media_type, digest=digest, size=len(content), **more)


def layer(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def archive(path):
    oci = "application/vnd.oci.image."
    blobs, entries = {}, []
    bases = [layer("base", b"%d" % n) for n in range(20)]
    for n in range(COUNT):
        manifests = []
        for arch in ("amd64", "arm64"):
            layers = [bases[n % 20], layer("app", b"%d %s" % (n, arch.encode()))]
            diff_ids = ["sha256:" + hashlib.sha256(l).hexdigest() for l in layers]
            config = dict(created="2026-01-%02dT%02d:00:00Z" % (n % 28 + 1, n % 24), architecture=arch, os="linux",
                          config={"Labels": {"n": str(n)}}, rootfs=dict(type="layers", diff_ids=diff_ids))
            config = blob(blobs, compact(config), oci + "config.v1+json")
            layers = [blob(blobs, l, oci + "layer.v1.tar") for l in layers]
            manifest = compact(dict(schemaVersion=2, mediaType=oci + "manifest.v1+json", config=config, layers=layers))
            manifests.append(blob(blobs, manifest, oci + "manifest.v1+json", platform=dict(architecture=arch, os="linux")))
        index = compact(dict(schemaVersion=2, mediaType=oci + "index.v1+json", manifests=manifests))
        name = "registry.example.org/team%d/app%d:v%d" % (n % 10, n // 10, n % 7)
        entries.append(dict(blob(blobs, index, oci + "index.v1+json"), annotations={"io.containerd.image.name": name}))
    with tarfile.open(path, "w") as tar:
        def put(name, content):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        for digest, content in blobs.items():
            put("blobs/" + digest.replace(":", "/"), content)
        put("index.json", compact(dict(schemaVersion=2, manifests=entries)))
        put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    return entries[COUNT // 2]["annotations"]["io.containerd.image.name"]


def timed(store, *words):
    start = time.perf_counter()
    subprocess.run([BARGE, "--store", store, *words], check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def main():
    work = tempfile.mkdtemp(prefix="barge-scale-")
    try:
        store, tar = work + "/store", work + "/all.tar"
        one = archive(tar)
        print("%d images, archive of %.0f MB" % (COUNT, os.path.getsize(tar) / 1e6))
        print("load everything         %8.0f ms" % timed(store, "load", "-qi", tar))
        print("first ls (makes a cache)%8.0f ms" % timed(store, "images"))
        # What is present is cached once the blob folders have been left alone for two seconds.
        time.sleep(2.5)
        timed(store, "images")
        for title, words in (("ls", ["images"]), ("ls --tree", ["image", "ls", "--tree"]), ("ls of one", ["images", one]),
                             ("save of one", ["save", one, "-o", work + "/one.tar"]), ("tag", ["tag", one, "again:1"]),
                             ("inspect", ["image", "inspect", one]), ("rmi of a tag", ["rmi", "again:1"]), ("gc", ["store", "gc"])):
            times = []
            for _ in range(ROUNDS):
                if title == "rmi of a tag":
                    timed(store, "tag", one, "again:1")
                times.append(timed(store, *words))
            print("%-22s best %6.1f ms, median %6.1f ms" % (title, min(times), statistics.median(times)))
    finally:
        shutil.rmtree(work)


main()
