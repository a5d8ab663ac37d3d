//! Identities that must be refused, with no write, and those that must not.

use sci_store_api::routes;
use sci_store_api::session::SessionResponse;
use serde_json::{Value, json};

use crate::bench::{Bench, URL};

/// Asks with changed claims, and gives the code of the refusal.
fn refused(bench: &Bench, change: impl FnOnce(&mut Value)) -> String {
    let mut claims = bench.issuer.push(URL, bench.now());
    change(&mut claims);
    let before = bench.rows();
    let answer = bench.session(&claims);
    assert_eq!(bench.rows(), before);
    assert_ne!(answer.status, 200, "{answer:?}");
    answer.code()
}

#[test]
fn a_push_to_main_gets_its_trusted_scope() {
    let bench = Bench::default();
    let response: SessionResponse = bench.session(&bench.issuer.push(URL, bench.now())).read();
    assert_eq!(response.session.scope_write.unwrap().to_string(), "trusted:refs/heads/main");
    assert_eq!(response.session.run.as_str(), "5000-1");
    assert_eq!(response.expires.0 - response.now.0, 15 * 60 * 1_000);
}

#[test]
fn only_rs256_is_believed() {
    let bench = Bench::default();
    let claims = bench.issuer.push(URL, bench.now());
    let refused = |token: &str| {
        let answer = bench.post(routes::SESSION, token, &json!({}));
        assert_eq!((answer.status, answer.code().as_str()), (401, "unauthorized"), "{token}");
    };
    for alg in ["none", "None", "HS256", "RS384", "RS512", "PS256", "ES256", ""] {
        refused(&bench.issuer.token_with(&json!({ "alg": alg, "kid": "test-key-1" }), &claims));
    }
    refused(&bench.issuer.token_with(&json!({ "alg": "RS256", "kid": "test-key-1", "crit": ["exp"] }), &claims));
    refused(&bench.issuer.token_with(&json!({ "alg": "RS256" }), &claims));
    // Signed with the public key as if it were a shared secret: the header is HS256, so the signature is not looked at.
    let good = bench.issuer.token(&claims);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let altered = signature.chars().rev().collect::<String>();
    for bad in [String::new(), signed.to_owned(), format!("{signed}."), format!("{signed}.{altered}"), "a.b".to_owned()]
    {
        refused(&bad);
    }
    let other = bench.issuer.token(&bench.issuer.pull_request(URL, bench.now(), 1));
    let (foreign, _) = other.rsplit_once('.').unwrap();
    refused(&format!("{foreign}.{signature}"));
    refused(&"x".repeat(20_000));
}

#[test]
fn times_have_a_minute_of_skew_and_ten_of_age() {
    let bench = Bench::default();
    let now = bench.now();
    let fault = |change: fn(&mut Value, u64)| refused(&bench, |claims| change(claims, now));
    assert_eq!(fault(|claims, now| claims["exp"] = (now - 61).into()), "unauthorized");
    assert_eq!(fault(|claims, now| claims["nbf"] = (now + 61).into()), "unauthorized");
    assert_eq!(fault(|claims, now| claims["iat"] = (now + 61).into()), "unauthorized");
    assert_eq!(fault(|claims, now| claims["iat"] = (now - 3_600).into()), "unauthorized");
    for claim in ["exp", "iat"] {
        assert_eq!(refused(&bench, |claims| claims[claim] = Value::Null), "unauthorized");
        assert_eq!(refused(&bench, |claims| claims[claim] = "soon".into()), "unauthorized");
    }
    for (claim, seconds) in [("exp", now - 60), ("nbf", now + 60), ("iat", now + 60), ("iat", now - 600)] {
        let mut claims = bench.issuer.push(URL, now);
        claims[claim] = seconds.into();
        assert_eq!(bench.session(&claims).status, 200, "{claim}");
    }
}

#[test]
fn the_audience_is_this_backend_and_nothing_else() {
    let bench = Bench::default();
    let audiences = [
        json!("https://sci.example/"),
        json!("https://sci.example.evil"),
        json!("HTTPS://sci.example"),
        json!(null),
        json!([URL, "https://other.example"]),
        json!([]),
        json!({ "aud": URL }),
        json!("https://github.com/o"),
    ];
    for audience in audiences {
        assert_eq!(refused(&bench, |claims| claims["aud"] = audience.clone()), "unauthorized", "{audience}");
    }
    let mut claims = bench.issuer.push(URL, bench.now());
    claims["aud"] = json!([URL]);
    assert_eq!(bench.session(&claims).status, 200);
}

