//! Content on its way into a repository: in chunks, each of which is sent again where a connection breaks.

use std::io::Read;

use barge_core::content::{Blob, Destination};
use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::{Descriptor, Digest, Document, Index, Manifest, media_type, to_go_json};
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::Repository;
use super::client::{Call, Payload, backoff};
use super::fault::fault;
use super::repository::fallback_tag;

/// How much is sent at once; what a broken connection costs at the most.
const CHUNK: u64 = 32 << 20;

impl Repository {
    fn pushing<'a>(&'a self, method: Method, target: String, what: &'a str) -> Call<'a> {
        let mut call = self.call(method, target, what);
        call.scopes = vec![format!("repository:{}:pull,push", self.path)];
        call
    }

    /// Sends a call that must be answered with one of these; other answers are errors.
    fn expect(&self, call: &Call<'_>, statuses: &[StatusCode]) -> Result<Response<Body>> {
        let answer = self.client.call(call)?;
        if statuses.contains(&answer.status()) {
            return Ok(answer);
        }
        Err(fault(&self.client.host, call.what, answer))
    }

    /// Where the next part of an upload goes.
    fn location(&self, answer: &Response<Body>, what: &str) -> Result<String> {
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        location.map(str::to_owned).ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("{}: {what}: no Location in the answer", self.client.host),
            )
        })
    }

    /// Begins an upload.
    fn begin(&self, what: &str) -> Result<String> {
        let call = self.pushing(Method::POST, format!("{}/blobs/uploads/", self.path), what);
        let answer = self.expect(&call, &[StatusCode::ACCEPTED])?;
        self.location(&answer, what)
    }

    /// A registry that does not keep the list of referrers itself has it under a tag.
    fn list_referrer(&self, descriptor: &Descriptor, bytes: &[u8]) -> Result<()> {
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
        let (_, mut index) =
            self.fallback(&subject.digest)?.unwrap_or_else(|| (subject.clone(), Index::new(Vec::new())));
        if index.manifests.iter().any(|d| d.digest == descriptor.digest) {
            return Ok(());
        }
        index.media_type = Some(media_type::OCI_INDEX.to_owned());
        let size = descriptor.size;
        let listed = Descriptor::new(&descriptor.media_type, descriptor.digest, size);
        index.manifests.push(Descriptor { artifact_type, annotations, ..listed });
        let bytes = to_go_json(&index).map_err(|e| Error::invalid(e.to_string()))?;
        let descriptor = Descriptor::of(media_type::OCI_INDEX, &bytes);
        self.put_manifest(&descriptor, &bytes, Some(&fallback_tag(&subject.digest)))
    }

    /// How far an upload came, and where it goes on; `None` if the registry knows nothing of it any more.
    fn progress(&self, location: String, what: &str) -> Result<Option<(String, u64)>> {
        let answer = self.client.call(&self.pushing(Method::GET, location, what))?;
        if answer.status() != StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let next = self.location(&answer, what)?;
        Ok(received(&answer).map(|received| (next, received)))
    }

    /// Sends the chunk that begins at `at` and returns where the next one goes.
    fn chunk(
        &self,
        location: &str,
        (at, length): (u64, u64),
        open: &dyn Fn(u64) -> Result<Blob>,
        what: &str,
    ) -> Result<String> {
        let part = || -> Result<Box<dyn Read + Send>> { Ok(Box::new(open(at)?.take(length))) };
        let mut call = self.pushing(Method::PATCH, location.to_owned(), what);
        call.once = true;
        call.headers = vec![
            (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
            (header::CONTENT_RANGE, format!("{at}-{}", at + length - 1)),
        ];
        call.body = Payload::Part(length, &part);
        let answer = self.expect(&call, &[StatusCode::ACCEPTED])?;
        self.location(&answer, what)
    }

    /// One upload from its beginning to its end.
    fn upload(
        &self,
        blob: &Descriptor,
        open: &dyn Fn(u64) -> Result<Blob>,
        sent: &dyn Fn(u64),
        what: &str,
    ) -> Result<()> {
        let (mut location, mut at, mut tries, mut told) = (self.begin(what)?, 0, 0, 0);
        while at < blob.size {
            let length = CHUNK.min(blob.size - at);
            match self.chunk(&location, (at, length), open, what) {
                Ok(next) => {
                    (location, at, tries) = (next, at + length, 0);
                    // What is sent again is told once.
                    sent(at.saturating_sub(told));
                    told = told.max(at);
                }
                Err(e) if e.kind() != ErrorKind::Unavailable => return Err(e),
                Err(e) => {
                    tries += 1;
                    if tries >= self.client.attempts() {
                        return Err(e);
                    }
                    std::thread::sleep(backoff(tries));
                    (location, at) = match self.progress(location, what)? {
                        Some((next, received)) if received <= blob.size => (next, received),
                        _ => (self.begin(what)?, 0),
                    };
                }
            }
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={}", blob.digest);
        self.expect(&self.pushing(Method::PUT, target, what), &[StatusCode::CREATED]).map(drop)
    }
}

impl Destination for Repository {
    fn place(&self) -> String {
        barge_core::content::Remote::place(self)
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        self.head(blob, "pull,push")
    }

    fn mount(&self, blob: &Descriptor, from: &str) -> Result<bool> {
        let what = format!("{}: blob {} from {from}", self.path, blob.digest);
        let target = format!("{}/blobs/uploads/?mount={}&from={from}", self.path, blob.digest);
        let mut call = self.pushing(Method::POST, target, &what);
        call.scopes.push(format!("repository:{from}:pull"));
        let answer = self.client.call(&call)?;
        match answer.status() {
            StatusCode::CREATED => Ok(true),
            StatusCode::ACCEPTED => {
                // An upload was begun instead; nobody needs it.
                let location = self.location(&answer, &what)?;
                let _ = self.client.call(&self.pushing(Method::DELETE, location, &what));
                Ok(false)
            }
            // Whatever keeps it from being mounted, it can be sent.
            _ => Ok(false),
        }
    }

    fn put_blob(
        &self,
        blob: &Descriptor,
        open: &dyn Fn(u64) -> Result<Blob>,
        sent: &dyn Fn(u64),
    ) -> Result<()> {
        self.upload(blob, open, sent, &format!("{}: blob {}", self.path, blob.digest))
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8], tag: Option<&str>) -> Result<()> {
        let name = tag.map_or_else(|| descriptor.digest.to_string(), str::to_owned);
        let what = format!("{}: manifest {name}", self.path);
        let mut call = self.pushing(Method::PUT, format!("{}/manifests/{name}", self.path), &what);
        call.headers = vec![(header::CONTENT_TYPE, descriptor.media_type.clone())];
        call.body = Payload::Bytes(bytes);
        let answer = self.expect(&call, &[StatusCode::CREATED])?;
        if !answer.headers().contains_key("oci-subject") {
            self.list_referrer(descriptor, bytes)?;
        }
        let told = answer.headers().get("docker-content-digest").and_then(|v| v.to_str().ok()?.parse().ok());
        match told.filter(|told: &Digest| *told != descriptor.digest) {
            None => Ok(()),
            Some(told) => {
                let message = format!(
                    "{}: {what}: it was sent as {} and became {told}",
                    self.client.host, descriptor.digest
                );
                Err(Error::new(ErrorKind::Mismatch, message))
            }
        }
    }
}

/// How many bytes a registry has of an upload: `Range: 0-1023`; `0-0` may mean none.
fn received(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get(header::RANGE)?.to_str().ok()?;
    let last: u64 = range.trim_start_matches("bytes=").split_once('-')?.1.parse().ok()?;
    Some(if last == 0 { 0 } else { last + 1 })
}
