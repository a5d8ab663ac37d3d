//! What is counted and logged of one request. The line is written when the last byte of the answer has left, or nobody wants
//! it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use sci_store_api::{RepositoryId, RunId};

use super::places::Place;
use crate::metrics::{Ended, Metrics};

/// The status in log and metrics of a request whose peer went away before there was an answer.
const GONE: u16 = 499;

/// Ids of requests: unique in this process, and not repeated by the next one.
#[derive(Debug)]
pub(super) struct Ids {
    start: u64,
    next: AtomicU64,
}

impl Default for Ids {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: since.as_millis() as u64 & 0xff_ffff_ffff, next: AtomicU64::new(1) }
    }
}

impl Ids {
    pub(super) fn next(&self) -> String {
        format!("{:010x}-{}", self.start, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// Counts a connection's requests in flight: while there are any, its silence is no idleness.
#[derive(Debug, Clone, Default)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Busy {
    /// Whether nothing is in flight.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn enter(&self) -> InFlight {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct InFlight(Arc<AtomicUsize>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One request.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) route: &'static str,
    method: &'static str,
    started: Instant,
    pub(super) status: Option<u16>,
    pub(super) asked: Option<(RepositoryId, RunId)>,
    pub(super) received: Arc<AtomicU64>,
    pub(super) sent: u64,
    /// Held until the answer has left.
    pub(super) place: Option<Place>,
    metrics: Arc<Metrics>,
    _in_flight: Option<InFlight>,
}

impl Record {
    pub(super) fn new(
        id: String,
        route: &'static str,
        method: &'static str,
        metrics: Arc<Metrics>,
        busy: Option<Busy>,
    ) -> Self {
        metrics.in_flight.inc();
        Self {
            id,
            route,
            method,
            started: Instant::now(),
            status: None,
            asked: None,
            received: Arc::default(),
            sent: 0,
            place: None,
            metrics,
            _in_flight: busy.as_ref().map(Busy::enter),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let ended = Ended {
            route: self.route,
            method: self.method,
            status: self.status.unwrap_or(GONE),
            duration: self.started.elapsed(),
            received: self.received.load(Ordering::Relaxed),
            sent: self.sent,
        };
        self.metrics.in_flight.dec();
        self.metrics.ended(&ended);
        let (repository, run) =
            self.asked.as_ref().map(|(repository, run)| (repository.as_str(), run.as_str())).unzip();
        tracing::info!(
            id = self.id,
            method = ended.method,
            route = ended.route,
            status = ended.status,
            us = u64::try_from(ended.duration.as_micros()).unwrap_or(u64::MAX),
            received = ended.received,
            sent = ended.sent,
            repository,
            run,
            "request"
        );
    }
}
