//! Layers that are large enough to be decompressed several at once.

use std::io::Write;

use barge_oci::Digest;

use super::common::{Descriptor, Layout, Place, entries, tar};

const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const LAYERS: usize = 5;
const BYTES: usize = 3 << 20;

/// `large:1`, whose layers are compressed; of one of them the config may tell a wrong diffID.
fn large(wrong: Option<usize>) -> Layout {
    let mut layout = Layout::default();
    let mut random = fastrand::Rng::with_seed(11);
    let (mut layers, mut diff_ids): (Vec<Descriptor>, Vec<String>) = (Vec::new(), Vec::new());
    for n in 0..LAYERS {
        // Half of it can be compressed.
        let content: Vec<u8> = (0..BYTES).map(|at| if at % 2 == 0 { random.u8(..) } else { 0 }).collect();
        let layer = tar(&[("file", &content)]);
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&layer).unwrap();
        layers.push(layout.put(GZIP, encoder.finish().unwrap()));
        let what = if wrong == Some(n) { b"something else".as_slice() } else { &layer };
        diff_ids.push(format!("\"{}\"", Digest::sha256(what)));
    }
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
        diff_ids.join(",")
    );
    let config = layout.put("application/vnd.oci.image.config.v1+json", config);
    let root = layout.manifest(&config, &layers);
    layout.name(&root, "docker.io/library/large:1");
    layout
}

#[test]
fn large_layers_are_right_from_wherever_they_come() {
    let archive = large(None).tar();
    let place = Place::new();
    place.write("large.tar", &archive);
    for load in ["load -i large.tar", "load"] {
        let place = Place::new();
        place.write("large.tar", &archive);
        let ran = place.run_with(load, &archive);
        assert_eq!((ran.code, ran.out().as_str()), (Some(0), "Loaded image: large:1\n"), "{}", ran.stderr);
        assert!(place.ok("store check").ends_with(": no faults\n"));
        // And once more, relying on what the store has.
        assert_eq!(place.run_with(load, &archive).code, Some(0));
    }
    assert_eq!(place.run("archive verify large.tar").code, Some(0));
    assert_eq!(place.run_with("archive verify -", &archive).code, Some(0));
}

#[test]
fn large_layers_that_are_something_else_are_refused() {
    for wrong in [0, LAYERS - 1] {
        let archive = large(Some(wrong)).tar();
        let place = Place::new();
        place.write("large.tar", &archive);
        let mut said = Vec::new();
        for line in ["load -i large.tar", "load", "archive verify large.tar", "archive verify -"] {
            let ran = place.run_with(line, &archive);
            assert_eq!(ran.code, Some(1), "{line}");
            said.push(ran.stderr.lines().next().unwrap_or_default().to_owned());
        }
        assert!(said[0].contains("diffID") && said[0] == said[1], "{said:?}");
        assert_eq!(place.names(), Vec::<String>::new());
    }
}

#[test]
fn a_large_layer_that_is_cut_is_refused() {
    let mut layout = Layout::default();
    let content: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(BYTES).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar(&[("file", &content)])).unwrap();
    let mut cut = encoder.finish().unwrap();
    cut.truncate(cut.len() - 1000);
    let layer = layout.put(GZIP, cut);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{}"]}}}}"#,
        Digest::sha256(b"x")
    );
    let config = layout.put("application/vnd.oci.image.config.v1+json", config);
    let root = layout.manifest(&config, &[layer]);
    layout.name(&root, "docker.io/library/cut:1");
    let place = Place::new();
    let ran = place.run_with("load", &layout.tar());
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("the gzip stream ends too early"), "{}", ran.stderr);
}

#[test]
fn digests_alone_on_request() {
    let archive = large(Some(1)).tar();
    for load in ["load --verify digests -i large.tar", "load --verify digests"] {
        let place = Place::new();
        place.write("large.tar", &archive);
        let ran = place.run_with(load, &archive);
        assert_eq!((ran.code, ran.out().as_str()), (Some(0), "Loaded image: large:1\n"), "{}", ran.stderr);
        let saved = place.saved("large:1");
        // Without index.json the manifest is made, and has the same layers.
        let files: Vec<_> = entries(&saved).into_iter().filter(|(path, _)| path != "index.json").collect();
        let (docker, other) = (tar(&files), Place::new());
        other.write("large.tar", &docker);
        assert_eq!(other.run_with(load, &docker).code, Some(0));
        assert!(other.run("image inspect large:1").out().contains("vnd.docker.distribution.manifest.v2"));
        let manifest = other.ok("image inspect --format '{{.Id}}' large:1");
        let manifest = std::fs::read_to_string(other.blob(manifest.trim())).unwrap();
        assert_eq!(manifest.matches("diff.tar.gzip").count(), LAYERS, "{manifest}");
        // A digest is a digest.
        let (mut flipped, third) = (saved.clone(), Place::new());
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        third.write("large.tar", &flipped);
        let ran = third.run_with(load, &flipped);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("is not what its name says"), "{}", ran.stderr);
    }
}
