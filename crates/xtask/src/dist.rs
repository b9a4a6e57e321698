//! A release, in `target/dist`:
//!
//! ```text
//! barge            the program, and barge-static, the same with the C library in it
//! man/ completions/
//! docker-barge     a link: what docker's command line finds it by
//! barge.cdx.json   what is in the program
//! barge_*.deb      all of this for Debian and what is made of it, and systemd's units
//! barge-image.tar  an image with the static program alone
//! ```

use std::fs;

use anyhow::{Context, Result};

use crate::program::{Linked, built};
use crate::{image, materials, root, run};

/// Writes all of it.
pub(crate) fn write() -> Result<()> {
    let place = root().join("target/dist");
    if place.exists() {
        fs::remove_dir_all(&place).with_context(|| place.display().to_string())?;
    }
    let completions = place.join("completions");
    fs::create_dir_all(&completions).with_context(|| completions.display().to_string())?;
    for (name, linked) in [("barge", Linked::Dynamically), ("barge-static", Linked::Statically)] {
        let program = place.join(name);
        fs::copy(built(linked)?, &program).with_context(|| program.display().to_string())?;
    }
    let barge = place.join("barge");
    run::program(&barge, &["man", &place.join("man").to_string_lossy()])?;
    for (shell, file) in [("bash", "barge.bash"), ("zsh", "_barge"), ("fish", "barge.fish")] {
        let script = run::output(&barge, &["completion", shell])?;
        fs::write(completions.join(file), script)?;
    }
    materials::write(&place)?;
    std::os::unix::fs::symlink("../../../bin/barge", place.join("docker-barge"))?;
    let words = [
        "deb",
        "--quiet",
        "--no-build",
        "--no-strip",
        "--package",
        "barge-cli",
        "--deb-revision",
        "",
        "--output",
    ];
    run::cargo(&[&words[..], &[place.to_string_lossy().as_ref()]].concat())
        .context("cargo-deb makes the package: `cargo install cargo-deb`")?;
    image::write(&place)?;
    println!("{}", place.display());
    Ok(())
}
