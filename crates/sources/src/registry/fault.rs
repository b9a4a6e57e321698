//! What a registry says went wrong, in docker's words where docker has some.

use barge_core::error::{Error, ErrorKind, printable};
use barge_oci::Reference;
use serde::Deserialize;
use ureq::Body;
use ureq::http::{Response, StatusCode};

/// The most of an error's body that is read.
const MAX_BYTES: u64 = 64 << 10;
/// What says no more than that there is no such manifest.
const NO_MORE: [&str; 2] = ["404 Not Found", "404 Not Found: manifest unknown"];

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
            .hint(format!("log in with `barge login {}`", host_of(place))),
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

/// What docker says of names that cannot be pulled, and as advice what the registry says besides.
pub(super) fn in_dockers_words(name: &Reference, error: Error) -> Error {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::NotFound => {
            let unknown = format!("manifest for {} not found: manifest unknown", name.familiar());
            let more = said(&text).filter(|said| !NO_MORE.contains(said));
            let told = Error::not_found(unknown);
            match more {
                Some(said) => told.hint(format!("the registry says: {said}")),
                None => told,
            }
        }
        ErrorKind::Unauthorized => {
            let denied = format!(
                "pull access denied for {}, repository does not exist or may require 'docker login'",
                name.familiar_name()
            );
            let why = said(&text).map_or_else(|| text.clone(), |said| format!("the registry says: {said}"));
            let advice = error.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
            Error::new(ErrorKind::Unauthorized, denied).hint(format!("{why}{advice}"))
        }
        _ => error,
    }
}

/// The same for what cannot be pushed to `place`.
pub(super) fn denied(place: &str, error: Error) -> Error {
    let text = error.to_string();
    let Some(said) = said(&text).filter(|_| error.kind() == ErrorKind::Unauthorized) else { return error };
    let told = Error::new(ErrorKind::Unauthorized, format!("push access denied for {place}: {said}"));
    match error.advice() {
        Some(advice) => told.hint(advice),
        None => told,
    }
}

/// The text of a [`fault`] from the status on. Hosts and names, which stand before it, have no spaces.
fn said(text: &str) -> Option<&str> {
    let status = [": 401 ", ": 403 ", ": 404 "].iter().filter_map(|status| text.find(status)).min()?;
    text.get(status + 2..)
}

fn host_of(place: &str) -> &str {
    place.split('/').next().unwrap_or(place)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Response<Body> {
        Response::builder().status(status).body(Body::builder().data(body.as_bytes().to_vec())).unwrap()
    }

    fn pulled(error: Error) -> (String, Option<String>) {
        let said = in_dockers_words(&Reference::parse("r.org/a/b:c").unwrap(), error);
        (said.to_string(), said.advice().map(str::to_owned))
    }

    #[test]
    fn what_is_not_there_is_said_once() {
        let unknown = "manifest for r.org/a/b:c not found: manifest unknown".to_owned();
        for body in ["", "<html>", r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#]
        {
            let error = fault("r.org", "a/b: manifest c", answer(404, body));
            assert_eq!(pulled(error), (unknown.clone(), None), "{body}");
        }
        let error = fault("r.org", "a/b: manifest c", answer(404, r#"{"errors":[{"code":"NAME_UNKNOWN"}]}"#));
        let hint = "the registry says: 404 Not Found: name unknown".to_owned();
        assert_eq!(pulled(error), (unknown, Some(hint)));
    }

    #[test]
    fn what_is_denied_says_by_whom_and_what_to_do() {
        let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
        let hint =
            "the registry says: 401 Unauthorized: authentication required; log in with `barge login r.org`";
        for what in ["a/b: manifest c", "a token"] {
            let (text, advice) = pulled(fault("r.org", what, answer(401, body)));
            assert!(text.starts_with("pull access denied for r.org/a/b, "), "{text}");
            assert_eq!(advice.as_deref(), Some(hint));
        }
        // What we refuse ourselves is in no registry's words.
        let ours =
            Error::new(ErrorKind::Unauthorized, "r.org wants a token from `http://x`").hint("under TLS only");
        assert_eq!(pulled(ours).1.as_deref(), Some("r.org wants a token from `http://x`; under TLS only"));
        let pushed = denied("r.org/a/b", fault("r.org", "a/b: blob x", answer(403, "")));
        assert_eq!(pushed.to_string(), "push access denied for r.org/a/b: 403 Forbidden");
        assert_eq!(pushed.advice(), Some("log in with `barge login r.org`"));
    }
}
