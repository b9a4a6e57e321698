//! One repository of a registry: what its names lead to, and its content.

use std::io::Read;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use barge_core::content::{Blob, Documents, Image, Provider, Remote};
use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_oci::{
    Descriptor, Digest, Document, Hasher, Index, MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, Reference, media_type,
};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Method, Response, StatusCode, header};

use super::client::{Call, Client};
use super::elsewhere;
use super::fault::fault;
use super::reader::BlobReader;

/// What we read, the newest first.
const ACCEPTED: [&str; 4] =
    [media_type::OCI_INDEX, media_type::DOCKER_INDEX, media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST];
/// Containerd's annotation for the repository something came from, behind it the registry's host.
const ORIGIN: &str = "containerd.io/distribution.source.";
/// How many tags one page asks for, how large a page may be, and how many tags are read in all.
const TAGS_A_PAGE: usize = 1000;
const MAX_PAGE_BYTES: u64 = 4 << 20;
const MAX_TAGS: usize = 200_000;
const MAX_TAG_BYTES: usize = 128;
/// How many referrers of one manifest are read.
const MAX_REFERRERS: usize = 10_000;

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
    resolved: Arc<Mutex<Option<Resolved>>>,
}

/// A manifest or index, verified.
type Resolved = (Digest, Vec<u8>);

impl Repository {
    pub(super) fn new(client: Arc<Client>, mirrors: Vec<Arc<Client>>, path: &str) -> Self {
        let (distrusted, resolved) = (Arc::default(), Arc::default());
        Self { client, mirrors, distrusted, path: path.to_owned(), resolved }
    }

    /// Who may be asked for what is read, in this order.
    fn readers(&self) -> Vec<Arc<Client>> {
        let trusted = !self.distrusted.load(Ordering::Relaxed);
        let mirrors = self.mirrors.iter().filter(|mirror| trusted && !mirror.is_given_up());
        mirrors.chain([&self.client]).cloned().collect()
    }

