//! What a client is told of blobs on their way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use barge_core::progress::Transfers;
use barge_oci::{Descriptor, Digest, media_type};
use serde_json::{Value, json};

use super::load::OFTEN;
use crate::transfer::Lines;
use crate::wire::Words;

/// Tells of layers as docker does; of configs it says nothing.
pub(super) struct Told<'a> {
    lines: &'a Lines,
    words: Words,
    moved: Mutex<HashMap<Digest, (u64, Instant)>>,
}

impl<'a> Told<'a> {
    pub(super) fn new(lines: &'a Lines, words: Words) -> Self {
        Self { lines, words, moved: Mutex::default() }
    }

    fn say(&self, blob: &Descriptor, status: &str, detail: &Value) {
        if media_type::is_layer(&blob.media_type) {
            let id = blob.digest.short();
            self.lines.say(&json!({"status": status, "progressDetail": detail, "id": id}));
        }
    }
}

impl Transfers for Told<'_> {
    fn begin(&self, blob: &Descriptor) {
        self.say(blob, self.words.begins, &json!({}));
    }

    fn exists(&self, blob: &Descriptor) {
        self.say(blob, self.words.exists, &json!({}));
    }

    fn mounted(&self, blob: &Descriptor, from: &str) {
        let from = from.rsplit('/').next().unwrap_or(from);
        self.say(blob, &format!("Mounted from {from}"), &json!({}));
    }

    fn advance(&self, blob: &Descriptor, bytes: u64) {
        let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let (current, last) = moved.entry(blob.digest).or_insert_with(|| (0, Instant::now()));
        *current += bytes;
        if last.elapsed() >= OFTEN && media_type::is_layer(&blob.media_type) {
            *last = Instant::now();
            let detail = json!({"current": current, "total": blob.size});
            let (status, id) = (self.words.moves, blob.digest.short());
            self.lines.offer(&json!({"status": status, "progressDetail": detail, "id": id}));
        }
    }

    fn done(&self, blob: &Descriptor) {
        self.say(blob, self.words.done, &json!({"hidecounts": true}));
    }
}
