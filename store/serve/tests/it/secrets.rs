//! What must never be logged.

use sci_conformance::state::State;
use sci_store_api::routes;
use serde_json::json;

use crate::bench::{Bench, URL, eventually, log, now};

const CANARY: &str = "canary-2a6f0c";

#[test]
fn no_secret_gets_into_the_log() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    bench.save(&ticket, &State::new("l", "s", CANARY), 1);
    let bearer = format!("Bearer {CANARY}");
    let headers =
        [("authorization", bearer.as_str()), ("cookie", CANARY), ("x-request-id", CANARY), ("user-agent", CANARY)];
    let body = format!(r#"{{"{CANARY}":"{CANARY}"}}"#);
    let mut asked = 0;
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
        for route in [
            routes::SESSION,
            routes::RESOLVE,
            routes::TOKENS,
            routes::GC,
            "/v1/objects/canary-2a6f0c",
            "/v1/saves/canary-2a6f0c/commit",
            "/canary-2a6f0c",
        ] {
            let sent = if matches!(method, "GET" | "DELETE") { "" } else { &body };
            bench.send(method, &format!("{route}?token={CANARY}"), &headers, sent.as_bytes());
            // And with a bearer that is good, as far as the body.
            let good = format!("Bearer {ticket}");
            bench.send(method, &format!("{route}?token={CANARY}"), &[("authorization", &good)], sent.as_bytes());
            asked += 2;
        }
    }
    let identity = bench.issuer.identity(URL, now(), |claims| claims["aud"] = CANARY.into());
    assert_eq!(bench.post(routes::SESSION, &identity, &json!({})).code(), "unauthorized");
    eventually("every line is written", || {
        log().text().lines().filter(|line| line.contains("\"request\"")).count() > asked
    });
    let text = log().text();
    let signature = ticket.split('.').nth(2).unwrap();
    for secret in [CANARY, &ticket, &identity, &bench.admin, signature] {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None);
    }
}
