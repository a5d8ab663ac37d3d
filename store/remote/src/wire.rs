//! One request and its answer: bounded in time and in size, never redirected, nothing believed.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use sci_store_api::{ApiError, ErrorCode, Secret};
use serde::de::DeserializeOwned;
use ureq::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue, Method, Request};
use ureq::{Agent, AsSendBody, BodyReader, Proxy, Timeout};

use crate::address::Address;
use crate::clean::{clean, without};
use crate::error::{Error, NO_HTTP};
use crate::machine::Machine;
use crate::settings::Settings;
use crate::tls::{self, Untrusted};

/// Connections that are kept open between requests.
const KEPT_OPEN: usize = 32;
/// The longest error that is read, in bytes.
const LONGEST_ERROR: u64 = 64 * 1_024;
/// The longest that a server may ask us to wait.
const LONGEST_WAIT: u64 = 3_600;

/// The reason of an attempt whose time was up.
pub(crate) const LATE: &str = "no answer in time";

/// Connections to one server.
#[derive(Debug)]
pub(crate) struct Wire {
    machine: Arc<dyn Machine>,
    agent: Agent,
    address: Address,
    settings: Settings,
}

/// A request.
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) target: &'a str,
    pub(crate) bearer: Option<&'a Secret>,
    /// The header `Range`.
    pub(crate) range: Option<String>,
    /// The body with its media type.
    pub(crate) body: Option<(&'static str, &'a [u8])>,
}

impl<'a> Outgoing<'a> {
    pub(crate) fn get(target: &'a str, bearer: Option<&'a Secret>) -> Self {
        Self { method: Method::GET, target, bearer, range: None, body: None }
    }
}

/// Why an attempt gave nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Another attempt may succeed.
    Again {
        reason: String,
        /// How long the server asks us to wait.
        asked: Option<Duration>,
        /// Whether the request may have reached the server.
        sent: bool,
    },
    /// The server refused.
    Refused(ApiError),
    /// The server is not the one that was meant.
    Untrusted(Untrusted),
    /// The answer makes no sense.
    Nonsense(String),
    /// The answer is longer than so many bytes.
    TooLong(u64),
}

impl Failure {
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Again { reason, .. } | Self::Nonsense(reason) => reason.clone(),
            Self::Refused(error) => error.to_string(),
            Self::Untrusted(why) => why.to_string(),
            Self::TooLong(most) => format!("the answer has more than {most} bytes"),
        }
    }
}

/// The answer to a request, its body unread.
pub(crate) struct Incoming {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    body: BodyReader<'static>,
}

