//! What is asked, and what is answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use serde::Serialize;

use crate::body::{Content, Note, Noted};
use crate::fault::{Fault, Result};
use crate::query::Query;
use crate::service::Service;
use crate::system;
use crate::upload::Upload;
use crate::version::ApiVersion;

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) name: Arc<str>,
    /// It came by TCP and showed no certificate: any page in a browser of this machine could have sent it.
    pub(crate) unproven: bool,
}

/// A request, as far as it is read.
pub(crate) struct Call {
    pub(crate) version: ApiVersion,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) route: &'static str,
}

/// What is answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: Vec<(HeaderName, &'static str)>,
    content: Content,
}

impl Answer {
    /// Nothing but a status.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), content: Content::Whole(Bytes::new()) }
    }

    pub(crate) fn new(content_type: &'static str, content: Content) -> Self {
        Self { status: StatusCode::OK, headers: vec![(CONTENT_TYPE, content_type)], content }
    }

    /// A JSON document and a line's end, as Go's encoder has it.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self> {
        let failed = |e: serde_json::Error| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
        let mut text = serde_json::to_vec(value).map_err(failed)?;
        text.push(b'\n');
        // Clients look at no more than these letters: a charset behind them makes it another type.
        Ok(Self::new("application/json", Content::Whole(text.into())))
    }

    pub(crate) fn with(mut self, header: HeaderName, value: &'static str) -> Self {
        self.headers.push((header, value));
        self
    }

    pub(crate) fn fault(fault: &Fault) -> Self {
        let text = format!("{}\n", fault.body());
        Self { status: fault.status, ..Self::new("application/json", Content::Whole(text.into())) }
    }

    /// The whole response, from the program of this version.
    pub(crate) fn respond(self, version: &str, note: Note) -> Response<Noted> {
        let head = note.method == Method::HEAD.as_str();
        let content = if head { Content::Whole(Bytes::new()) } else { self.content };
        let mut response = Response::new(Noted::new(content, note));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let newest = ApiVersion::NEWEST.to_string();
        let server = format!("barge/{version} ({})", system::OS);
        for (name, value) in [("api-version", newest), ("server", server)] {
            headers.extend(
                HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)),
            );
        }
        headers.insert("docker-experimental", HeaderValue::from_static("false"));
        headers.insert("ostype", HeaderValue::from_static(system::OS));
        if head {
            // Docker says the length of what it sends, which is nothing.
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl Call {
    /// The body, to be read on a thread.
    pub(crate) fn upload(self, service: &Service) -> Upload {
        let received = service.metrics.received(self.route);
        Upload::new(self.body.take(), service.idle, service.phase.clone(), received)
    }

    /// The body of a small request.
    pub(crate) async fn small_body(&self, most: usize, idle: Duration) -> Result<Bytes> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let body = tokio::time::timeout(idle, Limited::new(body, most).collect()).await;
        let body = body.map_err(|_| Fault::bad("the request did not come to its end"))?;
        Ok(body.map_err(|e| Fault::bad(e.to_string()))?.to_bytes())
    }
}

/// The body of a request, for the first who takes it.
#[derive(Clone)]
pub(crate) struct RequestBody(Arc<Mutex<Option<Incoming>>>);

impl RequestBody {
    pub(crate) fn new(body: Incoming) -> Self {
        Self(Arc::new(Mutex::new(Some(body))))
    }

    /// The body, if nobody has taken it yet and something is left of it.
    pub(crate) fn take(&self) -> Option<Incoming> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.filter(|body| !body.is_end_stream())
    }
}
