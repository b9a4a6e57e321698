//! `POST /images/{name}/push`

use std::sync::Arc;

use barge_core::content::Image;
use barge_core::ops::{PushOptions, push as send};
use barge_core::referrers::{Referrers, companions};
use barge_core::select::Selection;
use barge_core::store::Lease;
use barge_oci::Reference;
use barge_sources::registry::{Registry, siblings};
use serde_json::json;

use super::credentials;
use super::told::Told;
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::transfer::Lines;
use crate::version::ApiVersion;
use crate::wire::PUSH;

/// Pushes one tag; without one every tag of the repository.
pub(crate) async fn push(service: Arc<Service>, call: Call, name: String) -> Result<Answer> {
    let platforms = call.query.platform(call.version, ApiVersion(1, 46))?.into_iter().collect();
    let mut name = Reference::parse(&name)?;
    if name.digest().is_some() {
        return Err(Fault::bad("cannot push a digest reference"));
    }
    let tag = call.query.get("tag");
    if !tag.is_empty() {
        name = name.with_tag(tag)?;
    }
    let settings = Arc::new(credentials(&service.settings, &call.headers, name.domain()));
    let work = move |service: &Service, lines: &Lines| {
        let repository = Registry::new(name.domain(), settings)?.repository(name.path());
        let store = service.store();
        let images = store.images()?;
        let meant = |image: &&Image| {
            image.name.as_ref().is_some_and(|n| match name.tag() {
                Some(_) => *n == name,
                None => n.name() == name.name() && n.tag().is_some(),
            })
        };
        let chosen: Vec<&Image> = images.iter().filter(meant).collect();
        lines.say(&json!({"status": format!("The push refers to repository [{}]", name.name())}));
        if chosen.is_empty() {
            let text = format!("tag does not exist: {}", name.familiar());
            return Err(Fault::new(hyper::StatusCode::NOT_FOUND, text));
        }
        for image in chosen {
            let options = PushOptions {
                selection: Selection { platforms: Clone::clone(&platforms), ..Selection::default() },
                parallel: service.parallel,
                siblings: siblings(image, &images, &name),
                companions: companions(&store, std::slice::from_ref(image), &images, &Referrers::All)?,
                stop: lines.gone(),
            };
            let _lease = Lease::on(&store, std::iter::once(image).chain(&options.companions))?;
            let tag = image.name.as_ref().and_then(Reference::tag);
            let pushed = send(&store, image, &repository, tag, &options, &Told::new(lines, PUSH))?;
            if let Some(note) = pushed.note {
                lines.say(&json!({"status": note}));
            }
            let (tag, root) = (tag.unwrap_or_default(), &pushed.root);
            let said = format!("{tag}: digest: {} size: {}", root.digest, root.size);
            lines.say(&json!({"status": said}));
            let aux = json!({"Tag": tag, "Digest": root.digest, "Size": root.size});
            lines.say(&json!({"progressDetail": {}, "aux": aux}));
            let familiar = image.name.as_ref().map(Reference::familiar).unwrap_or_default();
            service.events.tell("push", &familiar, &name.familiar_name());
        }
        Ok(())
    };
    service.lines(work).await
}
