//! Names that are more than names: separators, quotes, statements, ways out of the workspace.

use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::{ErrorCode, routes};
use serde_json::{Value, json};

use super::{Stage, Target};
use crate::state::State;

/// A path instance that must be refused wherever a request can carry it.
fn refused_instance<T: Target>(stage: &Stage<T>, ticket: &str, instance: &str) {
    let state = State::new("l", "s", "t");
    let mut begin = stage.begin_request(&state);
    begin["instance"] = instance.into();
    stage.refused(ErrorCode::Invalid, instance, || stage.post(routes::SAVES, ticket, &begin));
    let mut query = serde_json::to_value(state.query()).unwrap();
    query["instance"] = instance.into();
    stage.refused(ErrorCode::Invalid, instance, || stage.post(routes::RESOLVE, ticket, &json!({ "paths": [query] })));
    let listed = stage.get(&format!("{}?instance={}", routes::SNAPSHOTS, percent(instance)), ticket);
    assert_eq!(listed.code(), "invalid", "{instance:?}");
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Two places whose names would be one text if they were only joined are two places.
pub fn separators_and_quotes_in_names<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let names = [
        ("a", "b/c"),
        ("a", "b=c"),
        ("a", "b'c"),
        ("a", "b\"c"),
        ("a", "b;c"),
        ("a", "b,c"),
        ("a", "b c"),
        ("a", "bb:c"),
        ("a", "b%2Fc"),
        ("a", "b%c"),
        ("a", "b_c"),
        ("a", "b*c"),
        ("a", "b[c"),
        ("a", "b?c"),
        ("a", "b#c"),
        ("a", "b&c"),
        ("a", "b\u{e9}c"),
        ("a", "be\u{301}c"),
        ("ab", "c"),
        ("a", "bc"),
        ("a", "b/C"),
        ("A", "b/c"),
        ("a.b", "c"),
        ("a", "'; DROP TABLE records; --"),
        ("a", "$(touch x)"),
        ("a", "{\"b\":\"c\"}"),
    ];
    let mut snapshots = Vec::new();
    for (at, (path, instance)) in names.iter().enumerate() {
        let state = State::new("l", "s", &at.to_string());
        let mut begin = stage.begin_request(&state);
        (begin["path"], begin["instance"]) = ((*path).into(), (*instance).into());
        let begun: BegunSave = stage.post(routes::SAVES, &ticket, &begin).read();
        assert_eq!((begun.existing, &begun.saving), (None, &None), "{path} {instance} is taken for another");
        for (_, bytes) in state.objects() {
            assert_eq!(stage.put(&ticket, &begun, &bytes).status, 204);
        }
        snapshots.push(stage.commit(&ticket, &begun, &state).read::<Committed>().snapshot());
    }
    for ((path, instance), snapshot) in names.iter().zip(&snapshots) {
        let mut query = serde_json::to_value(State::new("l", "s", "").query()).unwrap();
        (query["path"], query["instance"]) = ((*path).into(), (*instance).into());
        let answer: Value = stage.post(routes::RESOLVE, &ticket, &json!({ "paths": [query] })).read();
        let resolved = &answer["paths"][0];
        assert_eq!((&resolved["path"], &resolved["instance"]), (&json!(path), &json!(instance)));
        assert_eq!(resolved["verdict"]["snapshot"], json!(snapshot), "{path} {instance}");
        assert_eq!(resolved["verdict"]["candidates"].as_array().unwrap().len(), 1, "{path} {instance}");
        let listed = stage.get(&format!("{}?path={path}&instance={}", routes::SNAPSHOTS, percent(instance)), &ticket);
        let listed: Value = listed.read();
        assert_eq!(listed["snapshots"].as_array().unwrap().len(), 1, "{path} {instance}");
    }
    // Names of paths, repositories and runs have no such characters at all.
    for name in ["a/b", "a=b", "a\nb", "a\"b", "a'b", "a b", "a\u{0}", "", "..", "\u{e9}"] {
        let mut begin = stage.begin_request(&State::new("l", "s", "t"));
        begin["path"] = name.into();
        stage.refused(ErrorCode::Invalid, name, || stage.post(routes::SAVES, &ticket, &begin));
    }
}

