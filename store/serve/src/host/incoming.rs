//! Bodies that arrive: JSON into bounded memory, objects part after part to whoever stores them.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use sci_native::Upload;
use sci_service::http::Unread;
use sci_store_api::record::MAX_OBJECT_SIZE;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout, timeout_at};

use super::Inner;
use super::record::Record;
use super::refusal::Refusal;
use crate::limits::Limits;

/// Parts that may wait to be stored.
const WAITING: usize = 4;
/// How much of a body that nobody wants any more is read, so that its sender gets to the answer.
const DRAINED: u64 = 64 << 20;
/// How long that may take.
const DRAINING: Duration = Duration::from_secs(5);

/// The length that an object is announced with, if it is announced.
pub(super) fn announced(headers: &HeaderMap) -> Result<Option<u64>, Refusal> {
    let length = length(headers);
    if length > Some(MAX_OBJECT_SIZE) { Err(Unread::TooLong(MAX_OBJECT_SIZE).into()) } else { Ok(length) }
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a JSON body of at most `most` bytes.
pub(super) async fn json(
    mut body: Body,
    headers: &HeaderMap,
    most: usize,
    host: &Inner,
    record: &Record,
) -> Result<Vec<u8>, Refusal> {
    let too_long = || Refusal::from(Unread::TooLong(most as u64));
    if let Some(length) = length(headers).filter(|length| *length > most as u64) {
        if length <= DRAINED {
            drain(body, &host.limits).await;
        }
        return Err(too_long());
    }
    let deadline = Instant::now() + host.limits.request;
    let mut whole = Vec::new();
    let mut memory = Vec::new();
    loop {
        let part = timeout_at(deadline, timeout(host.limits.idle, next(&mut body))).await;
        let Ok(Ok(part)) = part else { return Err(Refusal::slow()) };
        let Some(part) = part? else { return Ok(whole) };
        record.received.fetch_add(part.len() as u64, Ordering::Relaxed);
        if whole.len() + part.len() > most {
            drop((whole, memory));
            drain(body, &host.limits).await;
            return Err(too_long());
        }
        let held = host.places.memory(part.len()).await;
        memory.push(held.ok_or_else(Refusal::busy)?);
        whole.extend_from_slice(&part);
    }
}

/// The two ends of an object that arrives.
pub(super) fn upload() -> (Sender<Bytes>, Upload) {
    let (parts, mut arriving): (_, Receiver<Bytes>) = channel(WAITING);
    (parts, Upload::Parts(Box::new(iter::from_fn(move || arriving.blocking_recv()))))
}

/// Hands an object's parts on as they arrive, until it is whole or nobody takes them any more.
pub(super) async fn pump(
    body: &mut Body,
    parts: Sender<Bytes>,
    length: u64,
    limits: &Limits,
    received: Arc<AtomicU64>,
) -> Result<(), Refusal> {
    let deadline = Instant::now() + limits.transfer(length);
    let mut missing = length;
    while missing > 0 {
        let part = timeout_at(deadline, timeout(limits.idle, next(body))).await;
        let Ok(Ok(part)) = part else { return Err(Refusal::slow()) };
        let part = part?.ok_or(Unread::Cut)?;
        received.fetch_add(part.len() as u64, Ordering::Relaxed);
        missing = missing.checked_sub(part.len() as u64).ok_or(Unread::Cut)?;
        // Whoever stores it has an answer already; that one counts.
        if parts.send(part).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads what is left of a body, within limits: a peer that is cut off while it sends may never see its answer.
pub(super) async fn drain(mut body: Body, limits: &Limits) {
    let read = async {
        let mut read = 0;
        while read < DRAINED {
            match next(&mut body).await {
                Ok(Some(part)) => read += part.len() as u64,
                Ok(None) | Err(_) => return,
            }
        }
    };
    // Whether it was read to its end does not matter to anybody.
    let _ = timeout(DRAINING.min(limits.idle), read).await;
}

/// The next bytes; `None` at the end.
async fn next(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unread::Cut.into()),
            Some(Ok(frame)) => {
                // Trailers say nothing that is wanted here.
                if let Ok(part) = frame.into_data() {
                    return Ok(Some(part));
                }
            }
        }
    }
}
