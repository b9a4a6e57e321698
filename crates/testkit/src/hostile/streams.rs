//! Class 6: compressed streams that expand beyond measure, are cut, damaged, or wrapped twice.

use std::collections::BTreeSet;

use barge_oci::Digest;
use barge_oci::media_type::{OCI_LAYER_GZIP, OCI_LAYER_ZSTD};

use super::form::Form;
use super::image::{Layer, OCI_LAYER, Part, based, called, content};
use super::pack::{flipped, gz, gz_with, skippable, zst};
use super::tar::{Member, tar};
use super::{Cases, LOADS, Refusals};

const CORRUPT: Refusals = &["STREAM_CORRUPT"];
const DIFF_ID: Refusals = &["DIFFID_MISMATCH"];
/// What a stream may be taken for whose damage shows only at its end.
const DAMAGED: Refusals =
    &["STREAM_CORRUPT", "TAR_BAD", "TAR_TRUNCATED", "DIGEST_MISMATCH", "DUPLICATE_ENTRY", "NOT_AN_IMAGE"];
/// How messages say where the stream around an archive breaks.
pub(super) const STREAM: &str = "bytes of the archive inside it";

/// What compresses.
type Packer = (&'static str, fn(&[u8]) -> Vec<u8>);

pub(super) fn add(cases: &mut Cases) {
    around_the_archive(cases);
    harmless_around_the_archive(cases);
    behind_the_stream(cases);
    twice(cases);
    of_a_layer(cases);
    bombs(cases);
    labels(cases);
}

/// The places at which a stream of this length is cut or damaged: `pieces` of them, and every one in its end.
fn places(length: usize, pieces: usize, end: usize) -> BTreeSet<usize> {
    (0..pieces).map(|n| length * n / pieces).chain(length - end..length).collect()
}

fn around_the_archive(cases: &mut Cases) {
    let archive = tar(&Form::Modern.members());
    for (what, packed) in [("gzip", gz(&archive)), ("zstd", zst(&archive))] {
        // Of what is shorter than its magic number nobody can say what it is.
        let cuts = places(packed.len(), 20, 9).into_iter().filter(|to| *to >= 6);
        for (way, to) in cuts.enumerate() {
            if cases.takes(way, 0, 3) {
                cases.add(6, &format!("{what}-cut-at-{to}"), packed[..to].to_vec(), CORRUPT, &[STREAM]);
            }
        }
        let damages = places(packed.len(), 24, 8).into_iter().filter(|at| !is_free(what, *at));
        for (way, at) in damages.enumerate() {
            if cases.takes(way, 0, 3) {
                cases.add(6, &format!("{what}-damaged-at-{at}"), flipped(&packed, at), DAMAGED, &[]);
            }
        }
    }
}

/// Whether a byte of a stream may have any value: time, and who made it.
fn is_free(what: &str, at: usize) -> bool {
    what == "gzip" && (4..10).contains(&at)
}

/// Streams that are unusual, and right.
fn harmless_around_the_archive(cases: &mut Cases) {
    const CRC: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let archive = tar(&Form::Modern.members());
    let thirds: Vec<&[u8]> = archive.chunks(archive.len() / 3 + 1).collect();
    let all = |pack: fn(&[u8]) -> Vec<u8>| thirds.iter().flat_map(|part| pack(part)).collect::<Vec<u8>>();
    let streams = [
        ("gzip-members", all(gz)),
        ("zstd-frames", all(zst)),
        ("gzip-empty-member", [gz(b""), gz(&archive), gz(b"")].concat()),
        ("zstd-empty-frame", [zst(b""), zst(&archive), zst(b"")].concat()),
        ("gzip-name", gz_with(NAME, b"../../etc/passwd\0", &archive)),
        ("gzip-comment", gz_with(COMMENT, b"\x1b[2J\0", &archive)),
        ("gzip-extra", gz_with(EXTRA, &[&1000_u16.to_le_bytes()[..], &[0xff; 1000]].concat(), &archive)),
        ("gzip-header", gz_with(0, b"", &archive)),
        ("zstd-skippable", [skippable(0, 6, b"evil\0\0"), zst(&archive), skippable(15, 4, b"evil")].concat()),
    ];
    for (how, bytes) in streams {
        cases.add(6, &format!("around-{how}"), bytes, LOADS, &[]);
    }
    let wrong = [
        ("gzip-header-checksum", gz_with(CRC, b"\0\0", &archive)),
        ("gzip-reserved-flag", gz_with(0x20, b"", &archive)),
        ("gzip-endless-name", [&[0x1f, 0x8b, 8, NAME, 0, 0, 0, 0, 0, 3][..], &[b'n'; 4096]].concat()),
        ("gzip-endless-extra", [&[0x1f, 0x8b, 8, EXTRA, 0, 0, 0, 0, 0, 3][..], &[0xff; 4096]].concat()),
    ];
    for (how, bytes) in wrong {
        cases.add(6, &format!("around-{how}"), bytes, CORRUPT, &[STREAM]);
    }
    cases.add(6, "around-gzip-nothing", gz(b""), &["NOT_AN_IMAGE"], &["empty"]);
    cases.add(6, "around-zstd-nothing", zst(b""), &["NOT_AN_IMAGE"], &["empty"]);
}

/// What follows the stream, and is none.
fn behind_the_stream(cases: &mut Cases) {
    let archive = tar(&Form::Modern.members());
    let behind: [(&str, &[u8]); 6] = [
        ("text", b"garbage behind the stream"),
        ("zeros", &[0; 512]),
        ("one-zero", &[0]),
        ("gzip-magic", b"\x1f\x8b"),
        ("gzip-header", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("zstd-magic", b"\x28\xb5\x2f\xfd"),
    ];
    for (place, (what, packed)) in [("gzip", gz(&archive)), ("zstd", zst(&archive))].into_iter().enumerate() {
        for (way, (how, behind)) in behind.into_iter().enumerate() {
            if !cases.takes(way, place, 2) {
                continue;
            }
            let bytes = [packed.as_slice(), behind].concat();
            cases.add(6, &format!("{what}-and-{how}"), bytes, CORRUPT, &[STREAM]);
        }
    }
    cases.add(6, "gzip-and-zstd", [gz(&archive), zst(&archive)].concat(), CORRUPT, &[STREAM]);
    cases.add(6, "zstd-and-gzip", [zst(&archive), gz(&archive)].concat(), CORRUPT, &[STREAM]);
}

/// An archive that is compressed twice, and one that is so a hundred times.
fn twice(cases: &mut Cases) {
    let archive = tar(&Form::Modern.members());
    let packers: [Packer; 2] = [("gzip", gz), ("zstd", zst)];
    for (outer, pack) in packers {
        for (inner, pack_inner) in packers {
            let name = format!("{inner}-in-{outer}");
            cases.add(6, &name, pack(&pack_inner(&archive)), &["NOT_AN_IMAGE"], &["compressed twice"]);
        }
        let often = (0..100).fold(archive.clone(), |bytes, _| pack(&bytes));
        cases.add(6, &format!("{outer}-100-times"), often, &["NOT_AN_IMAGE"], &["compressed twice"]);
    }
}

/// The layer of both images is cut or damaged, and its digest is right.
fn of_a_layer(cases: &mut Cases) {
    let content = content("base");
    for (what, media_type, magic, packed) in
        [("gzip", OCI_LAYER_GZIP, 2, gz(&content)), ("zstd", OCI_LAYER_ZSTD, 4, zst(&content))]
    {
        let mut way = 0;
        let mut add = |how: &str, bytes: Vec<u8>, refusals: Refusals| {
            way += 1;
            if !cases.takes(way, 0, 3) {
                return;
            }
            let members = based(Layer::packed(media_type, bytes, &content));
            let place = called(&members[Part::Base.at()]);
            cases.add(6, &format!("layer-{what}-{how}"), tar(&members), refusals, &[place]);
        };
        for to in places(packed.len(), 10, 8) {
            // What is too short for its magic number is no stream.
            let refusals = if to < magic { DIFF_ID } else { CORRUPT };
            add(&format!("cut-at-{to}"), packed[..to].to_vec(), refusals);
        }
        for at in places(packed.len(), 12, 8).into_iter().filter(|at| !is_free(what, *at)) {
            let refusals = if at < magic { DIFF_ID } else { CORRUPT };
            add(&format!("damaged-at-{at}"), flipped(&packed, at), refusals);
        }
        add("and-text", [packed.as_slice(), b"garbage"].concat(), CORRUPT);
        add("and-zeros", [packed.as_slice(), &[0; 512]].concat(), CORRUPT);
        add("twice-over", [packed.as_slice(), &packed].concat(), DIFF_ID);
    }
    let halves = content.split_at(content.len() / 2);
    let harmless = [
        ("gzip-members", OCI_LAYER_GZIP, [gz(halves.0), gz(halves.1)].concat()),
        ("zstd-frames", OCI_LAYER_ZSTD, [zst(halves.0), zst(halves.1)].concat()),
        ("gzip-name", OCI_LAYER_GZIP, gz_with(8, b"/etc/passwd\0", &content)),
        ("zstd-skippable", OCI_LAYER_ZSTD, [skippable(3, 4, b"evil"), zst(&content)].concat()),
    ];
    for (how, media_type, bytes) in harmless {
        let members = based(Layer::packed(media_type, bytes, &content));
        cases.add(6, &format!("layer-harmless-{how}"), tar(&members), LOADS, &[]);
    }
}

/// Much that is little when it is compressed.
fn bombs(cases: &mut Cases) {
    let zeros = vec![0_u8; 64 << 20];
    let (right, wrong) = (Digest::sha256(&zeros), Digest::sha256(b""));
    let packers = [("gzip", OCI_LAYER_GZIP, gz(&zeros)), ("zstd", OCI_LAYER_ZSTD, zst(&zeros))];
    for (what, media_type, bytes) in packers {
        for (how, diff_id, refusals) in [("right", right, LOADS), ("wrong", wrong, DIFF_ID)] {
            let members = based(Layer { media_type, bytes: bytes.clone(), diff_id });
            let place = called(&members[Part::Base.at()]);
            cases.add(6, &format!("bomb-layer-{what}-{how}-diff-id"), tar(&members), refusals, &[place]);
        }
        // It is a member like any other, whatever is in it.
        let mut members = Form::Modern.members();
        members.push(Member::file("bomb", bytes));
        cases.add(6, &format!("bomb-stranger-{what}"), tar(&members), LOADS, &[]);
    }
    let archive = tar(&Form::Modern.members());
    let zeros = &zeros[..8 << 20];
    cases.add(6, "bomb-behind-the-end-gzip", gz(&[archive.as_slice(), zeros].concat()), LOADS, &[]);
    cases.add(6, "bomb-behind-the-end-zstd", zst(&[archive.as_slice(), zeros].concat()), LOADS, &[]);
    let mut members = Form::Modern.members();
    members.push(Member::file("zeros", zeros));
    cases.add(6, "bomb-member-gzip", gz(&tar(&members)), LOADS, &[]);
    cases.add(6, "bomb-member-zstd", zst(&tar(&members)), LOADS, &[]);
}

/// Layers that are compressed otherwise than they say, and diffIDs of what is compressed.
fn labels(cases: &mut Cases) {
    let content = content("base");
    let digest = Digest::sha256(&content);
    let forms = [("plain", content.clone()), ("gzip", gz(&content)), ("zstd", zst(&content))];
    let media_types = [("plain", OCI_LAYER), ("gzip", OCI_LAYER_GZIP), ("zstd", OCI_LAYER_ZSTD)];
    for (form, bytes) in &forms {
        for (label, media_type) in media_types {
            let layer = Layer { media_type, bytes: bytes.clone(), diff_id: digest };
            cases.add(6, &format!("layer-{form}-labelled-{label}"), tar(&based(layer)), LOADS, &[]);
        }
        if *form != "plain" {
            // The diffID is that of the stream, not of what is in it.
            let layer = Layer { media_type: OCI_LAYER, bytes: bytes.clone(), diff_id: Digest::sha256(bytes) };
            let members = based(layer);
            let place = called(&members[Part::Base.at()]);
            cases.add(6, &format!("layer-{form}-diff-id-of-stream"), tar(&members), DIFF_ID, &[place]);
            // Its content is compressed itself.
            let twice = Layer::packed(OCI_LAYER_GZIP, gz(bytes), bytes);
            cases.add(6, &format!("layer-{form}-in-gzip"), tar(&based(twice)), LOADS, &[]);
            let members = based(Layer::packed(OCI_LAYER_GZIP, gz(bytes), &content));
            let place = called(&members[Part::Base.at()]);
            let name = format!("layer-{form}-in-gzip-diff-id-of-content");
            cases.add(6, &name, tar(&members), DIFF_ID, &[place]);
        }
    }
}
