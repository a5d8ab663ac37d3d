//! The Worker as it is deployed: its events, and nothing else.

use worker::{Context, Env, Request, Response, ScheduleContext, ScheduledEvent, event};

/// A request.
#[event(fetch)]
async fn fetch(request: Request, env: Env, context: Context) -> worker::Result<Response> {
    Ok(sci_worker::host::answer(request, &env, &context).await)
}

/// The cron trigger.
#[event(scheduled)]
async fn scheduled(_event: ScheduledEvent, env: Env, _context: ScheduleContext) {
    sci_worker::cron::run(&env).await;
}
