//! Command lines that make no sense, and the other name barge answers to. The texts and exit codes are those of
//! docker's own command line. Help is in `usage/help.rs`, which store is meant in `usage/store.rs`, and where the
//! texts go in `usage/messages.rs`.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "usage/help.rs"]
mod help;
#[path = "usage/messages.rs"]
mod messages;
#[path = "usage/store.rs"]
mod store;

use std::os::unix::fs::symlink;

use common::{Place, Ran, words};

/// What flags that cannot be parsed come to.
#[track_caller]
fn refused(line: &str, text: &str) {
    let ran = Place::new().run(line);
    assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""), "barge {line}: {}", ran.stderr);
    let (first, usage) = ran.stderr.split_once("\n\nUsage:  barge ").unwrap_or((&ran.stderr, ""));
    assert_eq!(first, text, "barge {line}");
    let (_, advice) = usage.split_once("\n\n").unwrap_or_default();
    assert!(
        advice.starts_with("Run 'barge ") && advice.ends_with(" --help' for more information\n"),
        "{usage}"
    );
}

/// What a wrong number of arguments comes to; `usage` is the line of the command's usage.
#[track_caller]
fn miscounted(line: &str, text: &str, usage: &str) {
    let said = Place::new().fails(line);
    let typed = said.strip_prefix("barge: '").and_then(|s| s.split_once('\'')).unwrap_or_default().0;
    let verb = if text.contains("at least") { "See" } else { "Run" };
    let expected = format!(
        "barge: '{typed}' {text}\n\nUsage:  {usage}\n\n{verb} '{typed} --help' for more information\n"
    );
    assert_eq!(said, expected, "barge {line}");
    assert!(format!("barge {line} ").starts_with(&format!("{typed} ")), "barge {line}: {typed}");
}

#[test]
fn too_few_arguments() {
    let many = "[OPTIONS] IMAGE [IMAGE...]";
    for command in ["save", "image save", "rmi", "image rm", "image inspect"] {
        miscounted(command, "requires at least 1 argument", &format!("barge {command} {many}"));
    }
    for command in ["history", "image history"] {
        miscounted(command, "requires 1 argument", &format!("barge {command} [OPTIONS] IMAGE"));
    }
    let two = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]";
    for command in ["tag", "image tag"] {
        for line in [command.to_owned(), format!("{command} a")] {
            miscounted(&line, "requires 2 arguments", &format!("barge {command} {two}"));
        }
    }
}

#[test]
fn too_many_arguments() {
    miscounted("load a.tar", "accepts no arguments", "barge load [OPTIONS]");
    miscounted("image load a.tar", "accepts no arguments", "barge image load [OPTIONS]");
    miscounted("image prune a", "accepts no arguments", "barge image prune [OPTIONS]");
    miscounted("images a b", "requires at most 1 argument", "barge images [OPTIONS] [REPOSITORY[:TAG]]");
    miscounted("image ls a b", "requires at most 1 argument", "barge image ls [OPTIONS] [REPOSITORY[:TAG]]");
    miscounted("history a b", "requires 1 argument", "barge history [OPTIONS] IMAGE");
    miscounted("tag a b c", "requires 2 arguments", "barge tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]");
}

#[test]
fn arguments_of_what_asks_registries() {
    for group in ["", "image "] {
        for line in ["pull", "pull a b"] {
            let usage = format!("barge {group}pull [OPTIONS] NAME[:TAG|@DIGEST]");
            miscounted(&format!("{group}{line}"), "requires 1 argument", &usage);
        }
        for line in ["push", "push a b"] {
            let usage = format!("barge {group}push [OPTIONS] NAME[:TAG]");
            miscounted(&format!("{group}{line}"), "requires 1 argument", &usage);
        }
        let usage = format!("barge {group}import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]");
        miscounted(&format!("{group}import"), "requires at least 1 argument", &usage);
        miscounted(&format!("{group}import a b c"), "requires at most 2 arguments", &usage);
    }
    miscounted("login a b", "requires at most 1 argument", "barge login [OPTIONS] [SERVER]");
    miscounted("logout a b", "requires at most 1 argument", "barge logout [SERVER]");
}

