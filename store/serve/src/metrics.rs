//! What the server counts, as Prometheus reads it. No label has a value that a stranger chooses.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Bounds of the duration's buckets, in seconds.
const SECONDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// How a collection ends.
const DONE: &str = "done";
const FAILED: &str = "failed";

type Labels<const N: usize> = [(&'static str, String); N];

/// The counters of one server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels<3>, Counter>,
    seconds: Family<Labels<1>, Histogram, fn() -> Histogram>,
    received: Counter,
    sent: Counter,
    stored: Counter,
    collections: Family<Labels<1>, Counter>,
    collected: Counter,
    /// Requests that have begun and not ended.
    pub in_flight: Gauge,
    /// Open connections.
    pub connections: Gauge,
    /// Requests that were told to come later.
    pub turned_away: Counter,
    /// Attempts to fetch an issuer's keys.
    pub fetches: Counter,
    /// Those of them that failed.
    pub failed_fetches: Counter,
}

/// A request that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The route's pattern.
    pub route: &'static str,
    /// The method.
    pub method: &'static str,
    /// The status.
    pub status: u16,
    /// From the head's arrival to the last byte of the answer.
    pub duration: Duration,
    /// Bytes of its body.
    pub received: u64,
    /// Bytes of the answer's body.
    pub sent: u64,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(SECONDS);
        let mut metrics = Self {
            registry: Registry::with_prefix("sci"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            received: Counter::default(),
            sent: Counter::default(),
            stored: Counter::default(),
            collections: Family::default(),
            collected: Counter::default(),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
            fetches: Counter::default(),
            failed_fetches: Counter::default(),
        };
        metrics.register();
        for outcome in [DONE, FAILED] {
            let _made = metrics.collections.get_or_create(&[("outcome", outcome.to_owned())]);
        }
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let Self { registry, .. } = self;
        registry.register("requests", "Requests that have ended", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From a request's head to the last byte of its answer",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register_with_unit("received", "Bodies of requests", Unit::Bytes, self.received.clone());
        registry.register_with_unit("sent", "Bodies of answers", Unit::Bytes, self.sent.clone());
        registry.register("objects_stored", "Objects that arrived and were verified", self.stored.clone());
        registry.register("collections", "Collections that have ended", self.collections.clone());
        registry.register("objects_collected", "Objects that collections deleted", self.collected.clone());
        registry.register("requests_in_flight", "Requests that have begun and not ended", self.in_flight.clone());
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("turned_away", "Requests that were told to come later", self.turned_away.clone());
        registry.register("issuer_fetches", "Attempts to fetch an issuer's keys", self.fetches.clone());
        registry.register("issuer_fetch_failures", "Attempts of them that failed", self.failed_fetches.clone());
    }

    /// Counts a request that has ended.
    pub fn ended(&self, ended: &Ended) {
        let route = || ended.route.to_owned();
        let labels = [("route", route()), ("method", ended.method.to_owned()), ("status", ended.status.to_string())];
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&[("route", route())]).observe(ended.duration.as_secs_f64());
        self.received.inc_by(ended.received);
        self.sent.inc_by(ended.sent);
        if ended.route == sci_store_api::routes::OBJECT && ended.method == "PUT" && ended.status == 204 {
            self.stored.inc();
        }
    }

    /// Counts a collection that deleted so many objects, or failed.
    pub fn collected(&self, deleted: Option<usize>) {
        let outcome = if deleted.is_some() { DONE } else { FAILED };
        self.collections.get_or_create(&[("outcome", outcome.to_owned())]).inc();
        self.collected.inc_by(deleted.unwrap_or_default() as u64);
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
