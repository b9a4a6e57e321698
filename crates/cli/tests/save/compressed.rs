//! Archives that are compressed while they are written.

use std::io::Read;

use super::common::{Layout, Maker, Place, installed};

/// A store with an image of a plain layer that can be compressed, one of noise, and one that is compressed already.
fn three() -> Place {
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(5);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(2 << 20).collect();
    let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255][..], &noise].concat();
    let image = Maker::new("linux/amd64").layer("text and text ".repeat(300_000)).layer(noise).layer(gzip);
    let root = layout.image(&image);
    layout.name(&root, "docker.io/library/three:1");
    Place::with(&layout)
}

/// What the program `tool` makes of an archive; nothing if it is not there.
fn unpacked(place: &Place, tool: &str, file: &str) -> Option<Vec<u8>> {
    if !installed(tool, "compressed archives") {
        return None;
    }
    let ran = place.shell(&format!("{tool} -dc < {file}"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{tool} {file}");
    Some(ran.stdout)
}

#[test]
fn the_name_says_how() {
    let place = three();
    let plain = place.saved("three:1");
    for (file, tool) in [
        ("a.tar.gz", "gzip"),
        ("a.tgz", "gzip"),
        ("A.TAR.GZ", "gzip"),
        ("a.tar.zst", "zstd"),
        ("a.tzst", "zstd"),
    ] {
        assert_eq!(place.ok(&format!("save -o {file} three:1")), "");
        let packed = place.read(file);
        assert!(packed.len() < plain.len() * 7 / 10, "{file}: {} of {}", packed.len(), plain.len());
        if let Some(unpacked) = unpacked(&place, tool, file) {
            assert!(unpacked == plain, "{file}");
        }
        let other = Place::new();
        assert_eq!(other.run_with("load", &packed).out(), "Loaded image: three:1\n", "{file}");
        assert!(other.saved("three:1") == plain, "{file}");
        assert_eq!(place.run(&format!("archive verify {file}")).code, Some(0), "{file}");
    }
    place.ok("save -o a.tar three:1");
    place.ok("save --compress none -o b.tar.gz three:1");
    assert!(place.read("a.tar") == plain && place.read("b.tar.gz") == plain);
}

#[test]
fn a_plain_tar_under_another_name_is_said() {
    let place = three();
    for file in ["x.tar.xz", "x.tar.bz2", "x.zip", "x.gz"] {
        let ran = place.run(&format!("save -o {file} three:1"));
        let note = format!(
            "note: {file} is a plain tar: barge compresses as gzip (.tar.gz) or zstd (.tar.zst); \
             `--compress none` says it is meant\n"
        );
        assert_eq!((ran.code, ran.stderr), (Some(0), note));
    }
    assert!(place.read("x.zip") == place.saved("three:1"));
    place.ok("save --compress none -o x.tar.xz three:1");
    place.ok("save --compress zstd -o x.zip three:1");
}

#[test]
fn the_flag_says_how() {
    let place = three();
    let plain = place.saved("three:1");
    let one = place.saved("--compress gzip:1 three:1");
    let twelve = place.saved("--compress gzip:12 three:1");
    assert!(one.starts_with(&[0x1f, 0x8b]) && twelve.len() < one.len() && one.len() < plain.len());
    place.ok("save --compress zstd:19 -o a.bin three:1");
    assert!(place.read("a.bin").starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let mut back = Vec::new();
    flate2::read::MultiGzDecoder::new(twelve.as_slice()).read_to_end(&mut back).unwrap();
    assert!(back == plain);
    for (given, why) in [
        ("gzip:13", "gzip has levels 1 to 12"),
        ("zstd:0", "zstd has levels 1 to 19"),
        ("zstd:x", "no level: \"x\""),
        ("none:1", "must be gzip, zstd or none"),
        ("xz", "must be gzip, zstd or none"),
    ] {
        let ran = place.run(&format!("save --compress {given} three:1"));
        assert_eq!(ran.code, Some(125), "{given}");
        assert!(ran.stderr.contains(why), "{given}: {}", ran.stderr);
    }
    let ran = place.run("save --threads 0 --compress gzip three:1");
    assert_eq!(ran.code, Some(125), "{}", ran.stderr);
}

#[test]
fn the_number_of_threads_is_no_matter() {
    let place = three();
    for format in ["gzip", "zstd"] {
        let all = place.saved(&format!("--compress {format} three:1"));
        for threads in [1, 2, 5] {
            assert!(place.saved(&format!("--compress {format} --threads {threads} three:1")) == all);
        }
    }
}

#[test]
fn what_is_compressed_already_is_not_compressed_again() {
    let place = three();
    let packed = place.saved("--compress gzip:1 three:1");
    // The noise behind the header of gzip stands in the archive as it is, but for five bytes in every 65,535.
    let mut random = fastrand::Rng::with_seed(5);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(2 << 20).collect();
    let piece = &noise[100_000..100_064];
    assert!(packed.windows(64).any(|window| window == piece));
}

#[test]
fn a_link_has_the_name_of_what_it_leads_to() {
    let place = three();
    std::os::unix::fs::symlink("real.tar.gz", place.path("link.tar")).unwrap();
    place.write("real.tar.gz", "");
    place.ok("save -o link.tar three:1");
    assert!(place.read("real.tar.gz").starts_with(&[0x1f, 0x8b]));
    let plan = place.ok("save --dry-run -o x.tgz three:1");
    assert!(plan.ends_with(" bytes before it is compressed\n"), "{plan}");
}

#[test]
fn where_no_threads_can_be_had_it_is_done_without_or_said() {
    let place = three();
    // Nobody else's processes count for a user of its own.
    for (threads, command) in
        [(3, "save -o a.tar three:1"), (4, "save -o a.tar three:1"), (8, "save -o a.tgz three:1")]
    {
        let script = format!(
            "setpriv --reuid 64321 --clear-groups prlimit --nproc={threads} $barge --store s {command}"
        );
        place.shell("cp -r \"$BARGE_STORE\" s; chown -R 64321 .; chmod -R a+rX .. .");
        let ran = place.shell(&script);
        if ran.stderr.contains("setpriv")
            || ran.stderr.contains("prlimit")
            || ran.code == Some(127)
            || ran.code == Some(126)
        {
            barge_testkit::skip("few threads", &ran.stderr);
            return;
        }
        assert_ne!(ran.code, Some(101), "{command}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    // To list needs none.
    for file in ["b.tar.gz", "b.tar.zst"] {
        place.ok(&format!("save -o {file} three:1"));
        place.shell("chmod a+r b.*");
        let ran = place.shell(&format!(
            "setpriv --reuid 64321 --clear-groups prlimit --nproc=2 $barge archive ls {file}"
        ));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{file}");
    }
}

/// The seek table of a zstd archive: where it begins, and each frame's length and that of its content.
fn frames(archive: &[u8]) -> (usize, Vec<(u32, u32)>) {
    let number = |at: usize| u32::from_le_bytes(archive[at..at + 4].try_into().unwrap());
    let count = number(archive.len() - 9) as usize;
    let table = archive.len() - 9 - 8 * count;
    (table, (0..count).map(|n| (number(table + 8 * n), number(table + 8 * n + 4))).collect())
}

#[test]
fn a_seek_table_is_used_and_not_believed() {
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(6);
    let noise: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(9 << 20).collect();
    let root = layout.image(&Maker::new("linux/amd64").layer(noise));
    layout.name(&root, "docker.io/library/long:1");
    let place = Place::with(&layout);
    let plain = place.saved("long:1");
    let packed = place.saved("--compress zstd long:1");
    let (table, frames) = frames(&packed);
    assert_eq!(frames.iter().map(|(_, plain)| *plain as usize).sum::<usize>(), plain.len());
    assert_eq!(frames.iter().map(|(packed, _)| *packed as usize).sum::<usize>(), table - 8);
    // Nothing of this is refused by whoever reads front to back.
    let mut without = packed[..table - 8].to_vec();
    let listed = |bytes: &[u8]| {
        place.write("a.tar.zst", bytes);
        let ran = place.run("archive ls a.tar.zst");
        (ran.code, ran.out())
    };
    let loaded = |bytes: &[u8]| {
        place.write("a.tar.zst", bytes);
        let other = Place::new();
        let ran = other.run(&format!("load -i {}", place.path("a.tar.zst").display()));
        assert!(ran.code != Some(0) || other.saved("long:1") == plain);
        let verified = place.run("archive verify a.tar.zst").code;
        assert_eq!(verified, ran.code, "{}", ran.stderr);
        (ran.code, ran.stderr)
    };
    let said = listed(&packed);
    assert_eq!(said.0, Some(0));
    assert_eq!(loaded(&packed).0, Some(0));
    assert_eq!((listed(&without), loaded(&without).0), (said.clone(), Some(0)));
    // A list passes over blobs: what is damaged in the midst of one it does not see.
    let mut damaged = packed.clone();
    let middle = frames[..frames.len() / 2].iter().map(|(packed, _)| *packed as usize).sum::<usize>();
    damaged[middle + 100] ^= 1;
    assert_eq!(listed(&damaged), said);
    assert_eq!(loaded(&damaged).0, Some(1));
    // Tables that are none: the file is read without.
    for (at, byte) in
        [(packed.len() - 1, 0), (packed.len() - 5, 0x40), (packed.len() - 9, 0xff), (table - 1, 9)]
    {
        let mut broken = packed.clone();
        broken[at] = byte;
        // Behind a length that is wrong there is no frame.
        assert_eq!(loaded(&broken).0, Some(i32::from(at == table - 1)), "{at}");
    }
    let mut broken = packed.clone();
    broken[table..table + 4].copy_from_slice(&(frames[0].0 + 1).to_le_bytes());
    assert_eq!(loaded(&broken).0, Some(0), "it does not account for every byte");
    // Tables that lie of a frame: found out, also where what lies is the last that is said.
    for by in [-1, 1] {
        let mut lying = packed.clone();
        let claim = frames[2].1.wrapping_add_signed(by);
        lying[table + 20..table + 24].copy_from_slice(&claim.to_le_bytes());
        let (code, stderr) = loaded(&lying);
        assert_eq!(code, Some(1), "{by}");
        assert!(stderr.contains("the compressed stream is corrupt"), "{stderr}");
    }
    // Tables that lie and add up.
    for of_frames in [true, false] {
        let mut lying = packed.clone();
        let [(a, b), (c, d)] = [frames[0], frames[1]];
        let (a, b, c, d) = if of_frames { (a + 1, b, c - 1, d) } else { (a, b + 1, c, d - 1) };
        for (n, value) in [a, b, c, d].into_iter().enumerate() {
            lying[table + 4 * n..table + 4 * n + 4].copy_from_slice(&value.to_le_bytes());
        }
        let (code, stderr) = loaded(&lying);
        assert_eq!(code, Some(1), "{of_frames}");
        assert!(stderr.contains("the compressed stream"), "{stderr}");
    }
    without.truncate(without.len() - 1);
    assert_eq!(loaded(&without).0, Some(1));
}

/// A blob that is compressed ends where a frame of the archive ends, so reading comes short there.
#[test]
fn layers_are_told_by_more_than_one_byte() {
    let mut random = fastrand::Rng::with_seed(8);
    for shift in 0..4 {
        let mut layout = Layout::default();
        let mut image = Maker::new("linux/amd64");
        for n in 0..40 {
            let content: Vec<u8> =
                std::iter::repeat_with(|| random.u8(..)).take(40_000 + 511 * n + shift).collect();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut encoder, &content).unwrap();
            image = image.layer(if n % 3 == 0 { content } else { encoder.finish().unwrap() });
        }
        let root = layout.image(&image);
        layout.name(&root, "docker.io/library/short:1");
        let place = Place::with(&layout);
        for file in ["a.tar.zst", "a.tar.gz"] {
            place.ok(&format!("save -o {file} short:1"));
            let ran = place.run(&format!("archive verify {file}"));
            assert_eq!(ran.code, Some(0), "{file}: {}", ran.stderr);
            let ran = place.run_with("archive verify -", &place.read(file));
            assert_eq!(ran.code, Some(0), "{file}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_damaged_blob_leaves_no_archive() {
    let place = three();
    place.write("a.tar.gz", "what was there");
    let blobs = std::fs::read_dir(place.store().join("blobs/sha256")).unwrap();
    let large = blobs.map(|e| e.unwrap().path()).max_by_key(|p| p.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&large).unwrap();
    bytes[1_000_000] ^= 1;
    std::fs::remove_file(&large).unwrap();
    std::fs::write(&large, bytes).unwrap();
    let ran = place.run("save three:1");
    assert_eq!(ran.code, Some(1));
    assert!(
        !ran.stdout.windows(10).any(|window| window == b"index.json"),
        "what lists the blobs comes behind them"
    );
    for flags in ["", "--compress zstd ", "--threads 3 "] {
        let said = place.fails(&format!("save {flags}-o a.tar.gz three:1"));
        assert!(said.contains("is damaged, its content is sha256:"), "{said}");
        assert_eq!(place.read("a.tar.gz"), b"what was there");
    }
}
