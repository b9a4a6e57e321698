//! `GET /images/get` and `GET /images/{name}/get`: planned first, so that whatever can be known to fail does so
//! before the first byte; a failure later breaks the connection, and nobody takes the rest for an archive.

use std::sync::Arc;

use barge_core::archive::WriteOptions;
use barge_core::ops::{SaveOptions, plan_save};
use barge_core::progress::Silent;
use barge_core::select::Selection;

use crate::body::Content;
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::transfer::Download;

/// Saves what was named, in the path or by `names`.
pub(crate) async fn save(service: Arc<Service>, call: Call, name: Option<String>) -> Result<Answer> {
    let selection = Selection { platforms: call.query.platforms(call.version)?, ..Selection::default() };
    let names: Vec<String> =
        name.map_or_else(|| call.query.all("names").map(str::to_owned).collect(), |name| vec![name]);
    if names.is_empty() {
        return Err(Fault::bad("no images were named").hint("name them by `names`, once for each"));
    }
    let transfer = service.transfer().await;
    let options = SaveOptions { selection, ..SaveOptions::default() };
    // Whoever asked may be gone before it is planned: the turn ends with the work.
    let planned = Arc::clone(&service).work(move |service| {
        let store = service.store();
        let (plan, lease) = plan_save(&store, &names, &options)?;
        Ok((store, plan, lease, transfer))
    });
    let (store, plan, lease, transfer) = planned.await?;
    plan.notes.iter().for_each(|note| tracing::info!("{note}"));
    for image in &plan.images {
        let id = image.root.digest.to_string();
        service.events.tell("save", &id, &id);
    }
    let (mut download, pieces) = Download::new();
    let size = plan.size();
    tokio::task::spawn_blocking(move || {
        let _held = (lease, transfer);
        match plan.write(&store, &mut download, &WriteOptions::default(), &Silent) {
            Ok(()) => drop(download.finish()),
            Err(error) if error.is_broken_pipe() => {}
            Err(error) => {
                tracing::error!(%error, "a save was broken off");
                download.abort(&error.to_string());
            }
        }
    });
    Ok(Answer::new("application/x-tar", Content::Stream(pieces, Some(size))))
}