/// Docker, too, calls a command by its first name, whatever was typed.
#[test]
fn other_names_of_commands() {
    let place = Place::new();
    let ls = "barge: 'barge image ls' requires at most 1 argument\n\n\
              Usage:  barge image ls [OPTIONS] [REPOSITORY[:TAG]]\n\n\
              Run 'barge image ls --help' for more information\n";
    assert_eq!(place.fails("image list a b"), ls);
    let rm = "barge: 'barge image rm' requires at least 1 argument\n\n\
              Usage:  barge image rm [OPTIONS] IMAGE [IMAGE...]\n\n\
              See 'barge image rm --help' for more information\n";
    assert_eq!(place.fails("image remove"), rm);
    for (line, usage) in [
        ("image list", "barge image ls [OPTIONS] [REPOSITORY[:TAG]]"),
        ("image remove", "barge image rm [OPTIONS] IMAGE [IMAGE...]"),
        ("import", "barge import [OPTIONS] file|URL|- [REPOSITORY[:TAG]]"),
        ("logout", "barge logout [SERVER]"),
    ] {
        let help = place.ok(&format!("{line} --help"));
        assert!(help.contains(&format!("\nUsage:  {usage}\n")), "{line}: {help}");
    }
}

#[test]
fn arguments_of_what_docker_does_not_have() {
    miscounted("archive ls", "requires 1 argument", "barge archive ls [OPTIONS] FILE");
    miscounted("archive verify a b", "requires 1 argument", "barge archive verify [OPTIONS] FILE");
    miscounted("store check a", "accepts no arguments", "barge store check [OPTIONS]");
    miscounted("store gc a", "accepts no arguments", "barge store gc [OPTIONS]");
    miscounted("store df a", "accepts no arguments", "barge store df [OPTIONS]");
    miscounted("completion", "requires 1 argument", "barge completion SHELL");
}

#[test]
fn a_missing_argument_is_said_before_anything_is_done() {
    let place = Place::new();
    place.fails("save -o a.tar");
    place.fails("image rm");
    assert!(place.files().is_empty() && !place.store().exists());
}

#[test]
fn unknown_flags() {
    refused("save --zzz x", "unknown flag: --zzz");
    refused("save --zzz=1 x", "unknown flag: --zzz");
    refused("save -x x", "unknown shorthand flag: 'x' in -x");
    refused("images -qx", "unknown shorthand flag: 'x' in -x");
    refused("image --zzz", "unknown flag: --zzz");
    refused("--zzz", "unknown flag: --zzz");
}

#[test]
fn unknown_flags_that_resemble_known_ones() {
    refused("save --platfrom linux/amd64 x", "unknown flag: --platfrom (did you mean --platform?)");
    refused("image ls --fromat json", "unknown flag: --fromat (did you mean --format?)");
}

#[test]
fn flags_without_their_value() {
    refused("save x --output", "flag needs an argument: --output");
    refused("save x --platform", "flag needs an argument: --platform");
    refused("images --filter", "flag needs an argument: --filter");
    refused("images --format", "flag needs an argument: --format");
    refused("save x -o", "flag needs an argument: 'o' in -o");
    refused("load -qi", "flag needs an argument: 'i' in -i");
    refused("image inspect x -f", "flag needs an argument: 'f' in -f");
}

#[test]
fn values_that_are_none() {
    refused(
        "save --progress loud x",
        "invalid argument \"loud\" for \"--progress\" flag: must be auto, plain, json, none",
    );
    refused("store df --format xml", "invalid argument \"xml\" for \"--format\" flag: must be table, json");
    let boolean = |flag: &str| {
        format!(
            "invalid argument \"maybe\" for \"{flag}\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax"
        )
    };
    refused("images --no-trunc=maybe", &boolean("--no-trunc"));
    refused("images -q=maybe", &boolean("-q, --quiet"));
    refused("history --human=maybe x", &boolean("-H, --human"));
}

#[test]
fn filters_that_are_none() {
    let text =
        "invalid argument \"dangling\" for \"-f, --filter\" flag: bad format of filter (expected name=value)";
    refused("images --filter dangling", text);
    refused("images -f dangling", text);
    let text = "invalid argument \"until\" for \"--filter\" flag: bad format of filter (expected name=value)";
    refused("image prune -f --filter until", text);
}

