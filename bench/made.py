"""Images for the benches: noise in layers, so that nothing is sparse and nothing can be compressed."""
import hashlib, json, os, struct, zlib

OCI = "application/vnd.oci.image."
PIECE = 1 << 20


def header(name, size):
    """A ustar header; sizes from 8 GiB on in base 256."""
    octal = b"%011o\0" % size if size < 1 << 33 else b"\x80\0\0\0" + struct.pack(">Q", size)
    block = bytearray(struct.pack("100s8s8s8s12s12s8s1s100s8s247x", name, b"0000644", b"0000000", b"0000000", octal,
                                  b"00000000000", b" " * 8, b"0", b"", b"ustar\00000"))
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def layer(folder, size, packed):
    """Writes a layer of about `size` bytes; returns its descriptor and diffID."""
    size = max(1, size // PIECE) * PIECE
    noise = os.urandom(8 * PIECE)
    blob, plain = hashlib.sha256(), hashlib.sha256()
    packer = zlib.compressobj(0, zlib.DEFLATED, 31) if packed else None
    length, path = 0, os.path.join(folder, "layer")
    with open(path, "wb") as out:
        def put(data, last=False):
            nonlocal length
            plain.update(data)
            if packer:
                data = packer.compress(data) + (packer.flush() if last else b"")
            blob.update(data)
            length += out.write(data)
        put(header(b"noise", size))
        for n in range(size // PIECE):
            # Never the same piece twice.
            at = n * 4099 % (7 * PIECE)
            put(struct.pack("<Q", n) + noise[at:at + PIECE - 8])
        put(bytes(1024), True)
    os.rename(path, os.path.join(folder, blob.hexdigest()))
    kind = OCI + "layer.v1.tar" + ("+gzip" if packed else "")
    return dict(mediaType=kind, digest="sha256:" + blob.hexdigest(), size=length), "sha256:" + plain.hexdigest()


def document(blobs, content, kind):
    content = json.dumps(content).encode()
    digest = hashlib.sha256(content).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as out:
        out.write(content)
    return dict(mediaType=kind, digest="sha256:" + digest, size=len(content))


def image(blobs, name, layers):
    """Writes the documents of an image for linux/amd64; returns what index.json says of it."""
    config = dict(architecture="amd64", os="linux", config={}, rootfs=dict(type="layers", diff_ids=[d for _, d in layers]))
    config = document(blobs, config, OCI + "config.v1+json")
    kind = OCI + "manifest.v1+json"
    manifest = dict(schemaVersion=2, mediaType=kind, config=config, layers=[layer for layer, _ in layers])
    return dict(document(blobs, manifest, kind), annotations={"io.containerd.image.name": "docker.io/library/" + name})


def layout(folder, images):
    """Writes an OCI layout; `images` makes them in the folder for blobs that it is given."""
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)
    with open(os.path.join(folder, "index.json"), "w") as out:
        json.dump(dict(schemaVersion=2, manifests=list(images(blobs))), out)
    with open(os.path.join(folder, "oci-layout"), "w") as out:
        out.write('{"imageLayoutVersion":"1.0.0"}')


def large(folder, total, parts):
    """One image, large:1, of `total` bytes; `parts` are shares of it, negative ones for plain layers."""
    sized = lambda share: (int(total * abs(share)), share > 0)
    layout(folder, lambda blobs: [image(blobs, "large:1", [layer(blobs, *sized(share)) for share in parts])])


def many(folder, count, shared, own):
    """`count` images, many:0 and so on: layers of `shared` bytes each that all have, one of `own` bytes of its own."""
    def images(blobs):
        base = [layer(blobs, size, True) for size in shared]
        for n in range(count):
            yield image(blobs, f"many:{n}", base + [layer(blobs, own, True)])
    layout(folder, images)
