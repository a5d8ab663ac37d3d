//! Objects that are put and not ended, on many connections at once: what they occupy of the disk is bounded by the quota.

use sci_conformance::state::State;
use sci_store_api::ObjectId;
use sci_store_api::repositories::Quota;

use crate::bench::{Bench, bytes, eventually};
use crate::raw::{HALF, Raw};

/// A server where a pull request may be charged for what two of [`Raw::half`] take.
fn bench() -> Bench {
    let bench = Bench::default();
    bench.limit(Quota { untrusted_scope: Some(2 * HALF as u64), ..Quota::default() });
    bench
}

/// What is told to a put that is sent whole.
fn answer(bench: &Bench, ticket: &str, object: ObjectId, content: &[u8]) -> String {
    let mut raw = Raw::announce(bench, ticket, object, content.len());
    raw.send(content);
    raw.status()
}

#[test]
fn one_object_on_many_connections() {
    let bench = bench();
    let attacker = bench.pull_request(42);
    let (first, object) = Raw::half(&bench, &attacker);
    let mut stalled = vec![first];
    stalled.push(Raw::upload(&bench, &attacker, &object));
    stalled[1].send(&object[..HALF]);
    eventually("both arrive", || bench.files().1 == 2);
    for _ in 0..8 {
        let said = bench.put(&attacker, None, &object);
        assert_eq!((said.status, said.code().as_str(), said.header("retry-after")), (429, "busy", "1"));
    }
    assert_eq!(bench.files(), (0, 2));
    // It is in nobody's way who has a limit of his own, and least in main's.
    let others = [bench.ticket(1), bench.pull_request(4)];
    for ticket in &others {
        assert_eq!(bench.put(ticket, None, &object).status, 204);
    }
    assert_eq!(bench.files(), (1, 2));
    // One that is given up makes room for the next.
    drop(stalled.pop());
    eventually("it is given up", || bench.files().1 == 1);
    eventually("there is room", || bench.put(&attacker, None, &object).status == 204);
    stalled[0].send(&object[HALF..]);
    assert_eq!(stalled[0].status(), "HTTP/1.1 204 No Content");
    assert_eq!((bench.object(&attacker, &object).body, bench.files()), (object, (1, 0)));
}

#[test]
fn objects_that_another_scope_is_charged_for() {
    let bench = bench();
    let main = bench.ticket(1);
    let saved = [State::new("l", "a", "a tree"), State::new("l", "b", "another")];
    let objects: Vec<_> = (1..)
        .zip(&saved)
        .flat_map(|(nonce, state)| {
            bench.save(&main, state, nonce);
            state.objects().into_iter().map(|(_, bytes)| ObjectId::of(&bytes))
        })
        .collect();
    assert!(objects.len() >= 4, "{objects:?}");
    let attacker = bench.pull_request(42);
    let content = bytes(2 * HALF, 3);
    let mut stalled = Vec::new();
    for object in &objects[..2] {
        let mut raw = Raw::announce(&bench, &attacker, *object, content.len());
        raw.send(&content[..HALF]);
        stalled.push(raw);
    }
    eventually("both arrive", || bench.files().1 == 2);
    for object in &objects[2..] {
        assert_eq!(answer(&bench, &attacker, *object, &content), "HTTP/1.1 429 Too Many Requests");
    }
    for mut raw in stalled {
        raw.send(&content[HALF..]);
        assert_eq!(raw.status(), "HTTP/1.1 400 Bad Request");
    }
    eventually("nothing stays", || bench.files().1 == 0);
    // What main saved is what it was.
    for (_, bytes) in saved.iter().flat_map(State::objects) {
        assert_eq!(bench.object(&main, &bytes).body, bytes);
    }
}

#[test]
fn runs_that_save_the_same_at_once_all_end_well() {
    let bench = Bench::default();
    let quota = Some(2 * HALF as u64);
    bench.limit(Quota { untrusted_scope: quota, repository: quota, untrusted: None });
    let object = bytes(2 * HALF, 5);
    for tickets in [[bench.pull_request(42), bench.pull_request(42)], [bench.ticket(1), bench.ticket(2)]] {
        let mut puts: Vec<_> = tickets.iter().map(|ticket| Raw::upload(&bench, ticket, &object)).collect();
        for put in &mut puts {
            put.send(&object[..HALF]);
        }
        eventually("both arrive", || bench.files().1 == 2);
        // A third one comes again until there is room.
        assert_eq!(bench.put(&tickets[0], None, &object).code(), "busy");
        for put in &mut puts {
            put.send(&object[HALF..]);
            assert_eq!(put.status(), "HTTP/1.1 204 No Content");
        }
        assert_eq!(bench.put(&tickets[0], None, &object).status, 204);
    }
    assert_eq!(bench.files(), (1, 0));
}
