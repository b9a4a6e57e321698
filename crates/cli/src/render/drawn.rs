//! What is drawn on the terminal at this moment, so that a signal leaves it as the end of the work would.

use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

use crate::cmd::say;

static DRAWN: Mutex<Option<Drawn>> = Mutex::new(None);

/// Something on the standard error.
pub(super) enum Drawn {
    /// A bar that is gone in the end.
    Bar(ProgressBar),
    /// Lines that stay.
    Lines(MultiProgress),
}

/// From now on this is drawn.
pub(super) fn begin(drawn: Drawn) {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = Some(drawn);
}

/// Whoever drew is done.
pub(super) fn end() {
    *DRAWN.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

/// Ends what is drawn, whoever is at it: nothing more is, and the next line is free.
pub(crate) fn leave() {
    match DRAWN.lock().unwrap_or_else(PoisonError::into_inner).take() {
        Some(Drawn::Bar(bar)) => bar.finish_and_clear(),
        Some(Drawn::Lines(lines)) => {
            lines.set_draw_target(ProgressDrawTarget::hidden());
            say("");
        }
        None => {}
    }
}
