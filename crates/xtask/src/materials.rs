//! The list of everything that is in the program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::{root, run};

/// Writes `barge.cdx.json`, a CycloneDX list of every crate that is in the program.
pub(crate) fn write(place: &Path) -> Result<()> {
    let words =
        ["cyclonedx", "--format", "json", "--spec-version", "1.5", "--override-filename", "barge.cdx"];
    run::cargo(&[&words[..], &["--manifest-path", "crates/cli/Cargo.toml"]].concat())
        .context("cargo-cyclonedx makes the list: `cargo install cargo-cyclonedx`")?;
    // One for each crate of the workspace; that of the program has all the others in it.
    let ours = place.join("barge.cdx.json");
    for entry in fs::read_dir(root().join("crates"))? {
        let list = entry?.path().join("barge.cdx.json");
        if list.parent().is_some_and(|folder| folder.ends_with("cli")) {
            fs::copy(&list, &ours).with_context(|| list.display().to_string())?;
        }
        if list.exists() {
            fs::remove_file(list)?;
        }
    }
    let bytes = fs::read(&ours).with_context(|| ours.display().to_string())?;
    let list: serde_json::Value = serde_json::from_slice(&bytes)?;
    let components = list.get("components").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
    ensure!(components > 100, "{} lists {components} components", ours.display());
    println!("{}: {components} components", ours.display());
    Ok(())
}