    /// The same, as the registry itself has it.
    fn itself(&self) -> Self {
        Self { mirrors: Vec::new(), ..self.clone() }
    }

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
        descriptor.annotations.insert(format!("{ORIGIN}{}", self.client.host), self.path.clone());
        *self.resolved.lock().unwrap_or_else(PoisonError::into_inner) = Some((descriptor.digest, bytes));
        Ok(descriptor)
    }

    /// What a tag or digest leads to, verified as far as that can be. A mirror that does not have it, or not it, is
    /// passed over.
    fn look_up(&self, wanted: &str, digest: Option<Digest>) -> Result<(Descriptor, Vec<u8>)> {
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
        let algorithm = digest.map_or(barge_oci::Algorithm::Sha256, |d| d.algorithm());
        let mut hasher = Hasher::new(algorithm);
        hasher.update(&bytes);
        let actual = hasher.finish();
        let told = digest.or_else(|| told_digest(&answer).filter(|d| d.algorithm() == algorithm));
        if let Some(told) = told.filter(|told| *told != actual) {
            return Err(self.mismatch(&told, &actual));
        }
        let kind = kind(&answer, &bytes).ok_or_else(|| {
            let found = content_type(&answer);
            let message =
                format!("{}: {what}: no manifest or index, but {}", self.client.host, printable(&found));
            Error::refused(Refusal::MediaTypeConfused, message)
        })?;
        if media_type::is_schema1(&kind) {
            let message = format!("{}: {what}: media-type: schema 1 not supported", self.client.host);
            return Err(Error::refused(Refusal::UnsupportedSchema1, message));
        }
        Ok((Descriptor::new(&kind, actual, bytes.len() as u64), bytes))
    }

    /// Every tag, in the registry's order.
    ///
    /// # Errors
    /// `NotFound`, `Unauthorized`, `Unavailable`; `Refused` beyond 200,000 tags.
    pub fn tags(&self) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(default)]
            tags: Option<Vec<String>>,
        }
        let what = format!("{}: tags", self.path);
        let (mut tags, mut target) = (Vec::new(), Some(format!("{}/tags/list?n={TAGS_A_PAGE}", self.path)));
        while let Some(page) = target {
            let answer = self.get(page, &what)?;
            target = next_page(&answer);
            let bytes = self.read(answer.into_body(), MAX_PAGE_BYTES, &what)?;
            let page: Page = serde_json::from_slice(&bytes).map_err(|e| self.senseless(&what, &e))?;
            let page = page.tags.unwrap_or_default();
            if page.is_empty() {
                break;
            }
            // What is longer is no tag.
            tags.extend(page.into_iter().filter(|tag| tag.len() <= MAX_TAG_BYTES));
            if tags.len() > MAX_TAGS {
                let message = format!("{}: more than {MAX_TAGS} tags", self.place());
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
        }
        Ok(tags)
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

    pub(super) fn call<'a>(&'a self, method: Method, target: String, what: &'a str) -> Call<'a> {
        let mut call = Call::new(method, target, what);
        call.repository = &self.path;
        call.scopes = vec![format!("repository:{}:pull", self.path)];
        call
    }

    /// The list of referrers under its tag, `sha256-<hex>`, and its descriptor.
    fn fallback(&self, subject: &Digest) -> Result<Option<(Descriptor, Index)>> {
        let tag = fallback_tag(subject);
        match self.look_up(&tag, None) {
            Ok((descriptor, bytes)) if media_type::is_index(&descriptor.media_type) => {
                Ok(Some((descriptor, self.index(bytes, &tag)?)))
            }
            Ok(_) => Ok(None),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The same, without asking a mirror, which may be behind.
    pub(super) fn fallback_itself(&self, subject: &Digest) -> Result<Option<(Descriptor, Index)>> {
        self.itself().fallback(subject)
    }

    fn index(&self, bytes: Vec<u8>, what: &str) -> Result<Index> {
        Document::index(bytes)
            .map(Document::into_parsed)
            .map_err(|e| Error::refused(Refusal::JsonInvalid, format!("{}: {what}: {e}", self.client.host)))
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

    fn get(&self, target: String, what: &str) -> Result<Response<Body>> {
        self.success(&self.call(Method::GET, target, what))
    }

    fn success(&self, call: &Call<'_>) -> Result<Response<Body>> {
        let answer = self.client.call(call)?;
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        Err(fault(&self.client.host, call.what, answer))
    }

    /// A body of at most `most` bytes.
    fn read(&self, body: Body, most: u64, what: &str) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut reader = body.into_with_config().limit(u64::MAX).reader().take(most + 1);
        reader
            .read_to_end(&mut bytes)
            .map_err(|e| Error::new(ErrorKind::Unavailable, format!("{}: {what}: {e}", self.client.host)))?;
        if bytes.len() as u64 > most {
            let message = format!("{}: {what}: more than {most} bytes", self.client.host);
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        Ok(bytes)
    }

    fn senseless(&self, what: &str, why: &serde_json::Error) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!("{}: {what}: the answer makes no sense: {why}", self.client.host),
        )
    }

    fn mismatch(&self, wanted: &Digest, actual: &Digest) -> Error {
        Error::new(ErrorKind::Mismatch, format!("{}: {wanted}: its content is {actual}", self.place()))
            .hint("the registry, or something on the way to it, is broken or lies")
    }
}

/// The repositories of the registry at `host` that something came from, as far as it is known and can be true:
/// archives from anywhere may say so.
fn origin<'a>(descriptor: &'a Descriptor, host: &str) -> impl Iterator<Item = &'a str> {
    let known = descriptor.annotations.get(&format!("{ORIGIN}{host}"));
    let is_path = move |path: &&str| {
        Reference::parse(&format!("{host}/{path}"))
            .is_ok_and(|name| name.is_name_only() && name.path() == *path)
    };
    let paths: Vec<&str> = known.into_iter().flat_map(|paths| paths.split(',')).filter(is_path).collect();
    paths.into_iter()
}

/// Other repositories of the registry that should have the image's content, by the names that `images` have.
#[must_use]
pub fn siblings(image: &Image, images: &[Image], name: &Reference) -> Vec<String> {
    let same_content = images.iter().filter(|i| i.target.digest == image.target.digest);
    let mut siblings: Vec<String> = same_content
        .flat_map(|i| {
            let named = i.name.iter().filter(|n| n.domain() == name.domain()).map(|n| n.path().to_owned());
            let came_from = origin(&i.target, name.domain());
            named.chain(came_from.map(str::to_owned)).collect::<Vec<_>>()
        })
        .filter(|path| path != name.path())
        .collect();
    siblings.sort();
    siblings.dedup();
    siblings
}

