//! What was probably meant by a word that is none: a name that looks like it, or one of docker's that barge has not or
//! has elsewhere.

use clap::Command;

/// The farthest a name may be from what was typed, in letters.
const FARTHEST: usize = 2;
/// So many letters of what was typed may hold one mistake.
const LETTERS: usize = 3;

/// Docker's commands about containers and builds, and what else is not about images.
const DOCKERS: [&str; 46] = [
    "attach",
    "bake",
    "build",
    "builder",
    "buildx",
    "checkpoint",
    "commit",
    "compose",
    "config",
    "container",
    "context",
    "cp",
    "create",
    "diff",
    "exec",
    "export",
    "extension",
    "init",
    "kill",
    "logs",
    "manifest",
    "model",
    "network",
    "node",
    "pause",
    "plugin",
    "port",
    "ps",
    "rename",
    "restart",
    "run",
    "scout",
    "secret",
    "service",
    "stack",
    "start",
    "stats",
    "stop",
    "swarm",
    "system",
    "top",
    "trust",
    "unpause",
    "update",
    "volume",
    "wait",
];

/// What is said of an unknown command of `group`, which is all of barge if it is the `top`.
pub(crate) fn of_command(typed: &str, group: &Command, top: bool) -> Option<String> {
    let meant = |name: &str| Some(format!("Did you mean '{name}'?"));
    match typed {
        "version" | "info" if top => return meant("--version"),
        "search" => return Some("barge keeps images: it searches no registry".to_owned()),
        _ if DOCKERS.contains(&typed) => {
            return Some("barge keeps images: it runs no containers and builds none".to_owned());
        }
        _ => {}
    }
    let visible = || group.get_subcommands().filter(|command| !command.is_hide_set());
    // `inspect` is `image inspect`.
    let within = |command: &Command| {
        let found = command.find_subcommand(typed).filter(|found| found.get_name() != "help")?;
        Some(format!("{} {}", command.get_name(), found.get_name()))
    };
    if let Some(name) = visible().filter(|command| command.get_name() != "help").find_map(within) {
        return meant(&name);
    }
    meant(nearest(typed, visible().flat_map(Command::get_name_and_visible_aliases))?)
}

/// The flag of a command that an unknown one, `--x`, looks like.
pub(crate) fn of_flag(typed: &str, command: &Command) -> Option<String> {
    let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
    let name = nearest(typed.strip_prefix("--")?, flags.filter_map(|flag| flag.get_long()))?;
    Some(format!("--{name}"))
}

/// The name that looks most like what was typed, if one is near; those that begin as it does come first.
pub(crate) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = (typed.chars().count() / LETTERS).min(FARTHEST);
    let near = names.filter_map(|name| {
        let distance = strsim::osa_distance(typed, name);
        let begins_alike = name.chars().next() == typed.chars().next();
        (distance <= most).then_some((!begins_alike, distance, name))
    });
    near.min().map(|(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::command;

    fn top(typed: &str) -> Option<String> {
        of_command(typed, &command("barge"), true)
    }

    fn meant(name: &str) -> Option<String> {
        Some(format!("Did you mean '{name}'?"))
    }

    #[test]
    fn what_looks_alike() {
        for (typed, name) in [
            ("savee", "save"),
            ("saev", "save"),
            ("imges", "images"),
            ("lod", "load"),
            ("hsitory", "history"),
            ("completoin", "completion"),
        ] {
            assert_eq!(top(typed), meant(name), "{typed}");
        }
        for typed in ["nothing", "xx", "s", "", "frobnicate"] {
            assert_eq!(top(typed), None, "{typed}");
        }
        let line = command("barge");
        let image = line.find_subcommand("image").unwrap();
        assert_eq!(of_command("lss", image, false), meant("ls"));
        assert_eq!(of_command("inspcet", image, false), meant("inspect"));
        let save = line.find_subcommand("save").unwrap();
        assert_eq!(of_flag("--platfrom", save), Some("--platform".to_owned()));
        assert_eq!(of_flag("--nope", save), None);
    }

    #[test]
    fn what_docker_has() {
        for typed in ["run", "ps", "system", "build"] {
            assert_eq!(
                top(typed).as_deref(),
                Some("barge keeps images: it runs no containers and builds none"),
                "{typed}"
            );
        }
        assert_eq!(top("search").as_deref(), Some("barge keeps images: it searches no registry"));
        assert_eq!(top("inspect"), meant("image inspect"));
        assert_eq!(top("prune"), meant("image prune"));
        assert_eq!(top("remove"), meant("image rm"));
        assert_eq!(top("verify"), meant("archive verify"));
        assert_eq!(top("info"), meant("--version"));
        let line = command("barge");
        assert!(DOCKERS.iter().all(|name| line.find_subcommand(name).is_none()));
    }
}