/// A path that leads out of the workspace, in whatever way some system reads it.
pub fn paths_that_slip_out<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    for slip in [
        "../x",
        "..",
        ".",
        "/x",
        "/",
        "//x",
        "a/../x",
        "a/..",
        "a/./x",
        "a//x",
        "a/",
        "",
        "a\\..\\x",
        "..\\x",
        "\\x",
        "\\\\host\\x",
        "C:x",
        "C:/x",
        "c:\\x",
        "x/C:y",
        "a\u{0}b",
        "a\nb",
        "a\rb",
        "a\u{7f}b",
        "a\u{85}b",
        "~",
        "~/",
        "~/..",
        "~/../x",
        "~/~/x",
        "a/~",
    ] {
        refused_instance(&stage, &ticket, slip);
    }
    refused_instance(&stage, &ticket, &"x/".repeat(600));
    refused_instance(&stage, &ticket, &"x".repeat(1_025));
}

/// A root that would hand the repository itself to whoever restores it.
pub fn hostile_roots<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    for root in [".git", ".git/hooks", "a/.git", "a/.git/hooks/b", ".GIT", ".Git/config", "~/.git"] {
        refused_instance(&stage, &ticket, root);
    }
}

/// Statements, patterns and markup where a parameter is expected.
pub fn statements_in_parameters<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    stage.save(&ticket, &State::new("l", "s", "t"));
    let hostile = [
        "' OR 1=1 --",
        "\" OR \"\"=\"",
        "%",
        "_",
        "*",
        "trusted:%",
        "x\u{0}",
        "[\"trusted:refs/heads/main\"]",
        "../../x",
    ];
    for value in hostile {
        for name in ["path", "instance", "scope", "run", "limit", "before"] {
            let target = format!("{}?{name}={}", routes::SNAPSHOTS, percent(value));
            let said = stage.unchanged(|| stage.get(&target, &ticket));
            if said.status == 200 {
                assert_eq!(said.read::<Value>()["snapshots"], json!([]), "{target}");
            } else {
                assert_eq!((said.status, said.code().as_str()), (400, "invalid"), "{target}");
            }
        }
        let object =
            format!("{}?save={}", routes::fill(routes::OBJECT, sci_store_api::ObjectId::of(b"x")), percent(value));
        stage.refused(ErrorCode::Invalid, value, || stage.request("PUT", &object, Some(&ticket), b"x"));
    }
}

/// Ids that are longer, shorter, or of other characters than an id.
pub fn ids_of_another_form<T: Target>() {
    let stage = Stage::<T>::default();
    let ticket = stage.main();
    let hex = "0".repeat(64);
    let ids = [
        "x".to_owned(),
        hex[1..].to_owned(),
        format!("{hex}0"),
        hex.replacen('0', "A", 1),
        hex.replacen('0', "g", 1),
        format!("{hex}%00"),
        format!("..%2F{hex}"),
        "%2e%2e".to_owned(),
        "..".to_owned(),
        "1".repeat(5_000),
    ];
    for id in &ids {
        for route in [routes::OBJECT, routes::SNAPSHOT, routes::EXPLAIN] {
            let said = stage.unchanged(|| stage.get(&routes::fill(route, id), &ticket));
            assert_eq!((said.status, said.code().as_str()), (404, "not-found"), "{route} {id}");
        }
        let commit = State::new("l", "s", "t").commit();
        let said = stage.unchanged(|| stage.post(&routes::fill(routes::COMMIT, id), &ticket, &commit));
        assert_eq!((said.status, said.code().as_str()), (404, "not-found"), "{id}");
    }
}
