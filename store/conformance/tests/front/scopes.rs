//! What ends a ticket, and what a token for a release reads.

use sci_conformance::state::State;
use sci_conformance::threats::Target as _;
use sci_store_api::routes;
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::CreatedToken;
use serde_json::json;

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
