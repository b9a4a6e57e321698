//! Progress on stderr: a bar for people, lines for logs, JSON for programs.

use std::io::{IsTerminal, stderr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use barge_core::progress::{Progress, Silent};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::drawn::{self, Drawn};
use super::size::human_size;
use crate::args::ProgressMode;
use crate::cmd::say;

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(300);
const LINE_EVERY: Duration = Duration::from_secs(1);
pub(super) const JSON_EVERY: Duration = Duration::from_millis(200);

/// A progress display; dropped, it is gone from the screen.
pub(crate) fn new(mode: ProgressMode, verb: &'static str) -> Box<dyn Progress> {
    match mode {
        ProgressMode::None => Box::new(Silent),
        ProgressMode::Auto if !stderr().is_terminal() || dumb() => Box::new(Silent),
        ProgressMode::Auto => Box::new(Bar::new(verb)),
        ProgressMode::Plain => Box::new(Lines::new(verb, false)),
        ProgressMode::Json => Box::new(Lines::new(verb, true)),
    }
}

pub(super) fn dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|t| t == "dumb")
}

struct Bar {
    bar: ProgressBar,
    verb: &'static str,
    began: Instant,
}

impl Bar {
    fn new(verb: &'static str) -> Self {
        let bar = ProgressBar::hidden();
        drawn::begin(Drawn::Bar(bar.clone()));
        Self { bar, verb, began: Instant::now() }
    }
}

impl Progress for Bar {
    fn start(&self, total: Option<u64>) {
        let template = match total {
            Some(_) => {
                "{msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left"
            }
            None => "{msg} {spinner} {decimal_bytes}  {decimal_bytes_per_sec}",
        };
        // The templates above are known to be right.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar.set_style(style.progress_chars("=> "));
        self.bar.set_message(self.verb);
        self.bar.set_length(total.unwrap_or_default());
    }

    fn add(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.bar.is_hidden() && self.began.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        drawn::end();
    }
}

/// One line now and then, and one at the end of what was begun.
struct Lines {
    verb: &'static str,
    json: bool,
    begun: AtomicBool,
    current: AtomicU64,
    total: AtomicU64,
    last: Mutex<Instant>,
}

impl Lines {
    fn new(verb: &'static str, json: bool) -> Self {
        Self {
            verb,
            json,
            begun: AtomicBool::new(false),
            current: AtomicU64::new(0),
            total: AtomicU64::new(0),
            last: Mutex::new(Instant::now()),
        }
    }

    fn line(&self) {
        let (current, total) = (self.current.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if self.json {
            let status = self.verb;
            say(&serde_json::json!({"status": status, "current": current, "total": total}).to_string());
            return;
        }
        let done = human_size(current, 4);
        match (current * 100).checked_div(total) {
            Some(percent) => say(&format!("{} {done}/{} {percent}%", self.verb, human_size(total, 4))),
            None => say(&format!("{} {done}", self.verb)),
        }
    }
}

impl Progress for Lines {
    fn start(&self, total: Option<u64>) {
        self.begun.store(true, Ordering::Relaxed);
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
    }

    fn add(&self, bytes: u64) {
        self.begun.store(true, Ordering::Relaxed);
        self.current.fetch_add(bytes, Ordering::Relaxed);
        let every = if self.json { JSON_EVERY } else { LINE_EVERY };
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.elapsed() >= every {
            *last = Instant::now();
            self.line();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if *self.begun.get_mut() {
            self.line();
        }
    }
}
