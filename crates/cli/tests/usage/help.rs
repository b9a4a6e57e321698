//! What barge tells of itself: help, its version, completions and manual pages.

use std::fs;

use super::common::Place;

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
        assert!(help.contains(&format!("Usage:  {}", path.trim_end())), "{command}: {help}");
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
    for flag in ["--version", "-v", "-V"] {
        assert_eq!(Place::new().ok(flag), version);
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
    assert!(!pages.iter().any(|p| p.contains("help")), "{pages:?}");
    let page = fs::read_to_string(place.path("pages/barge-image-save.1")).unwrap();
    assert!(page.contains(".TH barge-image-save 1"), "{page}");
    assert!(page.contains("barge image save"), "{page}");
    assert!(page.contains(r"\-\-platform"), "{page}");
    assert!(!page.contains(env!("CARGO_MANIFEST_DIR")), "{page}");
    let notes = fs::read_to_string(place.path("pages/barge.1")).unwrap();
    let line = r"\&  BARGE_FROM, BARGE_TO         What \-\-from and \-\-to are that are not typed";
    assert!(notes.lines().any(|l| l == line), "{notes}");
}
