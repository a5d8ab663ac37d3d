//! The HTTP client, watched: what the bucket really answered, for whoever must say what went wrong.
//!
//! The library's errors hold an answer as text, with whatever the server wrote into it, an access key for one. Here the
//! status and the code are taken, and the rest is dropped.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    ReqwestConnector,
};
use object_store::{ClientOptions, Result};

use crate::trouble::Trouble;

/// The most of an error's body that is read.
const MOST: usize = 16 * 1_024;
/// The longest code or region that is believed to be one.
const LONGEST: usize = 64;
/// A server that lacks something.
const NOT_IMPLEMENTED: u16 = 501;
/// What the library does not repeat.
const BAD_REQUEST: u16 = 400;

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The server that was asked, with its port.
    pub(crate) host: String,
    /// What came of it.
    pub(crate) end: End,
}

/// How a request ended that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// An answer.
    Answer {
        /// Its status.
        status: u16,
        /// S3's code, where there is one.
        code: String,
        /// The region that the bucket is in, where it says so.
        region: Option<String>,
    },
    /// There was no answer.
    Silence(HttpErrorKind),
}

/// What an operation sees of its last request: the server, and how it ended unless it succeeded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sight(Arc<Mutex<(String, Option<End>)>>);

tokio::task_local! {
    /// Where the requests of this task are noted.
    static SIGHT: Sight;
}

impl Sight {
    /// Carries out an operation, or a part of one, and sees its requests.
    pub(crate) async fn of<F: Future>(&self, operation: F) -> F::Output {
        SIGHT.scope(self.clone(), operation).await
    }

    /// What went wrong, when the library says that something did.
    pub(crate) fn trouble(&self, error: &object_store::Error) -> Trouble {
        let (host, end) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match end.or_else(|| broken(error)) {
            Some(end) => Trouble::Request(Seen { host, end }),
            None => Trouble::Answer,
        }
    }
}

/// How an answer ended that had begun well.
fn broken(error: &object_store::Error) -> Option<End> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<HttpError>() {
            return Some(End::Silence(error.kind()));
        }
        source = cause.source();
    }
    None
}

fn note(host: String, end: Option<End>) {
    // The library fetches credentials within the operation that needs them, so everything is inside one.
    let _ = SIGHT.try_with(|sight| *sight.0.lock().unwrap_or_else(PoisonError::into_inner) = (host, end));
}

/// Makes clients that are watched.
#[derive(Debug)]
pub(crate) struct Watched;

impl HttpConnector for Watched {
    fn connect(&self, options: &ClientOptions) -> Result<HttpClient> {
        Ok(HttpClient::new(Client(ReqwestConnector::default().connect(options)?)))
    }
}

#[derive(Debug)]
struct Client(HttpClient);

#[async_trait::async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().authority().map_or("", |authority| authority.as_str()).to_owned();
        let response = match self.0.execute(request).await {
            Ok(response) if response.status().is_success() => {
                note(host, None);
                return Ok(response);
            }
            Ok(response) => response,
            Err(error) => {
                note(host, Some(End::Silence(error.kind())));
                return Err(error);
            }
        };
        let (mut head, body) = response.into_parts();
        let body = beginning(body).await;
        let region = head.headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let region = region.filter(|region| is_word(region)).map(str::to_owned);
        let status = head.status.as_u16();
        note(host, Some(End::Answer { status, code: code(&body), region }));
        // It would be repeated like a failure that passes, and what a server lacks it lacks every time.
        if let (NOT_IMPLEMENTED, Ok(instead)) = (status, BAD_REQUEST.try_into()) {
            head.status = instead;
        }
        Ok(HttpResponse::from_parts(head, body.into()))
    }
}

/// The beginning of a body; what is missing of it does not matter.
async fn beginning(body: HttpResponseBody) -> Bytes {
    let mut found = Vec::new();
    let mut parts = body.bytes_stream();
    while let Some(Ok(part)) = parts.next().await {
        let room = MOST - found.len();
        found.extend_from_slice(&part[..part.len().min(room)]);
        if found.len() == MOST {
            break;
        }
    }
    found.into()
}

/// The code of an error of S3: `NoSuchKey`.
fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let inside = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    inside.map(|(code, _)| code).filter(|code| is_word(code)).unwrap_or_default().to_owned()
}

fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_is_a_code() {
        assert_eq!(code(b"<Error><Code>NoSuchKey</Code><Key>x</Key></Error>"), "NoSuchKey");
        let hostile = format!("<Code>{}</Code>", "A".repeat(65));
        for other in ["", "<Code></Code>", "<Code>a b</Code>", "<Code>\u{1b}[31m</Code>", "<Code>x", &hostile] {
            assert_eq!(code(other.as_bytes()), "", "{other}");
        }
    }
}
