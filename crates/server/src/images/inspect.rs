//! `GET /images/{name}/json`

use std::sync::Arc;

use barge_core::graph::Tree;
use barge_core::ops::inspect as look;
use barge_core::resolve::one;

use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::version::ApiVersion;
use crate::wire::{ImageInspect, manifests};

pub(crate) async fn inspect(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    let version = call.version;
    let platform = call.query.platform(version, ApiVersion(1, 49))?;
    let with_manifests = version >= ApiVersion(1, 48) && call.query.is_set("manifests");
    if with_manifests && platform.is_some() {
        return Err(Fault::bad("conflicting options: manifests and platform options cannot both be set"));
    }
    service
        .work(move |service| {
            let store = service.store();
            let inspected = look(&store, &store.images()?, &name, platform.as_ref())?;
            let mut told = ImageInspect::new(inspected, version);
            if with_manifests {
                let image = one(&store.images()?, &name)?.image;
                told.manifests = Some(manifests(&Tree::walk(&store, &image.target)?));
            }
            Answer::json(&told)
        })
        .await
}
