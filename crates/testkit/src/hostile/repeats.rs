//! Class 17: members twice, and names that differ in little.

use super::form::Form;
use super::image::called;
use super::tar::{Member, inserted, tar};
use super::{Cases, LOADS, Refusals};

const DUPLICATE: Refusals = &["DUPLICATE_ENTRY"];
const BELOW_LINK: Refusals = &["DUPLICATE_ENTRY", "LINK_UNSAFE"];

pub(super) fn add(cases: &mut Cases) {
    for form in Form::ALL {
        let members = form.members();
        for n in 0..members.len() {
            again(cases, form, &members, n);
            if form == Form::Modern {
                under_another_name(cases, &members, n);
            }
        }
    }
}

/// A member that is there twice, as it is or as something else.
fn again(cases: &mut Cases, form: Form, members: &[Member], n: usize) {
    let (member, last) = (&members[n], members.len());
    let path = member.path.trim_end_matches('/');
    let instead = form.unless_lost(n, DUPLICATE, &["DUPLICATE_ENTRY", "NOT_AN_IMAGE"]);
    let link = Member::link(path, b'2', "elsewhere");
    let evil = Member::file(path, "evil");
    let mut more: Vec<(&str, usize, Member, Refusals)> = vec![("twice", last, member.clone(), LOADS)];
    if member.is_folder() {
        // What is in it lies below the link then.
        more.push(("and-link", last, link, BELOW_LINK));
        more.push(("and-file", last, evil, DUPLICATE));
    } else {
        let folder = Member::folder(&format!("{path}/"));
        let refusals = of_evil(path);
        more.push(("and-link", last, link, instead));
        more.push(("and-folder", last, folder, instead));
        more.push(("evil-first", 0, evil.clone(), refusals));
        more.push(("evil-behind", n + 1, evil.clone(), refusals));
        more.push(("evil-last", last, evil, refusals));
    }
    let one_in = if form == Form::Modern { 3 } else { 6 };
    for (way, (how, at, member, refusals)) in more.into_iter().enumerate() {
        if cases.takes(way, n, one_in) {
            let name = format!("{}-{}-{how}", form.label(), form.member(n));
            let place = [called(&members[n]), "index.json"];
            cases.add(17, &name, tar(&inserted(members, at, member)), refusals, &place);
        }
    }
}

/// The refusals for another file under the path of one. A blob is not what its name says, in the first place.
fn of_evil(path: &str) -> Refusals {
    if path.starts_with("blobs/") { &["DIGEST_MISMATCH", "DUPLICATE_ENTRY"] } else { DUPLICATE }
}

/// The path of a member, written otherwise.
fn under_another_name(cases: &mut Cases, members: &[Member], n: usize) {
    let (member, last) = (&members[n], members.len());
    let path = member.path.as_str();
    let mut add = |way: usize, how: &str, member: Member, refusals: Refusals| {
        if cases.takes(way, n, 3) {
            let name = format!("modern-{}-{how}", Form::Modern.member(n));
            let place = [called(&members[n])];
            cases.add(17, &name, tar(&inserted(members, last, member)), refusals, &place);
        }
    };
    let mut upper = member.clone();
    upper.path = path.to_uppercase();
    if !upper.is_folder() {
        upper.content = b"evil".to_vec();
    }
    // Not the same, where names are bytes.
    add(0, "in-upper-case", upper, LOADS);
    if member.is_folder() {
        return;
    }
    add(1, "evil-dotdot", Member::file(&format!("x/../{path}"), "evil"), &["PATH_UNSAFE"]);
    let spellings = [
        ("dot-slash", format!("./{path}")),
        ("two-slashes", path.replace('/', "//")),
        ("inner-dot", path.replace('/', "/./")),
        ("many-dots", format!("././././{path}")),
    ];
    for (way, (how, spelt)) in spellings.into_iter().enumerate() {
        if spelt == path {
            continue;
        }
        let mut same = member.clone();
        same.path.clone_from(&spelt);
        add(way, &format!("same-{how}"), same, LOADS);
        add(way + 1, &format!("evil-{how}"), Member::file(&spelt, "evil"), of_evil(path));
    }
}
