//! Administration: tokens, registration, quarantine, collection.

use sci_conformance::state::State;
use sci_conformance::threats::Target as _;
use sci_store_api::admin::DAY;
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::{CreatedToken, Tokens};
use sci_store_api::{ObjectId, ObjectKind, Registration, routes};
use serde_json::{Value, json};

use crate::bench::Bench;

fn create(bench: &Bench, id: &str, scope: Option<&str>) -> String {
    let created: CreatedToken = bench.post(routes::TOKENS, bench.admin(), &request(id, scope, false)).read();
    created.token.expose().to_owned()
}

fn request(id: &str, scope: Option<&str>, allow_trusted: bool) -> Value {
    json!({
        "id": id, "power": { "kind": "repository", "repository": "1001", "scope_write": scope },
        "life": 30 * DAY, "note": "a build machine", "allow_trusted": allow_trusted,
    })
}

fn session(bench: &Bench, token: &str) -> SessionResponse {
    bench.post(routes::SESSION, token, &json!({ "run": "night-1" })).read()
}

#[test]
fn a_token_opens_its_scope_until_it_is_revoked() {
    let bench = Bench::default();
    let token = create(&bench, "builder", Some("branch:machines/builder"));
    let opened = session(&bench, &token);
    assert_eq!(opened.session.run.as_str(), "token-builder-night-1");
    let scopes: Vec<String> = opened.session.scopes_read.iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["branch:machines/builder", "trusted:refs/heads/main"]);
    let ticket = opened.ticket.expose();
    bench.save(ticket, &State::new("l", "s", "t"));
    let path = routes::fill(routes::TOKEN, "builder");
    assert_eq!(bench.delete(&path, bench.admin()).status, 200);
    // The ticket ends with the token.
    assert_eq!(bench.get(routes::SNAPSHOTS, ticket).code(), "unauthorized");
    assert_eq!(bench.post(routes::SESSION, &token, &json!({})).code(), "unauthorized");
    let listed: Tokens = bench.get(routes::TOKENS, bench.admin()).read();
    assert!(listed.tokens[0].revoked.is_some() && listed.tokens[0].note == "a build machine");
}

#[test]
fn no_two_tokens_have_a_run_in_common() {
    let bench = Bench::default();
    let run = |id: &str, run: &str| {
        let token = create(&bench, id, Some("branch:machines/builder"));
        let opened: SessionResponse = bench.post(routes::SESSION, &token, &json!({ "run": run })).read();
        opened.session.run
    };
    let ids = ["ci", "ci-release", "ci_release", "ci_.release"];
    let runs: Vec<_> = ids.iter().flat_map(|id| ["5", "release-5", "_.5"].map(|chosen| run(id, chosen))).collect();
    let distinct: std::collections::BTreeSet<_> = runs.iter().collect();
    assert_eq!(distinct.len(), runs.len(), "{runs:?}");
}

#[test]
fn a_token_ends_by_itself_and_what_it_opened_a_quarter_of_an_hour_later() {
    let bench = Bench::default();
    let token = create(&bench, "builder", Some("branch:b"));
    bench.clock.advance(30 * DAY - 1);
    let ticket = session(&bench, &token).ticket;
    bench.clock.advance(1);
    assert_eq!(bench.post(routes::SESSION, &token, &json!({})).code(), "unauthorized");
    assert_eq!(bench.get(routes::SNAPSHOTS, ticket.expose()).status, 200);
    bench.clock.advance(15 * 60 * 1_000);
    assert_eq!(bench.get(routes::SNAPSHOTS, ticket.expose()).code(), "unauthorized");
}

#[test]
fn a_token_is_made_once_and_writes_for_everybody_where_it_is_said() {
    let bench = Bench::default();
    let trusted = Some("trusted:refs/heads/main");
    assert_eq!(bench.post(routes::TOKENS, bench.admin(), &request("t", trusted, true)).status, 200);
    // Repeated, the request gives the same token; another one does not get the id.
    let (first, again) = (create(&bench, "r", None), create(&bench, "r", None));
    assert_eq!(first, again);
    assert_eq!(bench.post(routes::TOKENS, bench.admin(), &request("r", Some("branch:b"), false)).code(), "conflict");
}

#[test]
fn an_administrator_sees_a_whole_repository() {
    let bench = Bench::default();
    let state = State::new("l", "s", "t");
    let snapshot = bench.save(&bench.pull_request(42), &state).snapshot();
    let opened: SessionResponse = bench.post(routes::SESSION, bench.admin(), &json!({ "repository": "1001" })).read();
    let ticket = opened.ticket.expose();
    let page: Value = bench.get(routes::SNAPSHOTS, ticket).read();
    assert_eq!(page["snapshots"][0]["scope"], "pr:42");
    assert_eq!(bench.get(&routes::fill(routes::SNAPSHOT, snapshot), ticket).status, 200);
    for (_, bytes) in state.objects() {
        assert_eq!(bench.get(&routes::fill(routes::OBJECT, ObjectId::of(&bytes)), ticket).status, 200);
    }
    // It ends with the token.
    let path = routes::fill(routes::TOKEN, "root");
    bench.delete(&path, bench.admin());
    assert_eq!(bench.get(routes::SNAPSHOTS, ticket).code(), "unauthorized");
}

