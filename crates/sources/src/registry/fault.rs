//! What a registry says went wrong, in docker's words where docker has some.

use barge_core::error::{Error, ErrorKind, printable};
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Response, StatusCode};

/// The most of an error's body that is read.
const MAX_BYTES: u64 = 64 << 10;

/// The body of a refusal (distribution-spec, "Error Codes").
#[derive(Deserialize)]
struct Faults {
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

/// The error for an answer that is no success; `what` was asked of `place`.
pub(super) fn fault(place: &str, what: &str, response: Response<Body>) -> Error {
    let status = response.status();
    let bytes = response.into_body().into_with_config().limit(MAX_BYTES).read_to_vec().unwrap_or_default();
    let faults = serde_json::from_slice(&bytes).map_or_else(|_| Vec::new(), |f: Faults| f.errors);
    let said = match faults.first() {
        Some(Fault { code, message }) if message.is_empty() => code.to_ascii_lowercase().replace('_', " "),
        Some(fault) => fault.message.clone(),
        None => String::new(),
    };
    let reason = status.canonical_reason().unwrap_or("unknown status");
    let said = if said.is_empty() { String::new() } else { format!(": {}", printable(&said)) };
    let message = format!("{place}: {what}: {} {reason}{said}", status.as_u16());
    match status {
        StatusCode::NOT_FOUND => Error::not_found(message),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::new(ErrorKind::Unauthorized, message)
            .hint(format!("`barge login {}` tells who you are", host_of(place))),
        StatusCode::TOO_MANY_REQUESTS => Error::new(ErrorKind::Unavailable, message)
            .hint("the registry limits how much it answers: log in, or try again later"),
        StatusCode::REQUEST_TIMEOUT | StatusCode::RANGE_NOT_SATISFIABLE => {
            Error::new(ErrorKind::Unavailable, message)
        }
        // Another try would be refused as well.
        status if status.is_client_error() => Error::invalid(message),
        _ => Error::new(ErrorKind::Unavailable, message),
    }
}

/// The error for what never got an answer.
pub(super) fn unanswered(place: &str, what: &str, error: &ureq::Error) -> Error {
    // Where a redirect leads may have a signature behind it.
    let text = error.to_string();
    let text = text.split('?').next().unwrap_or_default();
    let message = format!("{place}: {what}: {}", printable(text));
    let hint = match error {
        _ if error.to_string().contains("certificate") => {
            "put the authority's certificate into /etc/docker/certs.d/HOST/ca.crt, or give `--tls-verify=false`"
        }
        ureq::Error::HostNotFound => "is the name right, and is there a network?",
        _ => return Error::new(ErrorKind::Unavailable, message),
    };
    Error::new(ErrorKind::Unavailable, message).hint(hint)
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}
