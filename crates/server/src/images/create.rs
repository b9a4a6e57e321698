//! `POST /images/create`: from a registry, or from the tar of a root file system.

use std::sync::Arc;

use barge_oci::Reference;
use hyper::StatusCode;

use super::{import, pull};
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;

/// The name of what is not there.
const RESERVED: &str = "scratch";

pub(crate) async fn create(service: Arc<Service>, call: Call) -> Result<Answer> {
    let image = call.query.get("fromImage").trim_end_matches(':').to_owned();
    if image.is_empty() {
        return import::import(service, call).await;
    }
    if Reference::parse(&image).is_ok_and(|name| name.familiar_name() == RESERVED) {
        return Err(Fault::new(StatusCode::FORBIDDEN, format!("'{RESERVED}' is a reserved name")));
    }
    pull::pull(service, call, image).await
}
