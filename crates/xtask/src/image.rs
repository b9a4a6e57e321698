//! The image of barge: the static program, what it trusts registries by, and a folder that a store may be in. barge makes it
//! itself, of a tar of that, with the program that goes into it.
//!
//! ```text
//! /usr/bin/barge   /etc/passwd /etc/group   /etc/ssl/certs/ca-certificates.crt   /tmp   /var/lib/barge (65532)
//! ```

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use tar::{Builder, EntryType, Header};

use crate::run;

/// Who the program is in the image: nobody who owns anything else.
const USER: u64 = 65532;
/// The authorities that this machine trusts, as Debian and others keep them.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What it is called.
pub(crate) const NAME: &str = concat!("barge:", env!("CARGO_PKG_VERSION"));
/// What is run in it, and how.
const INSTRUCTIONS: [&str; 9] = [
    "ENTRYPOINT [\"/usr/bin/barge\"]",
    "USER 65532:65532",
    "WORKDIR /var/lib/barge",
    "ENV HOME=/var/lib/barge",
    "ENV BARGE_STORE=/var/lib/barge/store",
    "ENV PATH=/usr/bin",
    concat!("LABEL org.opencontainers.image.version=", env!("CARGO_PKG_VERSION")),
    "LABEL org.opencontainers.image.title=barge",
    "LABEL org.opencontainers.image.licenses=Apache-2.0",
];

/// Writes `barge-image.tar` into `place`, where `barge-static` is.
pub(crate) fn write(place: &Path) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let files = scratch.path().join("root.tar");
    write_root(&files, &place.join("barge-static")).context("the image's files")?;
    let store = scratch.path().join("store").to_string_lossy().into_owned();
    let static_program = place.join("barge-static").to_string_lossy().into_owned();
    let barge = ["SOURCE_DATE_EPOCH=0", &static_program, "--store", &store];
    let files = files.to_string_lossy();
    let mut import = vec!["import", "--progress", "none", "--message", "barge"];
    import.extend(INSTRUCTIONS.iter().flat_map(|line| ["--change", line]));
    import.extend([files.as_ref(), NAME]);
    run::output(Path::new("env"), &[&barge[..], &import].concat())?;
    let archive = place.join("barge-image.tar").to_string_lossy().into_owned();
    run::program(Path::new("env"), &[&barge[..], &["save", "-o", &archive, NAME]].concat())
}

fn write_root(path: &Path, program: &Path) -> Result<()> {
    let mut tar = Builder::new(File::create(path)?);
    for (folder, mode, owner) in [
        ("usr/", 0o755, 0),
        ("usr/bin/", 0o755, 0),
        ("etc/", 0o755, 0),
        ("etc/ssl/", 0o755, 0),
        ("etc/ssl/certs/", 0o755, 0),
        ("tmp/", 0o1777, 0),
        ("var/", 0o755, 0),
        ("var/lib/", 0o755, 0),
        ("var/lib/barge/", 0o700, USER),
    ] {
        add(&mut tar, folder, EntryType::Directory, mode, owner, &[])?;
    }
    let mut bytes = Vec::new();
    File::open(program)?.read_to_end(&mut bytes)?;
    add(&mut tar, "usr/bin/barge", EntryType::Regular, 0o755, 0, &bytes)?;
    let passwd = format!("root:x:0:0:root:/:/\nbarge:x:{USER}:{USER}:barge:/var/lib/barge:/\n");
    add(&mut tar, "etc/passwd", EntryType::Regular, 0o644, 0, passwd.as_bytes())?;
    let group = format!("root:x:0:\nbarge:x:{USER}:\n");
    add(&mut tar, "etc/group", EntryType::Regular, 0o644, 0, group.as_bytes())?;
    match fs::read(AUTHORITIES) {
        Ok(bytes) => {
            add(&mut tar, AUTHORITIES.trim_start_matches('/'), EntryType::Regular, 0o644, 0, &bytes)?;
        }
        Err(e) => eprintln!("SKIP authorities: {AUTHORITIES}: {e}; the image trusts no public registry"),
    }
    Ok(tar.finish()?)
}

fn add(
    tar: &mut Builder<File>,
    path: &str,
    kind: EntryType,
    mode: u32,
    owner: u64,
    bytes: &[u8],
) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(owner);
    header.set_gid(owner);
    header.set_size(bytes.len() as u64);
    header.set_mtime(0);
    tar.append_data(&mut header, path, bytes).with_context(|| path.to_owned())
}
