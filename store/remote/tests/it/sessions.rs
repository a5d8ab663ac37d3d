//! Tickets: renewed in time, renewed when they are not taken, and bound to what was meant.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sci_conformance::http::Said;
use sci_conformance::state::State;
use sci_remote::{Address, Error, GitHub, Identity as _, Nobody, Remote, Token, Wanted};
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{ErrorCode, Secret};

use crate::storage::{Storage, client, impatient};

#[test]
fn an_expired_ticket_is_renewed_with_a_fresh_identity() {
    let storage = Storage::default();
    let identity = storage.pusher();
    let given = Arc::clone(&identity.given);
    let remote = storage.client(identity);
    remote.snapshots(&SnapshotQuery::default()).unwrap();
    storage.clock.advance(16 * 60 * 1_000);
    remote.snapshots(&SnapshotQuery::default()).unwrap();
    assert_eq!(given.load(Ordering::SeqCst), 2);
    let tried: Vec<_> = storage.heard().iter().map(|heard| heard.path().to_owned()).collect();
    assert_eq!(tried, ["/v1/session", "/v1/snapshots", "/v1/snapshots", "/v1/session", "/v1/snapshots"]);
}

#[test]
fn a_ticket_that_ends_soon_is_renewed_before() {
    let storage = Storage::default();
    let remote = storage.main();
    storage.meddle(|heard, honest| {
        let mut said = honest(heard);
        if heard.path() == "/v1/session" {
            // It ends now, by the store's clock.
            let mut session: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
            session["expires"] = session["now"].clone();
            said.body = serde_json::to_vec(&session).unwrap();
        }
        said
    });
    remote.snapshots(&SnapshotQuery::default()).unwrap();
    remote.snapshots(&SnapshotQuery::default()).unwrap();
    assert!(storage.count("/v1/session") >= 2);
    let refused = storage.heard().iter().filter(|heard| heard.path() == "/v1/snapshots").count();
    assert_eq!(refused, 2);
}

#[test]
fn a_store_that_takes_no_ticket_is_asked_twice() {
    let storage = Storage::default();
    let remote = storage.main();
    let refusal = r#"{"code": "unauthorized", "message": "not good"}"#;
    storage.answer("/v1/snapshots", usize::MAX, Said::json(401, refusal));
    let error = remote.snapshots(&SnapshotQuery::default()).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
    assert_eq!((storage.count("/v1/session"), storage.count("/v1/snapshots")), (2, 2));
}

#[test]
fn a_session_for_another_repository_is_refused() {
    let storage = Storage::default();
    let wanted = Wanted { repository: Some("2002".parse().unwrap()), run: None };
    let address = Address::new(&storage.server.url(), false).unwrap();
    let remote = Remote::new(address, impatient(), Box::new(storage.pusher()), wanted).unwrap();
    let error = remote.session().unwrap_err().to_string();
    assert!(error.contains("opens repository 1001, not 2002"), "{error}");
}

#[test]
fn without_an_identity_the_public_part_is_read() {
    let storage = Storage::default();
    storage.save(&storage.main(), &State::new("l", "s", "tree"));
    let remote = storage.client(Nobody);
    assert_eq!(remote.session().unwrap().scope_write, None);
    assert_eq!(remote.snapshots(&SnapshotQuery::default()).unwrap().snapshots.len(), 1);
}

#[test]
fn a_bad_identity_is_told_and_not_shown() {
    let storage = Storage::default();
    let secret = "canary-7f3a";
    let remote = storage.client(Token::new(Secret::new(secret.to_owned()), "a test's"));
    let error = remote.session().unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::Unauthorized));
    for text in [error.to_string(), format!("{error:?}"), format!("{remote:?}")] {
        assert!(!text.contains(secret), "{text}");
    }
    // What the store says of it is final.
    assert_eq!(storage.count("/v1/session"), 1);
}

#[test]
fn github_gives_an_identity_for_the_stores_address() {
    let storage = Storage::default();
    let token = storage.issuer.token(&serde_json::json!({}));
    let value = serde_json::json!({ "value": token }).to_string();
    storage.meddle(move |heard, _| {
        assert_eq!(heard.header("authorization"), Some("Bearer request-token"));
        assert_eq!(heard.target, "/token?api-version=2.0&audience=https%3A%2F%2Fsci.example");
        Said::json(200, value.clone())
    });
    let url = format!("{}/token?api-version=2.0", storage.server.url());
    let github = GitHub::new(url, Secret::new("request-token".to_owned()), impatient());
    let identity = github.fresh("https://sci.example").unwrap().unwrap();
    assert_eq!(identity.expose().split('.').count(), 3);

    storage.meddle(|_, _| Said::json(200, "{}"));
    let error = github.fresh("https://sci.example").unwrap_err().to_string();
    assert_eq!(error, "GitHub gives none: it answers with JSON of another kind");
    storage.meddle(|_, _| Said::json(503, ""));
    let error = github.fresh("https://sci.example").unwrap_err().to_string();
    assert_eq!(error, "GitHub gives none: status 503");
}

#[test]
fn an_identity_that_cannot_be_had_is_an_error_of_its_own() {
    let storage = Storage::default();
    let github = GitHub::new("http://sci.example".to_owned(), Secret::new("t".to_owned()), impatient());
    let error = client(&storage.server.url(), github).session().unwrap_err();
    assert!(matches!(error, Error::Identity(_)), "{error}");
}
