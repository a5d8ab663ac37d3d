//! Tokens that were edited, revoked, or are used for more than they are for; and administration without its token.

use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::CreatedToken;
use sci_store_api::{ErrorCode, Nonce, ObjectId, routes};
use serde_json::{Value, json};

use super::stage::token_request;
use super::tickets::edited;
use super::{Stage, Target};
use crate::http::Said;
use crate::state::State;

fn open<T: Target>(stage: &Stage<T>, token: &str) -> Said {
    stage.post(routes::SESSION, token, &json!({}))
}

/// A token whose scope, repository, power or end was edited.
pub fn an_edited_token<T: Target>() {
    let stage = Stage::<T>::default();
    let token = stage.token("builder", Some("branch:b"));
    assert_eq!(open(&stage, &token).status, 200);
    let raised = [
        ("branch:b", "trusted:refs/heads/main"),
        ("\"1001\"", "\"2002\""),
        ("\"builder\"", "\"root\""),
        ("\"expires\":", "\"expires\":9"),
        (r#"{"kind":"repository","repository":"1001","scope_write":"branch:b"}"#, r#"{"kind":"admin"}"#),
    ];
    for (from, to) in raised {
        let bad = edited(&token, from, to);
        stage.refused(ErrorCode::Unauthorized, to, || open(&stage, &bad));
        stage.refused(ErrorCode::Unauthorized, to, || stage.get(routes::TOKENS, &bad));
    }
}

/// A revoked token opens nothing, and neither do the tickets that it got before.
pub fn a_revoked_token_and_its_tickets<T: Target>() {
    let stage = Stage::<T>::default();
    let (token, kept) = (stage.token("builder", Some("branch:b")), stage.token("kept", Some("branch:c")));
    let ticket = |token: &str| open(&stage, token).read::<SessionResponse>().ticket.expose().to_owned();
    let (lost, other) = (ticket(&token), ticket(&kept));
    let state = State::new("l", "s", "t");
    let begun = stage.uploaded(&lost, &state);
    assert_eq!(stage.delete(&routes::fill(routes::TOKEN, "builder"), stage.admin()).status, 200);
    stage.refused(ErrorCode::Unauthorized, "token", || open(&stage, &token));
    stage.refused(ErrorCode::Unauthorized, "list", || stage.get(routes::SNAPSHOTS, &lost));
    stage.refused(ErrorCode::Unauthorized, "put", || stage.put(&lost, &begun, b"x"));
    stage.refused(ErrorCode::Unauthorized, "commit", || stage.commit(&lost, &begun, &state));
    assert_eq!(stage.get(routes::SNAPSHOTS, &other).status, 200);
    // The id does not come back with another power.
    let again = stage.post(routes::TOKENS, stage.admin(), &token_request("builder", Some("branch:other")));
    assert_eq!(again.code(), "conflict");
    let again = stage.post(routes::TOKENS, stage.admin(), &token_request("builder", Some("branch:b")));
    if again.status == 200 {
        let token = again.read::<CreatedToken>().token;
        stage.refused(ErrorCode::Unauthorized, "made again", || open(&stage, token.expose()));
    }
}

/// A token ends by itself. This one has ended before it arrives.
pub fn a_token_that_ended<T: Target>() {
    let stage = Stage::<T>::default();
    let mut request = token_request("short", Some("branch:b"));
    for life in [0, 10_000 * sci_store_api::admin::DAY, u64::MAX] {
        request["life"] = life.into();
        stage.refused(ErrorCode::Invalid, "no life", || stage.post(routes::TOKENS, stage.admin(), &request));
    }
}

/// A token that writes for everybody is made only by somebody who says so.
pub fn a_token_above_a_branch<T: Target>() {
    let stage = Stage::<T>::default();
    for scope in ["trusted:refs/heads/main", "release:v1", "queue:refs/heads/gh-readonly-queue/main/pr-1-a"] {
        let message = stage.refused(ErrorCode::Invalid, scope, || {
            stage.post(routes::TOKENS, stage.admin(), &token_request("t", Some(scope)))
        });
        assert!(message.contains("at most a branch scope"), "{message}");
    }
    for scope in ["", "trusted", "trusted:", "Trusted:refs/heads/main", "pr:042", "branch:a b", "admin:x"] {
        let request = token_request("t", Some(scope));
        stage.refused(ErrorCode::Invalid, scope, || stage.post(routes::TOKENS, stage.admin(), &request));
    }
    let mut elsewhere = token_request("t", None);
    elsewhere["power"]["repository"] = "9".into();
    stage.refused(ErrorCode::Invalid, "unregistered", || stage.post(routes::TOKENS, stage.admin(), &elsewhere));
}

/// Every route of the administration, with every bearer that is not an administrator's.
pub fn administration_without_an_administrator<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "t");
    let snapshot = stage.save(&stage.pull_request(42), &state).snapshot();
    let registration = serde_json::to_vec(&stage.registration()).unwrap();
    let policy = json!({ "policy": { "grace": sci_store_api::admin::DAY, "keep_newest": 0, "max_age": 1 } });
    let json = |value: Value| value.to_string().into_bytes();
    let mut admin_token = token_request("mine", None);
    admin_token["power"] = json!({ "kind": "admin" });
    let asked = [
        ("GET", routes::REPOSITORIES.to_owned(), Vec::new()),
        ("GET", routes::fill(routes::REPOSITORY, "1001"), Vec::new()),
        ("PUT", routes::fill(routes::REPOSITORY, "1001"), registration),
        ("GET", routes::TOKENS.to_owned(), Vec::new()),
        ("POST", routes::TOKENS.to_owned(), json(admin_token)),
        ("DELETE", routes::fill(routes::TOKEN, "root"), Vec::new()),
        ("POST", routes::QUARANTINE.to_owned(), json(json!({ "repository": "1001", "run": "6042-1" }))),
        ("POST", routes::FORGET.to_owned(), json(json!({ "repository": "1001", "snapshot": snapshot }))),
        ("POST", routes::GC.to_owned(), json(policy.clone())),
        ("POST", routes::GC_PLAN.to_owned(), json(policy)),
        ("GET", routes::KEYS.to_owned(), Vec::new()),
        ("POST", routes::KEYS.to_owned(), json(json!({ "from": "sci-1" }))),
    ];
    let token = stage.token("builder", Some("branch:b"));
    let ticket = stage.main();
    let identity = stage.issuer().token(&stage.push());
    for (method, target, body) in &asked {
        for (bearer, code) in [
            (None, ErrorCode::Unauthorized),
            (Some("x"), ErrorCode::Unauthorized),
            (Some(ticket.as_str()), ErrorCode::Unauthorized),
            (Some(&identity), ErrorCode::Unauthorized),
            (Some(&token), ErrorCode::Forbidden),
        ] {
            stage.refused(code, &format!("{method} {target}"), || stage.request(method, target, bearer, body));
        }
    }
    assert_eq!(stage.resolve(&stage.pull_request(42), &state)["verdict"], "exact");
}

