//! `POST /images/load`: the answer is 200 whatever happens, and says line by line what did.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use barge_core::ops::{LoadOptions, Loaded, Source, stage};
use barge_core::progress::Progress;
use barge_oci::Reference;
use serde_json::json;

use crate::call::{Answer, Call};
use crate::fault::Result;
use crate::service::{Service, now};
use crate::transfer::Lines;

/// How often a client is told how far it is.
pub(super) const OFTEN: Duration = Duration::from_millis(100);

pub(crate) async fn load(service: Arc<Service>, call: Call) -> Result<Answer> {
    let platforms = call.query.platforms(call.version)?;
    let quiet = !call.query.has("quiet") || call.query.is_set("quiet");
    let mut upload = call.upload(&service);
    let work = move |service: &Service, lines: &Lines| {
        let options = LoadOptions { platforms, ..LoadOptions::default() };
        let loaded = loaded(service, &mut upload, &options, (!quiet).then_some(lines));
        match loaded {
            Ok(loaded) => report(service, &loaded, lines),
            Err(fault) => {
                tracing::warn!(error = fault.logged(), "a load failed");
                lines.say(&fault.line());
                upload.drain();
            }
        }
        Ok(())
    };
    service.lines(work).await
}

fn loaded(
    service: &Service,
    input: &mut dyn Read,
    options: &LoadOptions,
    lines: Option<&Lines>,
) -> Result<Loaded> {
    let progress = Loading { lines: lines.cloned(), state: Mutex::new((0, Instant::now())) };
    Ok(stage(&service.store(), Source::Stream(input), options, &progress)?.commit(&now())?)
}

fn report(service: &Service, loaded: &Loaded, lines: &Lines) {
    for image in &loaded.images {
        let id = image.digest.to_string();
        service.events.tell("load", &id, &id);
        let said = match image.name.as_ref().map(Reference::familiar) {
            Some(name) => format!("Loaded image: {name}\n"),
            None => format!("Loaded image ID: {id}\n"),
        };
        lines.say(&json!({"stream": said}));
    }
    loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
}

/// Tells how many bytes came in.
struct Loading {
    lines: Option<Lines>,
    state: Mutex<(u64, Instant)>,
}

impl Progress for Loading {
    fn start(&self, _total: Option<u64>) {}

    fn add(&self, bytes: u64) {
        let Some(lines) = &self.lines else { return };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += bytes;
        if state.1.elapsed() >= OFTEN {
            state.1 = Instant::now();
            lines.offer(
                &json!({"status": "Loading", "progressDetail": {"current": state.0}, "id": "archive"}),
            );
        }
    }
}
