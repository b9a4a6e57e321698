//! What a tar or a folder is that lists no image, told by what is in it.

use super::fault::{CUT, container_fault};
use super::first_bytes::{BUILD, by_first_bytes};
use super::paths::Paths;
use crate::archive::decompress::Compression;
use crate::archive::members::Members;
use crate::error::{Error, Refusal, quoted};

/// How many folders that may hold an image are looked at.
const MAX_FOLDERS: usize = 16;
/// How deep in an archive an image, or an archive of some, is looked for.
const MAX_DEPTH: usize = 3;
/// What archives are called.
const ARCHIVES: [&str; 7] = [".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".txz", ".tar.bz2"];
/// Files that tell what they are in: how their path ends, how deep they are at the most, what it is, and what to do.
const KNOWN: [(&str, usize, &str, &str); 4] = [
    (
        "Chart.yaml",
        1,
        "this is a Helm chart, not an image",
        "`helm template FILE` shows which images it names, they come by `barge pull IMAGE`",
    ),
    (
        ".ovf",
        0,
        "this is a virtual machine (OVA), not a container image",
        "make a tar of the files on its disk and run `barge import FILE NAME`",
    ),
    ("Dockerfile", 0, "this is what an image is built from, not an image", BUILD),
    ("Containerfile", 0, "this is what an image is built from, not an image", BUILD),
];

/// The error for an archive in which nothing names an image.
pub(in crate::archive) fn not_an_image(start: &[u8], outer: Compression, members: &Members) -> Error {
    if members.is_empty() {
        return nothing(start, outer, members);
    }
    let mut paths = Paths::default();
    members.paths().for_each(|path| paths.note(path));
    let fault = container_fault(members);
    let whole = fault.is_none() && !paths.are_of_a_root();
    if let Some(folder) = whole.then(|| image_below(members)).flatten() {
        return below(folder, members);
    }
    if paths.have_blobs() {
        let lists = "the archive has blobs but neither index.json nor manifest.json";
        return fault.unwrap_or_else(|| refuse(lists, CUT));
    }
    if paths.are_of_a_root() {
        return root_file_system(members);
    }
    fault.unwrap_or_else(|| something_else(members))
}

fn refuse(what: &str, hint: &str) -> Error {
    Error::refused(Refusal::NotAnImage, format!("unrecognized image format: {what}")).hint(hint)
}

/// Nothing is in it that could be read.
fn nothing(start: &[u8], outer: Compression, members: &Members) -> Error {
    let zeros = start.iter().all(|b| *b == 0);
    if members.faults.is_empty() && zeros {
        if members.odd_end && !start.is_empty() {
            return refuse(
                "the file begins with nothing but zeros",
                "if it is of a disk or CD, make a tar of its files and run `barge import`; else get it again",
            );
        }
        let what = match (members.folder, start.is_empty()) {
            (true, _) => "the folder is empty",
            (false, true) => "the file is empty",
            (false, false) => "the archive is empty",
        };
        return refuse(what, "the save or the copy that made it probably failed");
    }
    match by_first_bytes(start, outer) {
        Some((what, hint)) => refuse(what, hint),
        None => container_fault(members).unwrap_or_else(|| no_image(members)),
    }
}

/// The folder nearest to the top, below it, that holds an image.
fn image_below(members: &Members) -> Option<&str> {
    let list = |path: &str| path.ends_with("/oci-layout") || path.ends_with("/manifest.json");
    let mut folders: Vec<&str> =
        members.paths().filter(|p| list(p) && depth(p) <= MAX_DEPTH).filter_map(parent).collect();
    folders.sort_unstable_by_key(|folder| (depth(folder), *folder));
    folders.dedup();
    folders.into_iter().take(MAX_FOLDERS).find(|folder| {
        let mut paths = Paths::default();
        for path in members.paths() {
            if let Some(inside) = path.strip_prefix(*folder).and_then(|rest| rest.strip_prefix('/')) {
                paths.note(inside);
            }
        }
        paths.are_of_images()
    })
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

/// How many folders a member is in.
fn depth(path: &str) -> usize {
    path.matches('/').count()
}

fn below(folder: &str, members: &Members) -> Error {
    let folder = quoted(folder);
    let what = format!("no image at the top, but one in the folder {folder}");
    let hint = if members.folder { "name that folder" } else { "unpack the archive and name that folder" };
    refuse(&what, hint)
}

fn root_file_system(members: &Members) -> Error {
    if members.folder {
        return refuse(
            "this is a root file system, not an image",
            "`tar -C FOLDER -c . | barge import - NAME` makes an image of it",
        );
    }
    refuse(
        "this is a root file system, as `docker export` writes it, not an image",
        "`barge import FILE NAME` makes an image of it; to keep the image itself use `save` instead of `export`",
    )
}

/// A sound tar, or a folder, of which only the names of its files may tell what it is.
fn something_else(members: &Members) -> Error {
    let mut archives: Vec<&str> = members
        .paths()
        .filter(|path| depth(path) <= MAX_DEPTH && ARCHIVES.iter().any(|end| path.ends_with(*end)))
        .filter(|path| members.file(path).is_some())
        .collect();
    archives.sort_unstable_by_key(|path| (depth(path), *path));
    let known = KNOWN.iter().find(|(end, most, ..)| {
        let whole = |name: &str| name == *end || (end.starts_with('.') && name.ends_with(*end));
        members.paths().any(|path| depth(path) <= *most && path.rsplit('/').next().is_some_and(whole))
    });
    match (archives.as_slice(), known) {
        (_, Some((.., what, hint))) => refuse(what, hint),
        ([], None) => no_image(members),
        ([first, rest @ ..], None) => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            let what = format!("no image at the top, but other archives: {}{more}", quoted(first));
            let hint = if members.folder { "name that file" } else { "unpack it and name the file inside" };
            refuse(&what, hint)
        }
    }
}

fn no_image(members: &Members) -> Error {
    if members.folder {
        return refuse(
            "the folder holds no image: no index.json, manifest.json or repositories in it",
            "a folder that does is made by `barge copy IMAGE oci:FOLDER` or `skopeo copy`",
        );
    }
    refuse(
        "the archive holds no image: no index.json, manifest.json or repositories at its top",
        "archives are made by `barge save`, `docker save`, `podman save`, `skopeo copy` or `ctr image export`",
    )
}
