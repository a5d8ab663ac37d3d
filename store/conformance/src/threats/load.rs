//! Strangers' load, and what must be in no log.

use std::time::{Duration, Instant};

use data_encoding::BASE64URL_NOPAD;
use sci_store_api::{ObjectId, routes};
use serde_json::{Value, json};

use super::{Stage, Target};
use crate::http::Heard;
use crate::state::State;

/// Ten thousand key ids that the issuer does not have: nothing is written, and keys are asked for once a minute at most.
pub fn ten_thousand_unknown_keys<T: Target>() {
    let stage = Stage::<T>::default();
    let (claims, began) = (stage.push(), Instant::now());
    assert_eq!(stage.session(&claims).status, 200);
    stage.unchanged(|| {
        for number in 0..10_000 {
            let header = json!({ "alg": "RS256", "kid": format!("bogus-{number}") });
            // Few are signed: signing ten thousand takes a minute.
            let token =
                if number < 20 { stage.issuer().token_with(&header, &claims) } else { forged(&header, &claims) };
            assert_eq!(stage.post(routes::SESSION, &token, &json!({})).status, 401);
        }
    });
    let minutes = began.elapsed().as_secs() / 60;
    assert!(u64::from(stage.fetches()) <= 1 + minutes, "{} fetches", stage.fetches());
    // Who has a good identity is let in meanwhile.
    let mut fresh = stage.push();
    fresh["run_id"] = "7000".into();
    assert_eq!(stage.session(&fresh).status, 200);
}

/// A token whose signature is none.
fn forged(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), "A".repeat(342))
}

/// Every route, by somebody who has no ticket, an empty one, or one that is none: nothing is written, and it is told at once.
pub fn strangers_on_every_route<T: Target>() {
    let stage = Stage::<T>::default();
    let object = routes::fill(routes::OBJECT, ObjectId::of(b"x"));
    let id = "0".repeat(64);
    let begin = stage.begin_request(&State::new("l", "s", "t")).to_string();
    let asked = [
        ("POST", routes::RESOLVE.to_owned(), "{\"paths\":[]}"),
        ("POST", routes::SAVES.to_owned(), &begin),
        ("POST", routes::fill(routes::COMMIT, &id), "{}"),
        ("PUT", object.clone(), "x"),
        ("PUT", format!("{object}?save={id}"), "x"),
        ("GET", object.clone(), ""),
        ("HEAD", object, ""),
        ("POST", routes::PLANS.to_owned(), "{}"),
        ("GET", routes::PLANS.to_owned(), ""),
        ("GET", routes::fill(routes::EXPLAIN, &id), ""),
        ("GET", routes::SNAPSHOTS.to_owned(), ""),
        ("GET", routes::fill(routes::SNAPSHOT, &id), ""),
        ("DELETE", routes::fill(routes::SNAPSHOT, &id), ""),
    ];
    for (method, target, body) in &asked {
        for bearer in [None, Some(""), Some("x"), Some("sci_ticket.."), Some("null"), Some("undefined")] {
            let began = Instant::now();
            let said = stage.unchanged(|| stage.request(method, target, bearer, body.as_bytes()));
            assert_eq!(said.status, 401, "{method} {target} {bearer:?}");
            assert!(*method == "HEAD" || said.code() == "unauthorized", "{said:?}");
            assert!(began.elapsed() < Duration::from_secs(20));
        }
        let authorization = |value: &str| vec![("authorization".to_owned(), value.to_owned())];
        for headers in
            [authorization("Basic eDp4"), authorization("Bearer"), authorization("x"), authorization("Bearer  ")]
        {
            let body = body.as_bytes().to_vec();
            let said = stage.send(&Heard { method: (*method).to_owned(), target: target.clone(), headers, body });
            assert_eq!(said.status, 401, "{method} {target}");
        }
    }
    assert_eq!(stage.fetches(), 0);
}

/// A secret in every place where one may be sent: in no answer, and in no line of the log.
pub fn a_canary_in_every_place<T: Target>() {
    let stage = Stage::<T>::default();
    let canary = format!("canary-{:x}", stage.now() ^ 0x5ec3e7);
    let (ticket, token) = (stage.main(), stage.token("builder", Some("branch:b")));
    let identity = stage.issuer().token(&stage.push());
    let mut other = stage.push();
    other["aud"] = canary.clone().into();
    let refused = stage.issuer().token(&other);
    let spoilt = |bearer: &str| format!("{}{canary}", &bearer[..bearer.len() - 4]);
    let bearers = [
        canary.clone(),
        refused.clone(),
        spoilt(&ticket),
        spoilt(&token),
        spoilt(&identity),
        spoilt(stage.admin()),
        ticket.clone(),
        token.clone(),
    ];
    let body = format!(r#"{{"{canary}":"{canary}"}}"#);
    let mut answers = String::new();
    for bearer in &bearers {
        for (method, route) in [
            ("POST", routes::SESSION.to_owned()),
            ("POST", routes::RESOLVE.to_owned()),
            ("POST", routes::SAVES.to_owned()),
            ("GET", routes::SNAPSHOTS.to_owned()),
            ("POST", routes::TOKENS.to_owned()),
            ("DELETE", routes::fill(routes::TOKEN, &canary)),
            ("GET", routes::fill(routes::OBJECT, &canary)),
            ("PUT", routes::fill(routes::OBJECT, ObjectId::of(b"x"))),
            ("POST", routes::fill(routes::COMMIT, &canary)),
            ("GET", format!("/{canary}")),
        ] {
            let headers =
                ["authorization", "cookie", "x-request-id", "user-agent", "referer", "x-api-key"].map(|name| {
                    let value = if name == "authorization" { format!("Bearer {bearer}") } else { canary.clone() };
                    (name.to_owned(), value)
                });
            let sent = if matches!(method, "GET" | "DELETE") { Vec::new() } else { body.clone().into_bytes() };
            let target = format!("{route}?token={canary}");
            let said = stage.send(&Heard { method: method.to_owned(), target, headers: headers.to_vec(), body: sent });
            assert!(said.status < 500, "{method} {route}: {}", said.text());
            answers.push_str(&format!("{:?} {}\n", said.headers, said.text()));
        }
    }
    // What a body is refused for may be named by the answer to it; who can see it has sent it.
    let answers = answers.replace(&format!("unknown field `{canary}`"), "");
    let logged = stage.logged();
    let signature = |sealed: &str| sealed.split('.').nth(2).unwrap().to_owned();
    let secrets = [canary, ticket.clone(), token.clone(), identity.clone(), refused.clone(), stage.admin().to_owned()];
    let signatures = [&ticket, &token, &identity, &refused].map(|sealed| signature(sealed));
    for secret in secrets.iter().chain(&signatures) {
        for (place, text) in [("an answer", &answers), ("the log", &logged)] {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "a secret is in {place}");
        }
    }
}