#[test]
fn issuers_are_pinned_and_repositories_registered() {
    let bench = Bench::default();
    let issuer = refused(&bench, |claims| claims["iss"] = "https://token.actions.githubusercontent.com.evil".into());
    assert_eq!(issuer, "unauthorized");
    assert_eq!(bench.issuer.fetches.load(std::sync::atomic::Ordering::SeqCst), 0);
    // The same name, another id: somebody took the name of a repository that was renamed.
    assert_eq!(refused(&bench, |claims| claims["repository_id"] = "1002".into()), "forbidden");
    assert_eq!(refused(&bench, |claims| claims["repository_owner_id"] = "78".into()), "forbidden");
    assert_eq!(refused(&bench, |claims| claims["repository_id"] = "../1001".into()), "unauthorized");
    let renamed = |claims: &mut Value| claims["repository"] = "evil/r".into();
    let mut claims = bench.issuer.push(URL, bench.now());
    renamed(&mut claims);
    assert_eq!(bench.session(&claims).status, 200, "a name decides nothing");
}

#[test]
fn events_that_anybody_can_cause_open_nothing() {
    let bench = Bench::default();
    for event in [
        "pull_request_target",
        "issue_comment",
        "workflow_run",
        "repository_dispatch",
        "deployment",
        "push ",
        "PUSH",
        "check_run",
        "fork",
        "watch",
        "",
    ] {
        let code = refused(&bench, |claims| claims["event_name"] = event.into());
        assert!(matches!(code.as_str(), "forbidden" | "unauthorized"), "{event}: {code}");
    }
    // A release without its environment.
    let code = refused(&bench, |claims| {
        claims["event_name"] = "release".into();
        claims["ref"] = "refs/tags/v1".into();
        claims["ref_type"] = "tag".into();
    });
    assert_eq!(code, "forbidden");
}

#[test]
fn only_the_text_true_is_protection() {
    let bench = Bench::default();
    for value in [json!("false"), json!(true), json!(null), json!("TRUE"), json!("1"), json!(1)] {
        let mut claims = bench.issuer.push(URL, bench.now());
        claims["ref_protected"] = value.clone();
        let response: SessionResponse = bench.session(&claims).read();
        assert_eq!(response.session.scope_write.unwrap().to_string(), "branch:refs/heads/main", "{value}");
    }
    let mut claims = bench.issuer.push(URL, bench.now());
    claims.as_object_mut().unwrap().remove("ref_protected");
    let response: SessionResponse = bench.session(&claims).read();
    assert_eq!(response.session.scope_write.unwrap().to_string(), "branch:refs/heads/main");
}

#[test]
fn keys_are_fetched_at_most_once_a_minute() {
    let bench = Bench::default();
    let claims = bench.issuer.push(URL, bench.now());
    assert_eq!(bench.session(&claims).status, 200);
    let fetches = || bench.issuer.fetches.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(fetches(), 1);
    let before = bench.rows();
    for number in 0..10_000 {
        let header = json!({ "alg": "RS256", "kid": format!("bogus-{number}") });
        let token = if number < 100 { bench.issuer.token_with(&header, &claims) } else { forged(&header, &claims) };
        assert_eq!(bench.post(routes::SESSION, &token, &json!({})).status, 401);
    }
    assert_eq!((fetches(), bench.rows()), (1, before));
    bench.clock.advance(60_000);
    let token = bench.issuer.token_with(&json!({ "alg": "RS256", "kid": "bogus" }), &claims);
    for _ in 0..10 {
        assert_eq!(bench.post(routes::SESSION, &token, &json!({})).status, 401);
    }
    assert_eq!(fetches(), 2);
}

/// A token whose signature is none: signing ten thousand takes a minute.
fn forged(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), "A".repeat(342))
}

#[test]
fn without_an_identity_only_a_public_repository_can_be_read() {
    let bench = Bench::default();
    let public = |bench: &Bench| {
        let body = sci_service::http::Body::Json(br#"{"repository":"1001"}"#.to_vec());
        bench.send(sci_service::http::Method::Post, routes::SESSION, None, body)
    };
    let refused = public(&bench);
    assert_eq!((refused.status, refused.code().as_str()), (401, "unauthorized"));
    let registration = sci_store_api::Registration { public_read: true, ..crate::bench::registration() };
    let path = routes::fill(routes::REPOSITORY, "1001");
    let body = sci_service::http::Body::Json(serde_json::to_vec(&registration).unwrap());
    assert_eq!(bench.send(sci_service::http::Method::Put, &path, Some(&bench.admin), body).status, 200);
    let response: SessionResponse = public(&bench).read();
    assert_eq!(response.session.scope_write, None);
    let scopes: Vec<String> = response.session.scopes_read.iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["trusted:refs/heads/main"]);
    let ticket = response.ticket.expose();
    let state = sci_conformance::state::State::new("l", "s", "t");
    bench.save(&bench.main(), &state, 1);
    bench.save(&bench.pull_request(7), &sci_conformance::state::State::new("l", "x", "u"), 2);
    let before = bench.rows();
    assert_eq!(bench.resolve(ticket, &state)["verdict"], "exact");
    let other = bench.resolve(ticket, &sci_conformance::state::State::new("l", "x", "u"));
    assert_eq!(other["verdict"], "nearest");
    assert!(!other.to_string().contains("pr:7"), "{other}");
    assert_eq!(bench.begin(ticket, &state, 3).code(), "forbidden");
    assert_eq!(bench.rows(), before);
}
