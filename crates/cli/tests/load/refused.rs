//! What is no archive, or not a sound one: the reason is said, what to do about it too, and nothing is loaded.

use super::common::{HELLO, Layout, Maker, Place, installed, tar};
use super::{archive, archive_and_more};

/// Loads `bytes` from a file and from a pipe into a store that has something; returns what is said.
#[track_caller]
fn refused(bytes: &[u8]) -> String {
    let place = archive_and_more();
    place.write("a", bytes);
    let before = place.snapshot();
    let said = place.fails("load -i a");
    assert!(before == place.snapshot(), "the store has changed: {said}");
    let ran = place.run_with("load", bytes);
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(1), "", said.as_str()));
    assert!(before == place.snapshot(), "the store has changed: {said}");
    said
}

#[track_caller]
fn no_image(bytes: &[u8], what: &str, hint: &str) {
    assert_eq!(refused(bytes), format!("unrecognized image format: {what}\nhint: {hint}\n"));
}

const NO_TAR: &str = "an image archive is a tar, plain or compressed";
const ERROR_PAGE: &str = "the download gave an error page instead of the file";

#[test]
fn nothing() {
    no_image(b"", "the file is empty", "the save or the copy that made it probably failed");
    no_image(&[0; 10240], "the archive is empty", "the save or the copy that made it probably failed");
}

#[test]
fn an_empty_folder() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder")).unwrap();
    let said = place.fails("load -i folder");
    assert!(said.starts_with("unrecognized image format: the folder is empty\nhint: "), "{said}");
}

#[test]
fn web_pages() {
    no_image(b"<!DOCTYPE html>\n<html><head><title>404</title>", "this is a web page", ERROR_PAGE);
    no_image(b"\n  <html>\n<body>Sign in</body>", "this is a web page", ERROR_PAGE);
    let xml = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
    no_image(xml, "this is an XML document", ERROR_PAGE);
}

#[test]
fn a_pointer_of_git_lfs() {
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid {HELLO}\nsize 28672\n");
    no_image(
        pointer.as_bytes(),
        "this is a Git LFS pointer, not the file it stands for",
        "run `git lfs pull`",
    );
}

#[test]
fn what_powershell_makes_of_a_tar() {
    let place = archive();
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(place.read("hello.tar").into_iter().flat_map(|b| [b, 0])).collect();
    no_image(
        &utf16,
        "this is text in UTF-16: a tar written through PowerShell's `>` is destroyed by it",
        "save the image again with `-o FILE`",
    );
}

#[test]
fn archives_of_another_kind() {
    no_image(
        b"PK\x03\x04\x14\x00\x00\x00\x08\x00hello.tar",
        "this is a zip file",
        "unpack it and load the tar inside",
    );
    no_image(b"7z\xbc\xaf\x27\x1c\x00\x04", "this is a 7-Zip file", "unpack it and load the tar inside");
    no_image(
        b"\x04\x22\x4d\x18\x64\x40\xa7",
        "the file is compressed with lz4",
        "decompress it with `lz4 -d` first",
    );
}

#[test]
fn encrypted_files() {
    no_image(
        b"age-encryption.org/v1\n-> X25519 abc\n",
        "the file is encrypted with age",
        "decrypt it with `age -d` first",
    );
    no_image(
        b"-----BEGIN PGP MESSAGE-----\n\nabc",
        "the file is encrypted or signed with PGP",
        "decrypt it with `gpg -d` first",
    );
    no_image(b"Salted__\x01\x02\x03", "the file is encrypted with openssl", "decrypt it first");
}

#[test]
fn text() {
    no_image(
        b"FROM alpine:3.22\nRUN apk add curl\n",
        "this looks like a Dockerfile",
        "build the image with `docker build`, then save it",
    );
    no_image(b"hello\n", "this is a text file", NO_TAR);
    no_image(
        b"{\"message\":\"No such image: x\"}\n",
        "this is an error message of a docker daemon",
        "the save that wrote it failed",
    );
    no_image(
        b"{\"errorDetail\":{\"message\":\"x\"}}\r\n",
        "this is an error message of a docker daemon",
        "the save that wrote it failed",
    );
}

#[test]
fn a_program() {
    no_image(b"\x7fELF\x02\x01\x01\x00", "this is a program", NO_TAR);
}

#[test]
fn a_root_file_system() {
    no_image(
        &tar(&[
            ("bin/", ""),
            ("bin/sh", "#!"),
            ("etc/", ""),
            ("etc/passwd", "root"),
            ("usr/", ""),
            ("var/", ""),
        ]),
        "this is a root file system, as `docker export` writes it, not an image",
        "`barge import FILE NAME` makes an image of it; to keep the image itself use `save` instead of `export`",
    );
    let said = refused(&tar(&[
        ("./", ""),
        ("./bin/", ""),
        ("./bin/sh", "#!"),
        ("./etc/", ""),
        ("./etc/passwd", "root"),
    ]));
    assert!(said.contains("this is a root file system"), "{said}");
}

#[test]
fn a_tar_of_something_else() {
    no_image(
        &tar(&[("letters/", ""), ("letters/dear.txt", "dear")]),
        "the archive holds no image: no index.json, manifest.json or repositories at its top",
        "archives are made by `barge save`, `docker save`, `podman save`, `skopeo copy` or `ctr image export`",
    );
}

#[test]
fn noise() {
    let noise: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let said = refused(&noise);
    assert!(
        said.starts_with("not a sound tar: ") || said.starts_with("unrecognized image format: "),
        "{said}"
    );
}

