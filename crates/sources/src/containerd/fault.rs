//! What containerd says went wrong, in the library's terms.

use std::error::Error as StdError;
use std::time::Duration;

use barge_core::error::{Error, ErrorKind, Refusal, printable};
use tonic::{Code, Status};

/// The error for a call about `what`, by the code that containerd answered.
pub(super) fn fault(what: &str, status: &Status) -> Error {
    let said = if status.source().is_some() { root_cause(status) } else { status.message().to_owned() };
    let message = format!("containerd: {what}: {}", printable(&said));
    match status.code() {
        Code::NotFound => Error::not_found(message),
        Code::AlreadyExists => Error::new(ErrorKind::Conflict, message),
        // Of what is called here, only content that is committed has a condition: its digest and its size.
        Code::FailedPrecondition | Code::DataLoss => Error::new(ErrorKind::Mismatch, message),
        Code::InvalidArgument => Error::invalid(message),
        Code::OutOfRange | Code::ResourceExhausted => Error::refused(Refusal::LimitExceeded, message),
        Code::PermissionDenied | Code::Unauthenticated => Error::new(ErrorKind::Unauthorized, message),
        Code::Unimplemented => Error::new(ErrorKind::Unavailable, message)
            .hint("containerd is too old for this, or its configuration disables it"),
        _ => Error::new(ErrorKind::Unavailable, message),
    }
}

/// The error for what got no answer in time.
pub(super) fn timed_out(what: &str, after: Duration) -> Error {
    let message = format!("containerd: {what}: no answer in {} seconds", after.as_secs());
    Error::new(ErrorKind::Unavailable, message)
}

/// What is at the bottom of an error; those above it only say that there was one.
pub(super) fn root_cause(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes() {
        let kind = |status: Status| fault("x", &status).kind();
        assert_eq!(kind(Status::not_found("")), ErrorKind::NotFound);
        assert_eq!(kind(Status::already_exists("")), ErrorKind::Conflict);
        assert_eq!(kind(Status::failed_precondition("unexpected commit digest")), ErrorKind::Mismatch);
        assert_eq!(kind(Status::out_of_range("")), ErrorKind::Refused(Refusal::LimitExceeded));
        assert_eq!(kind(Status::unknown("")), ErrorKind::Unavailable);
    }

    #[test]
    fn texts() {
        let said = fault("image list", &Status::unavailable("go\u{1b}away")).to_string();
        assert_eq!(said, r"containerd: image list: go\u{1b}away");
        let broken = std::io::Error::other(std::io::Error::from_raw_os_error(104));
        let said = fault("image list", &Status::from_error(Box::new(broken))).to_string();
        assert!(said.starts_with("containerd: image list: Connection reset by peer"), "{said}");
    }
}
