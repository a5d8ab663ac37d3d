//! What a ticket opens, and what it does not.

use sci_conformance::state::State;
use sci_store_api::saves::BegunSave;
use sci_store_api::{ObjectId, Registration, routes};
use serde_json::{Value, json};

use crate::bench::{Bench, URL, registration};

#[test]
fn what_a_pull_request_saved_first_is_not_served_to_main() {
    let bench = Bench::default();
    let state = State::new("l", "s", "poisoned");
    let poisoned = bench.save(&bench.pull_request(42), &state, 1).snapshot();
    let verdict = bench.resolve(&bench.main(), &state);
    assert_eq!(verdict["verdict"], "miss");
    assert_eq!(verdict["candidates"][0]["snapshot"], poisoned.to_string());
    assert_eq!(verdict["candidates"][0]["reason"], "scope");
    assert_eq!(verdict["candidates"][0]["scope"], "pr:42");
    // Neither to another pull request, and to its own it is exact.
    assert_eq!(bench.resolve(&bench.pull_request(43), &state)["verdict"], "miss");
    assert_eq!(bench.resolve(&bench.pull_request(42), &state)["verdict"], "exact");
    // Main saves the same key for itself.
    let own = bench.save(&bench.main(), &State::new("l", "s", "clean"), 2).snapshot();
    assert_ne!(own, poisoned);
    assert_eq!(bench.resolve(&bench.main(), &state)["snapshot"], own.to_string());
}

#[test]
fn a_save_belongs_to_who_began_it() {
    let bench = Bench::default();
    let (pr, main) = (bench.pull_request(42), bench.main());
    let state = State::new("l", "s", "t");
    let begun: BegunSave = bench.begin(&pr, &state, 1).read();
    for (_, bytes) in state.objects() {
        assert_eq!(bench.put(&main, &begun, &bytes).code(), "not-found");
        assert_eq!(bench.put(&pr, &begun, &bytes).status, 204);
    }
    // Neither by another ticket, nor by a word in the request.
    assert_eq!(bench.commit(&main, &begun, &state).code(), "not-found");
    let mut commit: Value = serde_json::to_value(state.commit()).unwrap();
    commit["scope"] = "trusted:refs/heads/main".into();
    let path = routes::fill(routes::COMMIT, begun.save);
    assert_eq!(bench.post(&path, &pr, &commit).code(), "invalid");
    assert_eq!(bench.commit(&pr, &begun, &state).status, 200);
    assert_eq!(bench.resolve(&main, &state)["verdict"], "miss");
}

#[test]
fn a_ticket_that_was_edited_or_is_old_opens_nothing() {
    let bench = Bench::default();
    let ticket = bench.main();
    assert_eq!(bench.get(routes::SNAPSHOTS, &ticket).status, 200);
    let mut parts: Vec<&str> = ticket.split('.').collect();
    let payload = data_encoding::BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap();
    let edited = String::from_utf8(payload).unwrap().replace("\"1001\"", "\"1002\"");
    let edited = data_encoding::BASE64URL_NOPAD.encode(edited.as_bytes());
    parts[1] = &edited;
    let identity = bench.issuer.token(&bench.issuer.push(URL, bench.now()));
    let as_token = ticket.replace("sci_ticket", "sci_token");
    for bad in [parts.join(".").as_str(), "", "sci_ticket", "sci_ticket..", &identity, &bench.admin, &as_token] {
        assert_eq!(bench.get(routes::SNAPSHOTS, bad).code(), "unauthorized", "{bad}");
    }
    bench.clock.advance(15 * 60 * 1_000);
    assert_eq!(bench.get(routes::SNAPSHOTS, &ticket).code(), "unauthorized");
}

#[test]
fn a_retired_key_opens_no_new_ticket_and_another_key_none_at_all() {
    let bench = Bench::default();
    let ticket = bench.main();
    bench.keys.exchange();
    assert_eq!(bench.get(routes::SNAPSHOTS, &ticket).code(), "unauthorized");
    let fresh = bench.main();
    assert_eq!(bench.get(routes::SNAPSHOTS, &fresh).status, 200);
}

#[test]
fn the_policy_of_now_counts() {
    let bench = Bench::default();
    let ticket = bench.main();
    let state = State::new("l", "s", "t");
    let begun: BegunSave = bench.begin(&ticket, &state, 1).read();
    for (_, bytes) in state.objects() {
        bench.put(&ticket, &begun, &bytes);
    }
    let narrowed = Registration { trusted_refs: Vec::new(), ..registration() };
    let body = sci_service::http::Body::Json(serde_json::to_vec(&narrowed).unwrap());
    let path = routes::fill(routes::REPOSITORY, "1001");
    assert_eq!(bench.send(sci_service::http::Method::Put, &path, Some(&bench.admin), body).status, 200);
    // What began as trusted is not committed by what is only a branch now.
    assert_eq!(bench.commit(&ticket, &begun, &state).code(), "not-found");
    assert_eq!(bench.resolve(&ticket, &state)["verdict"], "miss");
}

#[test]
fn a_digest_of_another_repository_is_unknown() {
    let bench = Bench::default();
    let mut other = registration();
    other.repository = "2002".parse().unwrap();
    let body = sci_service::http::Body::Json(serde_json::to_vec(&other).unwrap());
    let path = routes::fill(routes::REPOSITORY, "2002");
    assert_eq!(bench.send(sci_service::http::Method::Put, &path, Some(&bench.admin), body).status, 200);
    let state = State::new("l", "s", "secret");
    bench.save(&bench.main(), &state, 1);
    let mut claims = bench.issuer.push(URL, bench.now());
    claims["repository_id"] = "2002".into();
    let thief = bench.ticket(&claims);
    let object = ObjectId::of(&state.objects()[0].1);
    let unknown = ObjectId::of(b"nothing has these bytes");
    let (theirs, nobodys) = (
        bench.get(&routes::fill(routes::OBJECT, object), &thief),
        bench.get(&routes::fill(routes::OBJECT, unknown), &thief),
    );
    assert_eq!((theirs.status, &theirs.body), (nobodys.status, &nobodys.body));
    assert_eq!(theirs.code(), "unknown-object");
    let begun: BegunSave = bench.begin(&thief, &state, 2).read();
    assert_eq!(bench.commit(&thief, &begun, &state).code(), "unknown-object");
}

#[test]
fn requests_of_another_form_are_refused_with_words() {
    let bench = Bench::default();
    let ticket = bench.main();
    let ask = |body: Value| bench.post(routes::RESOLVE, &ticket, &body);
    assert!(ask(json!({ "pathss": [] })).message().contains("unknown field `pathss`"));
    assert_eq!(ask(json!([1])).code(), "invalid");
    let older = bench.get("/v0/resolve", &ticket);
    assert_eq!((older.status, older.code().as_str()), (426, "protocol"));
    assert!(older.message().contains("speaks protocol 1"));
    assert_eq!(bench.get("/v2/resolve", &ticket).code(), "protocol");
    assert_eq!(bench.get("/v1/unknown", &ticket).code(), "not-found");
    assert_eq!(bench.get(routes::RESOLVE, &ticket).code(), "invalid");
}
