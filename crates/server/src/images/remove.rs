//! `DELETE /images/{name}`

use std::collections::BTreeMap;
use std::sync::Arc;

use barge_core::ops::{RemoveOptions, Removed, inspect, remove as take_away};
use serde_json::{Map, Value, json};

use crate::call::{Answer, Call};
use crate::fault::Result;
use crate::service::Service;

pub(crate) async fn remove(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    let options = RemoveOptions {
        force: call.query.is_set("force"),
        no_prune: call.query.is_set("noprune"),
        platforms: call.query.removed_platforms(call.version)?,
    };
    service
        .work(move |service| {
            let image = known(service, &name);
            let removed = take_away(&service.store(), &name, &options)?;
            if removed.iter().any(|r| matches!(r, Removed::Deleted(_)))
                && let Err(error) = service.store().gc()
            {
                // The names are gone, and that is what was asked for.
                tracing::error!(%error, "the garbage could not be collected");
            }
            let id = image.as_ref().map_or(String::new(), |image| image.id.clone());
            let labels = image.map(|image| image.labels).unwrap_or_default();
            service.tell_removed(&removed, &id, &labels);
            Answer::json(&told(&removed))
        })
        .await
}

/// What was removed, as the API tells it.
pub(super) fn told(removed: &[Removed]) -> Vec<Value> {
    let one = |removed: &Removed| match removed {
        Removed::Untagged(name) => json!({"Untagged": name}),
        Removed::Deleted(digest) => json!({"Deleted": digest}),
    };
    removed.iter().map(one).collect()
}

/// What events tell of an image.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) labels: BTreeMap<String, String>,
}

/// An image as events tell it; `None` if there is none, or none that can be read.
pub(super) fn known(service: &Service, name: &str) -> Option<Known> {
    let store = service.store();
    let found = inspect(&store, &store.images().ok()?, name, None).ok()?;
    let (id, labels) = (found.root.to_string(), found.config.map(|c| c.labels()).unwrap_or_default());
    Some(Known { id, labels })
}

impl Service {
    /// Tells of an image with its labels.
    pub(super) fn tell_labelled(
        &self,
        action: &'static str,
        id: &str,
        name: &str,
        labels: BTreeMap<String, String>,
    ) {
        let mut attributes: Map<String, Value> =
            labels.into_iter().map(|(key, value)| (key, value.into())).collect();
        attributes.insert("name".to_owned(), name.into());
        self.events.tell_with(action, id, attributes);
    }

    /// Tells of names that are gone, and of the image they were of.
    pub(super) fn tell_removed(&self, removed: &[Removed], id: &str, labels: &BTreeMap<String, String>) {
        let mut last = id.to_owned();
        for removed in removed {
            match removed {
                Removed::Untagged(name) => {
                    self.tell_labelled("untag", id, name, labels.clone());
                    last.clone_from(name);
                }
                Removed::Deleted(digest) => {
                    self.tell_labelled("delete", &digest.to_string(), &last, labels.clone());
                }
            }
        }
    }
}
