//! The program of a release: hardened, and its bytes follow from the sources and the toolchain alone.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::{root, run};

/// What of the C library is in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// Nothing: it needs the system's, and has all that the system can do to look names up.
    Dynamically,
    /// All of it: it runs anywhere with the same kernel. Of the ways to look names up `files` and `dns` are there.
    Statically,
}

/// Builds the program of this workspace, and sees to it that it is hardened.
pub(crate) fn built(linked: Linked) -> Result<PathBuf> {
    let program = build(&root().canonicalize()?, &root().join("target/dist-build"), linked)?;
    hardened(&program, linked)?;
    Ok(program)
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
    let built = build(&sources.canonicalize()?, &root().join("target/elsewhere-build"), Linked::Dynamically)?;
    let released = root().join("target/dist/barge");
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let (one, two) = (read(&released)?, read(&built)?);
    ensure!(one == two, "{} and {} differ", released.display(), built.display());
    println!("reproducible: two builds in two folders, the same {} bytes", one.len());
    Ok(())
}

/// Builds the sources in a folder so that no path of this machine, and no time, is in the program. The next build with
/// the same `target` puts its own in the same place.
fn build(sources: &Path, target: &Path, linked: Linked) -> Result<PathBuf> {
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
    let mut rust = format!("RUSTFLAGS={}", remap("--remap-path-prefix").join(" "));
    // What runs while it is built, procedural macros among it, is linked as ever: so cargo is told a target.
    let mut triple = Vec::new();
    if linked == Linked::Statically {
        rust.push_str(" -Ctarget-feature=+crt-static");
        let host = run::output(Path::new("rustc"), &["--print", "host-tuple"])?;
        let host = String::from_utf8(host)?.trim().to_owned();
        triple = vec!["--target".to_owned(), host];
    }
    let c = format!("CFLAGS={HARDENED_C} {}", remap("-ffile-prefix-map").join(" "));
    let (package, target) = (sources.join("crates/cli").display().to_string(), target.display().to_string());
    let words = [&rust, &c, "SOURCE_DATE_EPOCH=0", "CARGO_INCREMENTAL=0", "cargo", "install", "--locked"];
    // As people install it from the sources, but for the flags.
    let rest = ["--path", &package, "--force", "--no-track", "--root", &target, "--target-dir", &target];
    let triple: Vec<&str> = triple.iter().map(String::as_str).collect();
    run::program(Path::new("env"), &[&words[..], &rest[..], &triple[..]].concat())?;
    Ok(Path::new(&target).join("bin/barge"))
}

/// As in `.cargo/config.toml`, for all other builds.
const HARDENED_C: &str = "-fstack-protector-strong -D_FORTIFY_SOURCE=2";

/// Refuses a program that lacks what makes mistakes in memory harder to use: an address that is chosen anew each time,
/// relocations that are read-only before the program starts, a stack that is not executable, canaries in C.
fn hardened(barge: &Path, linked: Linked) -> Result<()> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let read = run::output(Path::new("readelf"), &["-Whlds", &barge.to_string_lossy()])?;
    let read = String::from_utf8_lossy(&read).into_owned();
    let stack = read.lines().find(|line| line.contains("GNU_STACK")).unwrap_or_default();
    let interpreted = read.contains("INTERP");
    for (what, holds) in [
        ("the C library as it should", interpreted == (linked == Linked::Dynamically)),
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
