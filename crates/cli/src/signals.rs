//! SIGINT, SIGTERM and SIGHUP: temporary files go, the terminal is as it was, and the signal ends the process after all,
//! so that a shell's loop ends with it.

use std::io;
use std::sync::mpsc::channel;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::render::drawn;

/// How long a terminal may take to be tidied up.
const PATIENCE: Duration = Duration::from_millis(500);

/// From now on a signal removes what must not stay behind, and ends the process as it would have done by itself;
/// `by_code`: with 128 + its number, for whoever looks at codes alone.
pub(crate) fn watch(by_code: bool) -> io::Result<()> {
    let mut watched = vec![SIGINT, SIGTERM];
    // Whoever started this with `nohup` wants it to go on.
    watched.extend((!hangups_are_ignored()).then_some(SIGHUP));
    let mut signals = Signals::new(watched)?;
    std::thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            barge_core::cleanup::remove_all();
            tidy_up();
            if !by_code {
                // It does not come back; should it fail, the code says the same.
                let _ = emulate_default_handler(signal);
            }
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// Takes a bar off the terminal. One that takes nothing more does not hold up the end.
fn tidy_up() {
    let (done, tidy) = channel::<()>();
    let started = std::thread::Builder::new().spawn(move || {
        drawn::leave();
        drop(done);
    });
    if started.is_ok() {
        let _ = tidy.recv_timeout(PATIENCE);
    }
}

/// Whether SIGHUP is ignored; where the system does not tell, it is left alone.
fn hangups_are_ignored() -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return true };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_none_or(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}
