//! What people take for an image archive: it is said what it is and what to do instead, by whatever reads archives, and
//! `import` says what is no root file system.

use super::common::{Layout, Place, tar};
use super::{LOADED, archive_and_more};

const NO_TAR: &str = "an image archive is a tar, plain or compressed";
const PACKAGE: &str = "a package is installed into an image when the image is built";
const DISK: &str = "make a tar of the files in it and run `barge import FILE NAME`";
const FAILED: &str = "the save that wrote it failed";
const BUILD: &str = "build the image with `docker build`, then save it";
const NAMED: &str = "the images it names come by `barge pull IMAGE`";
const ERROR_PAGE: &str = "the download gave an error page instead of the file";
const OUTSIDE: &str =
    "nothing was loaded: unpacked, it would reach out of its folder; get the image from where you trust it";
const SPECIAL: &str =
    "nothing was loaded: an archive of images has files, folders and links only; save the image again";
const DAMAGED: &str = "it was damaged on a disk or on its way: copy it or save the image again";

/// `magic` at a place in something else.
fn at(place: usize, magic: &[u8]) -> Vec<u8> {
    [vec![b'x'; place], magic.to_vec(), vec![1; 600]].concat()
}

/// The sample image as files, each in a folder.
fn below(folder: &str) -> Vec<u8> {
    let files = Layout::hello().files().into_iter().map(|(path, bytes)| (format!("{folder}/{path}"), bytes));
    tar(&files.collect::<Vec<_>>())
}

