//! What is expected of a peer, in words.

use anyhow::{Result, bail, ensure};

use crate::cases::{CASES, Case};

/// Lists of what a peer does otherwise, by case.
pub(crate) type Quirks<T> = &'static [&'static [(&'static str, T)]];

/// What the lists have about a case.
pub(crate) fn quirk<T: Copy>(quirks: Quirks<T>, case: &Case) -> Option<T> {
    quirks.iter().copied().flatten().find(|(what, _)| *what == case.what).map(|(_, quirk)| *quirk)
}

/// That the lists have nothing about a case that does not exist.
pub(crate) fn known<T>(quirks: Quirks<T>) -> Result<()> {
    for (what, _) in quirks.iter().copied().flatten() {
        ensure!(CASES.iter().any(|case| case.what == *what), "no case {what:?}");
    }
    Ok(())
}

/// That something failed and said these words.
pub(crate) fn refused<T>(result: Result<T>, words: &str) -> Result<()> {
    let Err(why) = result else { bail!("takes it, and does not say {words:?}") };
    let why = format!("{why:#}");
    ensure!(why.contains(words), "{why}\nand not {words:?}");
    Ok(())
}
