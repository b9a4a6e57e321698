//! `POST /images/create?fromSrc=-`: the body is the tar of a root file system.

use std::sync::Arc;

use barge_core::ops::{ImportOptions, import as make};
use barge_core::progress::Silent;
use barge_oci::{Platform, Reference};
use serde_json::json;

use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::{Service, now};
use crate::transfer::Lines;

/// Makes an image of what comes with the request; nothing is fetched from elsewhere.
pub(super) async fn import(service: Arc<Service>, call: Call) -> Result<Answer> {
    let query = &call.query;
    if query.get("fromSrc") != "-" {
        return Err(Fault::bad("an image is imported from the request's body only: `fromSrc` must be \"-\"")
            .hint("fetch the file first, and pipe it in"));
    }
    let name = match (query.get("repo"), query.get("tag")) {
        ("", _) => None,
        (repository, "") => Some(Reference::parse(repository)?.or_latest()),
        (repository, tag) => Some(Reference::parse(repository).and_then(|n| n.with_tag(tag))?),
    };
    if name.as_ref().is_some_and(|name| name.digest().is_some()) {
        return Err(Fault::bad("cannot import digest reference"));
    }
    let platform = match query.get("platform") {
        "" => Platform::host(),
        text => Platform::parse(text).map_err(|e| Fault::bad(format!("invalid platform: {e}")))?,
    };
    let options = ImportOptions {
        name,
        platform,
        message: query.get("message").to_owned(),
        changes: query.all("changes").map(str::to_owned).collect(),
        now: now(),
    };
    let mut upload = call.upload(&service);
    let work = move |service: &Service, lines: &Lines| {
        let made = make(&service.store(), &mut upload, &options, &Silent);
        let id = match made {
            Ok(id) => id.to_string(),
            Err(error) => {
                upload.drain();
                return Err(error.into());
            }
        };
        service.events.tell("import", &id, &id);
        lines.say(&json!({"status": id}));
        Ok(())
    };
    service.lines(work).await
}
