//! `POST /images/{name}/tag`

use std::sync::Arc;

use barge_core::ops::tag as give;
use barge_oci::Reference;
use hyper::StatusCode;

use super::remove::{Known, known};
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::{Service, now};

/// Gives an image another name. Without a name nothing is done, and 200 said, as docker does.
pub(crate) async fn tag(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    let (repository, tag) = (call.query.get("repo").to_owned(), call.query.get("tag").to_owned());
    if repository.is_empty() {
        return Ok(Answer::empty(StatusCode::OK));
    }
    service
        .work(move |service| {
            let target = Reference::parse(&repository)?;
            if target.digest().is_some() {
                return Err(Fault::bad("cannot import digest reference"));
            }
            let target = if tag.is_empty() { target.or_latest() } else { target.with_tag(&tag)? };
            give(&service.store(), &name, &target.to_string(), &now())?;
            let familiar = target.familiar();
            if let Some(Known { id, labels }) = known(service, &familiar) {
                service.tell_labelled("tag", &id, &familiar, labels);
            }
            Ok(Answer::empty(StatusCode::CREATED))
        })
        .await
}
