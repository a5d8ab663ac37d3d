//! Identities where the time matters to the second.

use std::sync::atomic::Ordering;

use sci_conformance::threats::Target as _;
use sci_store_api::routes;
use serde_json::json;

use crate::bench::Bench;

#[test]
fn a_push_to_main_gets_its_trusted_scope() {
    let bench = Bench::default();
    let response = bench.opened(&bench.push());
    assert_eq!(response.session.scope_write.unwrap().to_string(), "trusted:refs/heads/main");
    assert_eq!(response.session.run.as_str(), "5000-1");
    assert_eq!(response.expires.0 - response.now.0, 15 * 60 * 1_000);
}

#[test]
fn times_have_a_minute_of_skew_and_ten_of_age() {
    let bench = Bench::default();
    let now = bench.now();
    for (claim, seconds, status) in [
        ("exp", now - 60, 200),
        ("exp", now - 61, 401),
        ("nbf", now + 60, 200),
        ("nbf", now + 61, 401),
        ("iat", now + 60, 200),
        ("iat", now + 61, 401),
        ("iat", now - 660, 200),
        ("iat", now - 661, 401),
    ] {
        let mut claims = bench.push();
        claims[claim] = seconds.into();
        assert_eq!(bench.session(&claims).status, status, "{claim}");
    }
}

#[test]
fn keys_are_fetched_at_most_once_a_minute() {
    let bench = Bench::default();
    let claims = bench.push();
    let unknown = bench.issuer().token_with(&json!({ "alg": "RS256", "kid": "bogus" }), &claims);
    let ask = |token: &str| bench.post(routes::SESSION, token, &json!({})).status;
    assert_eq!((bench.session(&claims).status, bench.fetches()), (200, 1));
    for (passed, fetches) in [(0, 1), (59_999, 1), (1, 2), (0, 2), (59_999, 2), (1, 3)] {
        bench.clock.advance(passed);
        for _ in 0..10 {
            assert_eq!(ask(&unknown), 401);
        }
        assert_eq!(bench.fetches(), fetches, "{passed}");
    }
    // A key that is known is not asked for again within the hour.
    bench.clock.advance(3_599_999);
    assert_eq!((bench.session(&bench.push()).status, bench.fetches()), (200, 3));
}

/// The bound holds where it matters most: an issuer that does not answer is not asked more often for that.
#[test]
fn an_issuer_that_gives_no_keys_is_asked_at_most_once_a_minute() {
    let bench = Bench::default();
    let down = |is_down| bench.issuer().is_down.store(is_down, Ordering::SeqCst);
    let bogus = |number: u32| {
        let header = json!({ "alg": "RS256", "kid": format!("bogus-{number}") });
        bench.issuer().token_with(&header, &bench.push())
    };
    let bogus: Vec<String> = (0..10).map(bogus).collect();
    let strangers = |status| {
        bench.unchanged(|| {
            for token in &bogus {
                assert_eq!(bench.post(routes::SESSION, token, &json!({})).status, status);
            }
        });
    };
    // Nothing is known of it yet. Each second there are others that ask.
    down(true);
    for second in 0..180 {
        strangers(503);
        assert_eq!(bench.session(&bench.push()).status, 503);
        assert_eq!(bench.fetches(), 1 + second / 60, "after {second} s");
        bench.clock.advance(1_000);
    }
    // It is back, and that is found out when it is asked the next time.
    down(false);
    assert_eq!((bench.session(&bench.push()).status, bench.fetches()), (200, 4));
    // Its keys have grown old while it is down: they are believed meanwhile, and it is asked no more often.
    down(true);
    bench.clock.advance(3_600_000);
    for second in 0..120 {
        strangers(401);
        assert_eq!(bench.session(&bench.push()).status, 200);
        assert_eq!(bench.fetches(), 5 + second / 60, "after an hour and {second} s");
        bench.clock.advance(1_000);
    }
}
