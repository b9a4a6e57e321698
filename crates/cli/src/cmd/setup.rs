//! Completions and manual pages, made from the definitions of the command line.

use std::path::Path;

use barge_core::error::{Error, printable};
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
    clap_complete::generate(shell, &mut command_line(), "barge", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `barge man DIRECTORY`: one page for barge and one for each command.
pub(crate) fn man(directory: &Path) -> Outcome {
    std::fs::create_dir_all(directory).map_err(|e| Error::io("create", directory, e))?;
    let mut command = command_line();
    command.build();
    pages(&command, "barge", directory)
}

fn pages(command: &Command, name: &str, directory: &Path) -> Outcome {
    let path = directory.join(format!("{name}.1"));
    let mut page = Vec::new();
    let titled = command.clone().name(name.to_owned()).bin_name(name.replace('-', " "));
    clap_mangen::Man::new(titled).render(&mut page).map_err(|e| Error::io("write", &path, e))?;
    std::fs::write(&path, page).map_err(|e| Error::io("write", &path, e))?;
    for below in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}
