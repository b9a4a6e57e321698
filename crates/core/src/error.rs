//! The one error of the library: what kind, said in a sentence that names its subject, with a hint where one helps.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use barge_oci::Digest;

/// The outcome of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong; the text is docker's where docker has one.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    cause: Option<io::Error>,
    /// What the system said no to.
    path: Option<PathBuf>,
}

/// Kinds of failure, in containerd's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Something that was named is not there.
    NotFound,
    /// The request itself makes no sense.
    InvalidArgument,
    /// The request contradicts the state of things.
    Conflict,
    /// Content is not what its digest or size says.
    Mismatch,
    /// An archive or layout is refused, for this reason.
    Refused(Refusal),
    /// Whoever keeps what was asked for wants other credentials, or none would do.
    Unauthorized,
    /// A place far away does not answer, or not as it should.
    Unavailable,
    /// The system said no: disk full, no permission, a pipe that was closed.
    Io,
}

/// Why an archive is refused. The names are stable: `archive verify --format json` prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is said by its name and by the text of the errors that carry it")]
pub enum Refusal {
    BlobMissing,
    DiffIdMismatch,
    DigestInvalid,
    DigestMismatch,
    DuplicateEntry,
    JsonInvalid,
    LayerCountMismatch,
    LimitExceeded,
    LinkUnsafe,
    MediaTypeConfused,
    NotAnImage,
    PathUnsafe,
    RefInvalid,
    SizeMismatch,
    SpecialFile,
    StreamCorrupt,
    TarBad,
    TarTruncated,
    UnsupportedSchema1,
    ViewsDisagree,
}

impl Refusal {
    /// The stable name, `UPPER_SNAKE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BlobMissing => "BLOB_MISSING",
            Self::DiffIdMismatch => "DIFFID_MISMATCH",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::DigestMismatch => "DIGEST_MISMATCH",
            Self::DuplicateEntry => "DUPLICATE_ENTRY",
            Self::JsonInvalid => "JSON_INVALID",
            Self::LayerCountMismatch => "LAYER_COUNT_MISMATCH",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::LinkUnsafe => "LINK_UNSAFE",
            Self::MediaTypeConfused => "MEDIATYPE_CONFUSED",
            Self::NotAnImage => "NOT_AN_IMAGE",
            Self::PathUnsafe => "PATH_UNSAFE",
            Self::RefInvalid => "REF_INVALID",
            Self::SizeMismatch => "SIZE_MISMATCH",
            Self::SpecialFile => "SPECIAL_FILE",
            Self::StreamCorrupt => "STREAM_CORRUPT",
            Self::TarBad => "TAR_BAD",
            Self::TarTruncated => "TAR_TRUNCATED",
            Self::UnsupportedSchema1 => "UNSUPPORTED_SCHEMA1",
            Self::ViewsDisagree => "VIEWS_DISAGREE",
        }
    }
}

impl Error {
    /// An error of `kind`; `message` names its subject.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, cause: None, path: None }
    }

    /// Something that was named is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A blob is not there, in containerd's words.
    #[must_use]
    pub fn no_content(digest: &Digest) -> Self {
        Self::not_found(format!("content digest {digest}: not found"))
    }

    /// The request itself makes no sense.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// An archive is refused.
    pub fn refused(refusal: Refusal, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Refused(refusal), message)
    }

    /// The system said no while `doing` (a verb: `open`, `write`) something to `path`.
    #[must_use]
    pub fn io(doing: &str, path: &Path, cause: io::Error) -> Self {
        let message = format!("{doing} {}: {}", printable(&path.to_string_lossy()), io_text(&cause));
        Self { kind: ErrorKind::Io, message, hint: None, cause: Some(cause), path: Some(path.to_path_buf()) }
    }

    /// The same error with advice on what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error with `context: ` before its text.
    #[must_use]
    pub fn context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Advice on what to do, to be shown on a line of its own.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Why an archive was refused, if it was.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self.kind {
            ErrorKind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the place may be read but not written to.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        let kind = self.cause.as_ref().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied))
    }

    /// The path that the system does not let this user at.
    #[must_use]
    pub fn denied(&self) -> Option<&Path> {
        let denied = self.cause.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::PermissionDenied);
        self.path.as_deref().filter(|_| denied)
    }

    /// Whether the reader at the other end of a pipe went away.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        self.cause.as_ref().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|e| e as _)
    }
}

/// The system's text in the form C programs print it, without the number.
#[must_use]
pub fn io_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// A path or name out of an archive, made safe for a terminal and put in backticks.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", printable(text))
}

/// Text from outside, made safe for a terminal: control characters escaped, at most 200 characters.
#[must_use]
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == LONGEST {
            out.push_str("...");
            break;
        }
        if barge_oci::is_invisible(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
