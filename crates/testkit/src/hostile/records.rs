//! Class 4: records before an entry, and entries inside content, on which readers disagree.

use super::form::Form;
use super::pack::zst;
use super::tar::{
    BLOCK, Member, base256, entries, inserted, long, meta, octal, offset, pax, record, start, tar,
};
use super::{Cases, LOADS, Refusals, byte};

const TAR_BAD: Refusals = &["TAR_BAD"];
const DUPLICATE_ENTRY: Refusals = &["DUPLICATE_ENTRY"];
const PATH_UNSAFE: Refusals = &["PATH_UNSAFE"];
/// Where the member stands that has the records: behind the folders.
const HERE: usize = 2;
/// How large a record may be.
const MOST: usize = 1 << 20;

pub(super) fn add(cases: &mut Cases) {
    malformed(cases);
    pairs(cases);
    dangling(cases);
    large(cases);
    inside_content(cases);
    behind_the_end(cases);
}

/// The image with a member that nothing refers to behind these records.
fn behind(records: Vec<u8>) -> Vec<Member> {
    inserted(&Form::Modern.members(), HERE, Member::file("note", "note").behind(records))
}

fn malformed(cases: &mut Cases) {
    let two = |key: &str, first: &str, second: &str| {
        [record(key, first.as_bytes()), record(key, second.as_bytes())].concat()
    };
    let records: Vec<(&str, Vec<u8>, Refusals)> = vec![
        ("nothing", Vec::new(), LOADS),
        ("too-long", b"30 path=x\n".to_vec(), TAR_BAD),
        ("too-short", b"5 path=x\n".to_vec(), TAR_BAD),
        ("zero", b"0 path=x\n".to_vec(), TAR_BAD),
        ("negative", b"-9 path=x\n".to_vec(), TAR_BAD),
        ("no-length", b"path=x\n".to_vec(), TAR_BAD),
        ("only-blank", b" 9 path=x\n".to_vec(), TAR_BAD),
        ("plus", b"+10 path=x\n".to_vec(), TAR_BAD),
        ("hex", b"0xa path=x\n".to_vec(), TAR_BAD),
        ("huge-length", b"99999999999999999999 path=x\n".to_vec(), TAR_BAD),
        ("2-to-64", b"18446744073709551615 path=x\n".to_vec(), TAR_BAD),
        ("no-equals", b"9 path_x\n".to_vec(), TAR_BAD),
        ("no-newline", b"10 path=x ".to_vec(), TAR_BAD),
        ("zeros-behind", [record("path", b"x"), vec![0; 4]].concat(), TAR_BAD),
        ("garbage-behind", [record("path", b"x"), b"garbage".to_vec()].concat(), TAR_BAD),
        ("path-nul", record("path", b"note\0.json"), TAR_BAD),
        ("path-empty", record("path", b""), TAR_BAD),
        ("linkpath-nul", record("linkpath", b"a\0b"), TAR_BAD),
        ("linkpath-empty", record("linkpath", b""), TAR_BAD),
        ("size-empty", record("size", b""), TAR_BAD),
        ("size-minus", record("size", b"-4"), TAR_BAD),
        ("size-plus", record("size", b"+4"), TAR_BAD),
        ("size-blank", record("size", b" 4"), TAR_BAD),
        ("size-hex", record("size", b"0x4"), TAR_BAD),
        ("size-exponent", record("size", b"4e0"), TAR_BAD),
        ("size-fraction", record("size", b"4.0"), TAR_BAD),
        ("size-2-to-64-less-1", record("size", b"18446744073709551615"), TAR_BAD),
        ("size-2-to-64", record("size", b"18446744073709551616"), TAR_BAD),
        ("path-twice", two("path", "a", "b"), TAR_BAD),
        ("path-twice-alike", two("path", "a", "a"), TAR_BAD),
        ("linkpath-twice", two("linkpath", "a", "b"), TAR_BAD),
        ("size-twice", two("size", "4", "4"), TAR_BAD),
        ("path-slash-behind", record("path", b"note/"), TAR_BAD),
        ("path-dotdot", record("path", b"../note"), PATH_UNSAFE),
        ("path-of-manifest-json", record("path", b"manifest.json"), DUPLICATE_ENTRY),
        ("path-of-manifest-json-dotted", record("path", b"./manifest.json"), DUPLICATE_ENTRY),
        ("path-no-utf-8", record("path", b"note\xff\xfe"), LOADS),
        ("unknown-twice", two("evil", "a", "b"), LOADS),
        ("unknown-nul", record("evil", b"a\0b"), LOADS),
        ("size-zeros-before", record("size", b"00000000000000000000004"), LOADS),
        ("linkpath-of-a-file", record("linkpath", b"/etc/passwd"), LOADS),
        ("xattr", record("SCHILY.xattr.security.capability", b"\x01\0\0\x02"), LOADS),
    ];
    for (how, records, refusals) in records {
        let members = behind(meta(b'x', &records));
        let [header, before] = [offset(&members, HERE), start(&members, HERE)].map(byte);
        let place = [header.as_str(), before.as_str(), "manifest.json"];
        cases.add(4, &format!("record-{how}"), tar(&members), refusals, &place);
    }
}

