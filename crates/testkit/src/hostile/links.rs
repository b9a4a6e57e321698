//! Class 2: links that lead outside, nowhere, in circles, or that something lies below.

use super::form::Form;
use super::image::{Part, called};
use super::tar::{Member, inserted, long, offset, pax, tar};
use super::{Cases, LOADS, Refusals, byte};

const SYMBOLIC: u8 = b'2';
const HARD: u8 = b'1';

pub(super) fn add(cases: &mut Cases) {
    for form in Form::ALL {
        let members = form.members();
        for n in 0..members.len() {
            instead_of_a_member(cases, form, &members, n);
        }
        behind_a_folder(cases, form, &members);
    }
    to_other_blobs(cases);
    in_chains(cases);
    strangers(cases);
}

/// A link where a member should be.
fn instead_of_a_member(cases: &mut Cases, form: Form, members: &[Member], n: usize) {
    let path = members[n].path.trim_end_matches('/');
    let own = path.rsplit('/').next().unwrap_or_default();
    let outside = form.unless_lost(n, &["LINK_UNSAFE"], &["LINK_UNSAFE", "NOT_AN_IMAGE"]);
    // What is in a folder lies below the link then.
    let inside: Refusals = if members[n].is_folder() { &["LINK_UNSAFE"] } else { form.lacking(&[n]) };
    let links = [
        ("symlink-absolute", SYMBOLIC, "/etc/passwd", outside),
        ("symlink-up", SYMBOLIC, "../../../../etc/passwd", outside),
        ("symlink-itself", SYMBOLIC, own, inside),
        ("symlink-nowhere", SYMBOLIC, "no/such/member", inside),
        ("hardlink-absolute", HARD, "/etc/passwd", outside),
        ("hardlink-up", HARD, "../etc/passwd", outside),
        ("hardlink-itself", HARD, path, inside),
        ("hardlink-loop", HARD, "loop", inside),
    ];
    let name = |how: &str| format!("{}-{}-{how}", form.label(), form.member(n));
    let place = [called(&members[n]), "index.json", "manifest.json"];
    let one_in = if form == Form::Modern { 3 } else { 8 };
    for (way, (how, kind, target, refusals)) in links.into_iter().enumerate() {
        if !cases.takes(way, n, one_in) {
            continue;
        }
        let mut members = members.to_vec();
        members[n] = Member::link(path, kind, target);
        if target == "loop" {
            members.push(Member::link("loop", SYMBOLIC, path));
        }
        cases.add(2, &name(how), tar(&members), refusals, &place);
    }
    if members[n].is_folder() || !cases.takes(0, n, one_in) {
        return;
    }
    let mut to_folder = members.to_vec();
    to_folder[n] = Member::link(path, SYMBOLIC, ".");
    cases.add(2, &name("symlink-to-folder"), tar(&to_folder), inside, &place);
    // The member is elsewhere, and the link leads there.
    let mut moved = members.to_vec();
    moved[n] = Member::link(path, HARD, "kept/it");
    moved.push(Member::file("kept/it", members[n].content.clone()));
    cases.add(2, &name("moved"), tar(&moved), LOADS, &[]);
}

/// A link in place of a folder, behind what is in it.
fn behind_a_folder(cases: &mut Cases, form: Form, members: &[Member]) {
    for n in (0..members.len()).filter(|n| members[*n].is_folder()) {
        let path = members[n].path.trim_end_matches('/');
        for (way, target) in ["elsewhere", "/tmp/barge-hostile"].into_iter().enumerate() {
            if !cases.takes(way, n, 2) {
                continue;
            }
            let mut late = members.to_vec();
            late.push(Member::link(path, SYMBOLIC, target));
            let how = target.trim_start_matches('/').replace('/', "-");
            let name = format!("{}-{}-late-{how}", form.label(), form.member(n));
            cases.add(2, &name, tar(&late), &["LINK_UNSAFE", "DUPLICATE_ENTRY"], &[path]);
            // Without an entry for the folder itself.
            late.remove(n);
            cases.add(2, &format!("{name}-alone"), tar(&late), &["LINK_UNSAFE"], &[path]);
        }
    }
}

