//! Requests that promise, ask for or hold too much, or something else than they say.

use bytes::Bytes;
use sci_store_api::record::{MAX_OBJECT_SIZE, MAX_OBJECTS};
use sci_store_api::resolve::MAX_PATHS;
use sci_store_api::saves::BegunSave;
use sci_store_api::{ErrorCode, Nonce, ObjectId, routes};
use serde_json::{Value, json};

use super::{Stage, Target};
use crate::http::Heard;
use crate::state::State;

/// An object that is announced longer than any may be is refused before a byte of it is taken.
pub fn declared_bombs<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let state = State::new("l", "s", "t");
    let begun = stage.uploaded(&ticket, &state);
    // A record that speaks of more than was uploaded.
    let sizes = [10 << 30, MAX_OBJECT_SIZE + 1, u64::MAX, 0, 1];
    for size in sizes {
        let mut commit = serde_json::to_value(state.commit()).unwrap();
        commit["objects"][0]["size"] = size.into();
        let said = stage.unchanged(|| stage.post(&routes::fill(routes::COMMIT, begun.save), &ticket, &commit));
        assert_eq!(said.status / 100, 4, "{size}: {said:?}");
    }
    for (field, value) in [("files", json!(-1)), ("bytes", json!(1e300)), ("files", json!("1")), ("objects", json!({}))]
    {
        let mut commit = serde_json::to_value(state.commit()).unwrap();
        commit[field] = value;
        let target = routes::fill(routes::COMMIT, begun.save);
        stage.refused(ErrorCode::Invalid, field, || stage.post(&target, &ticket, &commit));
    }
    assert_eq!(stage.commit(&ticket, &begun, &state).status, 200);
}

/// Lists with more entries than a request may have.
pub fn lists_beyond_their_caps<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let state = State::new("l", "s", "t");
    let query = serde_json::to_value(state.query()).unwrap();
    let many = json!({ "paths": vec![query.clone(); MAX_PATHS + 1] });
    stage.refused(ErrorCode::Invalid, "paths", || stage.post(routes::RESOLVE, &ticket, &many));
    let begun = stage.uploaded(&ticket, &state);
    let mut commit = serde_json::to_value(state.commit()).unwrap();
    let object = commit["objects"][0].clone();
    // The same one again and again, and as many different ones as no record may have.
    commit["objects"] = json!(vec![object.clone(); MAX_OBJECTS + 1]);
    let target = routes::fill(routes::COMMIT, begun.save);
    let refused = |commit: &Value| {
        let said = stage.unchanged(|| stage.post(&target, &ticket, commit));
        assert!(said.code() == "invalid" && said.text().contains("at most 8192 objects"), "{}", said.text());
    };
    refused(&commit);
    commit["objects"] =
        (0..=MAX_OBJECTS).map(|at| json!({ "id": format!("{at:064x}"), "size": 1, "kind": "pack" })).collect();
    refused(&commit);
    let planned = json!({ "nonce": Nonce::from_bytes([1; 32]), "paths": vec![json!({}); 5_000] });
    stage.refused(ErrorCode::Invalid, "plans", || stage.post(routes::PLANS, &ticket, &planned));
}

/// JSON that is deep, endless or of another kind.
pub fn json_bombs<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let texts = [
        deep("[", "]"),
        deep("{\"paths\":", "}"),
        format!("{{\"paths\":{}}}", deep("[", "]")),
        "[".repeat(1_000_000),
        "{\"paths\":[]".to_owned(),
        "nul".to_owned(),
        "\"paths\"".to_owned(),
        "[]".to_owned(),
        "1e999999".to_owned(),
        "{\"paths\":[]}{\"paths\":[]}".to_owned(),
        "{\"paths\":[],\"paths\":[]}".to_owned(),
        "\u{feff}{\"paths\":[]}".to_owned(),
        "{\"paths\":[],\"ancestors\":[\"\\ud800\"]}".to_owned(),
    ];
    for text in &texts {
        let about = text.chars().take(40).collect::<String>();
        stage.refused(ErrorCode::Invalid, &about, || {
            stage.request("POST", routes::RESOLVE, Some(&ticket), text.as_bytes())
        });
        let stranger = stage.unchanged(|| stage.request("POST", routes::SESSION, Some("x"), text.as_bytes()));
        assert_eq!(stranger.status / 100, 4, "{about}: {stranger:?}");
    }
    stage.refused(ErrorCode::Invalid, "no UTF-8", || {
        stage.request("POST", routes::RESOLVE, Some(&ticket), b"{\"paths\":[\"\xff\"]}")
    });
}

