//! Scopes and repositories that are not one's own.

use sci_store_api::saves::BegunSave;
use sci_store_api::session::SessionResponse;
use sci_store_api::{ErrorCode, Registration, routes};
use serde_json::{Value, json};

use super::{Stage, Target};
use crate::state::State;

/// CREEP (CVE-2025-36852): a pull request saves the key that main will ask for, before main does.
pub fn a_pull_request_saves_mains_key_first<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "poisoned");
    let poisoned = stage.save(&stage.pull_request(42), &state).snapshot();
    let verdict = stage.resolve(&stage.main(), &state);
    assert_eq!(verdict["verdict"], "miss");
    assert_eq!(verdict["candidates"][0]["snapshot"], poisoned.to_string());
    assert_eq!(verdict["candidates"][0]["reason"], "scope");
    assert_eq!(verdict["candidates"][0]["scope"], "pr:42");
    // Neither is it served to another pull request, a branch or a queue, and to its own it is exact.
    let scoped = |event: &str, reference: &str| {
        let mut claims = stage.push();
        claims["event_name"] = event.into();
        claims["ref"] = reference.into();
        stage.ticket(&claims)
    };
    let queue = "refs/heads/gh-readonly-queue/main/pr-42-0123456789012345678901234567890123456789";
    for reader in [
        stage.pull_request(43),
        stage.pull_request(4),
        scoped("push", "refs/heads/topic"),
        scoped("merge_group", queue),
    ] {
        assert_eq!(stage.resolve(&reader, &state)["verdict"], "miss");
        assert_eq!(stage.get(&routes::fill(routes::SNAPSHOT, poisoned), &reader).code(), "not-found");
    }
    assert_eq!(stage.resolve(&stage.pull_request(42), &state)["verdict"], "exact");
    // Main saves the same key for itself.
    let own = stage.save(&stage.main(), &State::new("l", "s", "clean")).snapshot();
    assert_ne!(own, poisoned);
    assert_eq!(stage.resolve(&stage.main(), &state)["snapshot"], own.to_string());
}

/// A save that a pull request began is committed by a run of main, or the other way round.
pub fn a_save_committed_by_another_scope<T: Target>() {
    let stage = Stage::<T>::default();
    let (pr, main) = (stage.pull_request(42), stage.main());
    for (owner, thief) in [(&pr, &main), (&main, &pr)] {
        let state = State::new("l", "s", owner);
        let begun: BegunSave = stage.begin(owner, &state).read();
        for (_, bytes) in state.objects() {
            stage.refused(ErrorCode::NotFound, "another's save", || stage.put(thief, &begun, &bytes));
            assert_eq!(stage.put(owner, &begun, &bytes).status, 204);
        }
        stage.refused(ErrorCode::NotFound, "another's save", || stage.commit(thief, &begun, &state));
        assert_eq!(stage.commit(owner, &begun, &state).status, 200);
        // Nor is the answer to it anybody else's.
        stage.refused(ErrorCode::NotFound, "another's answer", || stage.commit(thief, &begun, &state));
    }
}

/// Two runs of one scope: neither goes on with what the other began.
pub fn a_save_used_by_another_run<T: Target>() {
    let stage = Stage::<T>::default();
    let (one, two) = (stage.main_run(1), stage.main_run(2));
    let state = State::new("l", "s", "t");
    let begun = stage.uploaded(&one, &state);
    stage.refused(ErrorCode::NotFound, "another run's save", || stage.put(&two, &begun, b"more"));
    stage.refused(ErrorCode::NotFound, "another run's save", || stage.commit(&two, &begun, &state));
    // What one run uploaded and did not commit does not exist for the other.
    let bytes = &state.objects()[0].1;
    let unknown = stage.object(&two, b"nothing has these bytes");
    let others = stage.object(&two, bytes);
    assert_eq!((others.status, &others.body), (unknown.status, &unknown.body));
    let own: BegunSave = stage.begin(&two, &state).read();
    stage.refused(ErrorCode::UnknownObject, "another run's objects", || stage.commit(&two, &own, &state));
    assert_eq!(stage.commit(&one, &begun, &state).status, 200);
}

