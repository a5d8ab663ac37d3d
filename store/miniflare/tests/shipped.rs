//! The bundle that is deployed, as a client sees it: identities, objects, the cron trigger, and what it never says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{SystemTime, UNIX_EPOCH};

use sci_conformance::loopback::{Loopback, Manner};
use sci_miniflare::deployed::{URL, Variables};
use sci_miniflare::{Bundle, Miniflare};
use sci_store_api::{Nonce, ObjectId, routes};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};

/// A Worker with one registered repository.
struct Bench {
    worker: Miniflare,
    issuer: Loopback,
    admin: String,
    secret: String,
    agent: ureq::Agent,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {:?}", self.status, self.body))
    }

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Bench {
    fn with(change: impl FnOnce(&mut Value)) -> Self {
        let (variables, issuer) = (Variables::default(), Loopback::default());
        let mut bindings = variables.believing(&issuer.url());
        change(&mut bindings);
        let worker = Miniflare::start(env!("CARGO_TARGET_TMPDIR"), Bundle::Shipped, &json!({ "bindings": bindings }));
        let agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
        let Variables { admin, secret, .. } = variables;
        Self { worker, issuer, admin, secret, agent }
    }

    fn registered() -> Self {
        let bench = Self::with(|_| {});
        let registration = json!({
            "repository": "1001", "owner": "77", "issuer": bench.issuer.url(),
            "default_ref": "refs/heads/main", "trusted_refs": ["refs/heads/main"],
        });
        let target = routes::fill(routes::REPOSITORY, "1001");
        let answer = bench.send("PUT", &target, &bench.admin, &[], registration.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.json());
        bench
    }

    fn send(&self, method: &str, target: &str, bearer: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("{}{target}", self.worker.url()));
        request = request.header("authorization", format!("Bearer {bearer}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match method {
            "GET" | "HEAD" | "DELETE" => self.agent.run(request.body(()).unwrap()),
            _ => self.agent.run(request.body(body).unwrap()),
        };
        let mut response = sent.unwrap();
        let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    fn session(&self, change: impl FnOnce(&mut Value)) -> Answer {
        let identity = self.issuer.identity(URL, now(), change);
        self.send("POST", routes::SESSION, &identity, &[], b"{}")
    }

    fn ticket(&self) -> String {
        let answer = self.session(|_| {});
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["ticket"].as_str().unwrap().to_owned()
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Bytes that repeat nowhere soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn objects_travel_whole_and_in_parts() {
    let bench = Bench::registered();
    let ticket = bench.ticket();
    let bytes = noise(40 << 20);
    let target = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
    assert_eq!(bench.send("PUT", &target, &ticket, &[], &bytes).status, 204);
    let whole = bench.send("GET", &target, &ticket, &[], b"");
    assert_eq!((whole.status, whole.header("content-type")), (200, "application/octet-stream"));
    assert!(whole.body == bytes);
    let part = bench.send("GET", &target, &ticket, &[("range", "bytes=1000-1999")], b"");
    assert_eq!(part.status, 206);
    assert_eq!(part.header("content-range"), format!("bytes 1000-1999/{}", bytes.len()));
    assert!(part.body == bytes[1_000..2_000]);
    let head = bench.send("HEAD", &target, &ticket, &[], b"");
    assert_eq!((head.status, head.header("content-length")), (200, bytes.len().to_string().as_str()));
    let beyond = bench.send("GET", &target, &ticket, &[("range", "bytes=99999999-")], b"");
    assert_eq!(beyond.code(), "invalid");

    // What is something else than it says is not stored, whatever its length.
    let other = routes::fill(routes::OBJECT, ObjectId::of(b"other"));
    assert_eq!(bench.send("PUT", &other, &ticket, &[], b"wrong").code(), "wrong-content");
    assert_eq!(bench.send("GET", &other, &ticket, &[], b"").code(), "unknown-object");
    let empty = routes::fill(routes::OBJECT, ObjectId::of(b""));
    assert_eq!(bench.send("PUT", &empty, &ticket, &[], b"").status, 204);
    let found = bench.send("GET", &empty, &ticket, &[], b"");
    assert_eq!((found.status, found.body.len()), (200, 0));
}

#[test]
fn identities_are_checked_with_keys_that_are_fetched_within_limits() {
    for (manner, status) in [
        (Manner::Keys, 200),
        (Manner::Padded(100_000), 200),
        (Manner::Status(500), 503),
        (Manner::Elsewhere, 503),
        (Manner::Padded(300_000), 503),
    ] {
        let bench = Bench::registered();
        bench.issuer.set(manner.clone());
        assert_eq!(bench.session(|_| {}).status, status, "{manner:?}");
        bench.session(|_| {});
        assert_eq!(bench.issuer.fetches(), 1, "{manner:?}: the issuer was asked a moment ago");
    }
    let bench = Bench::registered();
    assert_eq!(bench.session(|claims| claims["repository_id"] = "9".into()).code(), "forbidden");
    assert_eq!(bench.session(|claims| claims["aud"] = "https://other.example".into()).code(), "unauthorized");
    assert_eq!(bench.session(|claims| claims["iss"] = "https://other.example".into()).code(), "unauthorized");
}

#[test]
fn a_request_that_is_too_long_or_of_no_kind_is_refused() {
    let bench = Bench::registered();
    let ticket = bench.ticket();
    let long = vec![b' '; (4 << 20) + 1];
    assert_eq!(bench.send("POST", routes::RESOLVE, &ticket, &[], &long).status, 413);
    assert_eq!(bench.send("PATCH", routes::RESOLVE, &ticket, &[], b"").status, 405);
    assert_eq!(bench.send("GET", "/v2/resolve", &ticket, &[], b"").code(), "protocol");
    assert_eq!(bench.send("POST", routes::RESOLVE, "nobody", &[], b"{}").code(), "unauthorized");
    assert_eq!(bench.send("GET", routes::HEALTH, "", &[], b"").status, 200);
    let collect = json!({ "policy": { "grace": 0 } }).to_string();
    assert_eq!(bench.send("POST", routes::GC, &bench.admin, &[], collect.as_bytes()).code(), "invalid");
    assert_eq!(bench.send("POST", routes::GC, &ticket, &[], collect.as_bytes()).code(), "unauthorized");
}

#[test]
fn the_cron_trigger_collects_and_the_log_says_so_without_a_secret() {
    let bench = Bench::registered();
    let ticket = bench.ticket();
    let begin = json!({
        "nonce": Nonce::from_bytes([7; 32]), "path": "target", "instance": "target",
        "key": "0".repeat(64), "bases": [],
    });
    assert_eq!(bench.send("POST", routes::SAVES, &ticket, &[], begin.to_string().as_bytes()).status, 200);
    let answer = bench.send("GET", "/cdn-cgi/handler/scheduled", "", &[], b"");
    assert_eq!((answer.status, answer.body.as_slice()), (200, b"ok".as_slice()));
    let rotate = json!({ "from": "sci-x" }).to_string();
    assert_eq!(bench.send("POST", routes::KEYS, &bench.admin, &[], rotate.as_bytes()).code(), "invalid");
    let Bench { worker, admin, secret, .. } = bench;
    let log = worker.stop();
    assert!(log.contains("\"collected\":0"), "{log}");
    assert!(log.contains("\"route\":\"/v1/saves\"") && log.contains("\"repository\":\"1001\""), "{log}");
    for hidden in [&admin, &ticket, &secret] {
        assert!(!log.contains(hidden.as_str()), "{log}");
    }
}

#[test]
fn what_is_not_set_up_is_named_without_what_it_holds() {
    const CANARY: &str = "canary-2a6f0c";
    for (name, value) in [
        ("SCI_SIGNING_KEY", ""),
        ("SCI_SIGNING_KEY", CANARY),
        ("SCI_URL", "http://example.org/canary-2a6f0c"),
        ("SCI_STORE", "canary-2a6f0c/.."),
        ("SCI_ISSUERS", "[{\"kind\":\"canary-2a6f0c\"}]"),
        ("SCI_ADMINISTRATOR", "\"canary-2a6f0c\""),
    ] {
        let bench = Bench::with(|bindings| bindings[name] = value.into());
        let answer = bench.send("GET", routes::HEALTH, "", &[], b"");
        assert_eq!(answer.code(), "unavailable", "{name}");
        let said = String::from_utf8(answer.body).unwrap();
        let log = bench.worker.stop();
        assert!(log.contains(name) && !said.contains(name), "{name}: {log} {said}");
        assert!(!log.contains(CANARY) && !said.contains(CANARY), "{name}: {log} {said}");
    }
}
