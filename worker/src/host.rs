//! One request: what the runtime gives becomes what the service takes, and its answer what the runtime sends.

use std::rc::Rc;

use futures_channel::oneshot;
use sci_service::http::{Body, Front, NO_ROUTE, Request as ServiceRequest, Response as ServiceResponse, route};
use sci_service::{Access, Clock, Keys, Sql};
use serde_json::json;
use worker::{Context, Date, Env, Request, Response, console_error, console_log};

use crate::backend::{self, Backend};
use crate::blobs::{Download, R2, Upload};
use crate::refusal::Refusal;
use crate::{answer, fault, incoming};

/// The header by which the platform names a request.
const RAY: &str = "cf-ray";

/// Answers a request. Whatever goes wrong is in the answer and in the log.
pub async fn answer(mut request: Request, env: &Env, context: &Context) -> Response {
    let started = Date::now().as_millis();
    let method = request.method();
    let route = route(&request.path()).unwrap_or(NO_ROUTE);
    let id = request.headers().get(RAY).ok().flatten().unwrap_or_else(|| format!("{started:x}"));
    let (status, asked, answer) = match respond(&mut request, env, context).await {
        Ok(mut response) => {
            if let Some(fault) = response.fault.take() {
                console_error!("{}", json!({ "id": id, "route": route, "error": fault.to_string() }));
            }
            (response.status, response.asked.take(), answer::from_service(response, &id))
        }
        Err(refusal) => {
            if let Some(fault) = &refusal.fault {
                console_error!("{}", json!({ "id": id, "route": route, "error": fault }));
            }
            (refusal.status, None, answer::from_refusal(&refusal, &id))
        }
    };
    let (repository, run) = asked.as_ref().map(|(repository, run)| (repository.as_str(), run.as_str())).unzip();
    let ms = Date::now().as_millis().saturating_sub(started);
    let line = json!({
        "id": id, "method": method.as_ref(), "route": route, "status": status, "ms": ms,
        "repository": repository, "run": run,
    });
    console_log!("{line}");
    answer.unwrap_or_else(|error| {
        console_error!("{}", json!({ "id": id, "route": route, "error": fault::wrapped(&error) }));
        unanswered()
    })
}

async fn respond(request: &mut Request, env: &Env, context: &Context) -> Result<ServiceResponse<Download>, Refusal> {
    let asked = incoming::read(request).await?;
    let backend = backend::of(env).await.map_err(|error| Refusal::not_set_up(error.0))?;
    match asked.body {
        // The body is the peer's to send: without it there is nothing to go on with.
        Body::Object { .. } => Ok(receive(&backend.routes, asked).await),
        Body::Json(_) => to_its_end(backend, asked, context).await,
    }
}

/// Stores an object. What is refused is read nevertheless, within limits: a peer that is cut off while it sends may never see
/// its answer.
pub async fn receive<S: Sql, C: Clock, K: Keys, A: Access<R2, S, C, K>>(
    routes: &Front<R2, S, C, K, A>,
    request: ServiceRequest<Upload>,
) -> ServiceResponse<Download> {
    let body = match &request.body {
        Body::Object { length, body: Upload::Stream(stream) } => Some((*length, stream.clone())),
        _ => None,
    };
    let response = routes.handle(request).await;
    if let Some((length, body)) = body.filter(|_| response.status >= 400) {
        incoming::drain(&body, length).await;
    }
    response
}

/// Carries a request out even if its peer goes away: what was begun, as a look for an issuer's keys, is there for the next one.
async fn to_its_end(
    backend: Rc<Backend>,
    request: ServiceRequest<Upload>,
    context: &Context,
) -> Result<ServiceResponse<Download>, Refusal> {
    let (answer, answered) = oneshot::channel();
    context.wait_until(async move {
        // Nobody listens any more when the peer has gone.
        let _ = answer.send(backend.routes.handle(request).await);
    });
    answered.await.map_err(|_| Refusal::failed("the request panicked"))
}

/// What is answered when nothing can be.
fn unanswered() -> Response {
    Response::builder().with_status(500).empty()
}
