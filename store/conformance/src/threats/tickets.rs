//! Tickets that were edited, borrowed, or used as something else.

use data_encoding::BASE64URL_NOPAD;
use sci_store_api::{ErrorCode, Secret, routes};
use serde_json::json;

use super::{Stage, Target};
use crate::state::State;

/// Edits the payload of a sealed text, and leaves its signature.
pub(super) fn edited(sealed: &str, from: &str, to: &str) -> String {
    let parts: Vec<&str> = sealed.split('.').collect();
    let payload = String::from_utf8(BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    let changed = payload.replace(from, to);
    assert_ne!(changed, payload, "{from:?} is not in {payload}");
    sealed.replace(parts[1], &BASE64URL_NOPAD.encode(changed.as_bytes()))
}

fn opens_nothing<T: Target>(stage: &Stage<T>, bearer: &str) {
    let state = State::new("l", "s", "t");
    let about = bearer.chars().take(100).collect::<String>();
    stage.refused(ErrorCode::Unauthorized, &about, || stage.get(routes::SNAPSHOTS, bearer));
    stage.refused(ErrorCode::Unauthorized, &about, || {
        stage.post(routes::RESOLVE, bearer, &json!({ "paths": [state.query()] }))
    });
    stage.refused(ErrorCode::Unauthorized, &about, || stage.begin(bearer, &state));
    stage.refused(ErrorCode::Unauthorized, &about, || {
        let object = routes::fill(routes::OBJECT, sci_store_api::ObjectId::of(b"x"));
        stage.request("PUT", &object, Some(bearer), b"x")
    });
}

/// A ticket of a pull request that was made one of main, of another repository or run, or longer-lived.
pub fn edited_tickets<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.pull_request(42);
    assert_eq!(stage.get(routes::SNAPSHOTS, &ticket).status, 200);
    for (from, to) in [
        ("\"1001\"", "\"1002\""),
        ("refs/pull/42/merge", "refs/heads/main"),
        ("\"pull_request\":42", "\"pull_request\":43"),
        ("\"pull_request\"", "\"push\""),
        ("\"protected\":false", "\"protected\":true"),
        ("\"6042-1\"", "\"5000-1\""),
        ("\"expires\":", "\"expires\":9"),
        ("\"kind\":\"run\"", "\"kind\":\"administrator\""),
        ("\"made\":", "\"made\": "),
    ] {
        opens_nothing(&stage, &edited(&ticket, from, to));
    }
    let parts: Vec<&str> = ticket.split('.').collect();
    let (prefix, payload, signature, key) = (parts[0], parts[1], parts[2], parts[3..].join("."));
    let other: Vec<String> = stage.main().split('.').map(str::to_owned).collect();
    for spliced in [
        format!("{prefix}.{payload}.{}.{key}", other[2]),
        format!("{prefix}.{}.{signature}.{key}", other[1]),
        format!("{prefix}.{payload}.{signature}.sci-other"),
        format!("{prefix}.{payload}.{signature}"),
        format!("{prefix}.{payload}.{signature}."),
        format!("{prefix}.{payload}..{key}"),
        format!("{prefix}.{payload}.{}.{key}", "A".repeat(86)),
        format!("{prefix}..{signature}.{key}"),
        format!("{prefix}.{payload}.{signature}.{key}.{key}"),
        format!("{prefix}.{payload}.{signature}.{key}{}", "x".repeat(20_000)),
        prefix.to_owned(),
        format!("{prefix}."),
        format!("{prefix}..."),
        ticket.to_uppercase(),
        ticket[1..].to_owned(),
    ] {
        opens_nothing(&stage, &spliced);
    }
}

/// What was sealed as one kind is not read as another, in either direction.
pub fn one_kind_of_bearer_as_another<T: Target>() {
    let stage = Stage::<T>::default();
    let (ticket, token) = (stage.main(), stage.token("builder", Some("branch:b")));
    let identity = stage.issuer().token(&stage.push());
    opens_nothing(&stage, &ticket.replacen("sci_ticket", "sci_token", 1));
    opens_nothing(&stage, &token.replacen("sci_token", "sci_ticket", 1));
    for bearer in [&identity, &token, stage.admin()] {
        opens_nothing(&stage, bearer);
    }
    let as_token = ticket.replacen("sci_ticket", "sci_token", 1);
    for bearer in [as_token.as_str(), &identity, &ticket] {
        stage.refused(ErrorCode::Unauthorized, "administration", || stage.get(routes::TOKENS, bearer));
        stage.refused(ErrorCode::Unauthorized, "administration", || stage.post(routes::QUARANTINE, bearer, &json!({})));
    }
    stage.refused(ErrorCode::Unauthorized, "a session", || stage.post(routes::SESSION, &as_token, &json!({})));
}

/// A ticket is not renewed by itself: only a fresh identity gives the next one.
pub fn a_ticket_as_an_identity<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    stage.refused(ErrorCode::Unauthorized, "a ticket", || stage.post(routes::SESSION, &ticket, &json!({})));
}

/// A ticket of one repository, used for the things of another.
pub fn a_ticket_of_another_repository<T: Target>() {
    let stage = Stage::<T>::default();
    let mut other = stage.registration();
    other.repository = "2002".parse().unwrap();
    stage.register(other);
    let mut claims = stage.push();
    claims["repository_id"] = "2002".into();
    let thief = stage.ticket(&claims);
    let (owner, state) = (stage.main(), State::new("l", "s", "t"));
    let begun = stage.uploaded(&owner, &state);
    stage.refused(ErrorCode::NotFound, "put", || stage.put(&thief, &begun, b"x"));
    stage.refused(ErrorCode::NotFound, "commit", || stage.commit(&thief, &begun, &state));
    let snapshot = stage.commit(&owner, &begun, &state).read::<sci_store_api::saves::Committed>().snapshot();
    let target = routes::fill(routes::SNAPSHOT, snapshot);
    stage.refused(ErrorCode::NotFound, "show", || stage.get(&target, &thief));
    stage.refused(ErrorCode::NotFound, "forget", || stage.delete(&target, &thief));
    let listed: serde_json::Value = stage.get(routes::SNAPSHOTS, &thief).read();
    assert_eq!(listed["snapshots"], json!([]));
    assert_eq!(stage.resolve(&thief, &state)["candidates"], json!([]), "not even the refusal is told");
}

/// A bearer that is put together of several, or wrapped in something.
pub fn several_bearers_in_one<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    for bearer in [
        format!("{ticket},{ticket}"),
        format!("{ticket} {ticket}"),
        format!("Bearer {ticket}"),
        format!("\"{ticket}\""),
        format!("{ticket};"),
        ticket.replace('.', "%2E"),
    ] {
        opens_nothing(&stage, &bearer);
    }
    let shown = format!("{:?} {:?}", Secret::new(ticket.clone()), Some(Secret::new(ticket.clone())));
    assert!(!shown.contains(&ticket));
}
