//! Classes 13 to 15: what looks like another program, is called like what a loader writes, or is a device or a FIFO.

use barge_oci::Digest;

use super::form::Form;
use super::image::{Layer, OCI_LAYER, Part, based, called, content, layered, layers};
use super::streams::STREAM;
use super::tar::{Member, inserted, offset, pax, tar};
use super::{Cases, LOADS, Refusals, byte};

/// How files begin that other programs unpack, and what becomes of such a file.
const MAGICS: [(&str, &[u8], Refusals); 14] = [
    ("lz4", b"\x04\x22\x4d\x18", &["NOT_AN_IMAGE"]),
    ("lzip", b"LZIP", &["NOT_AN_IMAGE"]),
    ("compress", b"\x1f\x9d", &["NOT_AN_IMAGE"]),
    ("zip", b"PK\x03\x04", &["NOT_AN_IMAGE"]),
    ("7z", b"7z\xbc\xaf\x27\x1c", &["NOT_AN_IMAGE"]),
    ("rar", b"Rar!", &["NOT_AN_IMAGE"]),
    ("openssl", b"Salted__", &["NOT_AN_IMAGE"]),
    ("program", b"\x7fELF", &["NOT_AN_IMAGE"]),
    ("script", b"#!/bin/sh\n", &["TAR_BAD", "NOT_AN_IMAGE"]),
    ("lzma", b"\x5d\0\0\x80\0", &["TAR_BAD", "NOT_AN_IMAGE"]),
    ("xz", b"\xfd7zXZ\0", &["STREAM_CORRUPT"]),
    ("bzip2", b"BZh9", &["STREAM_CORRUPT"]),
    ("gzip", b"\x1f\x8b\x08\0", &["STREAM_CORRUPT", "TAR_BAD"]),
    ("zstd", b"\x28\xb5\x2f\xfd", &["STREAM_CORRUPT"]),
];

pub(super) fn add(cases: &mut Cases) {
    magics(cases);
    helpers(cases);
    names_of_loaders(cases);
    special_files(cases);
    in_layers(cases);
    modes(cases);
}

/// What begins like something else, as the archive and as a layer.
fn magics(cases: &mut Cases) {
    for (place, (what, magic, refusals)) in MAGICS.into_iter().enumerate() {
        let garbage = [magic, &[0xa5; 1024]].concat();
        let words: &[&str] = if refusals.contains(&"NOT_AN_IMAGE") { &[] } else { &[STREAM, "at byte 0"] };
        cases.add(13, &format!("archive-{what}"), garbage.clone(), refusals, words);
        // Layers are what they are, unless they claim to be compressed in a way that layers can be.
        let is_read = matches!(what, "gzip" | "zstd");
        let diff_ids = [("itself", Digest::sha256(&garbage)), ("other", Digest::sha256(b"other"))];
        for (way, (how, diff_id)) in diff_ids.into_iter().enumerate() {
            if !cases.takes(way, place, 2) {
                continue;
            }
            let layer = Layer { media_type: OCI_LAYER, bytes: garbage.clone(), diff_id };
            let members = based(layer);
            let refusals: Refusals = match (is_read, how) {
                (true, _) => &["STREAM_CORRUPT"],
                (false, "itself") => LOADS,
                (false, _) => &["DIFFID_MISMATCH"],
            };
            let place = called(&members[Part::Base.at()]);
            cases.add(13, &format!("layer-{what}-diff-id-of-{how}"), tar(&members), refusals, &[place]);
        }
    }
}

/// Programs that a loader might start.
fn helpers(cases: &mut Cases) {
    let script = "#!/bin/sh\ntouch /tmp/barge-hostile\n";
    let programs = ["unpigz", "pigz", "gzip", "xz", "zstd", "bzip2", "tar", "docker-credential-evil"];
    for (place, program) in programs.into_iter().enumerate() {
        for (way, folder) in ["", "usr/bin/"].into_iter().enumerate() {
            if !cases.takes(way, place, 2) {
                continue;
            }
            let mut member = Member::file(&format!("{folder}{program}"), script);
            member.fields.push((100, b"0004755".to_vec()));
            let members = inserted(&Form::Modern.members(), 0, member);
            let name = format!("helper-{}{program}", folder.replace('/', "-"));
            cases.add(13, &name, tar(&members), LOADS, &[]);
        }
    }
}

