//! What is no tar at all, told by how it begins.

use crate::archive::decompress::Compression;

pub(super) const NO_TAR: &str = "an image archive is a tar, plain or compressed";
const UNPACK: &str = "unpack it and load the tar inside";
const PACKAGE: &str = "a package is installed into an image when the image is built";
const DISK: &str = "make a tar of the files in it and run `barge import FILE NAME`";
const ERROR_PAGE: &str = "the download gave an error page instead of the file";
const FAILED: &str = "the save that wrote it failed";
pub(super) const BUILD: &str = "build the image with `docker build`, then save it";
const NAMED: &str = "the images it names come by `barge pull IMAGE`";

/// Where something is, how it begins, what it is, and what to do.
type Magic = (usize, &'static [u8], &'static str, &'static str);
/// The same for text, in lower case.
type Text = (&'static str, &'static str, &'static str);

const MAGICS: &[Magic] = &[
    (0, b"PK\x03\x04", "this is a zip file", UNPACK),
    (0, b"PK\x05\x06", "this is an empty zip file", NO_TAR),
    (0, b"7z\xbc\xaf\x27\x1c", "this is a 7-Zip file", UNPACK),
    (0, b"Rar!", "this is a RAR file", UNPACK),
    (0, b"\x04\x22\x4d\x18", "the file is compressed with lz4", "decompress it with `lz4 -d` first"),
    (0, b"LZIP", "the file is compressed with lzip", "decompress it with `lzip -d` first"),
    (0, b"\x1f\x9d", "the file is compressed with compress", "decompress it with `uncompress` first"),
    (0, b"Salted__", "the file is encrypted with openssl", "decrypt it first"),
    (0, b"age-encryption.org/", "the file is encrypted with age", "decrypt it with `age -d` first"),
    (0, b"-----BEGIN PGP", "the file is encrypted or signed with PGP", "decrypt it with `gpg -d` first"),
    (0, b"\x7fELF", "this is a program", NO_TAR),
    (
        0,
        b"\xff\xfe",
        "this is text in UTF-16: a tar written through PowerShell's `>` is destroyed by it",
        "save the image again with `-o FILE`",
    ),
    (0, b"!<arch>\ndebian-binary", "this is a Debian package", PACKAGE),
    (0, b"\xed\xab\xee\xdb", "this is an RPM package", PACKAGE),
    (0, b"QFI\xfb", "this is the disk of a virtual machine (QCOW2)", DISK),
    (0, b"KDMV", "this is the disk of a virtual machine (VMDK)", DISK),
    (0, b"# Disk DescriptorFile", "this is the disk of a virtual machine (VMDK)", DISK),
    (
        0,
        b"hsqs",
        "this is a squashfs file system",
        "`sqfs2tar FILE | barge import - NAME` makes an image of it",
    ),
    (
        32,
        b"SIF_MAGIC",
        "this is an image of Apptainer or Singularity (SIF)",
        "unpack it: `apptainer build --sandbox DIR FILE`, then `tar -C DIR -c . | barge import - NAME`",
    ),
    (510, b"\x55\xaa", "this looks like an image of a disk or CD", DISK),
];

const TEXTS: &[Text] = &[
    ("<!doctype html", "this is a web page", ERROR_PAGE),
    ("<html", "this is a web page", ERROR_PAGE),
    ("<?xml", "this is an XML document", ERROR_PAGE),
    (
        "version https://git-lfs",
        "this is a Git LFS pointer, not the file it stands for",
        "run `git lfs pull`",
    ),
    ("{\"message\"", "this is an error message of a docker daemon", FAILED),
    ("{\"errordetail\"", "this is an error message of a docker daemon", FAILED),
    ("error response from daemon", "this is an error message of a docker daemon", FAILED),
    ("cannot connect to the docker daemon", "this is an error message of a docker client", FAILED),
    ("error: ", "this is an error message", FAILED),
    ("time=\"", "this is what a program says while it works", "save the image again with `-o FILE`"),
    ("{\"errors\"", "this is an error message of a registry", ERROR_PAGE),
    ("#!", "this is a script", NO_TAR),
];

/// What begins like this, decompressed from `outer`, and what to do about it; `None` if it may be anything. The first
/// 512 bytes are looked at.
pub(crate) fn by_first_bytes(start: &[u8], outer: Compression) -> Option<(&'static str, &'static str)> {
    if outer != Compression::None && Compression::detect(start) != Compression::None {
        return Some(("the file is compressed twice", "decompress it once and try again"));
    }
    let begins = |(at, magic, ..): &&Magic| start.get(*at..).is_some_and(|s| s.starts_with(magic));
    if let Some((_, _, what, hint)) = MAGICS.iter().find(begins) {
        return Some((what, hint));
    }
    let start = start.get(..512).unwrap_or(start);
    let text = String::from_utf8_lossy(start).trim_start().to_lowercase();
    if let Some((_, what, hint)) = TEXTS.iter().find(|(begin, ..)| text.starts_with(begin)) {
        return Some((what, hint));
    }
    if is_dockerfile(&text) {
        return Some(("this looks like a Dockerfile", BUILD));
    }
    let is_text = !start.is_empty() && start.iter().all(|b| *b >= 0x20 || b"\t\r\n".contains(b));
    is_text.then(|| of_text(&text))
}

/// What a text is that does not begin as all of its kind do.
fn of_text(text: &str) -> (&'static str, &'static str) {
    let has_line = |begin: &str| text.lines().any(|line| line.starts_with(begin));
    if text.starts_with("[{\"config\":") || (text.starts_with('{') && text.contains("\"schemaversion\"")) {
        let hint = "load the whole archive, or the folder that it is from";
        return ("this is a list of an image's parts, without the parts", hint);
    }
    if has_line("services:") {
        return ("this looks like a file of Docker Compose", NAMED);
    }
    if has_line("apiversion:") {
        return ("this looks like a file of Kubernetes", NAMED);
    }
    ("this is a text file", NO_TAR)
}

/// Whether the first instruction, comments and arguments aside, is FROM.
fn is_dockerfile(text: &str) -> bool {
    let passed = |line: &&str| line.is_empty() || line.starts_with('#') || line.starts_with("arg ");
    text.lines().map(str::trim).find(|line| !passed(line)).is_some_and(|line| line.starts_with("from "))
}
