//! Runs other programs, from the workspace's root.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// Runs cargo.
pub(crate) fn cargo(arguments: &[&str]) -> Result<()> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    program(Path::new(&cargo), arguments)
}

/// Runs a program; its failure is an error.
pub(crate) fn program(program: &Path, arguments: &[&str]) -> Result<()> {
    let shown = format!("{} {}", program.display(), arguments.join(" "));
    let status = Command::new(program).args(arguments).current_dir(super::root()).status();
    ensure!(status.with_context(|| shown.clone())?.success(), "{shown} failed");
    Ok(())
}

/// What a program prints.
pub(crate) fn output(program: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    Ok(ran(program, arguments)?.stdout)
}

/// What a program says beside that.
pub(crate) fn diagnostics(program: &Path, arguments: &[&str]) -> Result<String> {
    Ok(String::from_utf8_lossy(&ran(program, arguments)?.stderr).into_owned())
}

/// Lets a program run without a terminal; its failure is an error, with all it said.
fn ran(program: &Path, arguments: &[&str]) -> Result<Output> {
    let shown = format!("{} {}", program.display(), arguments.join(" "));
    let output = Command::new(program).args(arguments).current_dir(super::root()).output();
    let output = output.with_context(|| shown.clone())?;
    ensure!(output.status.success(), "{shown} failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}
