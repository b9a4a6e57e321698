//! Says what a file is that is no image archive, and what to do about it.

use super::decompress::Compression;
use super::members::Members;
use crate::error::{Error, Refusal};

/// Folders that a root filesystem has at its top, and no image archive does.
const ROOT_FOLDERS: [&str; 9] = ["bin", "etc", "usr", "lib", "dev", "proc", "var", "sbin", "root"];

const CUT: &str = "it was cut short: the save that wrote it failed, save the image again";

/// The error for an archive in which nothing names an image.
pub(super) fn not_an_image(start: &[u8], outer: Compression, members: &Members) -> Error {
    if members.is_empty() {
        return if members.faults.is_empty() && start.iter().all(|b| *b == 0) {
            let what = match (members.folder, start.is_empty()) {
                (true, _) => "the folder is empty",
                (false, true) => "the file is empty",
                (false, false) => "the archive is empty",
            };
            refuse(what, "the save or the copy that made it probably failed")
        } else if let Some((what, hint)) = by_first_bytes(start, outer) {
            refuse(what, hint)
        } else if container_fault(members).is_some() {
            first_fault(members)
        } else {
            no_image()
        };
    }
    let tops = ROOT_FOLDERS.iter().filter(|top| {
        members
            .paths()
            .any(|p| p.strip_prefix(**top).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
    });
    let saved = members.paths().any(|p| p.starts_with("blobs/sha256/") || p.ends_with("/layer.tar"));
    if saved {
        let cut = "it was cut short: the save that wrote it failed, save the image again";
        return match container_fault(members) {
            Some(fault) => {
                Error::refused(fault.refusal().unwrap_or(Refusal::TarBad), fault.to_string()).hint(cut)
            }
            None => refuse("the archive has blobs but neither index.json nor manifest.json", cut),
        };
    }
    if tops.count() >= 2 {
        return refuse(
            "this is a root file system, as `docker export` writes it, not an image",
            "`docker import` makes an image of it; to keep the image itself use `save` instead of `export`",
        );
    }
    if container_fault(members).is_some() {
        return first_fault(members);
    }
    no_image()
}

fn no_image() -> Error {
    refuse(
        "the archive holds no image: no index.json, manifest.json or repositories at its top",
        "archives are made by `barge save`, `docker save`, `podman save`, `skopeo copy` or `ctr image export`",
    )
}

fn refuse(what: &str, hint: &str) -> Error {
    Error::refused(Refusal::NotAnImage, format!("unrecognized image format: {what}")).hint(hint)
}

/// What is wrong with the tar or the compression itself, not with what is inside.
fn container_fault(members: &Members) -> Option<&Error> {
    use Refusal::{LimitExceeded, StreamCorrupt, TarBad, TarTruncated};
    let of_container = |r: Refusal| matches!(r, TarBad | TarTruncated | StreamCorrupt | LimitExceeded);
    members.faults.iter().find(|f| f.refusal().is_some_and(of_container))
}

/// The tar itself is unsound; there is nothing better to say.
fn first_fault(members: &Members) -> Error {
    match container_fault(members).or(members.faults.first()) {
        Some(fault) => with_hint(again(fault)),
        None => refuse("it is no tar archive", "an image archive is a tar, plain or compressed"),
    }
}

/// What ends too early was cut short.
pub(super) fn with_hint(fault: Error) -> Error {
    let cut = fault.refusal() == Some(Refusal::TarTruncated) || fault.to_string().contains("ends too early");
    if cut { fault.hint(CUT) } else { fault }
}

fn again(fault: &Error) -> Error {
    Error::refused(fault.refusal().unwrap_or(Refusal::TarBad), fault.to_string())
}

fn by_first_bytes(start: &[u8], outer: Compression) -> Option<(&'static str, &'static str)> {
    let text = String::from_utf8_lossy(start).trim_start().to_lowercase();
    let inner = Compression::detect(start);
    if outer != Compression::None && inner != Compression::None {
        return Some(("the file is compressed twice", "decompress it once and try again"));
    }
    let by_magic: &[(&[u8], &str, &str)] = &[
        (b"PK\x03\x04", "this is a zip file", "unpack it and load the tar inside"),
        (b"PK\x05\x06", "this is an empty zip file", "an image archive is a tar, plain or compressed"),
        (b"7z\xbc\xaf\x27\x1c", "this is a 7-Zip file", "unpack it and load the tar inside"),
        (b"Rar!", "this is a RAR file", "unpack it and load the tar inside"),
        (b"\x04\x22\x4d\x18", "the file is compressed with lz4", "decompress it with `lz4 -d` first"),
        (b"LZIP", "the file is compressed with lzip", "decompress it with `lzip -d` first"),
        (b"\x1f\x9d", "the file is compressed with compress", "decompress it with `uncompress` first"),
        (b"Salted__", "the file is encrypted with openssl", "decrypt it first"),
        (b"age-encryption.org/", "the file is encrypted with age", "decrypt it with `age -d` first"),
        (b"-----BEGIN PGP", "the file is encrypted or signed with PGP", "decrypt it with `gpg -d` first"),
        (b"\x7fELF", "this is a program", "an image archive is a tar, plain or compressed"),
        (
            b"\xff\xfe",
            "this is text in UTF-16: a tar written through PowerShell's `>` is destroyed by it",
            "save the image again with `-o FILE`",
        ),
    ];
    if let Some((_, what, hint)) = by_magic.iter().find(|(magic, _, _)| start.starts_with(magic)) {
        return Some((what, hint));
    }
    let by_text: &[(&str, &str, &str)] = &[
        ("<!doctype html", "this is a web page", "the download gave an error page instead of the file"),
        ("<html", "this is a web page", "the download gave an error page instead of the file"),
        ("<?xml", "this is an XML document", "the download gave an error page instead of the file"),
        (
            "version https://git-lfs",
            "this is a Git LFS pointer, not the file it stands for",
            "run `git lfs pull`",
        ),
        ("{\"message\"", "this is an error message of a docker daemon", "the save that wrote it failed"),
        ("{\"errordetail\"", "this is an error message of a docker daemon", "the save that wrote it failed"),
        ("from ", "this looks like a Dockerfile", "build the image with `docker build`, then save it"),
    ];
    if let Some((_, what, hint)) = by_text.iter().find(|(begin, _, _)| text.starts_with(begin)) {
        return Some((what, hint));
    }
    let looks_like_text = !start.is_empty() && start.iter().all(|b| *b >= 0x20 || b"\t\r\n".contains(b));
    looks_like_text.then_some(("this is a text file", "an image archive is a tar, plain or compressed"))
}
