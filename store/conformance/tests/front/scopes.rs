//! What ends a ticket.

use sci_conformance::state::State;
use sci_store_api::routes;

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