/// A request that names a scope, a repository, a run or a record is told that it cannot.
pub fn a_scope_named_in_a_request<T: Target>() {
    let stage = Stage::<T>::default();
    let pr = stage.pull_request(42);
    let state = State::new("l", "s", "t");
    let begun = stage.uploaded(&pr, &state);
    let named = [
        ("scope", json!("trusted:refs/heads/main")),
        ("scope_write", json!("trusted:refs/heads/main")),
        ("target", json!("trusted")),
        ("repository", json!("2002")),
        ("run", json!("1-1")),
        ("claims", json!({ "ref": "refs/heads/main" })),
        ("parents", json!([])),
        ("created", json!(0)),
    ];
    let with = |body: &Value, (name, value): &(&str, Value)| {
        let mut body = body.clone();
        body[*name] = value.clone();
        body
    };
    let commit = serde_json::to_value(state.commit()).unwrap();
    let resolve = json!({ "paths": [state.query()] });
    let begin = stage.begin_request(&state);
    for addition in &named {
        for (route, body) in [
            (routes::fill(routes::COMMIT, begun.save), &commit),
            (routes::SAVES.to_owned(), &begin),
            (routes::RESOLVE.to_owned(), &resolve),
        ] {
            stage.refused(ErrorCode::Invalid, &route, || stage.post(&route, &pr, &with(body, addition)));
        }
    }
    // A parameter of the address is not listened to.
    let target = format!("{}?scope=trusted:refs/heads/main", routes::fill(routes::COMMIT, begun.save));
    assert_eq!(stage.post(&target, &pr, &commit).status, 200);
    assert_eq!(stage.resolve(&stage.main(), &state)["verdict"], "miss");
    // Nor does an identity open another repository than its own.
    let identity = stage.issuer().token(&stage.push());
    stage.refused(ErrorCode::Forbidden, "repository", || {
        stage.post(routes::SESSION, &identity, &json!({ "repository": "2002" }))
    });
    let opened: SessionResponse = stage.post(routes::SESSION, &identity, &json!({ "run": "1-1" })).read();
    assert_eq!(opened.session.run.as_str(), "5000-1", "an identity's run is what the issuer says");
}

fn second_repository<T: Target>(stage: &Stage<T>) -> String {
    let mut other = stage.registration();
    other.repository = "2002".parse().unwrap();
    stage.register(other);
    let mut claims = stage.push();
    claims["repository_id"] = "2002".into();
    stage.ticket(&claims)
}

/// A repository cites the digest of another one's object: the same answer as for one that nobody has.
pub fn a_digest_of_another_repository<T: Target>() {
    let stage = Stage::<T>::default();
    let thief = second_repository(&stage);
    let state = State::new("l", "s", "secret");
    let snapshot = stage.save(&stage.main(), &state).snapshot();
    for (_, bytes) in state.objects() {
        for method in ["GET", "HEAD"] {
            let ask = |bytes: &[u8]| {
                let object = routes::fill(routes::OBJECT, sci_store_api::ObjectId::of(bytes));
                let said = stage.request(method, &object, Some(&thief), b"");
                (said.status, said.body)
            };
            assert_eq!(ask(&bytes), ask(b"nothing has these bytes"));
        }
    }
    let of_record = stage.get(&routes::fill(routes::SNAPSHOT, snapshot), &thief);
    let of_none = stage.get(&routes::fill(routes::SNAPSHOT, "0".repeat(64)), &thief);
    assert_eq!((of_record.status, of_record.body), (of_none.status, of_none.body));
    let begun: BegunSave = stage.begin(&thief, &state).read();
    assert_eq!(begun.existing, None);
    let theirs = stage.refused(ErrorCode::UnknownObject, "cited", || stage.commit(&thief, &begun, &state));
    let nobodys = stage
        .refused(ErrorCode::UnknownObject, "cited", || stage.commit(&thief, &begun, &State::new("l", "s", "nobody's")));
    assert_eq!(theirs, nobodys);
    // Who has the bytes may put them: then they are its own, and the other's are untouched.
    for (_, bytes) in state.objects() {
        assert_eq!(stage.put(&thief, &begun, &bytes).status, 204);
    }
    assert_eq!(stage.commit(&thief, &begun, &state).status, 200);
}

