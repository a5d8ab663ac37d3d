//! Requests as they come: heads into the service's words, JSON into bounded memory, objects as the streams that they are.

use futures_util::StreamExt as _;
use sci_service::http::{Body, Expected, Method, Request as ServiceRequest, Unread, bearer, expected};
use sci_store_api::Secret;
use sci_store_api::record::MAX_OBJECT_SIZE;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, WritableStream};
use worker::{Headers, Request};

use crate::blobs::Upload;
use crate::refusal::Refusal;

/// How much of a body that nobody wants any more is read.
const DRAINED: u64 = 64 << 20;

/// The request in the service's words.
///
/// # Errors
/// What the host refuses by itself.
pub async fn read(request: &mut Request) -> Result<ServiceRequest<Upload>, Refusal> {
    let url = request.url().map_err(|_| Unread::Method)?;
    let method = method(&request.method()).ok_or(Unread::Method)?;
    let path = url.path().to_owned();
    let body = match expected(method, &path) {
        Expected::Object => object(request).await?,
        Expected::Json(most) => Body::Json(json(request, most).await?),
    };
    let query = url.query().unwrap_or_default().to_owned();
    let headers = request.headers();
    Ok(ServiceRequest {
        method,
        path,
        query,
        bearer: text(headers, "authorization").map(Secret::new).and_then(|value| bearer(value.expose())),
        range: text(headers, "range"),
        body,
    })
}

fn method(method: &worker::Method) -> Option<Method> {
    Some(match method {
        worker::Method::Get => Method::Get,
        worker::Method::Head => Method::Head,
        worker::Method::Post => Method::Post,
        worker::Method::Put => Method::Put,
        worker::Method::Delete => Method::Delete,
        _ => return None,
    })
}

/// A body that is announced, and not touched.
async fn object(request: &mut Request) -> Result<Body<Upload>, Refusal> {
    let Some(length) = length(request.headers()) else {
        if request.inner().body().is_some() {
            collect(request, 0).await?;
        }
        return Err(Unread::NoLength.into());
    };
    if length > MAX_OBJECT_SIZE {
        return Err(Unread::TooLong(MAX_OBJECT_SIZE).into());
    }
    let body = match request.inner().body() {
        Some(stream) if length > 0 => Upload::Stream(stream),
        _ => Upload::Bytes(Vec::new()),
    };
    Ok(Body::Object { length, body })
}

async fn json(request: &mut Request, most: usize) -> Result<Vec<u8>, Refusal> {
    let too_long = || Refusal::from(Unread::TooLong(most as u64));
    if let Some(length) = length(request.headers()).filter(|length| *length > most as u64) {
        if let Some(body) = request.inner().body() {
            drain(&body, length).await;
        }
        return Err(too_long());
    }
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    collect(request, most).await?.ok_or_else(too_long)
}

/// The body, unless it is longer than `most`: then it is read nevertheless, within limits, since its sender listens when all of
/// it is sent.
async fn collect(request: &mut Request, most: usize) -> Result<Option<Vec<u8>>, Refusal> {
    let mut parts = request.stream().map_err(|_| Unread::Cut)?;
    let (mut whole, mut read) = (Vec::new(), 0);
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| Unread::Cut)?;
        read += part.len() as u64;
        if read > DRAINED {
            break;
        }
        if read > most as u64 {
            whole = Vec::new();
        } else {
            whole.extend_from_slice(&part);
        }
    }
    Ok((read <= most as u64).then_some(whole))
}

/// Reads what nobody wants, within limits.
pub(crate) async fn drain(body: &ReadableStream, length: u64) {
    if length <= DRAINED
        && !body.locked()
        && let Ok(nowhere) = WritableStream::new()
    {
        // Whether it was read to its end does not matter to anybody.
        let _ = JsFuture::from(body.pipe_to(&nowhere)).await;
    }
}

fn length(headers: &Headers) -> Option<u64> {
    text(headers, "content-length")?.parse().ok()
}

/// The value of a header. The runtime leaves the blanks around it, which are no part of it.
fn text(headers: &Headers, name: &str) -> Option<String> {
    Some(headers.get(name).ok()??.trim_matches([' ', '\t']).to_owned())
}
