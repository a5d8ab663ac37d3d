//! What ends a ticket, and what a token for a release reads.

use data_encoding::BASE64URL_NOPAD;
use pollster::block_on;
use sci_conformance::state::State;
use sci_conformance::threats::Target as _;
use sci_service::{Clock as _, Keys as _};
use sci_store_api::routes;
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::CreatedToken;
use serde_json::{Value, json};

use crate::bench::Bench;

#[test]
fn a_ticket_ends_after_a_quarter_of_an_hour() {
    let bench = Bench::default();
    let (ticket, state) = (bench.main(), State::new("l", "s", "t"));
    let begun = bench.uploaded(&ticket, &state);
    bench.clock.advance(15 * 60 * 1_000 - 1);
    assert_eq!(bench.get(routes::SNAPSHOTS, &ticket).status, 200);
    bench.clock.advance(1);
    bench.unchanged(|| {
        assert_eq!(bench.get(routes::SNAPSHOTS, &ticket).code(), "unauthorized");
        assert_eq!(bench.commit(&ticket, &begun, &state).code(), "unauthorized");
    });
    // The run goes on with a fresh identity, where it was.
    assert_eq!(bench.commit(&bench.main(), &begun, &state).status, 200);
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

/// A text of the store's with something in it exchanged, sealed by whoever has the store's key.
fn forged(bench: &Bench, text: &str, payload_type: &str, alter: impl Fn(&mut Value)) -> String {
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    let mut payload: Value = serde_json::from_slice(&BASE64URL_NOPAD.decode(parts[1].as_bytes()).unwrap()).unwrap();
    alter(&mut payload);
    let envelope = block_on(bench.keys.sign(payload_type, serde_json::to_vec(&payload).unwrap())).unwrap();
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let (payload, sig) = (encode(&envelope.payload), encode(&envelope.signatures[0].sig));
    format!("{}.{payload}.{sig}.{}", parts[0], envelope.signatures[0].keyid)
}

#[test]
fn whoever_has_a_retired_key_opens_nothing_with_it() {
    const TICKET: &str = "application/vnd.sci.ticket.v1+json";
    const TOKEN: &str = "application/vnd.sci.token.v1+json";
    let bench = Bench::default();
    let wanted = json!({
        "id": "builder", "life": sci_store_api::admin::DAY, "note": "", "allow_trusted": false,
        "power": { "kind": "repository", "repository": "1001", "scope_write": "branch:ci" },
    });
    let token: CreatedToken = bench.post(routes::TOKENS, bench.admin(), &wanted).read();
    let (ticket, token) = (bench.main(), token.token.expose().to_owned());
    let status = |ticket: &str| bench.get(routes::SNAPSHOTS, ticket).status;
    let session = |token: &str| bench.post(routes::SESSION, token, &json!({})).status;
    // As it was it is good, whoever seals it.
    assert_eq!(status(&forged(&bench, &ticket, TICKET, |_| ())), 200);
    assert_eq!(session(&forged(&bench, &token, TOKEN, |_| ())), 200);
    let now = bench.clock.now();
    bench.keys.retire(now);
    bench.clock.advance(16 * 60 * 1_000);
    let years = json!(now.0 + 3_650 * sci_store_api::admin::DAY);
    assert_eq!(status(&forged(&bench, &ticket, TICKET, |ticket| ticket["expires"] = years.clone())), 401);
    let made = json!(bench.clock.now().0);
    assert_eq!(
        status(&forged(&bench, &ticket, TICKET, |ticket| {
            ticket["made"] = made.clone();
            ticket["expires"] = years.clone();
        })),
        401
    );
    assert_eq!(session(&forged(&bench, &token, TOKEN, |token| token["expires"] = years.clone())), 401);
    assert_eq!(session(&forged(&bench, &token, TOKEN, |token| token["power"] = json!({ "kind": "admin" }))), 401);
    // One that is listed as it is goes on: it was made before.
    assert_eq!(session(&token), 200);
}

#[test]
fn a_token_for_a_release_reads_trusted_state_only_where_a_release_does() {
    let bench = Bench::default();
    let wanted = json!({
        "id": "releaser", "life": sci_store_api::admin::DAY, "note": "", "allow_trusted": true,
        "power": { "kind": "repository", "repository": "1001", "scope_write": "release:v1" },
    });
    let token: CreatedToken = bench.post(routes::TOKENS, bench.admin(), &wanted).read();
    let reads = || {
        let opened: SessionResponse = bench.post(routes::SESSION, token.token.expose(), &json!({})).read();
        opened.session.scopes_read.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(reads(), ["release:v1"]);
    let mut registration = bench.registration();
    registration.release.reads_trusted = true;
    bench.register(registration);
    assert_eq!(reads(), ["release:v1", "trusted:refs/heads/main"]);
}
