//! `barge archive ...`

use barge_core::archive::{Archive, Pass};
use barge_core::error::Error;
use barge_core::ops::{list_archive, verdicts};
use barge_core::progress::Silent;
use barge_oci::Reference;
use serde_json::json;
use std::io::stdin;
use std::path::{Path, PathBuf};

use super::list::show;
use super::{Failure, Outcome, note, print};
use crate::args::{ArchiveList, ArchiveVerify, VerifyFormat};
use crate::render::progress;
use crate::usage::{Arity, check};

/// `barge archive ls FILE`
pub(crate) fn list(args: &ArchiveList, typed: &str) -> Outcome {
    let file = one(&args.files, typed)?;
    let archive = if file == Path::new("-") {
        Archive::stream(stdin().lock(), Pass::List, &Silent)?
    } else {
        Archive::open(file, Pass::List, &Silent)?
    };
    show(&list_archive(&archive)?, &args.view)
}

/// `barge archive verify FILE`: everything load checks, and nothing loaded.
pub(crate) fn verify(args: &ArchiveVerify, typed: &str) -> Outcome {
    let file = one(&args.files, typed)?;
    let progress = progress::new(args.progress, "Verifying");
    let outcome = if file == Path::new("-") {
        Archive::stream(stdin().lock(), Pass::Verify, progress.as_ref())
    } else {
        Archive::open(file, Pass::Verify, progress.as_ref())
    };
    drop(progress);
    match args.format {
        VerifyFormat::Text => text(&outcome?, file),
        VerifyFormat::Json => as_json(outcome),
    }
}

/// The one file that has to be named.
fn one<'a>(files: &'a [PathBuf], typed: &str) -> Result<&'a Path, Failure> {
    check(&Arity::Exactly(1), files.len(), typed)?;
    Ok(files.first().map_or(Path::new(""), PathBuf::as_path))
}

fn text(archive: &Archive, file: &Path) -> Outcome {
    let mut out = format!("{}: ok\n", barge_core::error::printable(&file.to_string_lossy()));
    for found in &archive.images {
        let name = found.name.as_ref().map_or_else(|| "<none>".to_owned(), Reference::familiar);
        let platforms = found.tree.present_platforms().join(", ");
        out.push_str(&format!("  {name} {} {platforms}\n", found.target.digest));
        let absent: Vec<String> = found.absent();
        if !absent.is_empty() {
            out.push_str(&format!("    not in the archive: {}\n", absent.join(", ")));
        }
    }
    out.push_str("good for:\n");
    for verdict in verdicts(archive) {
        match verdict.problem {
            None => out.push_str(&format!("  yes  {}\n", verdict.loader)),
            Some(problem) => out.push_str(&format!("  no   {}: {problem}\n", verdict.loader)),
        }
    }
    print(&out)?;
    archive.warnings.iter().for_each(|w| note("warning", w));
    Ok(())
}

fn as_json(outcome: Result<Archive, Error>) -> Outcome {
    let archive = match outcome {
        Ok(archive) => archive,
        Err(error) => {
            let refusal = error.refusal().map(barge_core::error::Refusal::name);
            let report =
                json!({"ok": false, "error": error.to_string(), "refusal": refusal, "hint": error.advice()});
            print(&format!("{report}\n"))?;
            return Err(Failure::Text(String::new(), 1));
        }
    };
    let images = archive.images.iter().map(|found| {
        json!({
            "name": found.name.as_ref().map(ToString::to_string),
            "digest": found.target.digest,
            "platforms": found.tree.present_platforms(),
            "absent": found.absent(),
        })
    });
    let images: Vec<_> = images.collect();
    let loaders = verdicts(&archive)
        .into_iter()
        .map(|v| json!({"loader": v.loader, "good": v.problem.is_none(), "problem": v.problem}));
    let loaders: Vec<_> = loaders.collect();
    let compression = archive.compression.name();
    let report = json!({"ok": true, "images": images, "loaders": loaders, "compression": compression, "warnings": archive.warnings});
    print(&format!("{report}\n"))
}
