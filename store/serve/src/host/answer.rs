//! Answers as the framework sends them.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response as HttpResponse;
use bytes::Bytes;
use sci_native::Download;
use sci_service::http::{Reply, Response};

use super::outgoing::{Object, Whole};
use super::record::Record;
use super::refusal::Refusal;
use crate::limits::Limits;

/// The header with the request's id, by which an operator finds it in the log.
const REQUEST_ID: &str = "x-request-id";

/// The service's answer.
pub(super) fn from_service(
    response: Response<Download>,
    first: Option<io::Result<Bytes>>,
    mut record: Record,
    limits: &Limits,
) -> HttpResponse {
    record.asked = response.asked;
    if let Some(fault) = &response.fault {
        tracing::error!(id = record.id, route = record.route, error = %fault, "the backend failed");
    }
    let mut headers = response.headers;
    let id = record.id.clone();
    record.status = Some(response.status);
    let body = match response.body {
        Reply::Empty => Body::new(Whole::new(Bytes::new(), record)),
        Reply::Json(bytes) => {
            headers.push((header::CONTENT_TYPE.as_str(), "application/json".to_owned()));
            Body::new(Whole::new(bytes.into(), record))
        }
        Reply::Object { length, body } => match first {
            Some(Ok(first)) => {
                headers.push((header::CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()));
                Body::new(Object::new(first, body, length, limits.transfer(length), record))
            }
            Some(Err(error)) => {
                tracing::error!(id = record.id, route = record.route, %error, "an object cannot be read");
                return from_refusal(&Refusal::panicked(), record);
            }
            None => return from_refusal(&Refusal::panicked(), record),
        },
    };
    build(response.status, &headers, &id, body)
}

/// The host's own answer.
pub(super) fn from_refusal(refusal: &Refusal, mut record: Record) -> HttpResponse {
    if refusal.is_fault {
        tracing::error!(id = record.id, route = record.route, error = %refusal.error, "a request failed");
    }
    let response = Response::<Download>::api_error(record.route, &refusal.error);
    record.status = Some(refusal.status);
    let id = record.id.clone();
    let mut headers = vec![(header::CONTENT_TYPE.as_str(), "application/json".to_owned())];
    headers.extend(refusal.retry_after.map(|seconds| (header::RETRY_AFTER.as_str(), seconds.to_string())));
    let body = match response.body {
        Reply::Json(bytes) => Bytes::from(bytes),
        Reply::Empty | Reply::Object { .. } => Bytes::new(),
    };
    build(refusal.status, &headers, &id, Body::new(Whole::new(body, record)))
}

fn build(status: u16, headers: &[(&'static str, String)], id: &str, body: Body) -> HttpResponse {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = (REQUEST_ID, id.to_owned());
    for (name, value) in headers.iter().chain([&id]) {
        // Every value was made here or by the service, of visible characters.
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(*name, value);
        }
    }
    response
}
