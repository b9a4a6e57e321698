//! Development tasks: `cargo xtask TASK`.

mod deps;
mod dist;
mod fuzz;
mod image;
mod materials;
mod program;
mod run;
mod trial;

use std::path::PathBuf;
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
  fuzz --few                  the same for a fixed number of inputs each, without the sanitizer
  dist                        write the release to target/dist: programs, manual pages, completions, list of what is in it,
                              Debian package, image (needs cargo-cyclonedx and cargo-deb)
  try                         install what dist wrote as users do: alone, by dpkg, in docker and in podman
  reproducible                build the program again elsewhere, and compare it with that of dist to the byte
";

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
        ["dist"] => dist::write(),
        ["try"] => trial::run(),
        ["reproducible"] => program::compare(),
        ["fuzz"] => fuzz::run(fuzz::Until::Seconds(60), &[]),
        ["fuzz", "--few"] => fuzz::run(fuzz::Until::Few, &[]),
        ["fuzz", seconds, targets @ ..] => {
            let seconds = seconds.parse().with_context(|| format!("{seconds}: no seconds"))?;
            fuzz::run(fuzz::Until::Seconds(seconds), targets)
        }
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

/// The workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
