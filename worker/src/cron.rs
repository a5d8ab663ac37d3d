//! The cron trigger: a collection of bounded work. What it leaves is doomed already, and the next one goes on with it.

use serde_json::json;
use worker::{Env, console_error, console_log};

use crate::backend;

/// Objects that one run deletes: 20 requests to R2 and 20 to D1, within the 50 of the free plan.
const MOST: u64 = 20_000;

/// Collects in every repository.
pub async fn run(env: &Env) {
    let backend = match backend::of(env).await {
        Ok(backend) => backend,
        Err(error) => return console_error!("the backend is not set up: {}", error.0),
    };
    match backend.routes.service().gc_at_most(None, &backend.policy, MOST).await {
        Ok(report) => {
            let bytes = report.deleted.iter().fold(0_u64, |sum, object| sum.saturating_add(object.size));
            let line = json!({
                "collected": report.deleted.len(), "bytes": bytes,
                "forgotten": report.forgotten.len(), "waiting": report.marked,
            });
            console_log!("{line}");
        }
        Err(error) => console_error!("a collection failed; the next one goes on: {error}"),
    }
}
