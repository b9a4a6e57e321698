//! Where the archive goes: files, links, pipes, devices.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::common::process::{first_bytes, reader, rest};
use super::common::{Layout, Maker, Place, Running, fifo};

const INVALID: &str = "failed to save image: ";

fn mode(place: &Place, name: &str) -> u32 {
    fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_file() {
    let place = Place::hello();
    assert_eq!(place.ok("save -o a.tar hello-barge"), "");
    assert!(place.read("a.tar") == place.saved("hello-barge"));
    assert_eq!(place.files(), ["a.tar"]);
    place.ok("archive verify a.tar");
}

#[test]
fn every_spelling_of_the_flag() {
    let place = Place::hello();
    let archive = place.saved("hello-barge");
    for flag in ["-o a.tar", "-oa.tar", "-o=a.tar", "--output a.tar", "--output=a.tar"] {
        place.ok(&format!("save hello-barge {flag}"));
        assert!(archive == place.read("a.tar"), "{flag}");
        fs::remove_file(place.path("a.tar")).unwrap();
    }
    assert!(place.files().is_empty());
}

#[test]
fn a_file_elsewhere() {
    let place = Place::hello();
    fs::create_dir(place.path("sub")).unwrap();
    let absolute = place.path("b.tar");
    for file in ["./a.tar", "sub/a.tar", "sub/../c.tar", absolute.to_str().unwrap()] {
        place.ok(&format!("save -o {file} hello-barge"));
    }
    assert_eq!(place.files(), ["a.tar", "b.tar", "c.tar", "sub"]);
}

#[test]
fn a_name_with_spaces_and_more() {
    let place = Place::hello();
    for name in ["a b.tar", "-a.tar", "ä.tar", ".a", "a\nb"] {
        let ran = place.run(&format!("save -o '{name}' hello-barge"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{name:?}");
        assert!(place.path(name).is_file(), "{name:?}");
    }
}

#[test]
fn a_file_is_replaced() {
    let place = Place::hello();
    // Longer than the archive: nothing of it may stay at the end.
    place.write("a.tar", vec![b'x'; 1 << 20]);
    fs::set_permissions(place.path("a.tar"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::hard_link(place.path("a.tar"), place.path("b.tar")).unwrap();
    place.ok("save -o a.tar hello-barge");
    assert!(place.read("a.tar") == place.saved("hello-barge"));
    assert_eq!(mode(&place, "a.tar"), 0o600);
    assert_eq!(place.read("b.tar").len(), 1 << 20);
    assert_eq!(place.files(), ["a.tar", "b.tar"]);
}

#[test]
fn a_file_that_cannot_be_written_to_is_replaced_too() {
    let place = Place::hello();
    place.write("a.tar", "old");
    fs::set_permissions(place.path("a.tar"), fs::Permissions::from_mode(0o400)).unwrap();
    place.ok("save -o a.tar hello-barge");
    assert_eq!(mode(&place, "a.tar"), 0o600);
}

#[test]
fn the_mode_is_no_matter_of_the_umask() {
    let place = Place::hello();
    for umask in ["0", "022", "0777"] {
        let ran = place.shell(&format!("umask {umask}; exec \"$barge\" save -o a.tar hello-barge"));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
        assert_eq!(mode(&place, "a.tar"), 0o600, "{umask}");
        fs::remove_file(place.path("a.tar")).unwrap();
    }
}

#[test]
fn a_directory() {
    let place = Place::hello();
    fs::create_dir(place.path("sub")).unwrap();
    for path in ["sub", "sub/", ".", "..", "/"] {
        let said = place.fails(&format!("save -o {path} hello-barge"));
        assert_eq!(said, format!("{INVALID}cannot write to a directory\n"), "{path}");
    }
    assert_eq!(place.files(), ["sub"]);
}

#[test]
fn a_directory_that_is_not_there() {
    let place = Place::hello();
    place.write("file", "");
    let text = |dir: &str, why: &str| format!("{INVALID}invalid output path: stat {dir}: {why}\n");
    let missing = "no such file or directory";
    assert_eq!(place.fails("save -o gone/a.tar hello-barge"), text("gone", missing));
    assert_eq!(place.fails("save -o gone/deep/a.tar hello-barge"), text("gone/deep", missing));
    assert_eq!(place.fails("save -o gone/ hello-barge"), text("gone", missing));
    assert_eq!(place.fails("save -o file/a.tar hello-barge"), text("file", "not a directory"));
    assert_eq!(place.files(), ["file"]);
}

#[test]
fn a_bad_output_is_said_before_a_missing_image() {
    let place = Place::new();
    let said = place.fails("save -o gone/a.tar nothing");
    assert_eq!(said, format!("{INVALID}invalid output path: stat gone: no such file or directory\n"));
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let place = Place::hello();
    place.write("a.tar", "old");
    place.fails("save -o a.tar gone");
    place.fails("save -o a.tar --platform linux/mips hello-barge");
    assert_eq!((place.read("a.tar"), place.files()), (b"old".to_vec(), vec!["a.tar".to_owned()]));
}

#[test]
fn a_link_is_followed() {
    let place = Place::hello();
    fs::create_dir(place.path("sub")).unwrap();
    place.write("sub/real.tar", "old");
    symlink("sub/real.tar", place.path("one")).unwrap();
    symlink("one", place.path("two")).unwrap();
    place.ok("save -o two hello-barge");
    assert!(place.read("sub/real.tar") == place.saved("hello-barge"));
    assert!(fs::symlink_metadata(place.path("one")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(place.path("two")).unwrap().is_symlink());
    assert_eq!(fs::read_dir(place.path("sub")).unwrap().count(), 1);
    assert_eq!(place.files(), ["one", "sub", "two"]);
}

#[test]
fn a_dangling_link_makes_what_it_means() {
    let place = Place::hello();
    symlink("real.tar", place.path("link")).unwrap();
    place.ok("save -o link hello-barge");
    assert!(place.read("real.tar") == place.saved("hello-barge"));
    assert_eq!(place.files(), ["link", "real.tar"]);
    symlink("gone/a.tar", place.path("nowhere")).unwrap();
    let said = place.fails("save -o nowhere hello-barge");
    assert_eq!(said, format!("{INVALID}invalid output path: stat gone: no such file or directory\n"));
}

#[test]
fn links_in_a_circle() {
    let place = Place::hello();
    symlink("b", place.path("a")).unwrap();
    symlink("a", place.path("b")).unwrap();
    let said = place.fails("save -o a hello-barge");
    assert_eq!(said, format!("{INVALID}too many levels of symbolic links\n"));
}

#[test]
fn a_link_to_a_directory() {
    let place = Place::hello();
    fs::create_dir(place.path("sub")).unwrap();
    symlink("sub", place.path("link")).unwrap();
    let said = place.fails("save -o link hello-barge");
    assert_eq!(said, format!("{INVALID}cannot write to a directory\n"));
    place.ok("save -o link/a.tar hello-barge");
    assert!(place.path("sub/a.tar").is_file());
}

#[test]
fn a_socket() {
    let place = Place::hello();
    let _socket = std::os::unix::net::UnixListener::bind(place.path("socket")).unwrap();
    let said = place.fails("save -o socket hello-barge");
    assert_eq!(said, format!("{INVALID}cannot write to a socket\n"));
}

#[test]
fn a_fifo() {
    let mut layout = Layout::default();
    // More than a pipe holds.
    let image = layout.image(&Maker::new("linux/amd64").layer(vec![1; 1 << 20]));
    layout.name(&image, "docker.io/library/big:1");
    let place = Place::with(&layout);
    fifo(&place.path("fifo"));
    let save = Running::start(place.command(&["save", "-o", "fifo", "big:1"]));
    let mut reader = reader(&place.path("fifo"));
    let mut archive = first_bytes(&mut reader);
    archive.extend(rest(&mut reader));
    let ran = save.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(archive == place.saved("big:1"));
    assert_eq!(place.files(), ["fifo"]);
}

#[test]
fn devices() {
    let place = Place::hello();
    assert_eq!(place.ok("save -o /dev/null hello-barge"), "");
    let before = fs::metadata("/dev/null").unwrap();
    assert_eq!((before.mode() & 0o777, before.rdev()), (0o666, rustix::fs::makedev(1, 3)));
    let said = place.fails("save -o /dev/full hello-barge");
    assert_eq!(said, "write /dev/full: no space left on device\n");
}

#[test]
fn the_standard_output_by_its_names() {
    let place = Place::hello();
    let archive = place.saved("hello-barge");
    for name in ["-", "''", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        assert!(archive == place.saved(&format!("-o {name} hello-barge")), "{name}");
    }
    assert!(place.files().is_empty());
    // Where it is a file, what it held before the save stays.
    for name in ["/dev/stdout", "/dev/fd/1", "-"] {
        let ran = place.shell(&format!("{{ echo first; \"$barge\" save -o {name} hello-barge; }} > a"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(place.read("a") == [b"first\n", archive.as_slice()].concat(), "{name}");
    }
}

#[test]
fn open_files_by_number() {
    let place = Place::hello();
    let archive = place.saved("hello-barge");
    let scripts = [
        "exec 3> a; \"$barge\" save -o /dev/fd/3 hello-barge",
        "exec 3> a; \"$barge\" save -o /proc/self/fd/3 hello-barge",
        "\"$barge\" save -o >(cat > a) hello-barge; code=$?; wait $!; exit $code",
    ];
    for script in scripts {
        let ran = place.shell(script);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{script}");
        assert!(archive == place.read("a"), "{script}");
    }
}

/// In a chroot or an initial RAM disk there may be no /proc.
#[test]
fn without_proc() {
    let place = Place::hello();
    place.write("b.tar", "old");
    let script = "mount -t tmpfs none /proc; umask 0\n\
                  for file in a.tar b.tar; do \"$barge\" save -o $file hello-barge; done; ls -A";
    let Some(ran) = place.mounting(script) else { return };
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), ("a.tar\nb.tar\nscript\n", ""));
    for file in ["a.tar", "b.tar"] {
        assert!(place.read(file) == place.saved("hello-barge"), "{file}");
        assert_eq!(mode(&place, file), 0o600, "{file}");
    }
}

#[test]
fn a_reader_that_goes_away_is_told_nothing() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer(vec![1; 1 << 20]));
    layout.name(&image, "docker.io/library/big:1");
    let place = Place::with(&layout);
    let mut save = Running::start(place.command(&["save", "big:1"]));
    let mut stdout = save.child().stdout.take().unwrap();
    stdout.read_exact(&mut [0; 100]).unwrap();
    drop(stdout);
    let ran = save.end();
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
}

#[test]
fn a_full_standard_output() {
    let ran = Place::hello().shell("exec \"$barge\" save hello-barge > /dev/full");
    assert_eq!(ran.code, Some(1));
    assert_eq!(ran.stderr, "write the archive: no space left on device\n");
}
