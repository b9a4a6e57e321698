//! Content on its way into a repository: a blob in one stream, which goes on where it ended if a connection breaks.

use std::cell::Cell;
use std::io::Read;

use barge_core::content::{Blob, Destination, Remote};
use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::Descriptor;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::Repository;
use super::call::{Call, Payload};
use super::fault::{denied, fault};
use super::manifests::told_digest;
use super::tries::backoff;

impl Repository {
    fn pushing<'a>(&'a self, method: Method, target: String, what: &'a str) -> Call<'a> {
        let mut call = self.call(method, target, what);
        call.scopes = vec![format!("repository:{}:pull,push", self.path)];
        call
    }

    /// Sends a call that must be answered with one of these; other answers are errors.
    fn expect(&self, call: &Call<'_>, statuses: &[StatusCode]) -> Result<Response<Body>> {
        let answer = self.client.call(call).map_err(|e| denied(&Remote::place(self), e))?;
        if statuses.contains(&answer.status()) {
            return Ok(answer);
        }
        Err(denied(&Remote::place(self), fault(&self.client.host, call.what, answer)))
    }

    /// Where an upload goes on: where it was, if the answer says nothing.
    fn location(answer: &Response<Body>, before: Option<String>) -> Option<String> {
        let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        location.map(str::to_owned).or(before)
    }

    /// Begins an upload.
    fn begin(&self, what: &str) -> Result<String> {
        let call = self.pushing(Method::POST, format!("{}/blobs/uploads/", self.path), what);
        let answer = self.expect(&call, &[StatusCode::ACCEPTED])?;
        Self::location(&answer, None).ok_or_else(|| {
            let message = format!("{}: {what}: no Location in the answer", self.client.host);
            Error::new(ErrorKind::Unavailable, message)
        })
    }

    /// How far an upload came, and where it goes on; `None` if the registry knows nothing of it any more.
    fn progress(&self, location: String, what: &str) -> Result<Option<(String, u64)>> {
        let answer = self.client.call(&self.pushing(Method::GET, location.clone(), what))?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        Ok(received(&answer).zip(Self::location(&answer, Some(location))).map(|(at, next)| (next, at)))
    }

    /// Sends everything from `at` on in one stream, and returns where the upload is to be ended.
    fn stream(&self, upload: &Upload<'_>, location: &str, at: u64) -> Result<String> {
        let (what, left) = (upload.what, upload.blob.size - at);
        let part = || -> Result<Box<dyn Read + '_>> {
            Ok(Box::new(Told { content: (upload.open)(at)?, at, upload }))
        };
        let mut call = self.pushing(Method::PATCH, location.to_owned(), what);
        call.once = true;
        call.headers = vec![(header::CONTENT_TYPE, "application/octet-stream".to_owned())];
        if at > 0 {
            call.headers.push((header::CONTENT_RANGE, format!("{at}-{}", upload.blob.size - 1)));
        }
        call.body = Payload::Part(left, &part);
        let answer =
            self.expect(&call, &[StatusCode::ACCEPTED, StatusCode::CREATED, StatusCode::NO_CONTENT])?;
        Ok(Self::location(&answer, Some(location.to_owned())).unwrap_or_default())
    }

    /// One upload, from where it is to its end.
    fn finish(&self, upload: &Upload<'_>, location: &mut String, at: u64) -> Result<()> {
        if at < upload.blob.size {
            *location = self.stream(upload, location, at)?;
        }
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={}", upload.blob.digest);
        let mut call = self.pushing(Method::PUT, target, upload.what);
        call.once = true;
        self.expect(&call, &[StatusCode::CREATED, StatusCode::NO_CONTENT]).map(drop)
    }
}

/// A blob on its way.
struct Upload<'a> {
    blob: &'a Descriptor,
    open: &'a dyn Fn(u64) -> Result<Blob>,
    sent: &'a dyn Fn(u64),
    what: &'a str,
    /// How many bytes were told to have been sent.
    told: Cell<u64>,
}

/// Content that is told of while it is read, but once only, and that must not end too early.
struct Told<'a> {
    content: Blob,
    at: u64,
    upload: &'a Upload<'a>,
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let Upload { blob, sent, told, .. } = self.upload;
        let left = usize::try_from(blob.size - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let n = self.content.read(buffer.get_mut(..left).unwrap_or_default())?;
        if n == 0 && left > 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        if self.at > told.get() {
            sent(self.at - told.replace(self.at));
        }
        Ok(n)
    }
}

impl Destination for Repository {
    fn place(&self) -> String {
        Remote::place(self)
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        self.head(blob, "pull,push").map_err(|e| denied(&Remote::place(self), e))
    }

    fn mount(&self, blob: &Descriptor, from: &str) -> Result<bool> {
        let what = format!("{}: blob {} from {from}", self.path, blob.digest);
        let target = format!("{}/blobs/uploads/?mount={}&from={from}", self.path, blob.digest);
        let mut call = self.pushing(Method::POST, target, &what);
        call.scopes.push(format!("repository:{from}:pull"));
        // Whatever keeps it from being mounted, it can be sent.
        let Ok(answer) = self.client.call(&call) else { return Ok(false) };
        if answer.status() == StatusCode::ACCEPTED
            && let Some(location) = Self::location(&answer, None)
        {
            // An upload was begun instead; nobody needs it.
            let _ = self.client.call(&self.pushing(Method::DELETE, location, &what));
        }
        Ok(answer.status() == StatusCode::CREATED)
    }

    fn put_blob(
        &self,
        blob: &Descriptor,
        open: &dyn Fn(u64) -> Result<Blob>,
        sent: &dyn Fn(u64),
    ) -> Result<()> {
        let what = &format!("{}: blob {}", self.path, blob.digest);
        let upload = Upload { blob, open, sent, what, told: Cell::new(0) };
        let (mut location, mut at) = (self.begin(what)?, 0);
        let mut tries = 1;
        loop {
            let Err(error) = self.finish(&upload, &mut location, at) else { return Ok(()) };
            // An upload that is known no more, or that has come to another place, can be begun anew.
            let passing = matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::NotFound);
            if !passing || tries >= self.client.attempts() {
                return Err(error);
            }
            std::thread::sleep(backoff(tries));
            tries += 1;
            // The answer may have been lost, and nothing else.
            if self.has_blob(blob)? {
                return Ok(());
            }
            let before = at;
            (location, at) = match self.progress(location, what)? {
                Some((next, received)) if received <= blob.size => (next, received),
                _ => (self.begin(what)?, 0),
            };
            if at > before {
                tries = 1;
            }
        }
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
        match told_digest(&answer).filter(|told| *told != descriptor.digest) {
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
