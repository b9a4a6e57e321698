//! Errors as the API tells them: a status and a message.

use barge_core::error::{Error, ErrorKind, printable};
use barge_oci::InvalidReference;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::absent;

/// Why a request fails.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    hint: Option<String>,
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), hint: None }
    }

    /// The request makes no sense.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The same with advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// No such route here; of what Docker has, it is said why.
    pub(crate) fn no_route(path: &str) -> Self {
        absent::words(path).map_or_else(
            || Self::new(StatusCode::NOT_FOUND, "page not found"),
            |words| Self::new(StatusCode::NOT_IMPLEMENTED, words),
        )
    }

    /// Something that was to be done could not be: the thread that did it is gone.
    pub(crate) fn gone() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the operation ended without an outcome")
    }

    /// What a client is told: it shows nothing but this, so advice is in it, on a line of its own.
    fn told(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.message),
            None => self.message.clone(),
        }
    }

    /// What the log is told: one line, in which nothing can pretend to be another.
    pub(crate) fn logged(&self) -> String {
        printable(&self.message)
    }

    /// The body of a response.
    pub(crate) fn body(&self) -> Value {
        json!({"message": self.told()})
    }

    /// A line of a response that has begun; older clients read `error`, newer ones `errorDetail`.
    pub(crate) fn line(&self) -> Value {
        let told = self.told();
        json!({"errorDetail": {"message": told}, "error": told})
    }
}

impl From<InvalidReference> for Fault {
    fn from(error: InvalidReference) -> Self {
        Self::bad(printable(&error.to_string()))
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let status = match error.kind() {
            // Docker's registries do not tell what is hidden from what is not there, and neither does docker.
            ErrorKind::Unauthorized if text.starts_with("pull access denied") => StatusCode::NOT_FOUND,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::InvalidArgument | ErrorKind::Refused(_) => StatusCode::BAD_REQUEST,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::Unauthorized => StatusCode::UNAUTHORIZED,
            ErrorKind::Mismatch | ErrorKind::Unavailable | ErrorKind::Io => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let fault = Self::new(status, text);
        match error.advice() {
            Some(hint) => fault.hint(hint),
            None => fault,
        }
    }
}
