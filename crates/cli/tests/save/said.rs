//! What a save says: refusals, in docker's words, and how far it is.

use super::common::{HELLO, Layout, Maker, Place, Terminal, on_terminal};

#[test]
fn without_arguments() {
    let usage = "requires at least 1 argument\n\nUsage:  barge image save [OPTIONS] IMAGE [IMAGE...]\n\n\
                 See 'barge image save --help' for more information\n";
    assert_eq!(Place::new().fails("image save"), format!("barge: 'barge image save' {usage}"));
    let usage = usage.replace("image save", "save");
    assert_eq!(Place::new().fails("save -o a.tar"), format!("barge: 'barge save' {usage}"));
}

#[test]
fn an_unknown_flag() {
    let ran = Place::new().run("image save --zzz hello-barge");
    assert_eq!(ran.code, Some(125));
    let expected = "unknown flag: --zzz\n\nUsage:  barge image save [OPTIONS] IMAGE [IMAGE...]\n\n\
                    Run 'barge image save --help' for more information\n";
    assert_eq!((ran.out().as_str(), ran.stderr.as_str()), ("", expected));
}

#[test]
fn an_image_that_is_not_there() {
    let place = Place::hello();
    assert_eq!(place.fails("save gone"), "No such image: gone:latest\n");
    assert_eq!(
        place.fails("save hello-barge:2"),
        "No such image: hello-barge:2\nhint: the store has `hello-barge:latest`\n"
    );
    assert_eq!(place.fails("save example.org/a/b:1"), "No such image: example.org/a/b:1\n");
    assert_eq!(place.fails("save 2a4"), "No such image: 2a4:latest\n");
    let digest = HELLO.replace('2', "3");
    assert_eq!(place.fails(&format!("save {digest}")), format!("No such image: {digest}\n"));
}

#[test]
fn one_missing_image_of_several() {
    let place = Place::hello();
    assert_eq!(place.fails("save -o a.tar hello-barge gone:1"), "No such image: gone:1\n");
    assert!(place.files().is_empty());
}

#[test]
fn an_empty_store() {
    let place = Place::new();
    let hint = format!(
        "hint: the store {} is empty: `barge pull hello-barge` or `barge load -i FILE` fills it\n",
        place.store().display()
    );
    assert_eq!(place.fails("save hello-barge"), format!("No such image: hello-barge:latest\n{hint}"));
}

#[test]
fn what_can_be_no_image() {
    let place = Place::hello();
    for bad in ["a//b", "''", "a:b:c", "hello-barge@sha256:12", "-- -a"] {
        assert_eq!(place.fails(&format!("save {bad}")), "invalid reference format\n", "{bad}");
    }
    assert_eq!(
        place.fails("save Upper"),
        "invalid reference format: repository name (library/Upper) must be lowercase\n"
    );
}

#[test]
fn an_ambiguous_id() {
    // Enough images that two IDs begin with the same four characters.
    let mut layout = Layout::default();
    let ids: Vec<String> = (0..600)
        .map(|n| {
            let image = layout.image(&Maker::new("linux/amd64").layer(n.to_string()));
            layout.list(&image);
            image.digest
        })
        .collect();
    let prefix = |id: &String| id["sha256:".len()..][..4].to_owned();
    let twice = ids.iter().map(prefix).find(|p| ids.iter().filter(|id| prefix(id) == *p).count() > 1);
    let twice = twice.unwrap();
    let text = Place::with(&layout).fails(&format!("save {twice}"));
    assert_eq!(
        text,
        format!("ambiguous reference\nhint: several image IDs begin with {twice}: give more of it\n")
    );
}