/// The sample image with one more member before it, of a kind and with a target.
fn with(path: &str, kind: u8, target: &str) -> Vec<u8> {
    let mut header = tar(&[(path, "")])[..512].to_vec();
    header[156] = kind;
    header[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header[148..156].copy_from_slice(b"        ");
    let sum: u32 = header.iter().copied().map(u32::from).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [header, Layout::hello().tar()].concat()
}

/// The sample image with one bit of its last header changed.
fn altered() -> Vec<u8> {
    let mut bytes = Layout::hello().tar();
    let place = bytes.windows(10).rposition(|w| w == b"oci-layout").unwrap();
    bytes[place + 110] ^= 1;
    bytes
}

/// What a file is, in words, how it is said to be no image, and what to do.
type Case = (&'static str, Vec<u8>, &'static str, &'static str);

fn files() -> Vec<Case> {
    let text = |text: &str| text.as_bytes().to_vec();
    let image = Layout::hello().tar();
    let index = Layout::hello().files()["index.json"].clone();
    let parts = "this is a list of an image's parts, without the parts";
    let listed = "load the whole archive, or the folder that it is from";
    let vmdk = "this is the disk of a virtual machine (VMDK)";
    let built = "this is what an image is built from, not an image";
    let daemon = "this is an error message of a docker daemon";
    vec![
        ("deb", at(0, b"!<arch>\ndebian-binary   1410122664"), "this is a Debian package", PACKAGE),
        ("rpm", at(0, b"\xed\xab\xee\xdb\x03\0"), "this is an RPM package", PACKAGE),
        ("qcow2", at(0, b"QFI\xfb\0\0\0\x03"), "this is the disk of a virtual machine (QCOW2)", DISK),
        ("vmdk", at(0, b"KDMV\x01"), vmdk, DISK),
        ("vmdk of text", text("# Disk DescriptorFile\nversion=1\n"), vmdk, DISK),
        (
            "squashfs",
            at(0, b"hsqs"),
            "this is a squashfs file system",
            "`sqfs2tar FILE | barge import - NAME` makes an image of it",
        ),
        (
            "sif",
            at(32, b"SIF_MAGIC\x0001\0"),
            "this is an image of Apptainer or Singularity (SIF)",
            "unpack it: `apptainer build --sandbox DIR FILE`, then `tar -C DIR -c . | barge import - NAME`",
        ),
        ("disk", at(510, b"\x55\xaa"), "this looks like an image of a disk or CD", DISK),
        (
            "iso",
            [vec![0; 32 << 10], at(1, b"CD001")].concat(),
            "the file begins with nothing but zeros",
            "if it is of a disk or CD, make a tar of its files and run `barge import`; else get it again",
        ),
        ("script", text("#!/bin/sh\nset -e\n"), "this is a script", NO_TAR),
        (
            "dockerfile",
            text("# syntax=docker/dockerfile:1\n\nARG V=3\nFROM alpine:$V\n"),
            "this looks like a Dockerfile",
            BUILD,
        ),
        (
            "compose",
            text("name: a\nservices:\n  web:\n    image: nginx\n"),
            "this looks like a file of Docker Compose",
            NAMED,
        ),
        ("pod", text("apiVersion: v1\nkind: Pod\n"), "this looks like a file of Kubernetes", NAMED),
        ("index.json", index, parts, listed),
        ("manifest.json", text(r#"[{"Config":"blobs/sha256/ab","RepoTags":["a:1"]}]"#), parts, listed),
        ("daemon", text("Error response from daemon: No such image: a\n"), daemon, FAILED),
        ("podman", text("Error: a: image not known\n"), "this is an error message", FAILED),
        (
            "registry",
            text(r#"{"errors":[{"code":"DENIED"}]}"#),
            "this is an error message of a registry",
            ERROR_PAGE,
        ),
        (
            "log",
            text("time=\"2024-01-01T00:00:00Z\" level=info msg=\"copying\"\n"),
            "this is what a program says while it works",
            "save the image again with `-o FILE`",
        ),
        (
            "chart",
            tar(&[("web/Chart.yaml", "name: web"), ("web/charts/db.tgz", "db")]),
            "this is a Helm chart, not an image",
            "`helm template FILE` shows which images it names, they come by `barge pull IMAGE`",
        ),
        (
            "ova",
            tar(&[("vm.ovf", "<?xml"), ("vm-disk1.vmdk", "KDMV")]),
            "this is a virtual machine (OVA), not a container image",
            "make a tar of the files on its disk and run `barge import FILE NAME`",
        ),
        ("context", tar(&[("./Containerfile", "FROM a"), ("./src/main.c", "int")]), built, BUILD),
        (
            "folder in a tar",
            below("my/image"),
            "no image at the top, but one in the folder `my/image`",
            "unpack the archive and name that folder",
        ),
        (
            "tar in a tar",
            tar(&[("README", b"read".to_vec()), ("image.tar", image.clone())]),
            "no image at the top, but other archives: `image.tar`",
            "unpack it and name the file inside",
        ),
        (
            "tars in a tar",
            tar(&[("a/b.tar.gz", b"b".to_vec()), ("c.tar", image)]),
            "no image at the top, but other archives: `c.tar` and 1 more",
            "unpack it and name the file inside",
        ),
    ]
}

#[test]
fn what_a_file_is() {
    let place = archive_and_more();
    let before = place.snapshot();
    for (name, bytes, what, hint) in files() {
        place.write("a", &bytes);
        let expected = format!("unrecognized image format: {what}\nhint: {hint}\n");
        for line in ["load -i a", "archive ls a", "archive verify a", "copy oci-archive:a oci:out"] {
            assert_eq!(place.fails(line), expected, "{name}: {line}");
        }
        let ran = place.run_with("load", &bytes);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), expected.as_str()), "{name}: load");
    }
    assert!(before == place.snapshot());
}

#[test]
fn what_is_wrong_with_an_archive() {
    let place = archive_and_more();
    for (bytes, what, hint) in [
        (with("../x", b'0', ""), "refused: an unsafe path, `../x`, at byte 0", OUTSIDE),
        (with("x", b'2', "/etc/x"), "refused: a link that leaves the archive, `x` -> `/etc/x`", OUTSIDE),
        (with("x", b'3', ""), "refused: a special file of type `3`, `x`, at byte 0", SPECIAL),
        (vec![7; 4096], "not a sound tar: a header with a wrong checksum, at byte 0", NO_TAR),
        (altered(), "not a sound tar: a header with a wrong checksum, at byte ", DAMAGED),
    ] {
        place.write("a", &bytes);
        let said = place.fails("load -i a");
        assert!(said.starts_with(what), "{said}");
        assert!(said.ends_with(&format!("\nhint: {hint}\n")), "{said}");
    }
}

#[test]
fn what_a_folder_is() {
    let place = Place::new();
    for folder in ["up", "nothing", "saved", "root/etc", "root/bin"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    Layout::hello().write(&place.path("up/layout"));
    place.write("nothing/notes.txt", "notes");
    place.write("saved/hello.tar", Layout::hello().tar());
    place.write("root/bin/sh", "#!");
    for (folder, what, hint) in [
        ("up", "no image at the top, but one in the folder `layout`", "name that folder"),
        ("saved", "no image at the top, but other archives: `hello.tar`", "name that file"),
        (
            "nothing",
            "the folder holds no image: no index.json, manifest.json or repositories in it",
            "a folder that does is made by `barge copy IMAGE oci:FOLDER` or `skopeo copy`",
        ),
        (
            "root",
            "this is a root file system, not an image",
            "`tar -C FOLDER -c . | barge import - NAME` makes an image of it",
        ),
    ] {
        let expected = format!("unrecognized image format: {what}\nhint: {hint}\n");
        assert_eq!(place.fails(&format!("load -i {folder}")), expected, "{folder}");
    }
    let said = place.fails("import root a:1");
    let expected = "read the root file system: is a directory\n\
        hint: `tar -C FOLDER -c . | barge import - NAME` makes an image of a folder\n";
    assert_eq!(said, expected);
}

#[test]
fn what_is_no_root_file_system() {
    let place = archive_and_more();
    let before = place.snapshot();
    let is_a_tar = "it is a tar, plain or compressed, as `docker export` writes it";
    let whole = tar(&[("etc/passwd", vec![b'x'; 5000])]);
    for (bytes, what, hint) in [
        (
            place.read("hello.tar"),
            "this is an image archive, not a root file system",
            "`barge load -i FILE` loads the images in it",
        ),
        (b"hello\n".to_vec(), "the root file system is not a tar: this is a text file", is_a_tar),
        (Vec::new(), "the root file system is not a tar: the file is empty", is_a_tar),
        (b"PK\x03\x04".to_vec(), "the root file system is not a tar: this is a zip file", is_a_tar),
        (vec![7; 4096], "the root file system is not a tar", is_a_tar),
        (
            whole[..3000].to_vec(),
            "the root file system: the archive ends at byte 3000, inside an entry",
            "it was cut short: make it again, or copy it again",
        ),
    ] {
        place.write("a", &bytes);
        assert_eq!(place.fails("import a b:1"), format!("{what}\nhint: {hint}\n"));
    }
    assert!(before == place.snapshot());
    assert_eq!(place.ok("load -i hello.tar"), LOADED);
}