#[test]
fn who_reads_sees_every_runs_inputs_and_no_other_scopes_snapshots() {
    let bench = Bench::default();
    let state = State::new("l", "s", "t");
    let snapshot = bench.save(&bench.pull_request(42), &state).snapshot();
    let session = |id: &str, scope| session(&bench, &create(&bench, id, scope)).ticket.expose().to_owned();
    let (reader, writer) = (session("reader", None), session("writer", Some("branch:b")));
    for ticket in [&reader, &writer] {
        assert_eq!(bench.get(&routes::fill(routes::SNAPSHOT, snapshot), ticket).code(), "not-found");
        let verdict = bench.resolve(ticket, &state);
        assert_eq!(verdict["candidates"][0]["reason"], "scope", "{verdict}");
    }
    let readable = |ticket: &str| -> Vec<bool> {
        let target = |bytes| routes::fill(routes::OBJECT, ObjectId::of(bytes));
        state.objects().iter().map(|(_, bytes)| bench.get(&target(bytes), ticket).status == 200).collect()
    };
    let inputs: Vec<bool> = state.objects().iter().map(|(kind, _)| *kind == ObjectKind::Derivation).collect();
    assert_eq!(readable(&reader), inputs);
    assert_eq!(readable(&writer), vec![false; inputs.len()]);
}

#[test]
fn keys_are_rotated_once_however_often_it_is_said() {
    let bench = Bench::default();
    let keys = || bench.get(routes::KEYS, bench.admin()).read::<Value>()["public_keys"].clone();
    let before = keys();
    let from = before[0].as_str().unwrap().split(':').next().unwrap().to_owned();
    for _ in 0..2 {
        let rotated: Value = bench.post(routes::KEYS, bench.admin(), &json!({ "from": from })).read();
        assert_eq!(rotated["public_keys"].as_array().unwrap().len(), 2);
        assert_eq!(rotated["public_keys"], keys());
    }
    assert_ne!(keys()[0], before[0]);
    for bearer in [bench.main(), create(&bench, "reader", None)] {
        assert!([401, 403].contains(&bench.get(routes::KEYS, &bearer).status));
        assert!([401, 403].contains(&bench.post(routes::KEYS, &bearer, &json!({ "from": from })).status));
    }
}

#[test]
fn registrations_are_checked() {
    let bench = Bench::default();
    let put = |registration: &Registration, id: &str| {
        let body = serde_json::to_vec(registration).unwrap();
        bench.request("PUT", &routes::fill(routes::REPOSITORY, id), Some(bench.admin()), &body)
    };
    assert_eq!(put(&bench.registration(), "1002").code(), "invalid");
    let short = Registration { trusted_refs: vec!["main".to_owned()], ..bench.registration() };
    assert!(put(&short, "1001").message().contains("not a branch in full"));
    let open = Registration { public_read: true, ..bench.registration() };
    assert_eq!(put(&open, "1001").read::<Registration>(), open);
    let found: Registration = bench.get(&routes::fill(routes::REPOSITORY, "1001"), bench.admin()).read();
    assert_eq!(found, open);
    let all: Value = bench.get(routes::REPOSITORIES, bench.admin()).read();
    assert_eq!(all["repositories"].as_array().unwrap().len(), 1);
}

#[test]
fn quarantine_and_forgetting_reach_every_scope() {
    let bench = Bench::default();
    let state = State::new("l", "s", "t");
    let poisoned = bench.save(&bench.pull_request(42), &state).snapshot();
    let pr = bench.pull_request(42);
    assert_eq!(bench.resolve(&pr, &state)["verdict"], "exact");
    let answer: Value =
        bench.post(routes::QUARANTINE, bench.admin(), &json!({ "repository": "1001", "run": "6042-1" })).read();
    assert_eq!(answer["snapshots"], json!([poisoned]));
    let verdict = bench.resolve(&pr, &state);
    assert_eq!((&verdict["verdict"], &verdict["candidates"][0]["reason"]), (&json!("miss"), &json!("quarantined")));
    let forget = json!({ "repository": "1001", "snapshot": poisoned });
    assert_eq!(bench.post(routes::FORGET, bench.admin(), &forget).status, 204);
    assert_eq!(bench.post(routes::FORGET, bench.admin(), &forget).code(), "not-found");
    let hasty = json!({ "policy": { "grace": 1, "keep_newest": null, "max_age": null } });
    assert_eq!(bench.post(routes::GC, bench.admin(), &hasty).code(), "invalid");
    let collect = json!({ "policy": { "grace": DAY, "keep_newest": null, "max_age": null } });
    let plan: Value = bench.post(routes::GC_PLAN, bench.admin(), &collect).read();
    assert!(plan["forget"].is_array() && plan["delete"].is_array(), "{plan}");
    assert_eq!(bench.post(routes::GC_PLAN, bench.admin(), &hasty).code(), "invalid");
    assert_eq!(bench.post(routes::GC, bench.admin(), &collect).status, 200);
}
