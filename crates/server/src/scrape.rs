//! `/metrics` for Prometheus, on a listener of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use barge_core::content::total;
use barge_core::error::{Error, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::Semaphore;

use crate::accept::{PAUSE, patient};
use crate::fault::Fault;
use crate::listen::bind;
use crate::page::is_local;
use crate::serve::HEAD;
use crate::service::Service;

/// How many connections it takes at once.
const MOST_SCRAPERS: usize = 16;

/// Listens at `address`; the rest goes on until it is dropped.
pub(crate) fn metrics_at(
    address: SocketAddr,
    service: Arc<Service>,
) -> Result<impl Future<Output = ()> + Send> {
    let doing = |e| Error::io("listen on", format!("tcp://{address}").as_ref(), e);
    let listener = bind(address, "--metrics-addr")?;
    listener.set_nonblocking(true).map_err(doing)?;
    let listener = tokio::net::TcpListener::from_std(listener).map_err(doing)?;
    let (permits, own) = (Arc::new(Semaphore::new(MOST_SCRAPERS)), address.ip().is_loopback());
    Ok(async move {
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                let _permit = permit;
                let answer = service_fn(move |request| scraped(Arc::clone(&service), own, request));
                let stream = TokioIo::new(patient(stream, HEAD));
                let mut builder = http1::Builder::new();
                builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
                // A scraper that goes away comes again.
                let _ = builder.serve_connection(stream, answer).await;
            });
        }
    })
}

async fn scraped(
    service: Arc<Service>,
    own: bool,
    request: Request<Incoming>,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    let refusal = match (request.method(), request.uri().path()) {
        // On loopback nobody but programs of this machine is meant.
        _ if own && !is_local(request.headers()) => Some(StatusCode::FORBIDDEN),
        (&Method::GET, "/metrics") => None,
        (_, "/metrics") => Some(StatusCode::METHOD_NOT_ALLOWED),
        _ => Some(StatusCode::NOT_FOUND),
    };
    if let Some(refusal) = refusal {
        *response.status_mut() = refusal;
        return Ok(response);
    }
    match service.work(Service::measured).await {
        Ok(text) => {
            let text_format = HeaderValue::from_static("text/plain; version=0.0.4");
            response.headers_mut().insert(CONTENT_TYPE, text_format);
            *response.body_mut() = text.into();
        }
        Err(fault) => *response.status_mut() = fault.status,
    }
    Ok(response)
}

impl Service {
    /// Everything that is counted, with the store as it is now.
    fn measured(&self) -> crate::fault::Result<Vec<u8>> {
        let store = self.store();
        let bytes = total(store.sizes()?.into_values());
        let mut images: Vec<_> = store.images()?.into_iter().map(|i| i.target.digest).collect();
        images.sort();
        images.dedup();
        let failed = |e: prometheus::Error| Fault::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
        self.metrics.text(bytes, images.len()).map_err(failed)
    }
}
