//! Images on their way into containerd: under one lease, children before parents, names last.
//!
//! What is sent, and in which order, is decided as for a registry ([`push`]); an [`Incoming`] is its destination. The
//! lease keeps blobs until manifests that list them are there, whose labels keep them from then on. Fails anything, no
//! image has got its name, and what came goes with the lease.

use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use barge_core::content::{Blob, Destination, Image, Provider};
use barge_core::error::{Error, ErrorKind, Refusal, Result, printable};
use barge_core::ops::{PushOptions, push};
use barge_core::progress::Transfers;
use barge_oci::{Descriptor, Digest, Document, InvalidDocument, Reference, media_type};
use bytes::Bytes;

use super::client::Client;
use super::labels::{self, Labels};
use super::messages::images::{self, CreateImageRequest, UpdateImageRequest};
use super::messages::types::{self, FieldMask};
use super::names::dangling;
use super::source::has;
use super::unpack::Unpacker;
use super::writer::{PIECE, Writer};
use super::{Containerd, LeaseGuard};

/// An image that is in containerd now.
#[derive(Debug)]
pub struct Put {
    /// What it is called there.
    pub name: String,
    /// Platforms that the image lists and the source does not have, in words.
    pub note: Option<String>,
}

impl Containerd {
    /// Takes images and gives them their names, all of them or none as far as that can be: whatever fails before the
    /// first name leaves nothing behind. Names that are there already lead to the new images. The platform of each that
    /// suits this host best is unpacked, so that containers start at once. `siblings` mean nothing here.
    ///
    /// # Errors
    /// `InvalidArgument` for an image without a name, except in docker's namespace; `NotFound` for a platform or a blob
    /// that the source does not have; `Mismatch` if content is not what its digest says; `Unavailable`.
    pub fn put(
        &self,
        source: &(impl Provider + Sync),
        images: &[Image],
        options: &PushOptions,
        transfers: &dyn Transfers,
    ) -> Result<Vec<Put>> {
        images.iter().try_for_each(|image| self.accepts(image))?;
        let lease = self.lease()?;
        let client = self.client.leased(lease.id())?;
        let unpacker = Unpacker::new(self, &client)?;
        let (mut put, mut names) = (Vec::new(), Vec::new());
        for image in images {
            let incoming = Incoming::new(&client, &lease, image);
            let pushed = push(source, image, &incoming, None, options, transfers)?;
            unpacker.unpack(&pushed.root)?;
            let name = image.name.clone().map(|name| name.or_latest().to_string());
            let name = name.unwrap_or_else(|| dangling(&pushed.root.digest));
            names.push((name.clone(), pushed.root));
            names.extend(incoming.companions.into_inner().unwrap_or_else(PoisonError::into_inner));
            put.push(Put { name, note: pushed.note });
        }
        names.iter().try_for_each(|(name, target)| give_name(&client, name, target))?;
        Ok(put)
    }

    /// containerd keeps nothing that has no name, and only docker has a name for that, in its namespace.
    fn accepts(&self, image: &Image) -> Result<()> {
        if image.name.is_some() || self.namespace == Self::DOCKERS_NAMESPACE {
            return Ok(());
        }
        let message = format!("{}: containerd keeps no image without a name", image.target.digest);
        Err(Error::invalid(message).hint("say how it is to be called"))
    }
}

/// The place that one image is sent to.
struct Incoming<'a> {
    client: &'a Client,
    lease: &'a LeaseGuard,
    /// Whose tags its companions get.
    name: Option<&'a Reference>,
    origin: Labels,
    /// Names that are to be given when everything is there.
    companions: Mutex<Vec<(String, Descriptor)>>,
}

impl<'a> Incoming<'a> {
    fn new(client: &'a Client, lease: &'a LeaseGuard, image: &'a Image) -> Self {
        let origin = labels::origin(&image.target);
        Self { client, lease, name: image.name.as_ref(), origin, companions: Mutex::default() }
    }

    /// Writes a blob, unless it is there; either way it has the labels that keep its children then.
    fn write(&self, blob: &Descriptor, children: Labels, content: &Content<'_>) -> Result<()> {
        let reference = format!("{}-{}", self.lease.id(), blob.digest);
        let Some(mut writer) = Writer::begin(self.client, reference, blob)? else {
            (content.sent)(blob.size);
            return labels::add(self.client, &blob.digest, children);
        };
        content.copy(blob, &mut writer)?;
        let mut all = self.origin.clone();
        all.extend(children.clone());
        if writer.commit(all)? {
            return Ok(());
        }
        labels::add(self.client, &blob.digest, children)
    }
}

