//! Blobs on their way: docker's lines where nobody watches, bars where somebody does.

use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};

use barge_core::progress::Transfers;
use barge_oci::{Descriptor, Digest, media_type};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// What docker calls the steps of a transfer.
#[derive(Clone, Copy)]
pub(crate) struct Words {
    begins: &'static str,
    moves: &'static str,
    exists: &'static str,
    done: &'static str,
}

pub(crate) const PULL: Words = Words {
    begins: "Pulling fs layer",
    moves: "Downloading",
    exists: "Already exists",
    done: "Download complete",
};
pub(crate) const PUSH: Words =
    Words { begins: "Waiting", moves: "Pushing", exists: "Layer already exists", done: "Pushed" };

/// A display for this terminal, or for none.
pub(crate) fn new(words: Words) -> Box<dyn Transfers> {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if stderr().is_terminal() && stdout().is_terminal() && !dumb {
        return Box::new(Bars { words, all: MultiProgress::new(), bars: Mutex::default() });
    }
    Box::new(Lines(words))
}

/// What docker says of a layer when its output is no terminal; nothing of configs.
struct Lines(Words);

impl Lines {
    fn say(blob: &Descriptor, status: &str) {
        if media_type::is_layer(&blob.media_type) {
            // A reader that went away is told nothing more; the command says so in the end.
            let _ = writeln!(stdout(), "{}: {status}", blob.digest.short());
        }
    }
}

impl Transfers for Lines {
    fn begin(&self, blob: &Descriptor) {
        Self::say(blob, self.0.begins);
    }

    fn exists(&self, blob: &Descriptor) {
        Self::say(blob, self.0.exists);
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        Self::say(blob, &format!("Mounted from {from}"));
    }

    fn advance(&self, _blob: &Descriptor, _bytes: u64) {}

    fn done(&self, blob: &Descriptor) {
        Self::say(blob, self.0.done);
    }
}

/// A line a layer, and a bar in it while it moves.
struct Bars {
    words: Words,
    all: MultiProgress,
    bars: Mutex<HashMap<Digest, ProgressBar>>,
}

impl Bars {
    fn add(&self, blob: &Descriptor, template: &str) -> ProgressBar {
        let bar = self.all.add(ProgressBar::new(blob.size));
        // The templates here are known to be right.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
        bar.set_prefix(blob.digest.short());
        bar
    }

    fn with(&self, blob: &Descriptor, tell: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(&blob.digest) {
            tell(bar);
        }
    }

    fn finished(bar: &ProgressBar, status: &str) {
        let style = ProgressStyle::with_template("{prefix}: {msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.finish_with_message(status.to_owned());
    }
}

impl Transfers for Bars {
    fn begin(&self, blob: &Descriptor) {
        let template = format!(
            "{{prefix}}: {} [{{bar:30}}] {{decimal_bytes}}/{{decimal_total_bytes}}  {{decimal_bytes_per_sec}}  {{eta}} left",
            self.words.moves
        );
        let bar = self.add(blob, &template);
        self.bars.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.digest, bar);
    }

    fn exists(&self, blob: &Descriptor) {
        Self::finished(&self.add(blob, "{prefix}: {msg}"), self.words.exists);
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        Self::finished(&self.add(blob, "{prefix}: {msg}"), &format!("Mounted from {from}"));
    }

    fn advance(&self, blob: &Descriptor, bytes: u64) {
        self.with(blob, |bar| bar.inc(bytes));
    }

    fn done(&self, blob: &Descriptor) {
        self.with(blob, |bar| Self::finished(bar, self.words.done));
    }
}