#[test]
fn compressed_twice() {
    if !installed("gzip", "an archive that is compressed twice") {
        return;
    }
    let place = archive();
    assert_eq!(place.shell("gzip -c hello.tar | gzip -c > twice").code, Some(0));
    no_image(&place.read("twice"), "the file is compressed twice", "decompress it once and try again");
    assert_eq!(place.shell("gzip -c < /dev/null > nothing").code, Some(0));
    let said = refused(&place.read("nothing"));
    assert!(said.starts_with("unrecognized image format: the file is empty\n"), "{said}");
}

/// What is said of an archive that ends too early, if that is not the whole truth.
fn not_said_to_be_cut(bytes: &[u8]) -> Option<String> {
    let hint = "\nhint: it was cut short: the save that wrote it failed, save the image again\n";
    Some(refused(bytes)).filter(|said| !said.ends_with(hint))
}

/// Wherever an archive ends too early, it is refused, and it is said why.
#[test]
fn cut_short() {
    let whole = archive().read("hello.tar");
    let index = whole.windows(10).position(|w| w == b"index.json").unwrap();
    let ends = [100, 600, 700, 1100, 15_000, 24_000, index - 1, index + 100, index + 600, whole.len() - 1700];
    let wrong: Vec<_> =
        ends.iter().filter_map(|end| Some((end, not_said_to_be_cut(&whole[..*end])?))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn cut_short_and_compressed() {
    let mut wrong = Vec::new();
    for program in ["gzip", "bzip2", "xz", "zstd"] {
        if !installed(program, &format!("an archive of {program} that is cut short")) {
            continue;
        }
        let place = archive();
        assert_eq!(place.shell(&format!("{program} -c < hello.tar > a")).code, Some(0));
        let whole = place.read("a");
        for end in [whole.len() / 2, whole.len() - 5] {
            wrong.extend(not_said_to_be_cut(&whole[..end]).map(|said| (program, end, said)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One byte of each blob, one after the other.
#[test]
fn an_altered_byte() {
    let whole = Layout::hello().files();
    for (path, bytes) in whole.iter().filter(|(p, _)| p.starts_with("blobs/")).step_by(3) {
        let mut altered = bytes.clone();
        let middle = altered.len() / 2;
        altered[middle] ^= 1;
        let mut files = whole.clone();
        files.insert(path.clone(), altered);
        let said = refused(&tar(&files.into_iter().collect::<Vec<_>>()));
        let digest = path.strip_prefix("blobs/sha256/").unwrap();
        assert!(said.contains(digest), "{said}");
    }
}

#[test]
fn a_layer_that_is_not_what_the_config_says() {
    let mut layout = Layout::default();
    let layer = layout.put("application/vnd.oci.image.layer.v1.tar", tar(&[("a", "b")]));
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":["{HELLO}"]}}}}"#
    );
    let config = layout.put("application/vnd.oci.image.config.v1+json", config);
    let manifest = layout.manifest(&config, std::slice::from_ref(&layer));
    layout.name(&manifest, "docker.io/library/a:1");
    let said = refused(&layout.tar());
    assert!(
        said.starts_with(&format!(
            "invalid diffID for layer 0: expected \"{HELLO}\", got \"{}\"",
            layer.digest
        )),
        "{said}"
    );
}

#[test]
fn an_image_without_its_layers() {
    let mut layout = Layout::default();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.name(&image, "docker.io/library/a:1");
    let layer = barge_oci::Digest::sha256(&tar(&[("file", "1")])).to_string();
    layout.remove(&layer);
    let said = refused(&layout.tar());
    assert_eq!(
        said,
        format!(
            "a:1: not in the archive: layer {layer}\nhint: the save that wrote it dropped content; save the image again\n"
        )
    );
}

/// One image is sound, the other is not: neither is loaded.
#[test]
fn all_or_nothing() {
    let mut layout = Layout::hello();
    let image = layout.image(&Maker::new("linux/amd64").layer("1"));
    layout.name(&image, "docker.io/library/a:1");
    layout.remove(&image.digest);
    let said = refused(&layout.tar());
    assert!(said.starts_with(&format!("a:1: not in the archive: manifest {}", image.digest)), "{said}");
}

#[test]
fn names_that_are_none() {
    for name in ["docker.io/library/UPPER:1", "a b", "x:y:z", ""] {
        let mut layout = Layout::default();
        let image = layout.image(&Maker::new("linux/amd64").layer("1"));
        layout.name(&image, name);
        let said = refused(&layout.tar());
        assert!(said.starts_with("io.containerd.image.name "), "{name}: {said}");
    }
}

#[test]
fn two_views_that_disagree() {
    let mut layout = Layout::hello();
    let image = layout.image(&Maker::new("linux/amd64").layer("hidden"));
    let mut files = layout.files();
    let layer = barge_oci::Digest::sha256(&tar(&[("file", "hidden")])).blob_path();
    let config: serde_json::Value =
        serde_json::from_slice(&files[&format!("blobs/{}", image.digest.replace(':', "/"))]).unwrap();
    let config = config["config"]["digest"].as_str().unwrap().replace(':', "/");
    let manifest =
        format!(r#"[{{"Config":"blobs/{config}","RepoTags":["hello-barge:latest"],"Layers":["{layer}"]}}]"#);
    files.insert("manifest.json".to_owned(), manifest.into_bytes());
    let said = refused(&tar(&files.into_iter().collect::<Vec<_>>()));
    assert!(
        said.starts_with(
            "manifest.json names an image that index.json does not have: `hello-barge:latest`\nhint: "
        ),
        "{said}"
    );
}
