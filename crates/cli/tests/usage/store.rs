//! Which store is meant, and what is none.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use super::common::{Place, Ran};

#[test]
fn the_store_is_found() {
    let place = Place::hello();
    let other = Place::new();
    let at = |command: &mut Command| -> Ran { command.args(["images", "-q"]).output().unwrap().into() };
    let bare = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barge"));
        command.env_clear().stdin(Stdio::null());
        command
    };
    let id = place.ok("images -q");
    assert_eq!(at(bare().env("BARGE_STORE", place.store())).out(), id);
    // The flag comes before the environment, wherever it stands.
    assert_eq!(at(bare().env("BARGE_STORE", other.store()).arg("--store").arg(place.store())).out(), id);
    let mut last = bare();
    let ran: Ran = last.args(["images", "-q", "--store"]).arg(place.store()).output().unwrap().into();
    assert_eq!(ran.out(), id);
    let home = other.path("home");
    fs::create_dir_all(home.join(".local/share/barge")).unwrap();
    symlink(place.store(), home.join(".local/share/barge/store")).unwrap();
    assert_eq!(at(bare().env("HOME", &home)).out(), id);
    assert_eq!(at(bare().env("HOME", "/nowhere").env("XDG_DATA_HOME", home.join(".local/share"))).out(), id);
    assert_eq!(at(bare().env("BARGE_STORE", "").env("HOME", &home)).out(), id);
    let ran = at(&mut bare());
    let text = "no place for the image store: give `--store DIR` or set HOME\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), text));
}

#[test]
fn the_store_may_be_named_before_and_after_the_command() {
    let place = Place::hello();
    let store = place.store();
    let store = store.to_str().unwrap();
    let said = place.fails(&format!("image --store {store} save"));
    assert!(said.starts_with("barge: 'barge image save' requires"), "{said}");
    let said = place.fails(&format!("image save --store={store}"));
    assert!(said.starts_with("barge: 'barge image save' requires"), "{said}");
}

#[test]
fn a_folder_that_is_no_store() {
    let place = Place::new();
    fs::create_dir(place.store()).unwrap();
    fs::write(place.store().join("letters.txt"), "dear").unwrap();
    let expected = format!(
        "{} is neither an image store nor an empty folder\n\
         hint: choose another place with `--store DIR` or BARGE_STORE\n",
        place.store().display()
    );
    for line in ["images", "save a", "load -i /dev/null", "store check"] {
        assert_eq!(place.fails(line), expected, "{line}");
    }
    assert_eq!(fs::read_dir(place.store()).unwrap().count(), 1);
}

#[test]
fn a_store_that_is_a_file() {
    let place = Place::new();
    fs::write(place.store(), "").unwrap();
    let said = place.fails("images");
    assert_eq!(said, format!("open store {}: not a directory\n", place.store().display()));
}

#[test]
fn looking_makes_no_store() {
    for line in [
        "images",
        "images --tree",
        "image inspect a",
        "history a",
        "store check",
        "store df",
        "store gc",
        "load -i gone.tar",
    ] {
        let place = Place::new();
        assert_ne!(place.run(line).code, None);
        let made: Vec<_> = place.snapshot().into_keys().filter(|path| path.is_file()).collect();
        assert!(made.is_empty(), "{line}: {made:?}");
    }
}
