//! A blob as one stream, however often the connection breaks.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use barge_core::error::{Error, ErrorKind, Result};
use barge_oci::Descriptor;
use ureq::http::{Method, Response, StatusCode, header};
use ureq::{Body, BodyReader};

use super::call::Call;
use super::client::Client;
use super::fault::fault;
use super::tries::backoff;
use super::unanswered::broken;

/// How much is read at once of what is thrown away, where a registry knows no ranges.
const BUFFER: usize = 64 << 10;

/// Reads a part of a blob; asks for the rest when a connection breaks before the end, and asks elsewhere when that
/// does not help.
pub(super) struct BlobReader {
    /// Mirrors first; those that have failed are gone.
    clients: VecDeque<Arc<Client>>,
    blob: Blob,
    at: u64,
    end: u64,
    body: BodyReader<'static>,
    /// Tries since the last byte.
    tries: u32,
}

/// What is asked for.
struct Blob {
    repository: String,
    what: String,
    target: String,
    size: u64,
}

impl BlobReader {
    /// Asks for these bytes of a blob.
    pub(super) fn open(
        clients: Vec<Arc<Client>>,
        repository: &str,
        descriptor: &Descriptor,
        range: Range<u64>,
    ) -> Result<Self> {
        let whole = Self::try_open(clients, repository, descriptor, range, true)?;
        whole.ok_or_else(|| Error::not_found(format!("{repository}: {}", descriptor.digest)))
    }

    /// The same, but `None` where the registry would send the whole blob.
    pub(super) fn open_range(
        clients: Vec<Arc<Client>>,
        repository: &str,
        descriptor: &Descriptor,
        range: Range<u64>,
    ) -> Result<Option<Self>> {
        Self::try_open(clients, repository, descriptor, range, false)
    }

    fn try_open(
        clients: Vec<Arc<Client>>,
        repository: &str,
        descriptor: &Descriptor,
        range: Range<u64>,
        skipping: bool,
    ) -> Result<Option<Self>> {
        let blob = Blob {
            repository: repository.to_owned(),
            what: format!("{repository}: blob {}", descriptor.digest),
            target: format!("{repository}/blobs/{}", descriptor.digest),
            size: descriptor.size,
        };
        let (mut clients, Range { start: at, end }) = (VecDeque::from(clients), range);
        let body = ask_around(&mut clients, &blob, at..end, skipping)?;
        Ok(body.map(|body| Self { clients, blob, at, end, body, tries: 0 }))
    }

    fn ask_again(&mut self, why: &str) -> io::Result<()> {
        self.tries += 1;
        let patient = self.clients.front().is_some_and(|client| self.tries < client.attempts());
        if patient {
            std::thread::sleep(backoff(self.tries));
        } else if self.clients.len() > 1 {
            self.clients.pop_front();
            self.tries = 0;
        } else {
            return Err(io::Error::other(why.to_owned()));
        }
        let asked = ask_around(&mut self.clients, &self.blob, self.at..self.end, true);
        match asked.map_err(|e| io::Error::other(e.to_string()))? {
            Some(body) => self.body = body,
            None => return Err(io::ErrorKind::NotFound.into()),
        }
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
                Ok(0) if self.at < self.end => {
                    let short = format!("the connection ended after {} of {} bytes", self.at, self.blob.size);
                    self.ask_again(&short)?;
                }
                Ok(n) => {
                    self.at += n as u64;
                    self.tries = 0;
                    return Ok(n);
                }
                // More than was promised is for the receiver to refuse, and no connection mends it.
                Err(e) if self.at >= self.end => return Err(e),
                Err(e) => self.ask_again(&broken(&e))?,
            }
        }
    }
}

/// Asks one after the other until one answers; those that do not are not asked again.
fn ask_around(
    clients: &mut VecDeque<Arc<Client>>,
    blob: &Blob,
    range: Range<u64>,
    skipping: bool,
) -> Result<Option<BodyReader<'static>>> {
    loop {
        let Some(client) = clients.front() else {
            return Err(Error::not_found(format!("{}: not found", blob.what)));
        };
        match ask(client, blob, range.clone(), skipping) {
            Err(e) if clients.len() > 1 => {
                if e.kind() == ErrorKind::Unavailable {
                    client.give_up();
                }
                clients.pop_front();
            }
            answer => return answer,
        }
    }
}

/// These bytes of a blob; `None` if all of it would come and may not be skipped to them.
fn ask(
    client: &Client,
    blob: &Blob,
    Range { start: at, end }: Range<u64>,
    skipping: bool,
) -> Result<Option<BodyReader<'static>>> {
    let mut call = Call::new(Method::GET, blob.target.clone(), &blob.what);
    call.repository = &blob.repository;
    call.scopes = vec![format!("repository:{}:pull", blob.repository)];
    if at > 0 || end < blob.size {
        call.headers.push((header::RANGE, format!("bytes={at}-{}", end.saturating_sub(1))));
    }
    let failed = |kind, why: String| Error::new(kind, format!("{}: {}: {why}", client.host, blob.what));
    let answer = client.call(&call)?;
    let (length, left) = (answer.body().content_length(), end - at);
    let expected = if answer.status() == StatusCode::OK { blob.size } else { left };
    if answer.status().is_success()
        && let Some(length) = length.filter(|length| *length != expected)
    {
        return Err(failed(ErrorKind::Mismatch, format!("{length} bytes, where there should be {expected}")));
    }
    match answer.status() {
        StatusCode::PARTIAL_CONTENT if first_byte(&answer) == Some(at) => Ok(Some(body(answer, left))),
        StatusCode::OK if at == 0 && end == blob.size => Ok(Some(body(answer, left))),
        StatusCode::OK if !skipping => Ok(None),
        StatusCode::OK => {
            let mut body = body(answer, blob.size);
            skip(&mut body, at).map_err(|e| failed(ErrorKind::Unavailable, broken(&e)))?;
            Ok(Some(body))
        }
        StatusCode::PARTIAL_CONTENT => {
            Err(failed(ErrorKind::Unavailable, "another range than the one asked for came".to_owned()))
        }
        _ => Err(fault(&client.host, &blob.what, answer)),
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
