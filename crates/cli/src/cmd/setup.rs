//! Completions and manual pages, made from the definitions of the command line.

use std::path::{Path, PathBuf};

use barge_core::error::{Error, printable};
use clap::builder::Resettable;
use clap::{Command, ValueEnum};
use clap_complete::Shell;

use super::{Failure, Outcome, print};
use crate::args::command as command_line;
use crate::usage::{Arity, check};

/// `barge completion SHELL`
pub(crate) fn completion(shells: &[String], typed: &str) -> Outcome {
    check(&Arity::Exactly(1), shells.len(), typed)?;
    let name = shells.first().map(String::as_str).unwrap_or_default();
    let shell: Shell = name.parse().map_err(|_| {
        let all: Vec<String> = Shell::value_variants().iter().map(ToString::to_string).collect();
        Failure::Text(format!("no completions for `{}`: must be {}", printable(name), all.join(", ")), 125)
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command_line("barge"), "barge", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `barge man DIRECTORY`: one page for barge and one for each command.
pub(crate) fn man(directories: &[PathBuf], typed: &str) -> Outcome {
    check(&Arity::Exactly(1), directories.len(), typed)?;
    let Some(directory) = directories.first() else { return Ok(()) };
    std::fs::create_dir_all(directory).map_err(|e| Error::io("create", directory, e))?;
    let mut command = command_line("barge");
    command.build();
    pages(&command, "barge", directory)
}

fn pages(command: &Command, name: &str, directory: &Path) -> Outcome {
    let path = directory.join(format!("{name}.1"));
    let mut page = Vec::new();
    let titled = command.clone().name(name.to_owned()).bin_name(name.replace('-', " "));
    let titled = titled.after_help(Resettable::Reset);
    clap_mangen::Man::new(titled).render(&mut page).map_err(|e| Error::io("write", &path, e))?;
    if let Some(notes) = command.get_after_help() {
        page.extend(as_it_stands(&notes.to_string()).into_bytes());
    }
    std::fs::write(&path, page).map_err(|e| Error::io("write", &path, e))?;
    for below in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}

/// Notes of a page, line by line as in the help.
fn as_it_stands(notes: &str) -> String {
    let escaped = notes.replace('\\', r"\e").replace('-', r"\-");
    let lines: Vec<String> = escaped.lines().map(|line| format!(r"\&{line}")).collect();
    format!(".SH NOTES\n.nf\n{}\n.fi\n", lines.join("\n"))
}