impl Destination for Incoming<'_> {
    fn place(&self) -> String {
        "containerd".to_owned()
    }

    fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        // What is held cannot go once it was seen.
        self.lease.hold([blob.digest])?;
        has(self.client, blob)
    }

    fn mount(&self, _blob: &Descriptor, _from: &str) -> Result<bool> {
        Ok(false)
    }

    fn put_blob(
        &self,
        blob: &Descriptor,
        open: &dyn Fn(u64) -> Result<Blob>,
        sent: &dyn Fn(u64),
    ) -> Result<()> {
        self.write(blob, Labels::new(), &Content { open, sent })
    }

    fn put_manifest(&self, descriptor: &Descriptor, bytes: &[u8], tag: Option<&str>) -> Result<()> {
        let listed = Listed::of(descriptor, bytes)?;
        let open = |offset| {
            let blob = Blob::Bytes(io::Cursor::new(bytes.to_vec())).skip(offset);
            blob.map_err(|e| reading(descriptor, e))
        };
        self.write(descriptor, listed.children, &Content { open: &open, sent: &|_| () })?;
        if let Some(subject) = listed.subject {
            // Nameless, it is kept by what it refers to, if that is here.
            match labels::add(self.client, &subject, labels::referrer(&descriptor.digest)) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                added => added?,
            }
        }
        if let Some(name) = tag.and_then(|tag| self.name?.with_tag(tag).ok()) {
            let named = (name.to_string(), descriptor.clone());
            self.companions.lock().unwrap_or_else(PoisonError::into_inner).push(named);
        }
        Ok(())
    }
}

/// Where a blob's content comes from, and who is told how far it is.
struct Content<'a> {
    open: &'a dyn Fn(u64) -> Result<Blob>,
    sent: &'a dyn Fn(u64),
}

impl Content<'_> {
    /// Moves what the writer does not have yet.
    fn copy(&self, blob: &Descriptor, writer: &mut Writer) -> Result<()> {
        let there = blob.size.saturating_sub(writer.left());
        (self.sent)(there);
        if writer.left() == 0 {
            return Ok(());
        }
        let mut content = (self.open)(there)?;
        while writer.left() > 0 {
            let most = writer.left().min(PIECE);
            let mut piece = Vec::with_capacity(usize::try_from(most).unwrap_or_default());
            content.by_ref().take(most).read_to_end(&mut piece).map_err(|e| reading(blob, e))?;
            let length = piece.len() as u64;
            if length == 0 {
                return Err(reading(blob, io::ErrorKind::UnexpectedEof.into()));
            }
            writer.write(Bytes::from(piece))?;
            (self.sent)(length);
        }
        Ok(())
    }
}

/// What a manifest or index refers to.
struct Listed {
    children: Labels,
    subject: Option<Digest>,
}

impl Listed {
    fn of(descriptor: &Descriptor, bytes: &[u8]) -> Result<Self> {
        let refused =
            |e: InvalidDocument| Error::refused(Refusal::JsonInvalid, format!("{}: {e}", descriptor.digest));
        if media_type::is_index(&descriptor.media_type) {
            let index = Document::index(bytes.to_vec()).map_err(refused)?.into_parsed();
            let subject = index.subject.map(|subject| subject.digest);
            return Ok(Self { children: labels::children(&index.manifests), subject });
        }
        let manifest = Document::manifest(bytes.to_vec()).map_err(refused)?.into_parsed();
        let children = labels::children(manifest.blobs());
        Ok(Self { children, subject: manifest.subject.map(|subject| subject.digest) })
    }
}

/// Has a name lead to `target`, whatever it led to before.
fn give_name(client: &Client, name: &str, target: &Descriptor) -> Result<()> {
    let what = format!("image {}", printable(name));
    let image = images::Image { name: name.to_owned(), target: Some(types::Descriptor::of(target)) };
    match client.ask(&what, CreateImageRequest { image: Some(image.clone()) }) {
        Err(e) if e.kind() == ErrorKind::Conflict => {
            let mask = FieldMask { paths: vec!["target".to_owned()] };
            let update = UpdateImageRequest { image: Some(image), update_mask: Some(mask) };
            client.ask(&what, update).map(drop)
        }
        created => created.map(drop),
    }
}

fn reading(blob: &Descriptor, cause: io::Error) -> Error {
    Error::io("read", Path::new(&format!("blob {}", blob.digest)), cause)
}
