//! `POST /images/create?fromImage=`

use std::sync::Arc;

use barge_core::content::Image;
use barge_core::error::{Error, ErrorKind, printable};
use barge_core::ops::{PullOptions, Pulled, pull as fetch};
use barge_core::referrers::Referrers;
use barge_core::select::Wanted;
use barge_oci::{Platform, Reference};
use barge_sources::registry::{Registry, Repository};
use serde_json::json;

use super::credentials;
use super::told::Told;
use crate::call::{Answer, Call};
use crate::fault::{Fault, Result};
use crate::service::{Service, now};
use crate::transfer::Lines;
use crate::wire::PULL;

/// Pulls one tag or digest; without either every tag of the repository.
pub(super) async fn pull(service: Arc<Service>, call: Call, image: String) -> Result<Answer> {
    let name = name(&image, call.query.get("tag"))?;
    let wanted = match call.query.get("platform") {
        "" => Wanted::Host,
        platform => Wanted::These(vec![Platform::parse(platform).map_err(|_| {
            let text =
                format!("{:?}: cannot parse platform specifier: invalid argument", printable(platform));
            Fault::bad(text)
        })?]),
    };
    let settings = Arc::new(credentials(&service.settings, &call.headers, name.domain()));
    let work = move |service: &Service, lines: &Lines| {
        let repository = Registry::new(name.domain(), settings)?.repository(name.path());
        let options = PullOptions {
            wanted,
            referrers: Referrers::default(),
            foreign: false,
            parallel: service.parallel,
            now: now(),
            stop: lines.gone(),
        };
        if !name.is_name_only() {
            return one(service, &repository, &name, &options, lines);
        }
        for tag in repository.tags()? {
            // What the registry lists and no reference can say cannot be kept under a name.
            let Ok(tagged) = name.with_tag(&tag) else { continue };
            one(service, &repository, &tagged, &options, lines)?;
        }
        Ok(())
    };
    service.lines(work).await
}

/// What `fromImage` and `tag` mean together; a digest wins over a tag.
fn name(image: &str, tag: &str) -> Result<Reference> {
    let name = Reference::parse(image)?;
    let name = match tag {
        "" => name,
        digest if digest.contains(':') => Reference::parse(&format!("{}@{digest}", name.name()))?,
        tag => name.with_tag(tag)?,
    };
    match name.digest() {
        Some(digest) if name.tag().is_some() => Ok(Reference::parse(&format!("{}@{digest}", name.name()))?),
        _ => Ok(name),
    }
}

fn one(
    service: &Service,
    repository: &Repository,
    name: &Reference,
    options: &PullOptions,
    lines: &Lines,
) -> Result<()> {
    let root = repository.resolve(name).map_err(|error| absent(name, error))?;
    let what = name.digest().map_or_else(|| name.tag().unwrap_or_default().to_owned(), ToString::to_string);
    lines.hold(&json!({"status": format!("Pulling from {}", name.path()), "id": what}));
    let digest = root.digest;
    let image = Image { name: Some(name.clone()), target: root };
    let pulled = fetch(&service.store(), repository, &image, options, &Told::new(lines, PULL))?;
    let status = match pulled {
        Pulled::Newer => "Downloaded newer image",
        Pulled::UpToDate => "Image is up to date",
    };
    let familiar = name.familiar();
    lines.say(&json!({"status": format!("Digest: {digest}")}));
    lines.say(&json!({"status": format!("Status: {status} for {familiar}")}));
    service.events.tell("pull", &familiar, &name.familiar_name());
    Ok(())
}

/// Docker's words for what a registry does not have.
fn absent(name: &Reference, error: Error) -> Fault {
    if error.kind() != ErrorKind::NotFound {
        return error.into();
    }
    let text = format!("failed to resolve reference \"{name}\": {name}: not found");
    Fault::new(hyper::StatusCode::NOT_FOUND, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_are_put_together() {
        let full = |image: &str, tag: &str| name(image, tag).map(|n| n.to_string()).map_err(|f| f.message);
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(full("alpine", "3").unwrap(), "docker.io/library/alpine:3");
        assert_eq!(full("docker.io/library/alpine:3", "").unwrap(), "docker.io/library/alpine:3");
        assert_eq!(full("alpine", "").unwrap(), "docker.io/library/alpine");
        let pinned = format!("docker.io/library/alpine@{digest}");
        assert_eq!(full("alpine", &digest).unwrap(), pinned);
        assert_eq!(full(&format!("alpine:3@{digest}"), "").unwrap(), pinned);
        assert!(full("Alpine", "").is_err());
        assert!(full("alpine", "a/b").is_err());
    }
}
