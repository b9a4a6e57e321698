//! One repository of a registry, and its content.

use std::io::Read;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use barge_core::content::{Blob, Documents, Provider, Remote, may_be_document, read_document};
use barge_core::error::{Error, ErrorKind, Refusal, Result};
use barge_oci::{Descriptor, Digest, media_type};
use ureq::Body;
use ureq::http::{Method, StatusCode};

use super::call::Call;
use super::client::Client;
use super::elsewhere;
use super::fault::fault;
use super::reader::BlobReader;
use super::unanswered::broken;

/// What there is to say of content that is not what it should be.
const LIES: &str = "the registry, or something on the way to it, is broken or lies";

/// A repository; cheap to clone.
#[derive(Debug, Clone)]
pub struct Repository {
    pub(super) client: Arc<Client>,
    /// Who is asked first for what is read.
    mirrors: Vec<Arc<Client>>,
    /// Whether what a mirror sent was not what it should have been.
    distrusted: Arc<AtomicBool>,
    pub(super) path: String,
    /// What was resolved last: it is going to be read.
    pub(super) resolved: Arc<Mutex<Option<Resolved>>>,
}

/// A manifest or index, verified.
type Resolved = (Digest, Vec<u8>);

impl Repository {
    pub(super) fn new(client: Arc<Client>, mirrors: Vec<Arc<Client>>, path: &str) -> Self {
        let (distrusted, resolved) = (Arc::default(), Arc::default());
        Self { client, mirrors, distrusted, path: path.to_owned(), resolved }
    }

    /// Who may be asked for what is read, in this order.
    pub(super) fn readers(&self) -> Vec<Arc<Client>> {
        let trusted = !self.distrusted.load(Ordering::Relaxed);
        let mirrors = self.mirrors.iter().filter(|mirror| trusted && !mirror.is_given_up());
        mirrors.chain([&self.client]).cloned().collect()
    }

    /// The same, as the registry itself has it.
    pub(super) fn itself(&self) -> Self {
        Self { mirrors: Vec::new(), ..self.clone() }
    }

    pub(super) fn call<'a>(&'a self, method: Method, target: String, what: &'a str) -> Call<'a> {
        let mut call = Call::new(method, target, what);
        call.repository = &self.path;
        call.scopes = vec![format!("repository:{}:pull", self.path)];
        call
    }

    /// Whether a blob is there; `actions` are what the token that is asked for this is good for.
    pub(super) fn head(&self, blob: &Descriptor, actions: &str) -> Result<bool> {
        let what = format!("{}: blob {}", self.path, blob.digest);
        let mut call = self.call(Method::HEAD, format!("{}/blobs/{}", self.path, blob.digest), &what);
        call.scopes = vec![format!("repository:{}:{actions}", self.path)];
        let answer = self.client.call(&call)?;
        match answer.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(fault(&self.client.host, &what, answer)),
        }
    }

    /// A body of at most `most` bytes.
    pub(super) fn read(&self, body: Body, most: u64, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut reader = body.into_with_config().limit(u64::MAX).reader().take(most + 1);
        reader.read_to_end(&mut bytes).map_err(|e| {
            let message = format!("{}: {what}: {}", self.client.host, broken(&e));
            Error::new(ErrorKind::Unavailable, message)
        })?;
        if bytes.len() as u64 > most {
            let message = format!("{}: {what}: more than {most} bytes", self.client.host);
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        Ok(bytes)
    }

    pub(super) fn mismatch(&self, wanted: &Digest, actual: &Digest) -> Error {
        Error::new(ErrorKind::Mismatch, format!("{}: {wanted}: its content is {actual}", self.place()))
            .hint(LIES)
    }
}

impl Documents for Repository {
    /// Manifests and blobs are taken to be where a verified manifest says; fetching finds out.
    fn has(&self, _descriptor: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        let (digest, place) = (&descriptor.digest, self.place());
        may_be_document(&place, descriptor)?;
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // What has the right digest and not the right size was described wrongly: it is nobody's fault here.
        if let Some((_, bytes)) = resolved.filter(|(known, _)| known == digest) {
            return read_document(&place, descriptor, bytes.as_slice()).map(Some);
        }
        if descriptor.has_children() {
            return match self.look_up(&digest.to_string(), Some(*digest)) {
                Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
                found => read_document(&place, descriptor, found?.1.as_slice()).map(Some),
            };
        }
        let reader = match BlobReader::open(self.readers(), &self.path, descriptor, 0..descriptor.size) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            reader => reader?,
        };
        match read_document(&place, descriptor, reader) {
            // It may have been a mirror.
            Err(e) if e.kind() == ErrorKind::Mismatch && self.distrust() => {
                self.itself().document(descriptor)
            }
            Err(e) if e.kind() == ErrorKind::Mismatch => Err(e.hint(LIES)),
            // What failed is a connection.
            Err(e) if e.kind() == ErrorKind::Io => Err(Error::new(ErrorKind::Unavailable, e.to_string())),
            read => read.map(Some),
        }
    }
}

impl Provider for Repository {
    fn open(&self, descriptor: &Descriptor) -> Result<Blob> {
        if descriptor.has_children() {
            let missing = || Error::not_found(format!("{}: {}: not found", self.place(), descriptor.digest));
            let bytes = self.document(descriptor)?.ok_or_else(missing)?;
            return Ok(Blob::Bytes(std::io::Cursor::new(bytes)));
        }
        // Handed on as it comes, it cannot be taken back: it comes from the registry itself.
        self.itself().read_from(descriptor, 0).map(Blob::Stream)
    }
}

impl Remote for Repository {
    fn place(&self) -> String {
        format!("{}/{}", self.client.host, self.path)
    }

    fn holds(&self, blob: &Descriptor) -> Result<bool> {
        self.head(blob, "pull")
    }

    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.find_referrers(subject)
    }

    fn tagged(&self, _subject: &Digest, tag: &str) -> Result<Option<Descriptor>> {
        match self.look_up(tag, None) {
            Ok((descriptor, _)) => Ok(Some(descriptor)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn read_from(&self, descriptor: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send>> {
        let range = offset..descriptor.size;
        match BlobReader::open(self.readers(), &self.path, descriptor, range) {
            Err(e)
                if e.kind() == ErrorKind::NotFound
                    && media_type::is_non_distributable(&descriptor.media_type) =>
            {
                elsewhere::open(&self.client.settings, descriptor, offset)
            }
            reader => Ok(Box::new(reader?)),
        }
    }

    fn distrust(&self) -> bool {
        self.distrusted.store(true, Ordering::Relaxed);
        !self.mirrors.is_empty()
    }

    fn read_range(&self, descriptor: &Descriptor, range: Range<u64>) -> Result<Option<Box<dyn Read + Send>>> {
        let reader = BlobReader::open_range(self.readers(), &self.path, descriptor, range)?;
        Ok(reader.map(|reader| Box::new(reader) as _))
    }
}
