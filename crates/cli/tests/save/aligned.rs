//! Archives whose blobs begin where a file system's blocks do.

use super::common::{Layout, Maker, Place, installed};

const BLOCK: usize = 512;
const ALIGNMENT: usize = 4096;

/// `four:1`: layers that are worth a place of their own, and some that are not.
fn four() -> (Place, Vec<Vec<u8>>) {
    let mut random = fastrand::Rng::with_seed(4);
    // Each has a header before it and zeros behind it.
    let sizes = [64 << 10, 1_000_001, 60_000, 3 << 20];
    let layers: Vec<Vec<u8>> =
        sizes.map(|size| std::iter::repeat_with(|| random.u8(..)).take(size).collect()).to_vec();
    let mut layout = Layout::default();
    let image = layers.iter().fold(Maker::new("linux/amd64"), |image, layer| image.layer(layer.clone()));
    let root = layout.image(&image);
    layout.name(&root, "docker.io/library/four:1");
    (Place::with(&layout), layers)
}

/// Where content begins in an archive.
fn place_of(archive: &[u8], content: &[u8]) -> usize {
    (0..archive.len()).step_by(BLOCK).find(|at| archive[*at..].starts_with(content)).unwrap()
}

#[test]
fn large_blobs_begin_where_blocks_begin() {
    let (place, layers) = four();
    let (plain, aligned) = (place.saved("four:1"), place.saved("--layout aligned four:1"));
    assert!(place.saved("--layout docker four:1") == plain);
    for layer in layers {
        let at = place_of(&aligned, &layer) - BLOCK;
        assert!(at.is_multiple_of(ALIGNMENT) || layer.len() < 64 << 10, "{} bytes at {at}", layer.len());
    }
    let more = aligned.len() - plain.len();
    assert!(more > 0 && more <= 3 * (ALIGNMENT + BLOCK), "{more}");
    let plan: serde_json::Value =
        serde_json::from_str(&place.ok("save --layout aligned --dry-run --format json four:1")).unwrap();
    assert_eq!(plan["archive_bytes"], aligned.len());
    place.ok("save --layout aligned -o a.tar four:1");
    assert!(place.read("a.tar") == aligned);
    // Read again, it is what it was.
    let other = Place::new();
    assert_eq!(other.run_with("load", &aligned).out(), "Loaded image: four:1\n");
    assert!(other.saved("four:1") == plain);
    assert_eq!(place.run("archive verify a.tar").code, Some(0));
}

#[test]
fn readers_of_tar_take_it() {
    let (place, layers) = four();
    place.ok("save --layout aligned -o a.tar four:1");
    place.ok("save -o b.tar four:1");
    for (tool, list) in [
        ("tar", "tar --list --verbose --file"),
        ("bsdtar", "bsdtar --list --verbose --file"),
        ("python3", "python3 -m tarfile --list"),
    ] {
        if !installed(tool, "reading aligned archives") {
            continue;
        }
        let (aligned, plain) = (place.shell(&format!("{list} a.tar")), place.shell(&format!("{list} b.tar")));
        assert_eq!((aligned.code, aligned.stderr.as_str()), (Some(0), ""), "{tool}");
        assert_eq!(aligned.out(), plain.out(), "{tool}");
    }
    if installed("tar", "reading aligned archives") {
        place.shell("mkdir out && tar -xf a.tar -C out");
        let blobs = std::fs::read_dir(place.path("out/blobs/sha256")).unwrap();
        let blobs: Vec<Vec<u8>> = blobs.map(|e| std::fs::read(e.unwrap().path()).unwrap()).collect();
        assert!(
            layers
                .iter()
                .all(|layer| blobs.iter().any(|blob| blob[BLOCK.min(blob.len())..].starts_with(layer)))
        );
    }
}

/// On a file system that shares blocks, neither a save nor a load copies large blobs.
#[test]
fn blocks_are_shared() {
    if !installed("mkfs.xfs", "shared blocks") || !installed("filefrag", "shared blocks") {
        return;
    }
    let (place, _) = four();
    let script = r#"
        truncate -s 400M image
        mkfs.xfs -q -m reflink=1 image
        mkdir mnt
        mount -o loop image mnt || exit 99
        "$barge" save four:1 > plain.tar
        "$barge" --store mnt/store load -q -i plain.tar >/dev/null
        for verify in always changed never; do
            "$barge" --store mnt/store save --layout aligned --verify $verify -o mnt/$verify.tar four:1
            "$barge" --store mnt/store save --layout aligned --verify $verify four:1 > mnt/stdout.tar
            cmp mnt/$verify.tar mnt/always.tar
            cmp mnt/stdout.tar mnt/always.tar
            "$barge" --store mnt/$verify load -q -i mnt/$verify.tar >/dev/null
            "$barge" --store mnt/$verify store check >/dev/null
            "$barge" --store mnt/$verify save four:1 | cmp - plain.tar
        done
        sync
        shared() { filefrag -v "$1" | grep -c shared || true; }
        echo $(shared mnt/always.tar) $(shared mnt/changed.tar) $(shared mnt/never.tar)
        for blob in mnt/changed/blobs/sha256/*; do [ $(stat -c %s $blob) -lt 65536 ] || shared $blob; done
        # What is not aligned is copied.
        "$barge" --store mnt/store save -o mnt/docker.tar four:1
        cmp mnt/docker.tar plain.tar
        shared mnt/docker.tar
        # It takes no room, nor does a load.
        free=$(($(df --output=avail -B1 mnt | tail -1) - 2000000))
        fallocate -l $free mnt/fill
        ! "$barge" --store mnt/store save -o mnt/full.tar four:1 2>said
        grep -q "no space left on device" said
        "$barge" --store mnt/store save --layout aligned -o mnt/full.tar four:1
        "$barge" --store mnt/again load -q -i mnt/full.tar >/dev/null
        rm mnt/fill
        # A blob that rots is noticed in what was shared, too.
        large=$(find mnt/store/blobs -size +2M)
        chmod u+w $large; printf x | dd of=$large bs=1 seek=5000 conv=notrunc status=none
        ! "$barge" --store mnt/store save --layout aligned -o mnt/bad.tar four:1 2>said
        grep -q "is damaged, its content is sha256:" said
        ! [ -e mnt/bad.tar ]
    "#;
    let Some(ran) = place.mounting(script) else { return };
    if ran.code == Some(99) {
        barge_testkit::skip("shared blocks", &ran.stderr);
        return;
    }
    let out = ran.out();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{out}");
    assert_eq!(lines, ["3 3 3", "1", "1", "1", "0"]);
}