/// Two records for one entry.
fn pairs(cases: &mut Cases) {
    let (path, link) = (pax("path", "a"), pax("linkpath", "a"));
    let (name, link_name) = (long(b'L', "a"), long(b'K', "a"));
    let comment = meta(b'g', &record("comment", b"a"));
    let pairs: [(&str, &[u8], &[u8], Refusals); 14] = [
        ("pax-pax", &path, &link, TAR_BAD),
        ("pax-gnu", &path, &name, TAR_BAD),
        ("pax-gnu-link", &path, &link_name, TAR_BAD),
        ("gnu-pax", &name, &path, TAR_BAD),
        ("gnu-link-pax", &link_name, &link, TAR_BAD),
        ("gnu-gnu", &name, &name, TAR_BAD),
        ("gnu-link-gnu-link", &link_name, &link_name, TAR_BAD),
        ("pax-global", &path, &comment, TAR_BAD),
        ("gnu-global", &name, &comment, TAR_BAD),
        ("gnu-gnu-link", &name, &link_name, LOADS),
        ("gnu-link-gnu", &link_name, &name, LOADS),
        ("global-pax", &comment, &path, LOADS),
        ("global-gnu", &comment, &name, LOADS),
        ("global-global", &comment, &comment, LOADS),
    ];
    for (how, first, second, refusals) in pairs {
        let members = behind([first, second].concat());
        let place = byte(start(&members, HERE) + first.len());
        cases.add(4, &format!("records-{how}"), tar(&members), refusals, &[&place]);
    }
}

/// Records that nothing follows.
fn dangling(cases: &mut Cases) {
    let entries = entries(&Form::Modern.members());
    let records: [(&str, Vec<u8>, Refusals); 4] = [
        ("pax", pax("path", "a"), TAR_BAD),
        ("gnu", long(b'L', "a"), TAR_BAD),
        ("gnu-link", long(b'K', "a"), TAR_BAD),
        ("global", meta(b'g', &record("comment", b"a")), LOADS),
    ];
    for (how, record, refusals) in records {
        let cut = [entries.as_slice(), &record].concat();
        let place = byte(cut.len());
        let marked = [cut.as_slice(), &[0; 2 * BLOCK]].concat();
        cases.add(4, &format!("dangling-{how}"), marked, refusals, &[&place]);
        cases.add(4, &format!("dangling-{how}-cut"), cut, refusals, &[&place]);
    }
}

