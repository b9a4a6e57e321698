//! Where texts go: to nobody, and to a terminal, which they cannot upset.

use super::common::{Place, Ran, Terminal, on_terminal};

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