/// Each blob is a link to the next one.
fn to_other_blobs(cases: &mut Cases) {
    let members = Form::Modern.members();
    for (part, next) in Part::BLOBS.into_iter().zip(Part::BLOBS.into_iter().cycle().skip(1)) {
        for (way, (how, kind)) in [("symlink", SYMBOLIC), ("hardlink", HARD)].into_iter().enumerate() {
            if !cases.takes(way, part.at(), 2) {
                continue;
            }
            let (path, target) = (&members[part.at()].path, &members[next.at()].path);
            // Symbolic ones begin in the folder of blobs.
            let target = if kind == SYMBOLIC { called(&members[next.at()]) } else { target };
            let mut members = members.clone();
            members[part.at()] = Member::link(path, kind, target);
            let name = format!("{}-{how}-to-{}", part.label(), next.label());
            cases.add(2, &name, tar(&members), &["DIGEST_MISMATCH"], &[called(&members[part.at()])]);
        }
    }
}

/// A layer behind many links.
fn in_chains(cases: &mut Cases) {
    let members = Form::Modern.members();
    let base = Part::Base.at();
    for (length, refusals) in [(20, LOADS), (60, Form::Modern.lacking(&[base]))] {
        let mut chained = members.clone();
        chained[base] = Member::link(&members[base].path, HARD, "link-0");
        for n in 0..length {
            chained.push(Member::link(&format!("link-{n}"), SYMBOLIC, &format!("link-{}", n + 1)));
        }
        chained.push(Member::file(&format!("link-{length}"), members[base].content.clone()));
        cases.add(2, &format!("chain-of-{length}"), tar(&chained), refusals, &[called(&members[base])]);
    }
}

/// Links that nothing refers to.
fn strangers(cases: &mut Cases) {
    let members = Form::Modern.members();
    let link = |target: &str| Member::link("out", SYMBOLIC, target);
    let long_target = "t/".repeat(2500);
    let links: [(&str, Member, Refusals); 14] = [
        ("absolute", link("/etc/passwd"), &["LINK_UNSAFE"]),
        ("up", link("../x"), &["LINK_UNSAFE"]),
        ("down-and-up", link("a/../../x"), &["LINK_UNSAFE"]),
        ("backslash", link("..\\x"), &["LINK_UNSAFE"]),
        ("pax-absolute", link("blobs").behind(pax("linkpath", "/etc/passwd")), &["LINK_UNSAFE"]),
        ("gnu-absolute", link("blobs").behind(long(b'K', "/etc/passwd")), &["LINK_UNSAFE"]),
        ("long", link("blobs").behind(pax("linkpath", &long_target)), &["LIMIT_EXCEEDED"]),
        ("root", Member::link("/", SYMBOLIC, "blobs"), &["PATH_UNSAFE"]),
        // Where archives are unpacked, that is the folder they are unpacked to.
        ("dot", Member::link(".", SYMBOLIC, "inside"), &["LINK_UNSAFE"]),
        ("dot-absolute", Member::link(".", SYMBOLIC, "/etc"), &["LINK_UNSAFE"]),
        ("hard-absolute", Member::link("out", HARD, "/etc/passwd"), &["LINK_UNSAFE"]),
        ("nowhere", link("no/such/member"), LOADS),
        ("empty", link(""), LOADS),
        ("itself", link("out"), LOADS),
    ];
    for (way, (how, member, refusals)) in links.into_iter().enumerate() {
        for (place, n) in [("first", 0), ("last", members.len() - 1)] {
            if !cases.takes(way, n, 2) {
                continue;
            }
            let members = inserted(&members, n, member.clone());
            let here = byte(offset(&members, n));
            let words = ["`out`", "`.`", "lies below a link", here.as_str()];
            cases.add(2, &format!("stranger-{place}-{how}"), tar(&members), refusals, &words);
        }
    }
    for (how, target) in [("absolute", "/tmp/barge-hostile"), ("inside", "inside"), ("blobs", "blobs/sha256")]
    {
        for (place, n) in [("first", 0), ("last", members.len())] {
            let members = inserted(&members, n, Member::file("out/x", "written through a link"));
            let members = inserted(&members, n, link(target));
            cases.add(2, &format!("below-{place}-{how}"), tar(&members), &["LINK_UNSAFE"], &["out"]);
        }
    }
}
