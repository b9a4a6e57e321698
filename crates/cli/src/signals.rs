//! SIGINT and SIGTERM: temporary files go, the exit code is docker's.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// From now on a signal removes what must not stay behind and ends the process with 128 + its number.
pub(crate) fn watch() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            barge_core::cleanup::remove_all();
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}
