//! barge with itself: what it saves it loads, and then it saves the same bytes.

use anyhow::{Context, Result, ensure};

use crate::{
    barge::Barge,
    cases::{CASES, Case},
    depot::Depot,
    image::shown,
    tarball::expect_difference,
};

/// All cases.
pub(crate) fn identity() -> Result<()> {
    let depot = Depot::open()?;
    let mut failures = Vec::new();
    for case in CASES.iter().filter(|case| case.possible(&depot)) {
        if let Err(why) = round(&depot, case) {
            failures.push(format!("{}: {why:#}", case.what));
        }
    }
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

fn round(depot: &Depot, case: &Case) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (archive, second) = (folder.path().join("barge.tar"), folder.path().join("again.tar"));
    let mut images = case.save(depot, &archive)?;
    let again = Barge::new()?;
    again.load(&archive, &[])?;
    let references: Vec<_> =
        images.iter().map(|image| image.name.as_ref().unwrap_or(&image.id).clone()).collect();
    let references: Vec<_> = references.iter().map(String::as_str).collect();
    let flags: Vec<_> = case
        .save
        .iter()
        .copied()
        .filter(|flag| ["--keep-index", "--include-foreign"].contains(flag))
        .collect();
    again.save(&[references, flags].concat(), &second)?;
    expect_difference(&archive, &second, "").context("the first archive and the second")?;

    images.sort_by(|a, b| a.name.cmp(&b.name));
    let found = again.images()?;
    ensure!(found == images, "barge loaded{}\nand not{}", shown(&found), shown(&images));
    Ok(())
}
