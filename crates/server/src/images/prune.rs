//! `POST /images/prune`

use std::collections::BTreeMap;
use std::sync::{Arc, TryLockError};

use barge_core::ops::{Removed, prune as clear};
use barge_core::store::Freed;
use hyper::StatusCode;
use serde_json::{Map, json};

use super::remove::told;
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;

const FILTERS: [&str; 4] = ["dangling", "label", "label!", "until"];

/// Removes nameless images, or with `dangling=false` every one, as nothing runs here that could use them.
pub(crate) async fn prune(service: Arc<Service>, call: Call) -> Result<Answer> {
    let mut filters = call.query.image_filters(&FILTERS)?;
    let all = filters.dangling.take() == Some(false);
    service
        .work(move |service| {
            let _one = match service.pruning.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    return Err(Fault::new(StatusCode::CONFLICT, "a prune operation is already running"));
                }
                held => held,
            };
            let (removed, freed) = clear(&service.store(), all, &filters)?;
            let freed = freed.unwrap_or_else(|error| {
                tracing::error!(%error, "the garbage could not be collected");
                Freed::default()
            });
            let mut names = Vec::new();
            for one in removed.iter().cloned() {
                let digest =
                    if let Removed::Deleted(digest) = &one { Some(digest.to_string()) } else { None };
                names.push(one);
                if let Some(id) = digest {
                    service.tell_removed(&std::mem::take(&mut names), &id, &BTreeMap::new());
                }
            }
            let reclaimed = freed.bytes.to_string();
            service.events.tell_with(
                "prune",
                "",
                Map::from_iter([("reclaimed".to_owned(), reclaimed.into())]),
            );
            let deleted = (!removed.is_empty()).then(|| told(&removed));
            Answer::json(&json!({"ImagesDeleted": deleted, "SpaceReclaimed": freed.bytes}))
        })
        .await
}
