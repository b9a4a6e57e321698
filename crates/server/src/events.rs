//! What happens to images, told to whoever listens and kept for a while for those who ask late.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use barge_core::ops::time;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::ACCEPT;
use jiff::{Timestamp, Zoned};
use serde_json::{Map, Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

use crate::fault::{Fault, Result};
use crate::query::Query;
use crate::version::ApiVersion;

/// How many events are kept, as docker does.
const KEPT: usize = 256;
/// How far a slow listener may fall behind before it misses some.
const QUEUE: usize = 1024;

/// Something that happened to an image.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) action: &'static str,
    /// The image's ID, or its name for `pull` and `push`; empty for what is about none.
    id: String,
    /// `name`, and the image's labels.
    attributes: Map<String, Value>,
    at: Timestamp,
}

/// The events of one server.
pub(crate) struct Events {
    kept: Mutex<VecDeque<Arc<Event>>>,
    sender: Sender<Arc<Event>>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::default(), sender: channel(QUEUE).0 }
    }

    /// Tells that `action` was done to the image `id`, which goes by `name`.
    pub(crate) fn tell(&self, action: &'static str, id: &str, name: &str) {
        self.tell_with(action, id, Map::from_iter([("name".to_owned(), name.into())]));
    }

    pub(crate) fn tell_with(&self, action: &'static str, id: &str, attributes: Map<String, Value>) {
        let event = Arc::new(Event { action, id: id.to_owned(), attributes, at: Timestamp::now() });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Arc::clone(&event));
        // Nobody listens: nobody is told.
        let _ = self.sender.send(event);
    }

    /// Those that are kept, and those to come, without a gap between them.
    fn subscribe(&self) -> (Vec<Arc<Event>>, Receiver<Arc<Event>>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.iter().cloned().collect(), self.sender.subscribe())
    }
}

/// What one client wants to hear, and how.
pub(crate) struct Listener {
    past: std::vec::IntoIter<Arc<Event>>,
    coming: Receiver<Arc<Event>>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    filters: Vec<(String, Vec<String>)>,
    notation: Notation,
    legacy: bool,
}

/// How events are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notation {
    /// One object a line.
    Lines(&'static str),
    /// RFC 7464.
    Sequence,
}

impl Notation {
    /// What the client would like, among what this version knows.
    fn of(headers: &HeaderMap, version: ApiVersion) -> Self {
        let plain = Self::Lines("application/json");
        let Some(accept) = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()) else { return plain };
        let accepted = accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim());
        for accepted in accepted {
            match accepted {
                "application/json-seq" if version >= ApiVersion(1, 52) => return Self::Sequence,
                "application/x-ndjson" if version >= ApiVersion(1, 52) => {
                    return Self::Lines("application/x-ndjson");
                }
                "application/jsonl" if version >= ApiVersion(1, 53) => {
                    return Self::Lines("application/jsonl");
                }
                "application/json" | "*/*" => return plain,
                _ => {}
            }
        }
        plain
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Lines(content_type) => content_type,
            Self::Sequence => "application/json-seq",
        }
    }
}

impl Listener {
    pub(crate) fn new(
        events: &Events,
        query: &Query,
        headers: &HeaderMap,
        version: ApiVersion,
    ) -> Result<Self> {
        let now = Zoned::now();
        let bound = |name: &str| -> Result<Option<Timestamp>> {
            let text = query.get(name);
            if text.is_empty() {
                return Ok(None);
            }
            let invalid = || {
                let text = barge_core::error::printable(text);
                Fault::bad(format!("failed to parse value as time or duration: {text:?}"))
            };
            time(text, &now).map(Some).ok_or_else(invalid)
        };
        let (since, until) = (bound("since")?, bound("until")?);
        if let (Some(since), Some(until)) = (since, until)
            && since > until
        {
            let (since, until) = (query.get("since"), query.get("until"));
            return Err(Fault::bad(format!("`since` time ({since}) cannot be after `until` time ({until})")));
        }
        let (past, coming) = events.subscribe();
        Ok(Self {
            past: if since.is_some() || until.is_some() { past } else { Vec::new() }.into_iter(),
            coming,
            since,
            until,
            filters: query.filters()?.into_iter().collect(),
            notation: Notation::of(headers, version),
            legacy: version < ApiVersion(1, 52),
        })
    }

    pub(crate) fn notation(&self) -> Notation {
        self.notation
    }

    /// The next event as it is sent; `None` when there are to be no more.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        loop {
            let event = match self.past.next() {
                Some(event) => event,
                None => self.coming().await?,
            };
            let early = self.since.is_some_and(|since| event.at < since);
            if self.until.is_some_and(|until| event.at > until) {
                continue;
            }
            if !early && self.wants(&event) {
                return Some(self.written(&event));
            }
        }
    }

    async fn coming(&mut self) -> Option<Arc<Event>> {
        let Some(until) = self.until else { return received(&mut self.coming).await };
        // It is over when nothing is left.
        let left = Timestamp::now().duration_until(until).try_into().ok()?;
        tokio::time::timeout(left, received(&mut self.coming)).await.ok().flatten()
    }

    fn wants(&self, event: &Event) -> bool {
        self.filters.iter().all(|(key, values)| {
            values.is_empty()
                || values.iter().any(|value| match key.as_str() {
                    "type" => value == "image",
                    "event" | "action" => value == event.action,
                    "scope" => value == "local",
                    "image" => {
                        let name = event.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
                        let bare = name.rsplit_once(':').map_or(name, |(bare, _)| bare);
                        [event.id.as_str(), name, bare].contains(&value.as_str())
                    }
                    "label" => {
                        let (label, wanted) =
                            value.split_once('=').map_or((value.as_str(), None), |(k, v)| (k, Some(v)));
                        event.attributes.get(label).is_some_and(|has| wanted.is_none_or(|w| has == w))
                    }
                    // Containers, networks and the like: nothing happens to them here.
                    _ => false,
                })
        })
    }

    fn written(&self, event: &Event) -> Bytes {
        let mut object = json!({
            "Type": "image",
            "Action": event.action,
            "Actor": {"ID": event.id, "Attributes": event.attributes},
            "scope": "local",
            "time": event.at.as_second(),
            "timeNano": i64::try_from(event.at.as_nanosecond()).unwrap_or(i64::MAX),
        });
        if let (true, Value::Object(object)) = (self.legacy, &mut object) {
            object.insert("status".to_owned(), event.action.into());
            if !event.id.is_empty() {
                object.insert("id".to_owned(), event.id.clone().into());
            }
        }
        let start = if self.notation == Notation::Sequence { "\u{1e}" } else { "" };
        format!("{start}{object}\n").into()
    }
}

/// The next event; what a slow listener has missed it has missed.
async fn received(coming: &mut Receiver<Arc<Event>>) -> Option<Arc<Event>> {
    loop {
        match coming.recv().await {
            Ok(event) => return Some(event),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}
