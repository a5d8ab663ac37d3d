//! Every attack of the suite on the real server: disk, SQLite, a listener, and an issuer that it asks for keys over HTTP.

use pollster::block_on;
use sci_conformance::http::{Heard, Said};
use sci_conformance::issuer::TestIssuer;
use sci_conformance::threats::Target;
use sci_native::Sqlite;
use sci_service::{Sql as _, Statement};

use crate::bench::{Bench, URL, log, now};

/// A server, and another connection to its index.
struct Served {
    bench: Bench,
    index: Sqlite,
}

impl Default for Served {
    fn default() -> Self {
        let bench = Bench::default();
        let index = Sqlite::open(&bench.store().join("index.sqlite")).unwrap();
        Self { bench, index }
    }
}

impl Target for Served {
    fn audience(&self) -> String {
        URL.to_owned()
    }

    fn now(&self) -> u64 {
        now()
    }

    fn issuer(&self) -> &TestIssuer {
        &self.bench.issuer.issuer
    }

    fn issuer_url(&self) -> String {
        self.bench.issuer.url()
    }

    fn admin(&self) -> &str {
        &self.bench.admin
    }

    fn send(&self, request: &Heard) -> Said {
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let answer = self.bench.send(&request.method, &request.target, &headers, &request.body);
        let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Said {
            status: answer.status,
            headers: answer.headers.iter().map(header).collect(),
            body: answer.body,
            ..Said::default()
        }
    }

    /// The number of the last write to the index by anybody else than this connection, and the files of objects.
    fn kept(&self) -> Option<String> {
        let rows =
            block_on(self.index.query(Statement::new("SELECT data_version FROM pragma_data_version", []))).unwrap();
        Some(format!("version {}, files {:?}", rows.first().unwrap().integer(0).unwrap(), self.bench.files()))
    }

    fn logged(&self) -> String {
        // A line is written when the answer has left: one more request, and every line before its own is there.
        let id = self.bench.send("GET", "/v1/nothing", &[], b"").header("x-request-id").to_owned();
        log().line(&format!("\"{id}\""));
        log().text()
    }
}

sci_conformance::attacks!(Served);