#[test]
fn switches_may_be_given_a_value() {
    let place = Place::hello();
    let short = place.ok("images -q");
    assert_eq!(place.ok("images -q=true --no-trunc=false"), short);
    assert_eq!(place.ok("images --quiet=1 --no-trunc=0"), short);
    assert_eq!(place.ok("images -q --no-trunc=true"), place.ok("images -q --no-trunc"));
    assert_eq!(place.ok("images -q=false"), place.ok("images"));
    // With force a missing image is said, and no failure.
    let forced = place.run("rmi --force=true gone-1");
    assert_eq!((forced.code, forced.stderr.as_str()), (Some(0), "No such image: gone-1:latest\n"));
    assert_eq!(place.run("rmi --force=false gone-1").code, Some(1));
}

#[test]
fn flags_may_come_after_arguments() {
    let place = Place::hello();
    place.ok("save hello-barge -o a.tar --platform linux/amd64");
    assert_eq!(place.files(), ["a.tar"]);
    assert_eq!(place.ok("images hello-barge -q"), place.ok("images -q hello-barge"));
}

#[test]
fn unknown_commands() {
    let place = Place::new();
    assert_eq!(
        place.fails("nothing"),
        "barge: unknown command: barge nothing\n\nRun 'barge --help' for more information\n"
    );
    assert_eq!(
        place.fails("image nothing"),
        "barge: unknown command: barge image nothing\n\nRun 'barge image --help' for more information\n"
    );
    assert_eq!(
        place.fails("image inspcet a"),
        "barge: unknown command: barge image inspcet\n\nDid you mean 'inspect'?\n\n\
         Run 'barge image --help' for more information\n"
    );
    for (typed, said) in [
        ("savee", "Did you mean 'save'?"),
        ("inspect", "Did you mean 'image inspect'?"),
        ("run", "barge keeps images: it runs no containers and builds none"),
    ] {
        let expected = format!(
            "barge: unknown command: barge {typed}\n\n{said}\n\nRun 'barge --help' for more information\n"
        );
        assert_eq!(place.fails(typed), expected);
    }
}

#[test]
fn the_last_of_a_flag_counts() {
    let place = Place::hello();
    place.ok("save -o a.tar -o b.tar hello-barge");
    assert_eq!(place.files(), ["b.tar"]);
}

#[test]
fn numbers_out_of_range() {
    let text = "invalid argument \"0\" for \"--threads\" flag: must be 1 to 6\n\n\
                Usage:  barge save [OPTIONS] IMAGE [IMAGE...]\n\nRun 'barge save --help' for more information\n";
    let ran = Place::new().run("save --threads 0 a");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(125), text));
}

/// Started through a link of this name.
fn as_docker(place: &Place, line: &str) -> Ran {
    let link = place.path("docker");
    if !link.exists() {
        symlink(env!("CARGO_BIN_EXE_barge"), &link).unwrap();
    }
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    place.command_as(&link, &words).output().unwrap().into()
}

#[test]
fn by_the_name_of_docker() {
    let place = Place::hello();
    let ran = as_docker(&place, "image save");
    let text = "docker: 'docker image save' requires at least 1 argument\n\n\
                Usage:  docker image save [OPTIONS] IMAGE [IMAGE...]\n\n\
                See 'docker image save --help' for more information\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), text));
    let ran = as_docker(&place, "save -o");
    let text = "flag needs an argument: 'o' in -o\n\nUsage:  docker save [OPTIONS] IMAGE [IMAGE...]\n\n\
                Run 'docker save --help' for more information\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(125), text));
    let ran = as_docker(&place, "frobnicate");
    let text = "docker: unknown command: docker frobnicate\n\nRun 'docker --help' for more information\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), text));
    let ran = as_docker(&place, "images ls");
    let text = "No images found matching \"ls\": did you mean \"docker image ls\"?\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), text));
    let ran = as_docker(&place, "save -o a.tar hello-barge");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(place.read("a.tar") == place.saved("hello-barge"));
}

#[test]
fn help_by_the_name_of_docker() {
    let help = as_docker(&Place::new(), "image save --help").out();
    assert!(help.contains("Usage:  docker image save"), "{help}");
}