/// A pull request cites the digest of an object that only another pull request has.
pub fn a_digest_of_another_scope<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "of 42");
    stage.save(&stage.pull_request(42), &state);
    let thief = stage.pull_request(43);
    let unknown = stage.object(&thief, b"nothing has these bytes");
    for (_, bytes) in state.objects() {
        let theirs = stage.object(&thief, &bytes);
        assert_eq!((theirs.status, &theirs.body), (unknown.status, &unknown.body));
    }
    let begun: BegunSave = stage.begin(&thief, &state).read();
    stage.refused(ErrorCode::UnknownObject, "cited", || stage.commit(&thief, &begun, &state));
    // Main's can be read, and are cited only by a run that was served them.
    let trusted = State::new("l", "s", "main's");
    stage.save(&stage.main(), &trusted);
    let begun: BegunSave = stage.begin(&thief, &trusted).read();
    stage.refused(ErrorCode::UnknownObject, "not served yet", || stage.commit(&thief, &begun, &trusted));
    assert_eq!(stage.resolve(&thief, &trusted)["verdict"], "exact");
    assert_eq!(stage.commit(&thief, &begun, &trusted).status, 200);
}

/// A save that claims to build upon a snapshot that its run never saw.
pub fn a_base_that_was_not_served<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "t");
    let snapshot = stage.save(&stage.main_run(1), &state).snapshot();
    let other = stage.save(&stage.pull_request(42), &state).snapshot();
    let run = stage.main_run(2);
    let mut begin = stage.begin_request(&state);
    for bases in [json!([snapshot]), json!([other]), json!(["0".repeat(64)])] {
        begin["bases"] = bases;
        stage.refused(ErrorCode::NotFound, "a base", || stage.post(routes::SAVES, &run, &begin));
    }
    begin["bases"] = json!(vec!["0".repeat(64); 5_000]);
    stage.refused(ErrorCode::NotFound, "one base, 5,000 times", || stage.post(routes::SAVES, &run, &begin));
    begin["bases"] = (0..65).map(|number| format!("{number:064x}")).collect();
    stage.refused(ErrorCode::Invalid, "too many bases", || stage.post(routes::SAVES, &run, &begin));
}

/// A run that was served a branch's state, and is trusted by the time it saves.
pub fn lower_state_saved_as_higher<T: Target>() {
    let stage = Stage::<T>::default();
    stage.register(Registration { trusted_refs: Vec::new(), ..stage.registration() });
    let ticket = stage.main();
    let state = State::new("l", "s", "of a branch");
    stage.save(&ticket, &state);
    assert_eq!(stage.resolve(&ticket, &state)["verdict"], "exact");
    stage.register(stage.registration());
    let raised = State::new("l", "s", "raised");
    let begun = stage.uploaded(&ticket, &raised);
    let message = stage.refused(ErrorCode::Forbidden, "raised", || stage.commit(&ticket, &begun, &raised));
    assert!(message.contains("lower class"), "{message}");
    assert_eq!(stage.resolve(&stage.main_run(2), &raised)["verdict"], "miss");
}