impl Wire {
    pub(crate) fn new(address: Address, settings: Settings, machine: Arc<dyn Machine>) -> Result<Self, Error> {
        let mut config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .max_idle_connections(KEPT_OPEN)
            .max_idle_connections_per_host(KEPT_OPEN)
            .user_agent(concat!("sci/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(settings.connect))
            .timeout_connect(Some(settings.connect))
            .timeout_per_read(Some(settings.stall.max(settings.first_byte)))
            .timeout_per_write(Some(settings.stall));
        if address.is_loopback() {
            config = config.proxy(None::<Proxy>);
        }
        if address.as_str().starts_with("https:") {
            config = config.tls_config(tls::config()?);
        }
        Ok(Self { agent: machine.agent(config.build()), machine, address, settings })
    }

    pub(crate) const fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) const fn machine(&self) -> &Arc<dyn Machine> {
        &self.machine
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Sends a request, which has `time` in all and `more` time than usual for the first byte, and gives its answer when it is
    /// a success.
    pub(crate) fn send(&self, request: &Outgoing<'_>, time: Duration, more: Duration) -> Result<Incoming, Failure> {
        let answer = match request.body {
            Some((_, body)) => self.exchange(request, body, time, more),
            None => self.exchange(request, (), time, more),
        }?;
        answer.successful(request.bearer)
    }

    fn exchange(
        &self,
        request: &Outgoing<'_>,
        body: impl AsSendBody,
        time: Duration,
        more: Duration,
    ) -> Result<Incoming, Failure> {
        let mut built = Request::builder().method(request.method.clone()).uri(self.address.at(request.target));
        if let Some(bearer) = request.bearer {
            let value = HeaderValue::try_from(format!("Bearer {}", bearer.expose()));
            let mut value = value.map_err(|_| Failure::Nonsense("the ticket is none".to_owned()))?;
            value.set_sensitive(true);
            built = built.header(AUTHORIZATION, value);
        }
        if let Some(range) = &request.range {
            built = built.header(RANGE, range);
        }
        if let Some((media, _)) = request.body {
            built = built.header(CONTENT_TYPE, media);
        }
        let built = built.body(body).map_err(|error| Failure::Nonsense(error.to_string()))?;
        let configured = self.agent.configure_request(built);
        // A ticking clock of no time at all would let the client wait for ever.
        let time = time.max(Duration::from_millis(1));
        let first = (self.settings.first_byte + more).min(time);
        let configured = configured
            .timeout_global(Some(time))
            .timeout_recv_response(Some(first))
            .timeout_per_read(Some(first.max(self.settings.stall)))
            .build();
        let (parts, body) = self.agent.run(configured).map_err(failure)?.into_parts();
        Ok(Incoming { status: parts.status.as_u16(), headers: parts.headers, body: body.into_reader() })
    }
}

impl Incoming {
    /// The answer, when it is a success; else what the server says to who sent this bearer.
    fn successful(mut self, bearer: Option<&Secret>) -> Result<Self, Failure> {
        match self.status {
            200..=299 => return Ok(self),
            300..=399 => {
                let reason = format!("it sends elsewhere (status {}), and redirects are not followed", self.status);
                return Err(Failure::Nonsense(reason));
            }
            _ => {}
        }
        let asked = self.retry_after();
        let said = self.bytes(LONGEST_ERROR).ok().and_then(|bytes| serde_json::from_slice::<ApiError>(&bytes).ok());
        let clean = |text: &str| clean(&without(text, bearer));
        match said {
            // `Retry` concerns what was done before; the same request alone would fail again.
            Some(error) if matches!(error.code, ErrorCode::Busy | ErrorCode::Unavailable) => {
                Err(Failure::Again { reason: clean(&error.message), asked, sent: error.code == ErrorCode::Unavailable })
            }
            Some(error) => {
                let (message, hint) = (clean(&error.message), error.hint.as_deref().map(clean));
                Err(Failure::Refused(ApiError { code: error.code, message, hint }))
            }
            None if matches!(self.status, 408 | 429 | 500..=599) => {
                Err(Failure::Again { reason: format!("status {}", self.status), asked, sent: true })
            }
            None => Err(Failure::Nonsense(format!("status {} without a reason", self.status))),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        let seconds: u64 = self.header(RETRY_AFTER)?.parse().ok()?;
        Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
    }

    fn header(&self, name: ureq::http::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// The header `Content-Range`, cleaned.
    pub(crate) fn content_range(&self) -> Option<String> {
        self.header(CONTENT_RANGE).map(clean)
    }

    /// Reads some bytes of the body; none at its end.
    pub(crate) fn some(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        self.body.read(buffer).map_err(|error| failure(error.into()))
    }

    /// Reads the body, which has at most so many bytes.
    pub(crate) fn bytes(&mut self, most: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        (&mut self.body).take(most + 1).read_to_end(&mut bytes).map_err(|error| failure(error.into()))?;
        if bytes.len() as u64 > most { Err(Failure::TooLong(most)) } else { Ok(bytes) }
    }

    /// Reads the body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(mut self, most: u64) -> Result<T, Failure> {
        let bytes = self.bytes(most)?;
        let nonsense = |error: serde_json::Error| {
            let kind = if error.is_data() { "JSON of another kind" } else { "no JSON" };
            Failure::Nonsense(format!("it answers with {kind}"))
        };
        serde_json::from_slice(&bytes).map_err(nonsense)
    }

    /// Expects that the server has nothing to say.
    pub(crate) fn nothing(mut self) -> Result<(), Failure> {
        if self.status != 204 {
            return Err(Failure::Nonsense(format!("status {} where 204 was expected", self.status)));
        }
        self.bytes(0).map(drop)
    }
}

/// What an error of the connection means.
fn failure(error: ureq::Error) -> Failure {
    use ureq::Error::{HostNotFound, Io, LargeResponseHeader, Protocol};
    let again = |reason: &str, sent| Failure::Again { reason: reason.to_owned(), asked: None, sent };
    match error {
        ureq::Error::Timeout(Timeout::Resolve) => again("its name was not resolved in time", false),
        ureq::Error::Timeout(Timeout::Connect) => again("no connection in time", false),
        ureq::Error::Timeout(_) => again(LATE, true),
        HostNotFound => again("its name has no address", false),
        Io(error) => match (tls::error_in(&error), error.kind()) {
            (Some(error), _) => of_tls(error),
            (_, io::ErrorKind::ConnectionRefused) => again("the connection was refused", false),
            (_, io::ErrorKind::UnexpectedEof) => again("the connection was cut off", true),
            _ => again(&clean(&error.to_string()), true),
        },
        Protocol(_) | LargeResponseHeader(..) => Failure::Nonsense(format!("{NO_HTTP}{}", clean(&error.to_string()))),
        ureq::Error::Rustls(error) => of_tls(&error),
        other => Failure::Nonsense(clean(&other.to_string())),
    }
}

fn of_tls(error: &rustls::Error) -> Failure {
    let nonsense = || Failure::Nonsense(format!("TLS: {}", clean(&error.to_string())));
    Untrusted::of(error).map_or_else(nonsense, Failure::Untrusted)
}
