//! Completions and manual pages, made from the definitions of the command line.

use std::path::Path;

use barge_core::error::Error;
use clap::{Command, CommandFactory};

use super::{Outcome, print};
use crate::args::Cli;

/// `barge completion SHELL`
pub(crate) fn completion(shell: clap_complete::Shell) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "barge", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `barge man DIRECTORY`: one page for barge and one for each command.
pub(crate) fn man(directory: &Path) -> Outcome {
    std::fs::create_dir_all(directory).map_err(|e| Error::io("create", directory, e))?;
    let mut command = Cli::command();
    command.build();
    pages(&command, "barge", directory)
}

fn pages(command: &Command, name: &str, directory: &Path) -> Outcome {
    let path = directory.join(format!("{name}.1"));
    let mut page = Vec::new();
    let titled = command.clone().name(name.to_owned()).bin_name(name.replace('-', " "));
    clap_mangen::Man::new(titled).render(&mut page).map_err(|e| Error::io("write", &path, e))?;
    std::fs::write(&path, page).map_err(|e| Error::io("write", &path, e))?;
    for below in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        pages(below, &format!("{name}-{}", below.get_name()), directory)?;
    }
    Ok(())
}