/// Records and names that are large, or only say so.
fn large(cases: &mut Cases) {
    let limit: Refusals = &["LIMIT_EXCEEDED"];
    for kind in [b'x', b'g', b'L', b'K'] {
        let sizes: [(&str, Vec<u8>, Refusals); 3] = [
            ("over-a-mebibyte", octal(MOST + 1), limit),
            ("one-tebibyte", base256(1 << 40), limit),
            ("negative", base256(-1), TAR_BAD),
        ];
        for (how, size, refusals) in sizes {
            let mut record = Member::special("PaxHeaders.0/x", kind);
            record.claim(size);
            let members = behind(record.bytes());
            let name = format!("record-{}-{how}", char::from(kind));
            cases.add(4, &name, tar(&members), refusals, &[&byte(start(&members, HERE))]);
        }
    }
    let comment = meta(b'x', &record("comment", &vec![b' '; MOST - 20]));
    cases.add(4, "record-of-a-mebibyte", zst(&tar(&behind(comment))), LOADS, &[]);
    for (length, refusals) in [(4096, LOADS), (4097, limit)] {
        let path = "p".repeat(length);
        for (how, records) in [("pax", pax("path", &path)), ("gnu", long(b'L', &path))] {
            let members = behind(records);
            let place = byte(offset(&members, HERE));
            cases.add(4, &format!("path-{how}-of-{length}"), tar(&members), refusals, &[&place]);
        }
    }
    let members = behind(long(b'L', ""));
    let place = byte(start(&members, HERE));
    cases.add(4, "path-gnu-empty", tar(&members), TAR_BAD, &[&place]);
}

/// Content that is a tar itself, with another manifest.json (CVE-2025-62518).
fn inside_content(cases: &mut Cases) {
    let members = Form::Modern.members();
    let evil = Member::file("manifest.json", r#"[{"Config":"evil","RepoTags":["evil:1"],"Layers":[]}]"#);
    let inner = tar(std::slice::from_ref(&evil));
    let size = inner.len().to_string();
    let nested = |claimed: usize, before: Vec<u8>| {
        let mut member = Member::file("nested.tar", inner.clone()).behind(before);
        member.claim(octal(claimed));
        member
    };
    let strangers: [(&str, Member, Refusals); 6] = [
        ("header-size", nested(inner.len(), Vec::new()), LOADS),
        ("pax-size", nested(0, pax("size", &size)), LOADS),
        ("both-sizes", nested(inner.len(), pax("size", &size)), LOADS),
        ("pax-size-zero", nested(inner.len(), pax("size", "0")), TAR_BAD),
        ("pax-size-less", nested(inner.len(), pax("size", "512")), TAR_BAD),
        // Behind an empty file stands one more entry.
        ("no-size", Member::file("nested", evil.bytes()), DUPLICATE_ENTRY),
    ];
    for (way, (how, mut member, refusals)) in strangers.into_iter().enumerate() {
        if how == "no-size" {
            member.claim(octal(0));
        }
        for (place, n) in [("first", 0), ("here", HERE), ("last", members.len() - 1)] {
            if !cases.takes(way, n, 2) {
                continue;
            }
            let members = inserted(&members, n, member.clone());
            let words = [byte(offset(&members, n)), byte(start(&members, n))];
            let words = [words[0].as_str(), words[1].as_str(), "manifest.json"];
            cases.add(4, &format!("nested-{place}-{how}"), tar(&members), refusals, &words);
        }
    }
}

/// What follows the end marker is no part of the archive.
fn behind_the_end(cases: &mut Cases) {
    let archive = tar(&Form::Modern.members());
    let evil = tar(&[Member::file("manifest.json", "[]"), Member::file("index.json", "{}")]);
    let behind: [(&str, Vec<u8>); 5] = [
        ("text", b"garbage".repeat(20)),
        ("block", vec![0xa5; BLOCK]),
        ("zeros", vec![0; 20 * BLOCK]),
        ("zeros-and-text", [vec![0; 3 * BLOCK], b"garbage".to_vec()].concat()),
        ("archive", evil),
    ];
    for (how, behind) in behind {
        cases.add(4, &format!("behind-the-end-{how}"), [archive.as_slice(), &behind].concat(), LOADS, &[]);
    }
}
