//! A blob as one stream, however often the connection breaks.

use std::io::{self, Read};
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::Descriptor;
use ureq::http::{Method, Response, StatusCode, header};
use ureq::{Body, BodyReader};

use super::client::{Call, Client, backoff};
use super::fault::fault;

/// The most of a blob that is fetched again and thrown away where a registry knows no ranges.
const BUFFER: usize = 64 << 10;

/// Reads a blob from some byte on; asks for the rest when a connection breaks before the end.
pub(super) struct BlobReader {
    client: Arc<Client>,
    repository: String,
    what: String,
    target: String,
    scopes: Vec<String>,
    size: u64,
    at: u64,
    body: BodyReader<'static>,
    /// Tries since the last byte.
    tries: u32,
}

impl BlobReader {
    /// Asks for `descriptor` of a repository, from `at` on.
    pub(super) fn open(
        client: Arc<Client>,
        repository: &str,
        descriptor: &Descriptor,
        at: u64,
    ) -> Result<Self> {
        let target = format!("{repository}/blobs/{}", descriptor.digest);
        let what = format!("{repository}: blob {}", descriptor.digest);
        let (repository, scopes) = (repository.to_owned(), vec![format!("repository:{repository}:pull")]);
        let size = descriptor.size;
        let body = ask(&client, &repository, &what, &target, &scopes, (at, size))?;
        Ok(Self { client, repository, what, target, scopes, size, at, body, tries: 0 })
    }

    fn ask_again(&mut self, why: &dyn std::fmt::Display) -> io::Result<()> {
        self.tries += 1;
        if self.tries >= self.client.attempts() {
            return Err(io::Error::other(why.to_string()));
        }
        std::thread::sleep(backoff(self.tries));
        let from = (self.at, self.size);
        let asked = ask(&self.client, &self.repository, &self.what, &self.target, &self.scopes, from);
        self.body = asked.map_err(|e| io::Error::other(e.to_string()))?;
        Ok(())
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self.body.read(buffer) {
                Ok(0) if self.at < self.size => {
                    let short = format!("the connection ended after {} of {} bytes", self.at, self.size);
                    self.ask_again(&short)?;
                }
                Ok(n) => {
                    self.at += n as u64;
                    self.tries = 0;
                    return Ok(n);
                }
                // More than was promised is for the receiver to refuse, and no connection mends it.
                Err(e) if self.at >= self.size => return Err(e),
                Err(e) => self.ask_again(&e)?,
            }
        }
    }
}

/// The bytes `at..size` of a blob.
fn ask(
    client: &Client,
    repository: &str,
    what: &str,
    target: &str,
    scopes: &[String],
    (at, size): (u64, u64),
) -> Result<BodyReader<'static>> {
    let mut call = Call::new(Method::GET, target.to_owned(), what);
    call.repository = repository;
    call.scopes = scopes.to_vec();
    if at > 0 {
        call.headers.push((header::RANGE, format!("bytes={at}-")));
    }
    let answer = client.call(&call)?;
    let (length, left) = (answer.body().content_length(), size - at);
    let expected = if answer.status() == StatusCode::OK { size } else { left };
    if answer.status().is_success()
        && let Some(length) = length.filter(|length| *length != expected)
    {
        let message = format!("{}: {what}: {length} bytes, where there should be {expected}", client.host);
        return Err(Error::new(ErrorKind::Mismatch, message));
    }
    match answer.status() {
        StatusCode::PARTIAL_CONTENT if first_byte(&answer) == Some(at) => Ok(body(answer, left)),
        StatusCode::OK => {
            let mut body = body(answer, size);
            skip(&mut body, at)
                .map_err(|e| Error::new(ErrorKind::Unavailable, format!("{}: {what}: {e}", client.host)))?;
            Ok(body)
        }
        StatusCode::PARTIAL_CONTENT => {
            let message = format!("{}: {what}: another range than the one asked for came", client.host);
            Err(Error::new(ErrorKind::Unavailable, message))
        }
        _ => Err(fault(&client.host, what, answer)),
    }
}

/// One byte more than there should be is let through, so that the receiver notices.
fn body(answer: Response<Body>, most: u64) -> BodyReader<'static> {
    answer.into_body().into_with_config().limit(most.saturating_add(1)).reader()
}

/// Where a partial answer begins: `Content-Range: bytes 5-9/10`.
fn first_byte(answer: &Response<Body>) -> Option<u64> {
    let range = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

fn skip(body: &mut impl Read, bytes: u64) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    let mut left = bytes;
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(BUFFER);
        let n = body.read(buffer.get_mut(..most).unwrap_or_default())?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        left -= n as u64;
    }
    Ok(())
}
