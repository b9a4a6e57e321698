//! `POST /images/create`: from a registry, or from the tar of a root file system.

use std::sync::Arc;

use hyper::StatusCode;

use super::{import, pull};
use crate::fault::{Fault, Result};
use crate::service::{Answer, Call, Service};

/// The name of what is not there.
const RESERVED: &str = "scratch";

pub(crate) async fn create(service: Arc<Service>, call: Call) -> Result<Answer> {
    let image = call.query.get("fromImage").trim_end_matches(':').to_owned();
    if image.is_empty() {
        return import::import(service, call).await;
    }
    if image == RESERVED || image.ends_with("/library/scratch") {
        return Err(Fault::new(StatusCode::FORBIDDEN, format!("'{RESERVED}' is a reserved name")));
    }
    pull::pull(service, call, image).await
}
