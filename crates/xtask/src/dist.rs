//! A release: the program, whose bytes follow from the sources and the toolchain alone, what belongs to it, and a list of
//! everything that is in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{root, run};

/// Writes `target/dist`.
pub(crate) fn write() -> Result<()> {
    let place = root().join("target/dist");
    let completions = place.join("completions");
    fs::create_dir_all(&completions).with_context(|| completions.display().to_string())?;
    let barge = place.join("barge");
    let built = build(&root().canonicalize()?, &root().join("target/dist-build"))?;
    fs::copy(&built, &barge).with_context(|| barge.display().to_string())?;
    hardened(&barge)?;
    run::program(&barge, &["man", &place.join("man").to_string_lossy()])?;
    for (shell, file) in [("bash", "barge.bash"), ("zsh", "_barge"), ("fish", "barge.fish")] {
        let script = run::output(&barge, &["completion", shell])?;
        fs::write(completions.join(file), script)?;
    }
    bill_of_materials(&place)?;
    println!("{}", place.display());
    Ok(())
}

/// Builds the program from a copy of the sources in another folder, and holds it against the one in `target/dist`.
pub(crate) fn compare() -> Result<()> {
    let sources = root().join("target/elsewhere");
    if sources.exists() {
        fs::remove_dir_all(&sources)?;
    }
    fs::create_dir_all(&sources)?;
    // Whatever is versioned, as it is now.
    let copy = "git ls-files -z | xargs -0 cp --parents -t target/elsewhere";
    run::program(Path::new("sh"), &["-c", copy])?;
    let built = build(&sources.canonicalize()?, &root().join("target/elsewhere-build"))?;
    let released = root().join("target/dist/barge");
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let (one, two) = (read(&released)?, read(&built)?);
    ensure!(one == two, "{} and {} differ", released.display(), built.display());
    println!("reproducible: two builds in two folders, the same {} bytes", one.len());
    Ok(())
}

/// Builds the sources in a folder so that no path of this machine, and no time, is in the program.
fn build(sources: &Path, target: &Path) -> Result<PathBuf> {
    let home = std::env::var("CARGO_HOME").ok().map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let home = home.context("neither CARGO_HOME nor HOME is set")?;
    fs::create_dir_all(target)?;
    let target = target.canonicalize()?;
    // The last that fits counts, and a target folder lies in the sources.
    let places = [(home.as_path(), "cargo"), (sources, "barge"), (target.as_path(), "target")];
    let remap = |flag: &str| -> Vec<String> {
        places.iter().map(|(from, to)| format!("{flag}={}={to}", from.display())).collect()
    };
    let rust = format!("RUSTFLAGS={}", remap("--remap-path-prefix").join(" "));
    let c = format!("CFLAGS={HARDENED_C} {}", remap("-ffile-prefix-map").join(" "));
    let (manifest, target) = (sources.join("Cargo.toml"), target.display().to_string());
    let words = [&rust, &c, "SOURCE_DATE_EPOCH=0", "CARGO_INCREMENTAL=0", "cargo", "build", "--release"];
    let manifest = manifest.display().to_string();
    let rest = ["--locked", "--package", "barge-cli", "--manifest-path", &manifest, "--target-dir", &target];
    run::program(Path::new("env"), &[&words[..], &rest[..]].concat())?;
    Ok(Path::new(&target).join("release/barge"))
}

/// As in `.cargo/config.toml`, for all other builds.
const HARDENED_C: &str = "-fstack-protector-strong -D_FORTIFY_SOURCE=2";

/// Refuses a program that lacks what makes mistakes in memory harder to use: an address that is chosen anew each time,
/// relocations that are read-only before the program starts, a stack that is not executable, canaries in C.
fn hardened(barge: &Path) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let read = run::output(Path::new("readelf"), &["-Whld", "--dyn-syms", &barge.to_string_lossy()])?;
    let read = String::from_utf8_lossy(&read).into_owned();
    let stack = read.lines().find(|line| line.contains("GNU_STACK")).unwrap_or_default();
    for (what, holds) in [
        ("position independence", read.contains("DYN (Position-Independent Executable")),
        ("read-only relocations", read.contains("GNU_RELRO")),
        ("binding before the start", read.contains("BIND_NOW")),
        ("a stack without code", stack.contains(" RW ") && !stack.contains("RWE")),
        ("canaries on the stack of C code", read.contains("__stack_chk_fail")),
    ] {
        ensure!(holds, "{} was built without {what}", barge.display());
    }
    Ok(())
}

/// Writes `barge.cdx.json`, a CycloneDX list of every crate that is in the program.
fn bill_of_materials(place: &Path) -> Result<()> {
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
