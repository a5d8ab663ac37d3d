//! Issuers' keys, by the Worker's own fetch. The isolate keeps them for as long as the service says; the data centre's cache
//! spares other isolates the fetch for a minute, which is also the least time between two looks for a key that is new.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use sci_service::identity::{Fetch, FetchError};
use worker::{AbortController, Cache, Delay, Method, Request, RequestInit, RequestRedirect, Response, console_warn};

use crate::fault;

/// The longest that a fetch takes.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest list of keys that is read, in bytes.
const MOST: usize = 256 * 1_024;
/// For how long the cache may answer.
const CACHED: &str = "max-age=60";

/// Fetches issuers' keys.
#[derive(Debug)]
pub struct IssuerKeys;

impl Fetch for IssuerKeys {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        if let Some(document) = cached(url).await {
            return Ok(document);
        }
        let controller = AbortController::default();
        let fetched = {
            let work = std::pin::pin!(fetch(url, &controller));
            match select(work, Delay::from(TIMEOUT)).await {
                Either::Left((fetched, _)) => fetched,
                Either::Right(_) => Err(FetchError(format!("{url}: there was no answer in time"))),
            }
        };
        match &fetched {
            Ok(document) => keep(url, document).await,
            Err(error) => {
                controller.abort();
                console_warn!("an issuer's keys cannot be fetched: {error}");
            }
        }
        fetched
    }
}

async fn fetch(url: &str, controller: &AbortController) -> Result<Vec<u8>, FetchError> {
    let failed = |error: worker::Error| FetchError(format!("{url}: {}", fault::wrapped(&error)));
    let mut init = RequestInit::new();
    init.with_method(Method::Get).with_redirect(RequestRedirect::Manual);
    let request = Request::new_with_init(url, &init).map_err(failed)?;
    let response = worker::Fetch::Request(request).send_with_signal(&controller.signal()).await.map_err(failed)?;
    if response.status_code() != 200 {
        return Err(FetchError(format!("{url}: the answer has status {}", response.status_code())));
    }
    read(response).await.map_err(failed)?.ok_or_else(|| FetchError(format!("{url}: the answer is too long")))
}

/// The body, unless it is too long.
async fn read(mut response: Response) -> worker::Result<Option<Vec<u8>>> {
    let mut parts = response.stream()?;
    let mut whole = Vec::new();
    while let Some(part) = parts.next().await {
        whole.extend_from_slice(&part?);
        if whole.len() > MOST {
            return Ok(None);
        }
    }
    Ok(Some(whole))
}

/// What the cache has. Where there is no cache, as under workers.dev, it has nothing.
async fn cached(url: &str) -> Option<Vec<u8>> {
    let found = Cache::default().get(url, false).await.ok()??;
    read(found).await.ok()?
}

async fn keep(url: &str, document: &[u8]) {
    let response =
        Response::builder().with_header("cache-control", CACHED).map(|response| response.fixed(document.to_vec()));
    if let Ok(response) = response {
        // Without a cache every isolate fetches for itself.
        let _ = Cache::default().put(url, response).await;
    }
}
