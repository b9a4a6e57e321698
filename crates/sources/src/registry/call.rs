//! A request, before it is known where the registry is and who is asking.

use std::io::Read;

use barge_core::error::Result;
use ureq::http::{Method, header};

/// One request.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// What follows `/v2/`, or a path or whole URL that the registry has named.
    pub(super) target: String,
    /// What it is about, for errors.
    pub(super) what: &'a str,
    /// The repository, which says whose credentials count.
    pub(super) repository: &'a str,
    /// What a token has to be good for.
    pub(super) scopes: Vec<String>,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) body: Payload<'a>,
    /// Whether whoever calls sees to it that it is tried again.
    pub(super) once: bool,
}

/// What is sent along.
pub(super) enum Payload<'a> {
    None,
    Bytes(&'a [u8]),
    /// So many bytes, from the start each time.
    Part(u64, &'a dyn Fn() -> Result<Box<dyn Read + 'a>>),
}

impl<'a> Call<'a> {
    pub(super) fn new(method: Method, target: String, what: &'a str) -> Self {
        let (repository, scopes, headers) = ("", Vec::new(), Vec::new());
        Self { method, target, what, repository, scopes, headers, body: Payload::None, once: false }
    }
}
