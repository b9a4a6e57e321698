//! Blobs on their way: docker's lines where nobody watches, bars where somebody does.

use std::collections::HashMap;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use barge_core::progress::Transfers;
use barge_oci::{Descriptor, Digest, media_type};
use barge_server::wire::Words;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::drawn::{self, Drawn};
use super::progress::{JSON_EVERY, dumb};
use crate::args::ProgressMode;
use crate::cmd::say;

/// Bars on the standard error if that is a terminal, docker's lines on the standard output if that is none.
pub(crate) fn new(words: Words, mode: ProgressMode) -> Box<dyn Transfers> {
    let mut displays: Vec<Box<dyn Transfers>> = Vec::new();
    let bars = mode == ProgressMode::Auto && stderr().is_terminal() && !dumb();
    if bars {
        displays.push(Box::new(Bars::new(words)));
    }
    if mode == ProgressMode::Json {
        displays.push(Box::new(Json { words, moved: Mutex::default() }));
    }
    if mode != ProgressMode::None && !(bars && stdout().is_terminal()) {
        displays.push(Box::new(Lines(words)));
    }
    Box::new(Displays(displays))
}

/// Any number of displays.
struct Displays(Vec<Box<dyn Transfers>>);

impl Transfers for Displays {
    fn begin(&self, blob: &Descriptor) {
        self.0.iter().for_each(|display| display.begin(blob));
    }

    fn exists(&self, blob: &Descriptor) {
        self.0.iter().for_each(|display| display.exists(blob));
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        self.0.iter().for_each(|display| display.mounted(blob, from));
    }

    fn advance(&self, blob: &Descriptor, bytes: u64) {
        self.0.iter().for_each(|display| display.advance(blob, bytes));
    }

    fn done(&self, blob: &Descriptor) {
        self.0.iter().for_each(|display| display.done(blob));
    }
}

/// One JSON object a line on the standard error: `id`, `status`, and how far it has come.
struct Json {
    words: Words,
    moved: Mutex<HashMap<Digest, (u64, Instant)>>,
}

impl Json {
    fn say(blob: &Descriptor, status: &str, current: u64) {
        let (id, total) = (blob.digest.to_string(), blob.size);
        say(&serde_json::json!({"id": id, "status": status, "current": current, "total": total}).to_string());
    }
}

impl Transfers for Json {
    fn begin(&self, blob: &Descriptor) {
        Self::say(blob, self.words.begins, 0);
    }

    fn exists(&self, blob: &Descriptor) {
        Self::say(blob, self.words.exists, blob.size);
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        Self::say(blob, &format!("Mounted from {from}"), blob.size);
    }

    fn advance(&self, blob: &Descriptor, bytes: u64) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let (current, last) = moved.entry(blob.digest).or_insert_with(|| (0, Instant::now()));
        *current += bytes;
        if last.elapsed() >= JSON_EVERY {
            *last = Instant::now();
            Self::say(blob, self.words.moves, *current);
        }
    }

    fn done(&self, blob: &Descriptor) {
        Self::say(blob, self.words.done, blob.size);
    }
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
    fn new(words: Words) -> Self {
        let all = MultiProgress::new();
        drawn::begin(Drawn::Lines(all.clone()));
        Self { words, all, bars: Mutex::default() }
    }

    /// A line for a layer that says this.
    fn add(&self, blob: &Descriptor, status: &str) {
        if media_type::is_layer(&blob.media_type) {
            let bar = self.all.add(ProgressBar::new(blob.size));
            bar.set_prefix(blob.digest.short());
            Self::say(&bar, status);
            self.bars.lock().unwrap_or_else(PoisonError::into_inner).insert(blob.digest, bar);
        }
    }

    fn with(&self, blob: &Descriptor, tell: impl FnOnce(&ProgressBar)) {
        if let Some(bar) = self.bars.lock().unwrap_or_else(PoisonError::into_inner).get(&blob.digest) {
            tell(bar);
        }
    }

    fn say(bar: &ProgressBar, status: &str) {
        Self::style(bar, "{prefix}: {msg}");
        bar.set_message(status.to_owned());
    }

    fn style(bar: &ProgressBar, template: &str) {
        // The templates here are known to be right.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.set_style(style.progress_chars("=> "));
    }

    /// Says this, and nothing more.
    fn finish(&self, blob: &Descriptor, status: &str) {
        self.with(blob, |bar| {
            Self::say(bar, status);
            bar.finish();
        });
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        drawn::end();
    }
}

impl Transfers for Bars {
    fn begin(&self, blob: &Descriptor) {
        self.add(blob, self.words.begins);
    }

    fn exists(&self, blob: &Descriptor) {
        self.add(blob, "");
        self.finish(blob, self.words.exists);
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        self.add(blob, "");
        self.finish(blob, &format!("Mounted from {from}"));
    }

    fn advance(&self, blob: &Descriptor, bytes: u64) {
        self.with(blob, |bar| {
            if bar.message().is_empty() {
                bar.inc(bytes);
                return;
            }
            // Its turn has come: rates count from now, and not what came in another run.
            Self::style(
                bar,
                &format!(
                    "{{prefix}}: {} [{{bar:30}}] {{decimal_bytes}}/{{decimal_total_bytes}}  {{decimal_bytes_per_sec}}  {{eta}} left",
                    self.words.moves
                ),
            );
            bar.set_message("");
            bar.set_position(bytes);
            bar.reset_eta();
            bar.reset_elapsed();
        });
    }

    fn done(&self, blob: &Descriptor) {
        self.finish(blob, self.words.done);
    }
}