/// Files that are called like what a loader writes, or like what other systems keep for themselves.
fn names_of_loaders(cases: &mut Cases) {
    let names = [
        "blobs/sha256/.tmp",
        "blobs/sha256/lock",
        "ingest/1",
        "ingest/lock",
        "names",
        "gc.lock",
        "store.json",
        "index.json.partial",
        "index.json~",
        "index.json ",
        " index.json",
        "manifest.json.tmp",
        ".wh.index.json",
        ".wh..wh..opq",
        "con",
        "nul.txt",
        "aux.json:stream",
        "~/.ssh/authorized_keys",
        "$HOME/x",
        "-rf",
        "*",
        "\u{1b}[2J",
        "a\nb",
        "i\u{301}ndex.json",
        "\u{202e}nosj.xedni",
    ];
    for (n, name) in names.into_iter().enumerate() {
        let members = inserted(&Form::Modern.members(), 0, Member::file(name, "stranger"));
        cases.add(14, &format!("name-{n}"), tar(&members), LOADS, &[]);
    }
    let deep = "d/".repeat(2000);
    let member = Member::file("deep", "stranger").behind(pax("path", &format!("{deep}file")));
    cases.add(14, "name-of-2000-folders", tar(&inserted(&Form::Modern.members(), 0, member)), LOADS, &[]);
}

/// A device or FIFO at every place, though nothing refers to it.
fn special_files(cases: &mut Cases) {
    let members = Form::Modern.members();
    for n in 0..=members.len() {
        let kinds = [("etc/passwd", b'6'), ("dev/null", b'3'), ("dev/sda", b'4')];
        for (way, (path, kind)) in kinds.into_iter().enumerate() {
            if !cases.takes(way, n, 3) {
                continue;
            }
            let special = Member::special(path, kind);
            let members = inserted(&members, n, special);
            let here = byte(offset(&members, n));
            let name = format!("stranger-{}-at-{n}", path.replace('/', "-"));
            cases.add(15, &name, tar(&members), &["SPECIAL_FILE"], &[path, here.as_str()]);
        }
    }
    for kind in [b'A', b'D', b'M', b'N', b'S', b'V', b'X', b'8', b'9', 0xff] {
        let members = inserted(&members, 0, Member::special("stranger", kind));
        cases.add(15, &format!("stranger-of-type-{kind}"), tar(&members), &["SPECIAL_FILE"], &["stranger"]);
    }
    let members = inserted(&members, 0, Member::special("/etc/passwd", b'6'));
    let place = ["/etc/passwd", "byte 0"];
    cases.add(15, "stranger-absolute-fifo", tar(&members), &["PATH_UNSAFE", "SPECIAL_FILE"], &place);
}

/// Layers whose content nobody but a runtime unpacks.
fn in_layers(cases: &mut Cases) {
    let contents = [
        ("fifo", vec![Member::special("etc/passwd", b'6'), Member::special("etc/group", b'6')]),
        ("device", vec![Member::special("dev/sda", b'4').field(329, b"0000010"), Member::special("x", b'3')]),
        ("symlink", vec![Member::link("etc", b'2', "/"), Member::file("etc/passwd", "root::0:0::/:/bin/sh")]),
        ("hardlink", vec![Member::link("shadow", b'1', "../../../etc/shadow")]),
        ("dotdot", vec![Member::file("../../etc/passwd", "evil"), Member::file("/etc/passwd", "evil")]),
        (
            "whiteouts",
            vec![Member::file(".wh..", ""), Member::file(".wh..wh..opq", ""), Member::file(".wh.", "")],
        ),
        ("setuid", vec![Member::file("su", "evil").field(100, b"0006755")]),
        ("image", Form::Classic.members()),
    ];
    for (how, members) in contents {
        let [base, _, arm] = layers();
        let layered = layered(&[base, Layer::plain(tar(&members)), arm]);
        cases.add(15, &format!("layer-with-{how}"), tar(&layered), LOADS, &[]);
    }
    let whole = content("base");
    for (how, bytes) in [
        ("text", b"this is no tar".to_vec()),
        ("cut", whole[..300].to_vec()),
        ("damaged", [&b"\xff"[..], &whole[1..]].concat()),
    ] {
        // Docker would find out when it unpacks it.
        cases.add(15, &format!("layer-is-{how}"), tar(&based(Layer::plain(bytes))), LOADS, &[]);
    }
}

/// Modes, owners and times that no member should have, and that nobody is asked to set.
fn modes(cases: &mut Cases) {
    let fields: [(&str, usize, &[u8]); 5] = [
        ("setuid", 100, b"0006777"),
        ("most", 100, b"7777777"),
        ("none", 100, b"0000000"),
        ("nobody", 108, b"0177776"),
        ("year-2242", 136, b"77777777777"),
    ];
    for (place, form) in Form::ALL.into_iter().enumerate() {
        for (way, (how, at, bytes)) in fields.into_iter().enumerate() {
            if !cases.takes(way, place, 3) {
                continue;
            }
            let members: Vec<Member> =
                form.members().into_iter().map(|member| member.field(at, bytes)).collect();
            cases.add(15, &format!("{}-mode-{how}", form.label()), tar(&members), LOADS, &[]);
        }
    }
}
