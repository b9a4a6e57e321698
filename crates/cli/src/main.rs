//! `barge`: saves, loads, lists and carries container images without a daemon.
//!
//! What was typed becomes what is meant ([`args`]), one file a command does it ([`cmd`]), and [`render`] turns
//! the outcome into text. Started under the name `docker` it is the same program with docker's name in its texts; as
//! `docker-barge` it is a [`plugin`] of docker's command line.

mod args;
mod cmd;
mod plugin;
mod render;
mod signals;
mod suggestion;
mod usage;

use std::process::ExitCode;

use barge_core::error::Error;
use cmd::Failure;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if plugin::is_meant(&arguments) {
        return plugin::run(&arguments);
    }
    let program = usage::program(arguments.first());
    let config = match args::Config::load() {
        Ok(config) => config,
        Err(why) => {
            cmd::say(&why);
            return ExitCode::FAILURE;
        }
    };
    let cli = match args::parse(&arguments, program, &config) {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error, program, &arguments),
    };
    // A server has an end of its own.
    let serves = matches!(cli.command, args::Command::Serve(_));
    // Whoever calls it docker gets docker's exit codes.
    let by_code = program != "barge";
    if let Some(error) = (!serves).then(|| signals::watch(by_code)).and_then(Result::err) {
        cmd::say(&Error::io("watch", "signals".as_ref(), error).to_string());
        return ExitCode::FAILURE;
    }
    plugin::end_with_docker();
    let typed = usage::command_path(program, &arguments);
    match cmd::run(cli, &typed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

impl Failure {
    /// Tells the user and chooses the exit code; a reader that went away is told nothing.
    fn report(&self) -> ExitCode {
        if let Self::Core(error) = self
            && error.is_broken_pipe()
        {
            return ExitCode::from(1);
        }
        let text = self.to_string();
        if !text.is_empty() {
            cmd::say(&text);
        }
        if let Self::Core(error) = self
            && let Some(hint) = error.advice()
        {
            cmd::say(&format!("hint: {hint}"));
        }
        ExitCode::from(self.code())
    }
}
