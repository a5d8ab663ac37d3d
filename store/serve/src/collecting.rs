//! Collection in the background: one at a time, with a pause between them. It may be cut off at any point.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sci_store_api::admin::GcPolicy;

use crate::backend::Backend;
use crate::metrics::Metrics;

/// When the background collects, and what it may forget.
#[derive(Debug, Clone)]
pub struct Collecting {
    /// The pause before each collection.
    pub pause: Duration,
    /// What may be removed.
    pub policy: GcPolicy,
}

/// Collects again and again, first after a pause.
pub(crate) async fn run(backend: Arc<dyn Backend>, metrics: Arc<Metrics>, Collecting { pause, policy }: Collecting) {
    loop {
        tokio::time::sleep(pause).await;
        let started = Instant::now();
        let (worker, policy) = (Arc::clone(&backend), policy.clone());
        let collected = tokio::task::spawn_blocking(move || worker.collect(&policy)).await;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = match collected {
            Ok(Ok(report)) => {
                let bytes = report.deleted.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
                metrics.collected(Some(report.deleted.len()));
                let (objects, forgotten) = (report.deleted.len(), report.forgotten.len());
                tracing::info!(forgotten, objects, bytes, waiting = report.marked, ms, "collected");
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        metrics.collected(None);
        tracing::error!(error = failure, ms, "a collection failed; the next one goes on");
    }
}
