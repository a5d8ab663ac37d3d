//! One request: what the framework gives becomes what the service takes, and its answer what the framework sends.

mod answer;
mod incoming;
mod outgoing;
mod places;
mod record;
mod refusal;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method as HttpMethod, header};
use axum::response::Response as HttpResponse;
use axum::routing::get;
use axum::{Router, extract};
use bytes::Bytes;
use sci_native::{Download, Upload};
use sci_service::http::{Expected, Method, NO_ROUTE, Reply, Request, Response, Unread, bearer, expected, route};
use sci_store_api::routes;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::backend::Backend;
use crate::limits::Limits;
use crate::metrics::{MEDIA_TYPE, Metrics};

use outgoing::Part;
use places::{Kind, Place, Places};
pub(crate) use record::Busy;
use record::{Ids, Record};
use refusal::Refusal;

/// The backend with everything that a request needs beside it.
#[derive(Clone)]
pub(crate) struct Host(Arc<Inner>);

struct Inner {
    backend: Arc<dyn Backend>,
    metrics: Arc<Metrics>,
    limits: Limits,
    places: Places,
    ids: Ids,
}

/// What the backend answered, and the first part of an object that it sends.
type Answered = (Response<Download>, Option<std::io::Result<Bytes>>);

impl Host {
    pub(crate) fn new(backend: Arc<dyn Backend>, metrics: Arc<Metrics>, limits: Limits) -> Self {
        let places = Places::new(&limits);
        Self(Arc::new(Inner { backend, metrics, limits, places, ids: Ids::default() }))
    }

    /// Everything that the server answers; the metrics too, unless they have an address of their own.
    pub(crate) fn router(&self, with_metrics: bool) -> Router {
        let router = Router::new().fallback(answer).with_state(self.clone());
        if with_metrics { router.merge(metrics_router(&self.0.metrics)) } else { router }
    }

    async fn respond(&self, request: extract::Request, record: &mut Record) -> Result<Answered, Refusal> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let method = method(&head.method).ok_or(Unread::Method)?;
        let wanted = expected(method, &path);
        let is_object = route(&path) == Some(routes::OBJECT);
        let request = |body| Request {
            method,
            query: head.uri.query().unwrap_or_default().to_owned(),
            bearer: text(&head.headers, &header::AUTHORIZATION).and_then(|value| bearer(&value)),
            range: text(&head.headers, &header::RANGE),
            body,
            path: path.clone(),
        };
        if wanted == Expected::Object {
            let Some(length) = incoming::announced(&head.headers)? else {
                incoming::drain(body, &self.0.limits).await;
                return Err(Unread::NoLength.into());
            };
            let places = (self.place(Kind::Upload).await?, self.place(Kind::Request).await?);
            let received = Arc::clone(&record.received);
            return self.receive(places, length, body, received, request).await;
        }
        let Expected::Json(most) = wanted else { return Err(Unread::Method.into()) };
        let json = incoming::json(body, &head.headers, most, &self.0, record).await?;
        let place = if path == routes::HEALTH { None } else { Some(self.place(Kind::Request).await?) };
        if is_object && method == Method::Get {
            record.place = Some(self.place(Kind::Download).await?);
        }
        let work = self.start(request(sci_service::http::Body::Json(json)), place);
        // A collection takes as long as it takes; only an administrator can ask for one.
        let limit = if path == routes::GC { Duration::MAX } else { self.0.limits.request };
        finished(work, limit).await
    }

    /// Receives an object while it is stored.
    async fn receive(
        &self,
        places: (Place, Place),
        length: u64,
        mut body: Body,
        received: Arc<AtomicU64>,
        request: impl FnOnce(sci_service::http::Body<Upload>) -> Request<Upload>,
    ) -> Result<Answered, Refusal> {
        let (parts, upload) = incoming::upload();
        let request = request(sci_service::http::Body::Object { length, body: upload });
        let mut work = self.start(request, places);
        let answered = {
            let pump = incoming::pump(&mut body, parts, length, &self.0.limits, received);
            tokio::pin!(pump);
            tokio::select! {
                answered = &mut work => answered.map_err(|_| Refusal::panicked())?,
                pumped = &mut pump => {
                    // Without its sender the upload ends here, whole or not.
                    pumped?;
                    finished(work, self.0.limits.request).await?
                }
            }
        };
        incoming::drain(body, &self.0.limits).await;
        Ok(answered)
    }

    async fn place(&self, kind: Kind) -> Result<Place, Refusal> {
        self.0.places.take(kind).await.ok_or_else(|| {
            self.0.metrics.turned_away.inc();
            Refusal::busy()
        })
    }

    /// Lets the backend answer on a thread that may block. Its places are free again when it has, however long that takes.
    fn start(&self, request: Request<Upload>, places: impl Send + 'static) -> JoinHandle<Answered> {
        let backend = Arc::clone(&self.0.backend);
        tokio::task::spawn_blocking(move || {
            let _places = places;
            let mut response = backend.handle(request);
            let first = match &mut response.body {
                Reply::Object { body, .. } => Some(body.next_part(Part::MOST)),
                Reply::Empty | Reply::Json(_) => None,
            };
            (response, first)
        })
    }
}

async fn finished(work: JoinHandle<Answered>, limit: Duration) -> Result<Answered, Refusal> {
    match timeout(limit, work).await {
        Ok(Ok(answered)) => Ok(answered),
        Ok(Err(_)) => Err(Refusal::panicked()),
        Err(_) => Err(Refusal::late()),
    }
}

async fn answer(State(host): State<Host>, request: extract::Request) -> HttpResponse {
    let route = route(request.uri().path()).unwrap_or(NO_ROUTE);
    let busy = request.extensions().get::<Busy>().cloned();
    let method = method(request.method()).map_or("OTHER", name);
    let mut record = Record::new(host.0.ids.next(), route, method, Arc::clone(&host.0.metrics), busy);
    match host.respond(request, &mut record).await {
        Ok((response, first)) => answer::from_service(response, first, record, &host.0.limits),
        Err(refusal) => answer::from_refusal(&refusal, record),
    }
}

/// The metrics alone, for an address of their own.
pub(crate) fn metrics_router(metrics: &Arc<Metrics>) -> Router {
    let metrics = Arc::clone(metrics);
    let show = move || {
        let text = metrics.text();
        async move { ([(header::CONTENT_TYPE, MEDIA_TYPE)], text) }
    };
    Router::new().route("/metrics", get(show))
}

fn method(method: &HttpMethod) -> Option<Method> {
    Some(match method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        _ => return None,
    })
}

const fn name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    }
}

/// The value of a header. What stands several times is one list, as HTTP reads it, so that no two readers take another of them.
fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    if values.is_empty() { None } else { Some(values.join(", ")) }
}
