//! Terminals: barge with a pseudo-terminal for some of its standard streams.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::Ran;

/// Which of the standard streams are a terminal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Terminal {
    Stdin,
    Stdout,
    Stderr,
}

/// Runs `command` with one stream on a terminal of so many columns and the others on pipes; what appeared on
/// the terminal is in the place of its stream.
pub(crate) fn on_terminal(mut command: Command, which: Terminal, columns: u16) -> Ran {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let no_control = OFlags::NOCTTY.bits().cast_signed();
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(no_control);
    let slave = options.open(OsStr::from_bytes(name.as_bytes())).unwrap();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&slave, size).unwrap();

    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match which {
        Terminal::Stdin => command.stdin(slave),
        Terminal::Stdout => command.stdout(slave),
        Terminal::Stderr => command.stderr(slave),
    };
    let child = command.spawn().unwrap();
    // The terminal ends when the last of its holders lets go.
    drop(command);
    let seen = std::thread::spawn(move || {
        let (mut master, mut seen, mut buffer) = (std::fs::File::from(master), Vec::new(), [0; 4096]);
        while let Ok(n @ 1..) = master.read(&mut buffer) {
            seen.extend(buffer.iter().take(n).filter(|b| **b != b'\r'));
        }
        seen
    });
    let mut ran = Ran::from(child.wait_with_output().unwrap());
    let seen = seen.join().unwrap();
    match which {
        Terminal::Stdin => {}
        Terminal::Stdout => ran.stdout = seen,
        Terminal::Stderr => ran.stderr = String::from_utf8_lossy(&seen).into_owned(),
    }
    ran
}
