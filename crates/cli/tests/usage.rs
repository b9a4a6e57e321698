//! Command lines that make no sense, help, and the other names barge answers to. The texts and exit codes are
//! those of docker's own command line.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use common::{Place, Ran, Terminal, on_terminal, words};

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
}

/// As docker has it: the help, on the standard error, and no failure.
#[test]
fn a_group_of_commands_alone_is_its_help() {
    let place = Place::new();
    for group in ["", "image", "archive", "store"] {
        let ran = place.run(group);
        assert_eq!((ran.code, ran.out().as_str()), (Some(0), ""), "barge {group}: {}", ran.stderr);
        assert_eq!(ran.stderr, place.ok(&format!("{group} --help")), "barge {group}");
    }
}

#[test]
fn help_goes_to_the_standard_output() {
    let place = Place::new();
    for command in [
        "",
        "image",
        "save",
        "image save",
        "load",
        "images",
        "image ls",
        "image inspect",
        "history",
        "tag",
        "rmi",
        "image rm",
        "image prune",
        "archive",
        "archive ls",
        "archive verify",
        "store",
        "store check",
        "store gc",
        "store df",
        "completion",
    ] {
        let help = place.ok(&format!("{command} --help"));
        assert_eq!(help, place.ok(&format!("{command} -h")), "{command}");
        let path = format!("barge {command}");
        assert!(help.contains(&format!("Usage: {}", path.trim_end())), "{command}: {help}");
        assert!(!help.contains('\u{1b}'), "{command}: {help}");
    }
}

#[test]
fn help_is_a_command_too() {
    let place = Place::new();
    assert_eq!(place.ok("help"), place.ok("--help"));
    assert_eq!(place.ok("help image"), place.ok("image --help"));
    assert_eq!(place.ok("help save"), place.ok("save --help"));
    assert_eq!(place.ok("help image save"), place.ok("image save --help"));
}

#[test]
fn help_tells_every_flag_of_dockers() {
    let place = Place::new();
    for (command, flags) in [
        ("save", &["-o, --output", "--platform"][..]),
        ("load", &["-i, --input", "-q, --quiet", "--platform"]),
        (
            "images",
            &["-a, --all", "--digests", "-f, --filter", "--format", "--no-trunc", "-q, --quiet", "--tree"],
        ),
        ("image inspect", &["-f, --format", "--platform"]),
        ("history", &["--format", "-H, --human", "--no-trunc", "-q, --quiet", "--platform"]),
        ("rmi", &["-f, --force", "--no-prune", "--platform"]),
        ("image prune", &["-a, --all", "--filter", "-f, --force"]),
    ] {
        let help = place.ok(&format!("{command} --help"));
        for flag in flags {
            assert!(help.lines().any(|l| l.trim_start().starts_with(flag)), "{command} {flag}: {help}");
        }
    }
}

#[test]
fn the_version() {
    let version = format!("barge {}\n", env!("CARGO_PKG_VERSION"));
    for flag in ["--version", "-V"] {
        assert_eq!(Place::new().ok(flag), version);
    }
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
    assert!(help.contains("Usage: docker image save"), "{help}");
}

#[test]
fn the_store_is_found() {
    let place = Place::hello();
    let other = Place::new();
    let at = |command: &mut Command| -> Ran { command.args(["images", "-q"]).output().unwrap().into() };
    let bare = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_barge"));
        command.env_clear().stdin(Stdio::null());
        command
    };
    let id = place.ok("images -q");
    assert_eq!(at(bare().env("BARGE_STORE", place.store())).out(), id);
    // The flag comes before the environment, wherever it stands.
    assert_eq!(at(bare().env("BARGE_STORE", other.store()).arg("--store").arg(place.store())).out(), id);
    let mut last = bare();
    let ran: Ran = last.args(["images", "-q", "--store"]).arg(place.store()).output().unwrap().into();
    assert_eq!(ran.out(), id);
    let home = other.path("home");
    fs::create_dir_all(home.join(".local/share/barge")).unwrap();
    symlink(place.store(), home.join(".local/share/barge/store")).unwrap();
    assert_eq!(at(bare().env("HOME", &home)).out(), id);
    assert_eq!(at(bare().env("HOME", "/nowhere").env("XDG_DATA_HOME", home.join(".local/share"))).out(), id);
    assert_eq!(at(bare().env("BARGE_STORE", "").env("HOME", &home)).out(), id);
    let ran = at(&mut bare());
    let text = "no place for the image store: give `--store DIR` or set HOME\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), text));
}

#[test]
fn the_store_may_be_named_before_and_after_the_command() {
    let place = Place::hello();
    let store = place.store();
    let store = store.to_str().unwrap();
    let said = place.fails(&format!("image --store {store} save"));
    assert!(said.starts_with("barge: 'barge image save' requires"), "{said}");
    let said = place.fails(&format!("image save --store={store}"));
    assert!(said.starts_with("barge: 'barge image save' requires"), "{said}");
}

#[test]
fn a_folder_that_is_no_store() {
    let place = Place::new();
    fs::create_dir(place.store()).unwrap();
    fs::write(place.store().join("letters.txt"), "dear").unwrap();
    let expected = format!(
        "{} is neither an image store nor an empty folder\n\
         hint: choose another place with `--store DIR` or BARGE_STORE\n",
        place.store().display()
    );
    for line in ["images", "save a", "load -i /dev/null", "store check"] {
        assert_eq!(place.fails(line), expected, "{line}");
    }
    assert_eq!(fs::read_dir(place.store()).unwrap().count(), 1);
}

