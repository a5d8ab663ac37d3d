//! Collection in the background: one at a time, with a pause between them. It may be cut off at any point.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sci_store_api::admin::GcPolicy;

use crate::backend::Backend;
use crate::metrics::Metrics;

/// Collects again and again, first after a pause.
pub(crate) async fn run(backend: Arc<dyn Backend>, metrics: Arc<Metrics>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        let started = Instant::now();
        let worker = Arc::clone(&backend);
        let collected = tokio::task::spawn_blocking(move || worker.collect(&GcPolicy::default())).await;
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let failure = match collected {
            Ok(Ok(report)) => {
                let bytes = report.deleted.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
                metrics.collected(Some(report.deleted.len()));
                tracing::info!(objects = report.deleted.len(), bytes, waiting = report.marked, ms, "collected");
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(panicked) => panicked.to_string(),
        };
        metrics.collected(None);
        tracing::error!(error = failure, ms, "a collection failed; the next one goes on");
    }
}
