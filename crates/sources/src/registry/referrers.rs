//! What refers to a manifest: by the API of distribution-spec 1.1, or else by the list under a tag.

use barge_core::content::Destination;
use barge_core::error::{Error, ErrorKind, Refusal, Result};
use barge_oci::{Descriptor, Digest, Document, Index, Manifest, media_type, to_go_json};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::Repository;
use super::manifests::content_type;

/// How many referrers of one manifest are read.
const MAX_REFERRERS: usize = 10_000;

impl Repository {
    /// What refers to `subject`: by the API, or else by its tag for registries that have none.
    pub(super) fn find_referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let what = format!("{}: referrers of {subject}", self.path);
        let mut first = self.call(Method::GET, format!("{}/referrers/{subject}", self.path), &what);
        first.headers.push((header::ACCEPT, media_type::OCI_INDEX.to_owned()));
        let mut found: Vec<Descriptor> = Vec::new();
        let mut unknown = false;
        self.pages(first, |answer| {
            unknown = found.is_empty() && has_no_api(&answer);
            if unknown {
                return Ok(false);
            }
            let page = self.index(self.page(answer, &what)?, &what)?;
            let more = !page.manifests.is_empty();
            found.extend(page.manifests);
            if found.len() > MAX_REFERRERS {
                let message = format!("{}: {what}: more than {MAX_REFERRERS}", self.client.host);
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
            Ok(more)
        })?;
        if unknown {
            return Ok(self.fallback(subject)?.map(|index| index.manifests).unwrap_or_default());
        }
        Ok(found)
    }

    /// A registry that does not keep the list of referrers itself has it under a tag.
    pub(super) fn list_referrer(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
        let (subject, artifact_type, annotations) = if media_type::is_index(&descriptor.media_type) {
            let Ok(index) = Document::index(bytes.to_vec()) else { return Ok(()) };
            let Index { subject, artifact_type, annotations, .. } = index.into_parsed();
            (subject, artifact_type, annotations)
        } else {
            let Ok(manifest) = Document::manifest(bytes.to_vec()) else { return Ok(()) };
            let Manifest { subject, artifact_type, annotations, config, .. } = manifest.into_parsed();
            (subject, artifact_type.or(Some(config.media_type)), annotations)
        };
        let Some(subject) = subject else { return Ok(()) };
        // Without asking a mirror, which may be behind.
        let known = self.itself().fallback(&subject.digest)?;
        let mut index = known.unwrap_or_else(|| Index::new(Vec::new()));
        if index.manifests.iter().any(|d| d.digest == descriptor.digest) {
            return Ok(());
        }
        index.media_type = Some(media_type::OCI_INDEX.to_owned());
        // The list itself refers to nothing.
        index.subject = None;
        let size = descriptor.size;
        let listed = Descriptor::new(&descriptor.media_type, descriptor.digest, size);
        index.manifests.push(Descriptor { artifact_type, annotations, ..listed });
        let bytes = to_go_json(&index).map_err(|e| Error::invalid(e.to_string()))?;
        let descriptor = Descriptor::of(media_type::OCI_INDEX, &bytes);
        self.put_manifest(&descriptor, &bytes, Some(&fallback_tag(&subject.digest)))
    }

    /// The list of referrers under its tag, `sha256-<hex>`.
    fn fallback(&self, subject: &Digest) -> Result<Option<Index>> {
        let tag = fallback_tag(subject);
        match self.look_up(&tag, None) {
            Ok((descriptor, bytes)) if media_type::is_index(&descriptor.media_type) => {
                self.index(bytes, &tag).map(Some)
            }
            Ok(_) => Ok(None),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn index(&self, bytes: Vec<u8>, what: &str) -> Result<Index> {
        Document::index(bytes)
            .map(Document::into_parsed)
            .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{}: {what}: {e}", self.client.host)))
    }
}

/// Whether an answer is that of a registry that knows no list of referrers.
fn has_no_api(answer: &Response<Body>) -> bool {
    let status = answer.status();
    matches!(status.as_u16(), 400 | 404 | 405 | 501)
        || (status == StatusCode::OK && content_type(answer) != media_type::OCI_INDEX)
}

/// The tag under which a registry without the referrers API has the list (distribution-spec, "Referrers Tag
/// Schema").
fn fallback_tag(subject: &Digest) -> String {
    format!("{}-{}", subject.algorithm().name(), subject.hex())
}
