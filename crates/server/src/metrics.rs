//! What is counted, in Prometheus' text format.

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

/// Counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    broken: IntCounterVec,
    durations: HistogramVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    /// Saves, loads, pulls, pushes and imports that are under way.
    pub(crate) transfers: IntGauge,
    pub(crate) connections: IntGauge,
    store_bytes: IntGauge,
    store_images: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let counter = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let durations = HistogramOpts::new("barge_request_duration_seconds", "How long requests took")
            .buckets(vec![0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0]);
        let durations = HistogramVec::new(durations, &["route"])?;
        registry.register(Box::new(durations.clone()))?;
        Ok(Self {
            requests: counter("barge_requests_total", "Requests answered", &["route", "code"])?,
            broken: counter("barge_requests_broken_total", "Answers that were not sent whole", &["route"])?,
            received: counter("barge_received_bytes_total", "Bytes of bodies received", &["route"])?,
            sent: counter("barge_sent_bytes_total", "Bytes of bodies sent", &["route"])?,
            transfers: gauge("barge_transfers", "Saves, loads, pulls, pushes and imports under way")?,
            connections: gauge("barge_connections", "Connections that are open")?,
            store_bytes: gauge("barge_store_bytes", "Bytes of all blobs in the store")?,
            store_images: gauge(
                "barge_store_images",
                "Images in the store, several names of one counted once",
            )?,
            durations,
            registry,
        })
    }

    pub(crate) fn answered(&self, route: &str, status: u16, sent: u64, seconds: f64, whole: bool) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.sent.with_label_values(&[route]).inc_by(sent);
        self.durations.with_label_values(&[route]).observe(seconds);
        if !whole {
            self.broken.with_label_values(&[route]).inc();
        }
    }

    /// Counts what is received for a route.
    pub(crate) fn received(&self, route: &str) -> IntCounter {
        self.received.with_label_values(&[route])
    }

    /// Everything, with the store as it is now.
    pub(crate) fn text(&self, store_bytes: u64, store_images: usize) -> prometheus::Result<Vec<u8>> {
        self.store_bytes.set(i64::try_from(store_bytes).unwrap_or(i64::MAX));
        self.store_images.set(i64::try_from(store_images).unwrap_or(i64::MAX));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}