/// A pull request removes what main saved, or what another one did.
pub fn a_forgotten_snapshot_of_another_scope<T: Target>() {
    let stage = Stage::<T>::default();
    let state = State::new("l", "s", "t");
    let main = stage.save(&stage.main(), &state).snapshot();
    let other = stage.save(&stage.pull_request(43), &State::new("l", "x", "u")).snapshot();
    let (pr, reader) = (stage.pull_request(42), stage.token("reader", None));
    let reader: SessionResponse = stage.post(routes::SESSION, &reader, &json!({})).read();
    for ticket in [pr.as_str(), reader.ticket.expose()] {
        for snapshot in [main, other] {
            let said = stage.unchanged(|| stage.delete(&routes::fill(routes::SNAPSHOT, snapshot), ticket));
            assert!([403, 404].contains(&said.status), "{said:?}");
        }
    }
    assert_eq!(stage.resolve(&stage.main(), &state)["verdict"], "exact");
}

/// What a ticket opens is decided at each request, by the registration of that moment.
pub fn rights_taken_away_between_begin_and_commit<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let state = State::new("l", "s", "t");
    let begun = stage.uploaded(&ticket, &state);
    stage.register(Registration { trusted_refs: Vec::new(), ..stage.registration() });
    stage.refused(ErrorCode::NotFound, "a branch now", || stage.commit(&ticket, &begun, &state));
    assert_eq!(stage.resolve(&ticket, &state)["verdict"], "miss");
    stage.register(Registration { owner: "78".to_owned(), ..stage.registration() });
    for route in [routes::SNAPSHOTS, routes::PLANS] {
        stage.refused(ErrorCode::Forbidden, "sold", || stage.get(route, &ticket));
    }
    stage.refused(ErrorCode::Forbidden, "sold", || stage.commit(&ticket, &begun, &state));
}

/// Without an identity only what is public can be read, nothing is told of other scopes, and nothing is written.
pub fn readers_without_an_identity<T: Target>() {
    let stage = Stage::<T>::default();
    let ask = |repository: &str| {
        let body = json!({ "repository": repository }).to_string();
        stage.request("POST", routes::SESSION, None, body.as_bytes())
    };
    // A repository that is not open answers like one that does not exist.
    let closed = stage.refused(ErrorCode::Unauthorized, "closed", || ask("1001"));
    assert_eq!(closed, stage.refused(ErrorCode::Unauthorized, "absent", || ask("9")));
    stage.refused(ErrorCode::Unauthorized, "none", || stage.request("POST", routes::SESSION, None, b"{}"));
    stage.register(Registration { public_read: true, ..stage.registration() });
    let response: SessionResponse = ask("1001").read();
    assert_eq!(response.session.scope_write, None);
    let scopes: Vec<String> = response.session.scopes_read.iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["trusted:refs/heads/main"]);
    let ticket = response.ticket.expose();
    let (state, other) = (State::new("l", "s", "t"), State::new("l", "x", "u"));
    stage.save(&stage.main(), &state);
    let hidden = stage.save(&stage.pull_request(7), &other).snapshot();
    stage.unchanged(|| {
        assert_eq!(stage.resolve(ticket, &state)["verdict"], "exact");
        let verdict = stage.resolve(ticket, &other);
        assert_eq!(verdict["verdict"], "nearest");
        assert!(!verdict.to_string().contains("pr:7"), "{verdict}");
    });
    let forget = routes::fill(routes::SNAPSHOT, hidden);
    assert_eq!(stage.unchanged(|| stage.delete(&forget, ticket)).status / 100, 4);
    assert_eq!(stage.object(ticket, &other.objects()[0].1).code(), "unknown-object");
    stage.refused(ErrorCode::Forbidden, "a save", || stage.begin(ticket, &state));
    stage.refused(ErrorCode::Forbidden, "an object", || {
        let object = routes::fill(routes::OBJECT, sci_store_api::ObjectId::of(b"inputs"));
        stage.request("PUT", &object, Some(ticket), b"inputs")
    });
}