/// Bytes that are not the object that they are sent as.
pub fn an_object_of_other_bytes<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let state = State::new("l", "s", "t");
    let begun: BegunSave = stage.begin(&ticket, &state).read();
    let (_, bytes) = state.objects().pop().unwrap();
    let target = format!("{}?save={}", routes::fill(routes::OBJECT, ObjectId::of(&bytes)), begun.save);
    let put = |body: &[u8]| {
        let headers = vec![("authorization".to_owned(), format!("Bearer {ticket}"))];
        stage.send(&Heard { method: "PUT".to_owned(), target: target.clone(), headers, body: body.to_vec() })
    };
    let flipped = |at: usize, bit: u8| {
        let mut wrong = bytes.to_vec();
        wrong[at] ^= 1 << bit;
        wrong
    };
    let wrong =
        [flipped(0, 0), flipped(bytes.len() - 1, 7), bytes[1..].to_vec(), [&bytes[..], b"x"].concat(), Vec::new()];
    for body in &wrong {
        let said = put(body);
        assert_eq!((said.status, said.code().as_str()), (400, "wrong-content"), "{said:?}");
        assert_eq!(stage.object(&ticket, &bytes).code(), "unknown-object");
        stage.refused(ErrorCode::UnknownObject, "not uploaded", || stage.commit(&ticket, &begun, &state));
    }
    // What was refused is in nobody's way.
    for (_, bytes) in state.objects() {
        assert_eq!(stage.put(&ticket, &begun, &bytes).status, 204);
    }
    assert_eq!(stage.commit(&ticket, &begun, &state).status, 200);
    // And what is stored is not exchanged by a later put.
    let target = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
    assert_eq!(stage.request("PUT", &target, Some(&ticket), &wrong[0]).code(), "wrong-content");
    assert_eq!(Bytes::from(stage.object(&ticket, &bytes).body), bytes);
}

/// Fields that a route does not have, and routes that do not take a method.
pub fn fields_that_nobody_knows<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let message =
        stage.refused(ErrorCode::Invalid, "a field", || stage.post(routes::RESOLVE, &ticket, &json!({ "pathss": [] })));
    assert!(message.contains("unknown field `pathss`"), "{message}");
    stage.refused(ErrorCode::Invalid, "a list", || stage.post(routes::RESOLVE, &ticket, &json!([1])));
    stage.refused(ErrorCode::Invalid, "a field", || stage.post(routes::SESSION, "x", &json!({ "scope": "pr:1" })));
    let asked =
        [("GET", routes::RESOLVE), ("DELETE", routes::SNAPSHOTS), ("POST", routes::SNAPSHOTS), ("GET", routes::SAVES)];
    for (method, target) in asked {
        let said = stage
            .unchanged(|| stage.request(method, target, Some(&ticket), if method == "POST" { b"{}" } else { b"" }));
        assert!(matches!(said.status, 400 | 405) && said.code() == "invalid", "{method} {target}: {said:?}");
    }
}

/// Another protocol, another version, and what is no route.
pub fn another_protocol<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let message = stage.refused(ErrorCode::Protocol, "older", || stage.get("/v0/resolve", &ticket));
    assert!(message.contains("speaks protocol 1"), "{message}");
    stage.refused(ErrorCode::Protocol, "newer", || stage.get("/v2/resolve", &ticket));
    for target in [
        "/v1/unknown",
        "/v1/",
        "/",
        "/v1/admin/unknown",
        "/v1/objects",
        "/v1/objects/a/b",
        "/v1/resolve/",
        "/V1/resolve",
        "/v1%2Fresolve",
    ] {
        let said = stage.unchanged(|| stage.get(target, &ticket));
        assert_eq!((said.status, said.code().as_str()), (404, "not-found"), "{target}");
    }
    let health: Value = stage.request("GET", routes::HEALTH, None, b"").read();
    assert_eq!(health["newest_protocol"], 1);
}
