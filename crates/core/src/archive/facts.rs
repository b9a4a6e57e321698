//! What is known of one file of an archive after it was read once.

use std::fmt;

use barge_oci::{Algorithm, Digest};

use super::decompress::Compression;
use crate::error::{Error, Refusal, printable};

/// What is said when nobody answers who should have decompressed a file.
pub(super) const GONE: &str = "the decompressing thread is gone";

/// What is known of a file.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Its length in bytes.
    pub size: u64,
    /// Its sha256 digest; `None` if the pass did not hash.
    pub sha256: Option<Digest>,
    /// Its sha512 digest, for members below `blobs/sha512/`.
    pub sha512: Option<Box<Digest>>,
    /// How its content is compressed, as its first bytes tell; none if it was not read.
    pub compression: Compression,
    /// What it is when decompressed.
    pub inside: Inside,
    /// Where its bytes are kept, for documents.
    pub document: Option<u64>,
}

/// What is known of a file's content behind its compression.
#[derive(Debug, Clone)]
pub(super) enum Inside {
    /// Nobody looked.
    Unknown,
    /// It is not compressed.
    Itself,
    /// Somebody is looking.
    Pending,
    /// It could be decompressed.
    Content(Box<Inner>),
    /// It could not.
    Broken(Box<Broken>),
}

/// A file's content behind its compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inner {
    /// sha256 of the uncompressed bytes: a layer's diffID.
    pub sha256: Digest,
    /// sha512 of the uncompressed bytes, for members below `blobs/sha512/`.
    pub sha512: Option<Digest>,
}

/// Why a file cannot be decompressed.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    /// What an archive is refused for that needs it.
    pub refusal: Refusal,
    /// The same in words.
    pub why: Box<str>,
}

impl Broken {
    /// It is cut or damaged, or cannot be read.
    pub(super) fn corrupt(why: impl Into<Box<str>>) -> Self {
        Self { refusal: Refusal::StreamCorrupt, why: why.into() }
    }

    /// It expands to more than is reasonable.
    pub(super) fn bomb(why: impl Into<Box<str>>) -> Self {
        Self { refusal: Refusal::LimitExceeded, why: why.into() }
    }
}

impl From<Result<Inner, Broken>> for Inside {
    fn from(outcome: Result<Inner, Broken>) -> Self {
        match outcome {
            Ok(inner) => Self::Content(Box::new(inner)),
            Err(broken) => Self::Broken(Box::new(broken)),
        }
    }
}

impl Facts {
    /// A file that was not read.
    pub(super) fn unread(size: u64) -> Self {
        Self {
            size,
            sha256: None,
            sha512: None,
            compression: Compression::None,
            inside: Inside::Unknown,
            document: None,
        }
    }

    /// The digest by `algorithm`, if the pass computed it.
    #[must_use]
    pub(super) fn digest(&self, algorithm: Algorithm) -> Option<Digest> {
        match algorithm {
            Algorithm::Sha256 => self.sha256,
            Algorithm::Sha512 => self.sha512.as_deref().copied(),
        }
    }

    /// The digest of its content, decompressed, if the pass computed it: a layer's diffID.
    #[must_use]
    pub(super) fn diff_id(&self, algorithm: Algorithm) -> Option<Digest> {
        match (&self.inside, algorithm) {
            (Inside::Itself, algorithm) => self.digest(algorithm),
            (Inside::Content(inner), Algorithm::Sha256) => Some(inner.sha256),
            (Inside::Content(inner), Algorithm::Sha512) => inner.sha512,
            (Inside::Unknown | Inside::Pending | Inside::Broken(_), _) => None,
        }
    }

    /// The error for an archive of which `layer` is this file, if it cannot be decompressed. Asked when the pass is over:
    /// who has not answered until then never will.
    #[must_use]
    pub(super) fn broken(&self, layer: fmt::Arguments<'_>) -> Option<Error> {
        let (refusal, why) = match &self.inside {
            Inside::Broken(broken) => (broken.refusal, &*broken.why),
            Inside::Pending => (Refusal::StreamCorrupt, GONE),
            Inside::Unknown | Inside::Itself | Inside::Content(_) => return None,
        };
        Some(Error::refused(refusal, format!("{layer}: {}", printable(why))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_refused_for_what_is_wrong_with_it() {
        let broken = |inside: Inside| {
            let error = Facts { inside, ..Facts::unread(1) }.broken(format_args!("layer 1"))?;
            Some((error.refusal()?, error.to_string()))
        };
        let cut = broken(Inside::Broken(Box::new(Broken::corrupt("cut"))));
        assert_eq!(cut, Some((Refusal::StreamCorrupt, "layer 1: cut".to_owned())));
        let bomb = broken(Inside::Broken(Box::new(Broken::bomb("much"))));
        assert_eq!(bomb, Some((Refusal::LimitExceeded, "layer 1: much".to_owned())));
        let unanswered = broken(Inside::Pending);
        assert_eq!(unanswered, Some((Refusal::StreamCorrupt, format!("layer 1: {GONE}"))));
        assert_eq!((broken(Inside::Unknown), broken(Inside::Itself)), (None, None));
    }
}
