//! Class 7: zstd frames that ask for much memory or have much to skip.

use barge_oci::media_type::OCI_LAYER_ZSTD;

use super::form::Form;
use super::image::{Layer, Part, based, called, content};
use super::pack::{frame, skippable, zst};
use super::streams::STREAM;
use super::tar::tar;
use super::{Cases, LOADS, Refusals};

const CORRUPT: Refusals = &["STREAM_CORRUPT"];
/// 2 MiB, as the byte that tells a window.
const MODEST: u8 = 0x58;
/// A window is there, and nothing else is said.
const WINDOW: u8 = 0;
/// The size of the content is said, in eight bytes.
const SIZE: u8 = 0xc0;
/// The content is one window.
const SINGLE: u8 = 0x20;

/// A size that a frame says it has, as it follows from the right one.
type Size = (&'static str, fn(u64) -> u64, Refusals);

pub(super) fn add(cases: &mut Cases) {
    // Exponent and eighths; 128 MiB is the most, and with it there is no room for anything else in 256.
    let windows = [
        ("2-mib", 0x58, LOADS),
        ("8-mib", 0x68, LOADS),
        ("64-mib", 0x80, LOADS),
        ("144-mib", 0x89, CORRUPT),
        ("240-mib", 0x8f, CORRUPT),
        ("256-mib", 0x90, CORRUPT),
        ("2-gib", 0xa8, CORRUPT),
        ("2-tib", 0xf8, CORRUPT),
        ("most", 0xff, CORRUPT),
    ];
    for (how, window, refusals) in windows {
        everywhere(cases, &format!("window-{how}"), refusals, |content| frame(&[WINDOW, window], content));
    }
    let sized = |descriptor: &[u8], size: u64| [descriptor, &size.to_le_bytes()].concat();
    for (how, size) in [("1-gib", 1 << 30), ("1-tib", 1 << 40), ("2-to-63", 1 << 63), ("most", u64::MAX)] {
        everywhere(cases, &format!("single-window-{how}"), CORRUPT, |content| {
            frame(&sized(&[SIZE | SINGLE], size), content)
        });
    }
    let sizes: [Size; 5] = [
        ("right", |size| size, LOADS),
        ("one-less", |size| size - 1, CORRUPT),
        ("one-more", |size| size + 1, CORRUPT),
        ("nothing", |_| 0, CORRUPT),
        ("most", |_| u64::MAX - 2, CORRUPT),
    ];
    for (how, wrong, refusals) in sizes {
        everywhere(cases, &format!("size-{how}"), refusals, |content| {
            frame(&sized(&[SIZE, MODEST], wrong(content.len() as u64)), content)
        });
    }
    everywhere(cases, "reserved-bit", CORRUPT, |content| frame(&[8, MODEST], content));
    everywhere(cases, "dictionary", CORRUPT, |content| frame(&[1, MODEST, 7], content));
    everywhere(cases, "checksum", CORRUPT, |content| [frame(&[4, MODEST], content), vec![0; 4]].concat());
    everywhere(cases, "reserved-block", CORRUPT, |content| {
        [frame(&[WINDOW, MODEST], b""), vec![7, 0, 0], content.to_vec()].concat()
    });
    everywhere(cases, "endless-block", CORRUPT, |content| {
        [frame(&[WINDOW, MODEST], b""), vec![0xf9, 0xff, 0xff], content.to_vec()].concat()
    });
    skipping(cases);
}

/// Frames that are to be passed over.
fn skipping(cases: &mut Cases) {
    everywhere(cases, "skip-first", LOADS, |content| [skippable(0, 4, b"evil"), zst(content)].concat());
    everywhere(cases, "skip-last", LOADS, |content| [zst(content), skippable(15, 4, b"evil")].concat());
    everywhere(cases, "skip-nothing", LOADS, |content| [skippable(7, 0, b""), zst(content)].concat());
    everywhere(cases, "skip-often", LOADS, |content| {
        [skippable(1, 0, b"").repeat(1000), zst(content)].concat()
    });
    everywhere(cases, "skip-a-stream", LOADS, |content| {
        let inner = zst(b"evil");
        [skippable(2, inner.len() as u32, &inner), zst(content)].concat()
    });
    for (how, claimed) in [("4-gib", u32::MAX), ("2-gib", 1 << 31), ("16-mib", 16 << 20)] {
        everywhere(cases, &format!("skip-first-{how}"), CORRUPT, |content| {
            [skippable(0, claimed, b""), zst(content)].concat()
        });
        everywhere(cases, &format!("skip-last-{how}"), CORRUPT, |content| {
            [zst(content), skippable(0, claimed, b"")].concat()
        });
    }
    everywhere(cases, "skip-cut", CORRUPT, |content| {
        [zst(content), b"\x50\x2a\x4d\x18\x04".to_vec()].concat()
    });
    let nothing = skippable(0, 4, b"evil");
    cases.add(7, "archive-skip-all", nothing.clone(), &["NOT_AN_IMAGE"], &["empty"]);
    let members = based(Layer::packed(OCI_LAYER_ZSTD, nothing, &content("base")));
    let place = called(&members[Part::Base.at()]);
    cases.add(7, "layer-skip-all", tar(&members), &["DIFFID_MISMATCH"], &[place]);
}

/// The archive in such a frame, and a layer in one.
fn everywhere(cases: &mut Cases, how: &str, refusals: Refusals, pack: impl Fn(&[u8]) -> Vec<u8>) {
    let archive = pack(&tar(&Form::Modern.members()));
    cases.add(7, &format!("archive-{how}"), archive, refusals, &[STREAM]);
    let content = content("base");
    let members = based(Layer::packed(OCI_LAYER_ZSTD, pack(&content), &content));
    let place = called(&members[Part::Base.at()]);
    cases.add(7, &format!("layer-{how}"), tar(&members), refusals, &[place]);
}
