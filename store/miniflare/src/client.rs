//! A client that sends requests as they are, whatever they are.

use std::time::Duration;

use sci_conformance::http::{Heard, Said};
use ureq::http::{HeaderName, HeaderValue, Request, Response};
use ureq::{Body, SendBody};

/// A client of one host.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    agent: ureq::Agent,
}

impl Client {
    /// A client of the host at `base`.
    pub fn new(base: String) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).max_redirects(0);
        // The runtime closes a connection that nobody has used for some seconds, and a test may be kept waiting for longer.
        let config = config.max_idle_connections(0);
        Self { base, agent: config.timeout_global(Some(Duration::from_secs(120))).build().into() }
    }

    /// Sends a request and waits for the whole answer. A header `transfer-encoding` in it leaves the length of the body unsaid.
    pub fn send(&self, request: &Heard) -> Said {
        let mut builder = Request::builder().method(&*request.method).uri(format!("{}{}", self.base, request.target));
        for (name, value) in request.headers.iter().filter(|(name, _)| name != "transfer-encoding") {
            builder = builder.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let (mut unsaid, has_body) = (&request.body[..], !request.body.is_empty());
        let answer = if request.header("transfer-encoding").is_some() {
            self.agent.run(builder.body(SendBody::from_reader(&mut unsaid)).unwrap())
        } else if has_body || matches!(&*request.method, "POST" | "PUT" | "PATCH") {
            self.agent.run(builder.body(&request.body[..]).unwrap())
        } else {
            self.agent.run(builder.body(()).unwrap())
        };
        said(answer.unwrap_or_else(|error| panic!("{} {}{}: {error}", request.method, self.base, request.target)))
    }
}

fn said(mut response: Response<Body>) -> Said {
    let header = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let headers = response.headers().iter().map(header).collect();
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
    Said { status: response.status().as_u16(), headers, body, ..Said::default() }
}
