//! Class 1: paths and IDs that lead outside, in documents and in the tar.

use serde_json::{Value, json};

use super::form::Form;
use super::image::{Part, at, called, edited};
use super::old::{Old, id, old_edited};
use super::tar::{Member, changed, inserted, long, offset, pax, tar};
use super::{Cases, LOADS, Refusals, byte};

/// A way to write a path.
type Spelling = (&'static str, fn(&str) -> String);

const OUTSIDE: [(&str, &str); 7] = [
    ("dotdot", "../../etc/passwd"),
    ("only-dotdot", ".."),
    ("absolute", "/etc/passwd"),
    ("inner-dotdot", "blobs/../../etc/passwd"),
    ("backslash", "..\\..\\etc\\passwd"),
    ("drive", "C:/Windows/win.ini"),
    ("nul", "blobs\0/etc/passwd"),
];

pub(super) fn add(cases: &mut Cases) {
    in_manifest_json(cases);
    of_other_spelling(cases);
    in_old_documents(cases);
    of_members(cases);
    of_strangers(cases);
}

/// Each path that `manifest.json` has leads outside, or to nothing.
fn in_manifest_json(cases: &mut Cases) {
    let long = "a".repeat(5000);
    let nowhere =
        [("empty", ""), ("dot", "."), ("dot-slash", "./"), ("folder", "blobs/"), ("long", long.as_str())];
    let fields = [
        ("config", "/0/Config", "config `"),
        ("base", "/0/Layers/0", "layer `"),
        ("top", "/0/Layers/1", "layer `"),
    ];
    for (place, (field, pointer, what)) in fields.into_iter().enumerate() {
        let modern = |path: &str| {
            tar(&edited(|part, value| {
                if part == Part::ManifestJson {
                    *at(value, pointer) = json!(path);
                }
            }))
        };
        let classic = |path: &str| {
            tar(&old_edited(Form::Classic, |document, value| {
                if document == Old::ManifestJson {
                    *at(value, pointer) = json!(path);
                }
            }))
        };
        for (way, (how, path)) in OUTSIDE.into_iter().enumerate() {
            let unsafe_path: Refusals = &["PATH_UNSAFE"];
            if cases.takes(way, place, 3) {
                cases.add(1, &format!("modern-{field}-{how}"), modern(path), unsafe_path, &["manifest.json"]);
            }
            if cases.takes(way, place, 2) {
                let name = format!("classic-{field}-{how}");
                cases.add(1, &name, classic(path), unsafe_path, &["manifest.json"]);
            }
        }
        for (way, (how, path)) in nowhere.into_iter().enumerate() {
            // What index.json leads to is whole.
            if cases.takes(way, place, 3) {
                cases.add(1, &format!("modern-{field}-{how}"), modern(path), LOADS, &[]);
            }
            if !cases.takes(way, place, 2) {
                continue;
            }
            let lost: Refusals =
                if path.is_empty() && field == "config" { &["NOT_AN_IMAGE"] } else { &["BLOB_MISSING"] };
            cases.add(1, &format!("classic-{field}-{how}"), classic(path), lost, &[what, "manifest.json"]);
        }
    }
}

/// The right paths with dots and slashes in them.
fn of_other_spelling(cases: &mut Cases) {
    let spellings: [Spelling; 3] = [
        ("dot-slash", |path| format!("./{path}")),
        ("two-slashes", |path| path.replace('/', "//")),
        ("inner-dot", |path| path.replace('/', "/./")),
    ];
    for (how, spell) in spellings {
        let respell = |item: &mut Value| {
            for pointer in ["/0/Config", "/0/Layers/0", "/0/Layers/1"] {
                let path = at(item, pointer);
                *path = json!(spell(path.as_str().unwrap()));
            }
        };
        let modern = edited(|part, value| {
            if part == Part::ManifestJson {
                respell(value);
            }
        });
        cases.add(1, &format!("modern-spelling-{how}"), tar(&modern), LOADS, &[]);
        let classic = old_edited(Form::Classic, |document, value| {
            if document == Old::ManifestJson {
                respell(value);
            }
        });
        cases.add(1, &format!("classic-spelling-{how}"), tar(&classic), LOADS, &[]);
    }
}

/// IDs in `repositories` and in the `json` of layers that name a path.
fn in_old_documents(cases: &mut Cases) {
    let (right, long) = (id("top"), "a".repeat(5000));
    let ids = [
        ("dotdot", "../../etc/passwd".to_owned()),
        ("absolute", "/etc/passwd".to_owned()),
        ("backslash", "..\\..\\x".to_owned()),
        ("nul", "a\0b".to_owned()),
        ("dot", ".".to_owned()),
        ("only-dotdot", "..".to_owned()),
        ("long", long),
        ("63", right[1..].to_owned()),
        ("65", format!("{right}a")),
        ("upper", right.to_uppercase()),
        ("prefixed", format!("sha256:{right}")),
        ("below", format!("{right}/../..")),
        ("empty", String::new()),
    ];
    for (way, (how, evil)) in ids.iter().enumerate() {
        let in_repositories = |document: Old, value: &mut Value| {
            if document == Old::Repositories {
                *at(value, "/good/1") = json!(evil);
            }
        };
        let bad: Refusals = &["DIGEST_INVALID"];
        let legacy = tar(&old_edited(Form::Legacy, in_repositories));
        cases.add(1, &format!("legacy-repositories-{how}"), legacy, bad, &["is not an image ID"]);
        if !cases.takes(way, 0, 3) {
            continue;
        }
        // There manifest.json is what counts.
        let classic = tar(&old_edited(Form::Classic, in_repositories));
        cases.add(1, &format!("classic-repositories-{how}"), classic, LOADS, &[]);
        let parent = tar(&old_edited(Form::Legacy, |document, value| {
            if document == Old::TopJson {
                *at(value, "/parent") = json!(evil);
            }
        }));
        // An empty parent is none.
        let bad = if evil.is_empty() { LOADS } else { bad };
        cases.add(1, &format!("legacy-parent-{how}"), parent, bad, &["is not an image ID"]);
    }
    let unknown = id("unknown");
    let legacy = tar(&old_edited(Form::Legacy, |document, value| {
        if document == Old::Repositories {
            *at(value, "/good/1") = json!(unknown);
        }
    }));
    cases.add(1, "legacy-repositories-unknown", legacy, &["BLOB_MISSING"], &[&unknown]);
}

/// Each member under a path that leads outside.
fn of_members(cases: &mut Cases) {
    for form in Form::ALL {
        let members = form.members();
        for n in 0..members.len() {
            for (way, (how, prefix)) in [("dotdot", "../"), ("absolute", "/")].into_iter().enumerate() {
                if !cases.takes(way, n, 2) {
                    continue;
                }
                let changed = changed(&members, n, |member| member.path.insert_str(0, prefix));
                let refusals = form.unless_lost(n, &["PATH_UNSAFE"], &["PATH_UNSAFE", "NOT_AN_IMAGE"]);
                let name = format!("{}-member-{}-{how}", form.label(), form.member(n));
                let here = byte(offset(&changed, n));
                let place = [called(&members[n]), here.as_str(), "index.json"];
                cases.add(1, &name, tar(&changed), refusals, &place);
            }
        }
    }
}

/// A member that nothing refers to under a path that leads outside, however the tar says it.
fn of_strangers(cases: &mut Cases) {
    let members = Form::Modern.members();
    let stranger = |path: &str| Member::file(path, "stranger");
    let mut evil = vec![
        ("prefix-dotdot".to_owned(), stranger("x").field(345, b"..")),
        ("prefix-absolute".to_owned(), stranger("x").field(345, b"/etc")),
    ];
    for (how, path) in OUTSIDE.into_iter().filter(|(_, path)| !path.contains('\0')) {
        evil.push((format!("header-{how}"), stranger(path)));
        evil.push((format!("pax-{how}"), stranger("note").behind(pax("path", path))));
        evil.push((format!("gnu-{how}"), stranger("note").behind(long(b'L', path))));
    }
    for (way, (how, member)) in evil.into_iter().enumerate() {
        for (place, n) in [("first", 0), ("last", members.len() - 1)] {
            if !cases.takes(way, n, 2) {
                continue;
            }
            let members = inserted(&members, n, member.clone());
            let name = format!("stranger-{place}-{how}");
            cases.add(1, &name, tar(&members), &["PATH_UNSAFE"], &[&byte(offset(&members, n))]);
        }
    }
}
