//! What a name or digest leads to: a manifest or an index, verified as far as that can be.

use std::sync::{Arc, PoisonError};

use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_oci::{Algorithm, Descriptor, Digest, MAX_MANIFEST_BYTES, Reference, annotation, media_type};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::Repository;
use super::client::Client;
use super::fault::{fault, in_dockers_words};

/// What we read, the newest first.
const ACCEPTED: [&str; 4] =
    [media_type::OCI_INDEX, media_type::DOCKER_INDEX, media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST];

impl Repository {
    /// What a name leads to: its digest, or else its tag, or else `latest`.
    ///
    /// # Errors
    /// `NotFound` and `Unauthorized` in docker's words; `Mismatch` if what comes is not the digest asked for or
    /// the one the registry tells; `Unavailable`.
    pub fn resolve(&self, name: &Reference) -> Result<Descriptor> {
        let digest = name.digest().copied();
        let tag = name.tag().unwrap_or("latest");
        let found = self.look_up(&digest.map_or_else(|| tag.to_owned(), |d| d.to_string()), digest);
        let (mut descriptor, bytes) = found.map_err(|e| in_dockers_words(name, e))?;
        descriptor
            .annotations
            .insert(format!("{}{}", annotation::SOURCE, self.client.host), self.path.clone());
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some((descriptor.digest, bytes));
        Ok(descriptor)
    }

    /// What a tag or digest leads to, verified as far as that can be. A mirror that does not have it, or not it, is
    /// passed over.
    pub(super) fn look_up(&self, wanted: &str, digest: Option<Digest>) -> Result<(Descriptor, Vec<u8>)> {
        for mirror in self.readers().iter().filter(|reader| !Arc::ptr_eq(reader, &self.client)) {
            match self.look_up_at(mirror, wanted, digest) {
                Err(e) if e.kind() == ErrorKind::Unavailable => mirror.give_up(),
                Err(_) => {}
                found => return found,
            }
        }
        self.look_up_at(&self.client, wanted, digest)
    }

    fn look_up_at(
        &self,
        client: &Client,
        wanted: &str,
        digest: Option<Digest>,
    ) -> Result<(Descriptor, Vec<u8>)> {
        let what = format!("{}: manifest {wanted}", self.path);
        let (answer, bytes) = self.manifest(client, wanted, &what)?;
        let algorithm = digest.map_or(Algorithm::Sha256, |d| d.algorithm());
        let actual = algorithm.digest(&bytes);
        let told = digest.or_else(|| told_digest(&answer).filter(|d| d.algorithm() == algorithm));
        if let Some(told) = told.filter(|told| *told != actual) {
            return Err(self.mismatch(&told, &actual));
        }
        let kind = kind(&answer, &bytes).ok_or_else(|| {
            let (host, found) = (&self.client.host, content_type(&answer));
            let message = if found == "text/html" {
                format!("{host} answers with a web page ({found}), not with an image: is it a registry?")
            } else {
                format!("{host}: {what}: no manifest or index, but {}", printable(&found))
            };
            Error::refused(Refusal::MediaTypeConfused, message)
        })?;
        if media_type::is_schema1(&kind) {
            let message = format!("{}: {what}: media-type: schema 1 not supported", self.client.host);
            return Err(Error::refused(Refusal::UnsupportedSchema1, message));
        }
        Ok((Descriptor::new(&kind, actual, bytes.len() as u64), bytes))
    }

    /// The answer and the bytes of a manifest or index, by tag or digest; not verified.
    fn manifest(&self, client: &Client, wanted: &str, what: &str) -> Result<(Response<Body>, Vec<u8>)> {
        let mut call = self.call(Method::GET, format!("{}/manifests/{wanted}", self.path), what);
        call.headers.push((header::ACCEPT, ACCEPTED.join(", ")));
        let answer = client.call(&call)?;
        if answer.status() != StatusCode::OK {
            return Err(fault(&client.host, what, answer));
        }
        let (parts, body) = answer.into_parts();
        let bytes = self.read(body, MAX_MANIFEST_BYTES, what)?;
        Ok((Response::from_parts(parts, Body::builder().data(Vec::new())), bytes))
    }
}

/// What the registry says the digest is.
pub(super) fn told_digest(answer: &Response<Body>) -> Option<Digest> {
    answer.headers().get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

/// What the registry says it is, without parameters.
pub(super) fn content_type(answer: &Response<Body>) -> String {
    let value = answer.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What kind of document came: the document's own word, or else the registry's.
fn kind(answer: &Response<Body>, bytes: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        media_type: Option<String>,
    }
    let own = serde_json::from_slice::<Own>(bytes).ok()?.media_type;
    let kind = own.filter(|t| !t.is_empty()).unwrap_or_else(|| content_type(answer));
    (media_type::is_index(&kind) || media_type::is_manifest(&kind) || media_type::is_schema1(&kind))
        .then_some(kind)
}