/// An administrator's token that got into a job: it looks at what it names, restores nothing and saves nothing.
pub fn an_administrators_token_in_a_job<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "t");
    stage.save(&stage.pull_request(42), &state);
    stage.refused(ErrorCode::Forbidden, "unnamed", || open(&stage, stage.admin()));
    stage.refused(ErrorCode::Forbidden, "absent", || {
        stage.post(routes::SESSION, stage.admin(), &json!({ "repository": "9" }))
    });
    let opened: SessionResponse = stage.post(routes::SESSION, stage.admin(), &json!({ "repository": "1001" })).read();
    assert!(opened.session.scope_write.is_none() && opened.session.scopes_read.is_empty());
    let ticket = opened.ticket.expose();
    stage.refused(ErrorCode::Forbidden, "resolve", || {
        stage.post(routes::RESOLVE, ticket, &json!({ "paths": [state.query()] }))
    });
    stage.refused(ErrorCode::Forbidden, "begin", || stage.begin(ticket, &state));
    stage.refused(ErrorCode::Forbidden, "put", || {
        stage.request("PUT", &routes::fill(routes::OBJECT, ObjectId::of(b"inputs")), Some(ticket), b"inputs")
    });
    let plan = json!({ "nonce": Nonce::from_bytes([7; 32]), "paths": [] });
    stage.refused(ErrorCode::Forbidden, "plan", || stage.post(routes::PLANS, ticket, &plan));
}
