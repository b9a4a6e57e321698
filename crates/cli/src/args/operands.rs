//! What stands behind a command, as docker's usage lines and docker's help have it.

use clap::Command;

/// The help of every command; docker, too, has two spaces behind `Usage:`.
const HELP: &str = "{about-with-newline}\nUsage:  {usage}\n\n{all-args}{after-help}";

/// A command, typed as `path`, and everything below it, with docker's usage lines.
pub(super) fn as_docker_shows(command: Command, path: &str) -> Command {
    describe(command, path, None)
}

fn describe(command: Command, path: &str, group: Option<&str>) -> Command {
    let name = command.get_name().to_owned();
    let root = group.is_none();
    let behind = match (root, command.has_subcommands()) {
        (true, _) => "[OPTIONS] COMMAND",
        (false, true) => "COMMAND",
        (false, false) => operands(group.unwrap_or_default(), &name),
    };
    let below = if root { "" } else { name.as_str() };
    command
        .override_usage(format!("{path} {behind}"))
        .help_template(HELP)
        // The usage line says all there is to say of what has no help.
        .mut_args(|arg| if arg.is_positional() && arg.get_help().is_none() { arg.hide(true) } else { arg })
        .mut_subcommands(|command| {
            let path = format!("{path} {}", command.get_name());
            describe(command, &path, Some(below))
        })
}

/// What a command takes: docker's words where docker has the command.
fn operands(group: &str, command: &str) -> &'static str {
    match (group, command) {
        ("archive", "ls" | "verify") => "[OPTIONS] FILE",
        (_, "save" | "inspect" | "rm" | "rmi") => "[OPTIONS] IMAGE [IMAGE...]",
        (_, "ls" | "images") => "[OPTIONS] [REPOSITORY[:TAG]]",
        (_, "history") => "[OPTIONS] IMAGE",
        (_, "pull") => "[OPTIONS] NAME[:TAG|@DIGEST]",
        (_, "push") => "[OPTIONS] NAME[:TAG]",
        (_, "copy") => "[OPTIONS] SOURCE DESTINATION",
        (_, "tag") => "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
        (_, "import") => "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
        (_, "login") => "[OPTIONS] [SERVER]",
        (_, "logout") => "[SERVER]",
        (_, "completion") => "SHELL",
        (_, "man") => "DIRECTORY",
        _ => "[OPTIONS]",
    }
}