impl Documents for Repository {
    /// Manifests and blobs are taken to be where a verified manifest says; fetching finds out.
    fn has(&self, _descriptor: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Option<Vec<u8>>> {
        let digest = &descriptor.digest;
        if descriptor.size > MAX_CONFIG_BYTES {
            let message =
                format!("{}: {digest} is {} bytes, too large for a document", self.place(), descriptor.size);
            return Err(Error::refused(Refusal::LimitExceeded, message));
        }
        let resolved = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bytes = if let Some((_, bytes)) = resolved.filter(|(known, _)| known == digest) {
            bytes
        } else if descriptor.has_children() {
            match self.look_up(&digest.to_string(), Some(*digest)) {
                Ok((_, bytes)) => bytes,
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            }
        } else {
            let what = format!("{}: blob {digest}", self.path);
            let mut bytes = Vec::new();
            let whole = 0..descriptor.size;
            let reader = match BlobReader::open(self.readers(), &self.path, descriptor, whole) {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                reader => reader?,
            };
            reader.take(descriptor.size + 1).read_to_end(&mut bytes).map_err(|e| {
                Error::new(ErrorKind::Unavailable, format!("{}: {what}: {e}", self.client.host))
            })?;
            bytes
        };
        let mut hasher = Hasher::new(digest.algorithm());
        hasher.update(&bytes);
        let actual = hasher.finish();
        if actual != *digest {
            // It may have been a mirror.
            return if self.distrust() {
                self.itself().document(descriptor)
            } else {
                Err(self.mismatch(digest, &actual))
            };
        }
        if bytes.len() as u64 != descriptor.size {
            let message = format!(
                "{}: {digest}: {} bytes, its descriptor says {}",
                self.place(),
                bytes.len(),
                descriptor.size
            );
            return Err(Error::new(ErrorKind::Mismatch, message));
        }
        Ok(Some(bytes))
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

    /// By the API of distribution-spec 1.1, or else by its tag for registries that have none.
    fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        let what = format!("{}: referrers of {subject}", self.path);
        let (mut found, mut target) = (Vec::new(), Some(format!("{}/referrers/{subject}", self.path)));
        while let Some(page) = target {
            let mut call = self.call(Method::GET, page, &what);
            call.headers.push((header::ACCEPT, media_type::OCI_INDEX.to_owned()));
            let answer = self.client.call(&call)?;
            let status = answer.status();
            let unknown = matches!(status.as_u16(), 400 | 404 | 405 | 501)
                || (status == StatusCode::OK && content_type(&answer) != media_type::OCI_INDEX);
            if unknown && found.is_empty() {
                return Ok(self.fallback(subject)?.map(|(_, index)| index.manifests).unwrap_or_default());
            }
            if status != StatusCode::OK {
                return Err(fault(&self.client.host, &what, answer));
            }
            target = next_page(&answer);
            let page = self.index(self.read(answer.into_body(), MAX_PAGE_BYTES, &what)?, &what)?;
            if page.manifests.is_empty() {
                break;
            }
            found.extend(page.manifests);
            if found.len() > MAX_REFERRERS {
                let message = format!("{}: {what}: more than {MAX_REFERRERS}", self.client.host);
                return Err(Error::refused(Refusal::LimitExceeded, message));
            }
        }
        Ok(found)
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

/// The tag under which a registry without the referrers API has the list (distribution-spec, "Referrers Tag
/// Schema").
pub(super) fn fallback_tag(subject: &Digest) -> String {
    format!("{}-{}", subject.algorithm().name(), subject.hex())
}

/// What docker says of names that cannot be pulled.
fn in_dockers_words(name: &Reference, error: Error) -> Error {
    let familiar = name.familiar();
    let message = match error.kind() {
        ErrorKind::NotFound => format!("manifest for {familiar} not found: manifest unknown"),
        ErrorKind::Unauthorized => format!(
            "pull access denied for {}, repository does not exist or may require 'docker login'",
            name.familiar_name()
        ),
        _ => return error,
    };
    let said = Error::new(error.kind(), message);
    match error.advice() {
        Some(hint) => said.hint(format!("{error}; {hint}")),
        None => said.hint(error.to_string()),
    }
}

fn told_digest(answer: &Response<Body>) -> Option<Digest> {
    answer.headers().get("docker-content-digest")?.to_str().ok()?.parse().ok()
}

fn content_type(answer: &Response<Body>) -> String {
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

/// What follows a page (RFC 8288): `Link: </v2/a/tags/list?last=x&n=1000>; rel="next"`.
fn next_page(answer: &Response<Body>) -> Option<String> {
    let link = answer.headers().get(header::LINK)?.to_str().ok()?;
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    // A page is the registry's own: its path only, whatever host it calls itself.
    let path = match target.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => target,
    };
    (rest.contains("rel=\"next\"") || rest.contains("rel=next")).then(|| path.to_owned())
}
