//! Development tasks: `cargo xtask TASK`.

mod deps;
mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use barge_testkit::{peers, sample};

const USAGE: &str = "\
Usage: cargo xtask TASK

  test [--no-peers] [ARG...]  install the peers that tests run against, then pass all tests
  peers                       only install the peers (root, Debian-like)
  deps                        check that dependencies point down
  sample                      write examples/hello anew
  fuzz [SECONDS [TARGET...]]  fuzz every target that long (default 60; needs cargo-fuzz); what it finds is in fuzz/artifacts
  dist                        write the manual pages and completions to target/dist
";

/// The targets below `fuzz/fuzz_targets`.
const TARGETS: [&str; 5] = ["names", "documents", "template", "archive", "seekable"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match task(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn task(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", "--no-peers", rest @ ..] => test(rest),
        ["test", rest @ ..] => {
            install_peers()?;
            test(rest)
        }
        ["peers"] => install_peers(),
        ["deps"] => deps::check(),
        ["sample"] => write_sample(),
        ["dist"] => dist(),
        ["fuzz"] => fuzz("60", &TARGETS),
        ["fuzz", seconds] => fuzz(seconds, &TARGETS),
        ["fuzz", seconds, targets @ ..] => fuzz(seconds, targets),
        _ => bail!("{USAGE}"),
    }
}

/// Peers that cannot be had are skipped, unless they are required.
fn install_peers() -> Result<()> {
    match peers::install() {
        Ok(report) => println!("{report}"),
        Err(error) if std::env::var_os("BARGE_REQUIRE_PEERS").is_some_and(|v| v == "1") => return Err(error),
        Err(error) => eprintln!("SKIP peers: {error:#}; tests that need them will say so"),
    }
    Ok(())
}

fn test(rest: &[&str]) -> Result<()> {
    run::cargo(&[&["test", "--workspace"], rest].concat())
}

/// The layout is written from nothing, so that no blob of an older one stays.
fn write_sample() -> Result<()> {
    let place = root().join("examples/hello");
    if place.exists() {
        std::fs::remove_dir_all(&place).with_context(|| place.display().to_string())?;
    }
    sample::write(&place).with_context(|| place.display().to_string())
}

/// Runs fuzz targets one after the other. The sanitizers are an unstable flag of the compiler that is pinned.
fn fuzz(seconds: &str, targets: &[&str]) -> Result<()> {
    let seconds: u32 = seconds.parse().with_context(|| format!("{seconds}: no seconds"))?;
    let limit = format!("-max_total_time={seconds}");
    for target in targets {
        let cargo = ["RUSTC_BOOTSTRAP=1", "cargo", "fuzz", "run", target, "--"];
        let bounds = [&limit, "-timeout=30", "-rss_limit_mb=2048", "-max_len=65536"];
        run::program(Path::new("env"), &[&cargo[..], &bounds[..]].concat())?;
    }
    Ok(())
}

fn dist() -> Result<()> {
    let place = root().join("target/dist");
    let completions = place.join("completions");
    std::fs::create_dir_all(&completions).with_context(|| completions.display().to_string())?;
    run::cargo(&["build", "--release", "--package", "barge-cli"])?;
    let barge = root().join("target/release/barge");
    run::program(&barge, &["man", &place.join("man").to_string_lossy()])?;
    for (shell, file) in [("bash", "barge.bash"), ("zsh", "_barge"), ("fish", "barge.fish")] {
        let script = run::output(&barge, &["completion", shell])?;
        std::fs::write(completions.join(file), script)?;
    }
    println!("{}", place.display());
    Ok(())
}

/// The workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
