//! `GET /images/json`

use std::sync::Arc;

use barge_core::graph::Tree;
use barge_core::ops::{list as listings, usage};
use serde_json::Value;

use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::version::ApiVersion;
use crate::wire::{Sizes, summary};

const FILTERS: [&str; 7] = ["dangling", "label", "label!", "before", "since", "reference", "until"];

pub(crate) async fn list(service: Arc<Service>, call: Call) -> Result<Answer> {
    let (version, query) = (call.version, call.query);
    // `until` came last, in 1.44.
    let known =
        if version < ApiVersion(1, 44) { FILTERS.split_at(FILTERS.len() - 1).0 } else { &FILTERS[..] };
    let filters = query.image_filters(known)?;
    let manifests = version >= ApiVersion(1, 47) && query.is_set("manifests");
    let shared = version >= ApiVersion(1, 42) && query.is_set("shared-size");
    if version >= ApiVersion(1, 54) && query.is_set("identity") && !manifests {
        return Err(Fault::bad("conflicting options: identity requires manifests=1"));
    }
    service
        .work(move |service| {
            let store = service.store();
            let (listings, damaged) = listings(&store, &filters)?;
            damaged.iter().for_each(|error| tracing::warn!(%error, "an image cannot be read"));
            let sizes = if shared { Some(Sizes::from(&usage(&store)?)) } else { None };
            let summaries = listings.iter().map(|listing| {
                // An image that cannot be read has been told of.
                let tree = || Tree::walk(&store, &listing.target).ok();
                let tree = if manifests { tree() } else { None };
                summary(listing, tree.as_ref(), sizes.as_ref(), version)
            });
            Answer::json(&summaries.collect::<Vec<Value>>())
        })
        .await
}
