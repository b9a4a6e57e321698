//! `GET /images/{name}/history`

use std::sync::Arc;

use barge_core::ops::history as steps;
use barge_core::resolve::one;
use barge_oci::Reference;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::fault::Result;
use crate::service::Service;
use crate::version::ApiVersion;

pub(crate) async fn history(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    let platform = call.query.platform(call.version, ApiVersion(1, 48))?;
    service
        .work(move |service| {
            let store = service.store();
            let images = store.images()?;
            let digest = one(&images, &name)?.image.target.digest;
            let names = images.iter().filter(|i| i.target.digest == digest).filter_map(|i| i.name.as_ref());
            let tags: Vec<String> = names.filter(|n| n.tag().is_some()).map(Reference::familiar).collect();
            let told = steps(&store, &name, platform.as_ref())?.into_iter().map(|step| {
                json!({
                    "Comment": step.comment,
                    "Created": step.created.map_or(0, Timestamp::as_second),
                    "CreatedBy": step.created_by,
                    "Id": step.id.map_or_else(|| "<missing>".to_owned(), |id| id.to_string()),
                    "Size": step.size,
                    "Tags": step.id.filter(|_| !tags.is_empty()).map(|_| &tags),
                })
            });
            Answer::json(&told.collect::<Vec<Value>>())
        })
        .await
}