#[test]
fn a_store_that_is_a_file() {
    let place = Place::new();
    fs::write(place.store(), "").unwrap();
    let said = place.fails("images");
    assert_eq!(said, format!("open store {}: not a directory\n", place.store().display()));
}

#[test]
fn looking_makes_no_store() {
    for line in [
        "images",
        "images --tree",
        "image inspect a",
        "history a",
        "store check",
        "store df",
        "store gc",
        "load -i gone.tar",
    ] {
        let place = Place::new();
        assert_ne!(place.run(line).code, None);
        let made: Vec<_> = place.snapshot().into_keys().filter(|path| path.is_file()).collect();
        assert!(made.is_empty(), "{line}: {made:?}");
    }
}

#[test]
fn completions() {
    let place = Place::new();
    for (shell, sign) in [
        ("bash", "complete -F _barge"),
        ("zsh", "#compdef barge"),
        ("fish", "complete -c barge"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion:arg-completer[barge]"),
    ] {
        let script = place.ok(&format!("completion {shell}"));
        assert!(script.contains(sign), "{shell}");
        assert!(script.contains("keep-index") && script.contains("prune"), "{shell}");
    }
}

#[test]
fn completions_that_the_shell_reads() {
    let ran = Place::new().shell("source <(\"$barge\" completion bash) && complete -p barge");
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.out().contains("_barge"), "{}", ran.out());
}

#[test]
fn a_shell_that_there_is_not() {
    let ran = Place::new().run("completion nosh");
    assert_eq!((ran.code, ran.out().as_str()), (Some(125), ""));
    let text = ran.stderr.lines().next().unwrap();
    assert!(text.contains("nosh") && text.contains("bash, elvish, fish, powershell, zsh"), "{text}");
    assert!(!text.contains('<') && !text.contains("flag"), "{text}");
}

#[test]
fn manual_pages() {
    let place = Place::new();
    assert_eq!(place.ok("man pages"), "");
    let mut pages: Vec<String> = fs::read_dir(place.path("pages"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    for page in [
        "barge.1",
        "barge-image.1",
        "barge-image-save.1",
        "barge-save.1",
        "barge-load.1",
        "barge-images.1",
        "barge-image-prune.1",
        "barge-archive-verify.1",
        "barge-store-check.1",
    ] {
        assert!(pages.iter().any(|p| p == page), "{page}: {pages:?}");
    }
    assert!(!pages.iter().any(|p| p.contains("man") || p.contains("help")), "{pages:?}");
    let page = fs::read_to_string(place.path("pages/barge-image-save.1")).unwrap();
    assert!(page.contains(".TH barge-image-save 1"), "{page}");
    assert!(page.contains("barge image save"), "{page}");
    assert!(page.contains(r"\-\-platform"), "{page}");
    assert!(!page.contains(env!("CARGO_MANIFEST_DIR")), "{page}");
}

#[test]
fn output_to_nobody_is_no_crash() {
    let place = Place::hello();
    for line in
        ["images", "image inspect hello-barge", "history hello-barge", "save --dry-run hello-barge", "--help"]
    {
        let ran = place.shell(&format!("exec \"$barge\" {line} > /dev/full"));
        assert!(!ran.stderr.contains("panicked"), "{line}: {}", ran.stderr);
    }
    let ran = place.shell("exec \"$barge\" images > /dev/full");
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (Some(1), "write standard output: no space left on device\n")
    );
}

#[test]
fn errors_to_nobody_are_no_crash() {
    let place = Place::hello();
    for line in
        ["save gone", "save", "--zzz", "load -i /dev/null", "save --progress plain -o /dev/null hello-barge"]
    {
        let ran = place.shell(&format!("\"$barge\" {line} 2> /dev/full; echo $?"));
        assert!(["0\n", "1\n", "125\n"].contains(&ran.out().as_str()), "{line}: {}", ran.out());
    }
}

#[test]
fn messages_on_a_terminal_are_plain() {
    let place = Place::hello();
    let ran = on_terminal(place.command(&["save", "gone"]), Terminal::Stderr, 80);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), "No such image: gone:latest\n"));
}

#[test]
fn what_is_typed_cannot_upset_a_terminal() {
    let place = Place::hello();
    let mut upset = Vec::new();
    for arguments in [
        &["save", "\u{1b}[2Jgone"][..],
        &["tag", "hello-barge", "\u{1b}[2Jx"],
        &["image", "ls", "--filter", "\u{1b}[2J=1"],
        &["save", "--platform", "\u{1b}[2J", "hello-barge"],
        &["save", "--\u{1b}[2J", "hello-barge"],
        &["\u{1b}[2J"],
        &["load", "-i", "\u{1b}[2J"],
        &["save", "-o", "\u{1b}[2J/a.tar", "hello-barge"],
        &["image", "inspect", "-f", "{{\u{1b}", "hello-barge"],
    ] {
        let ran: Ran = place.command(arguments).output().unwrap().into();
        assert_ne!(ran.code, Some(0), "{arguments:?}");
        if ran.stderr.contains('\u{1b}') {
            upset.push(arguments);
        }
    }
    assert!(upset.is_empty(), "{upset:?}");
}