#[test]
fn what_can_be_no_platform() {
    let place = Place::hello();
    let component = "OSAndVersion specifier component must match \
                     \"^([A-Za-z0-9_-]+)(?:\\\\(([A-Za-z0-9_.%-]*)((?:\\\\+[A-Za-z0-9_.%-]+)*)\\\\))?$\": invalid argument\n";
    assert_eq!(
        place.fails("save --platform <invalid> hello-barge"),
        format!("invalid platform: \"<invalid>\" is an invalid OS component of \"<invalid>\": {component}")
    );
    assert_eq!(
        place.fails("save --platform linux/amd64,toaster hello-barge"),
        "invalid platform: \"toaster\": unknown operating system or architecture: invalid argument\n"
    );
    assert_eq!(
        place.fails("save --platform a/b/c/d hello-barge"),
        "invalid platform: \"a/b/c/d\": cannot parse platform specifier: invalid argument\n"
    );
    assert_eq!(
        place.fails("save --platform * hello-barge"),
        "invalid platform: \"*\": wildcards not yet supported: invalid argument\n"
    );
}

#[test]
fn an_empty_platform() {
    let place = Place::hello();
    let expected = "invalid platform: it is empty\n\
                    hint: give OS/ARCH, as in `linux/amd64`, or `host`, which is what this machine runs\n";
    for line in ["save --platform ''", "save --platform linux/amd64,", "history --platform ''"] {
        assert_eq!(place.fails(&format!("{line} hello-barge")), expected, "{line}");
    }
}

#[test]
fn a_terminal_is_refused() {
    let place = Place::hello();
    let refusal = "cowardly refusing to save to a terminal. Use the -o flag or redirect\n";
    for arguments in [&["save", "hello-barge"][..], &["save", "-o", "-", "hello-barge"], &["save", "gone"]] {
        let ran = on_terminal(place.command(arguments), Terminal::Stdout, 80);
        assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(1), "", refusal));
    }
}

#[test]
fn a_bad_platform_is_said_before_the_terminal() {
    let place = Place::hello();
    let command = place.command(&["save", "--platform", "toaster", "hello-barge"]);
    let ran = on_terminal(command, Terminal::Stdout, 80);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("invalid platform: "), "{}", ran.stderr);
}

#[test]
fn a_terminal_does_not_mind_a_dry_run_or_a_file() {
    let place = Place::hello();
    let ran = on_terminal(place.command(&["save", "--dry-run", "hello-barge"]), Terminal::Stdout, 80);
    assert_eq!(ran.code, Some(0));
    let ran = on_terminal(place.command(&["save", "-o", "a.tar", "hello-barge"]), Terminal::Stdout, 80);
    assert_eq!((ran.code, ran.out().as_str(), ran.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn what_is_left_out_of_all() {
    let place = Place::hello();
    place.ok("tag hello-barge example.org/team/app/web:1");
    place.ok("tag hello-barge example.org/team:1");
    let ran = place.run("save --all --exclude 'example.org/*' --exclude nothingsuch -o a.tar");
    let note = "note: --exclude nothingsuch leaves out nothing\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), note));
    assert_eq!(place.ok("archive ls a.tar --format {{.Repository}}"), "hello-barge\n");
}

#[test]
fn progress_in_lines() {
    let place = Place::hello();
    let size = place.saved("hello-barge").len();
    let ran = place.run("save --progress plain hello-barge");
    assert_eq!((ran.stdout.len(), ran.stderr.as_str()), (size, "Saving 28.67kB/28.67kB 100%\n"));
    let ran = place.run("save --progress json -o a.tar hello-barge");
    let line = format!("{{\"current\":{size},\"status\":\"Saving\",\"total\":{size}}}\n");
    assert_eq!((ran.out().as_str(), ran.stderr), ("", line));
}

/// A bar that was drawn, where the work took long, is gone in the end.
#[test]
fn nothing_stays_on_a_terminal() {
    let place = Place::hello();
    let command = place.command(&["save", "-o", "a.tar", "hello-barge"]);
    let drawn = on_terminal(command, Terminal::Stderr, 80).stderr;
    assert!(!drawn.contains('\n'), "{drawn:?}");
    let command = place.command(&["save", "--progress", "none", "-o", "a.tar", "hello-barge"]);
    assert_eq!(on_terminal(command, Terminal::Stderr, 80).stderr, "");
}
