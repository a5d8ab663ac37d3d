//! Records that the store did sign, but of something else than what was asked for, served in answer to a resolve: the client
//! refuses each, leaves the workspace as it is and goes on without a cache.

use std::sync::{Arc, Mutex};

use sci_conformance::http::Said;
use sci_store_api::StoredKeys;
use sci_store_api::dsse::{Envelope, RECORD_TYPE, SecretKey};
use sci_store_api::resolve::ResolveResponse;

use super::backend::{Backend, here, served};
use crate::sandbox::{Ran, Sandbox};

/// The key that the store of the sandbox signs with.
fn signing_key(sandbox: &Sandbox) -> SecretKey {
    let stored = std::fs::read(sandbox.beside("state/store/signing-key.json")).unwrap();
    StoredKeys::parse(&stored).unwrap().secret_key().unwrap()
}

/// The record with `from` in it replaced by `to`, under a good signature.
fn signed_anew(key: &SecretKey, envelope: &Envelope, from: &str, to: &str) -> Envelope {
    let payload = String::from_utf8(envelope.payload.clone()).unwrap();
    assert_eq!(payload.matches(from).count(), 1, "{from} in {payload}");
    key.sign(RECORD_TYPE, payload.replace(from, to).into_bytes())
}

/// Alters the answers to every resolve from now on.
fn resolving(backend: &Backend, alter: impl Fn(&mut ResolveResponse) + Send + 'static) {
    backend.meddle(move |heard, honest| {
        let mut said = honest(heard);
        if heard.path() == "/v1/resolve" {
            let mut response: ResolveResponse = serde_json::from_slice(&said.body).unwrap();
            let before: Vec<Option<Envelope>> = response.paths.iter().map(|path| path.envelope.clone()).collect();
            alter(&mut response);
            let mut text = serde_json::to_string(&response).unwrap();
            // The verdict names the snapshot that the envelope now holds: nothing but the record itself can be at odds.
            for (before, after) in before.iter().zip(&response.paths) {
                if let (Some(before), Some(after)) = (before, &after.envelope) {
                    text = text.replace(&before.snapshot_id().to_string(), &after.snapshot_id().to_string());
                }
            }
            said.body = text.into_bytes();
        }
        said
    });
}

/// Serves the record with `from` in it replaced by `to`.
fn serve(sandbox: &Sandbox, backend: &Backend, from: &str, to: &str) {
    let key = signing_key(sandbox);
    let (from, to) = (from.to_owned(), to.to_owned());
    resolving(backend, move |response| {
        for path in &mut response.paths {
            path.envelope = path.envelope.as_ref().map(|envelope| signed_anew(&key, envelope, &from, &to));
        }
    });
}

fn names(sandbox: &Sandbox) -> Vec<String> {
    let entries = std::fs::read_dir(sandbox.root()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A store with a snapshot of `out`, and a machine that has nothing of it.
fn saved() -> (Sandbox, Backend) {
    saved_with("")
}

/// The same of a path that is declared with this, too.
fn saved_with(policy: &str) -> (Sandbox, Backend) {
    let (sandbox, backend) = served();
    let toml = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{toml}{policy}"));
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.remove("out");
    std::fs::remove_dir_all(sandbox.beside("state/workspaces")).unwrap();
    (sandbox, backend)
}

/// Nothing was restored, for this reason, and the command ran all the same.
fn assert_refused(sandbox: &Sandbox, why: &str) {
    let before = names(sandbox);
    let says = |ran: &Ran, said: &str| {
        let line = said.lines().find(|line| line.contains("is not believed")).unwrap_or_else(|| panic!("{why}: {ran}"));
        assert!(line.contains(&format!("is not believed: {why}")), "{why}: {ran}");
    };
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.starts_with("miss "), "{ran}");
    says(&ran, &ran.stdout);
    sandbox.sci("restore --require").ends_with(1);
    assert_eq!(names(sandbox), before, "{why}");
    let ran = sandbox.sci_run("", "test ! -e out && echo ran").ends_with(0);
    assert_eq!(ran.stdout, "ran\n");
    says(&ran, &ran.stderr);
    assert_eq!(names(sandbox), before, "{why}");
}

#[test]
fn what_is_signed_anew_and_altered_in_nothing_is_believed() {
    let (sandbox, backend) = saved();
    serve(&sandbox, &backend, "\"settled\":true", "\"settled\":true");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.starts_with("exact "), "{ran}");
    assert_eq!(sandbox.read("out/a"), "built\n");
    // In what the record says of its run there is nothing to refuse, and it is another snapshot.
    sandbox.remove("out");
    serve(&sandbox, &backend, "\"files\":1,", "\"files\":2,");
    assert!(sandbox.sci("restore").ends_with(0).stdout.starts_with("exact "));
    assert_eq!(sandbox.read("out/a"), "built\n");
}

#[test]
fn a_signed_record_of_something_else_is_refused() {
    let (sandbox, backend) = saved();
    let record = signed(&backend, &sandbox);
    let store = record["store"].as_str().unwrap();
    for (from, to, why) in [
        ("\"path\":\"out\"", "\"path\":\"other\"", "it is of another path"),
        ("\"instance\":\"out\"", "\"instance\":\"web/out\"", "it is of another instance"),
        ("\"instance\":\"out\"", "\"instance\":\"~/out\"", "it is of another instance"),
        ("\"instance\":\"out\"", "\"instance\":\"src\"", "it is of another instance"),
        ("\"instance\":\"out\"", "\"instance\":\".github/workflows\"", "it is of another instance"),
        ("\"instance\":\"out\"", "\"instance\":\".git\"", "the record cannot be read: not a valid path instance"),
        ("\"instance\":\"out\"", "\"instance\":\".git/hooks\"", "the record cannot be read: not a valid path instance"),
        ("\"instance\":\"out\"", "\"instance\":\"../out\"", "the record cannot be read: not a valid path instance"),
        ("\"repository\":\"1001\"", "\"repository\":\"2002\"", "the record was made for another repository"),
        (&format!("\"store\":\"{store}\""), "\"store\":\"other\"", "the record was made for another store"),
        ("\"scope\":\"trusted:refs/heads/main\"", "\"scope\":\"pr:42\"", "this run may not read its scope"),
        ("\"settled\":true", "\"settled\":false", "its inputs are not what the store says"),
    ] {
        serve(&sandbox, &backend, from, to);
        assert_refused(&sandbox, why);
    }
    // It was the answers, and nothing else.
    backend.meddle(|heard, honest| honest(heard));
    assert!(sandbox.sci("restore").ends_with(0).stdout.starts_with("exact "));
}

#[test]
fn what_the_path_does_not_allow_is_refused_whatever_the_store_chooses() {
    for policy in ["exact", "never"] {
        let (sandbox, backend) = saved_with(&format!("restore = \"{policy}\"\n"));
        // The store answers as if it was asked for more.
        let asked = format!("\"restore\":\"{policy}\"");
        backend.meddle(move |heard, honest| {
            let mut heard = heard.clone();
            if heard.path() == "/v1/resolve" {
                let body = String::from_utf8(heard.body).unwrap();
                assert!(body.contains(&asked), "{body}");
                heard.body = body.replace(&asked, "\"restore\":\"nearest\"").into_bytes();
            }
            honest(&heard)
        });
        if policy == "exact" {
            sandbox.write("src/main.txt", "changed");
        }
        assert_refused(&sandbox, "sci.toml does not allow it for this path");
    }
}

#[test]
fn a_record_that_another_key_signed_after_the_fact_is_refused() {
    let (sandbox, backend) = saved();
    let record = signed(&backend, &sandbox);
    let created = format!("\"created\":{}", record["created"]);
    let key = signing_key(&sandbox);
    // Whoever alters a record has not the key.
    let stranger = SecretKey::from_seed(key.id().clone(), &[7; 32]);
    resolving(&backend, move |response| {
        for path in &mut response.paths {
            path.envelope = path.envelope.as_ref().map(|it| signed_anew(&stranger, it, &created, "\"created\":1"));
        }
    });
    assert_refused(&sandbox, &format!("the signature of key {} does not hold", key.id()));
}

#[test]
fn the_records_of_two_paths_that_change_places_are_refused() {
    let (sandbox, backend) = served();
    let toml = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{toml}\n[path.two]\npath = \"two\"\nsources = [\"src/**\"]\n"));
    sandbox.sci_run("", "mkdir out two; echo out > out/a; echo two > two/a").ends_with(0);
    sandbox.remove("out");
    sandbox.remove("two");
    std::fs::remove_dir_all(sandbox.beside("state/workspaces")).unwrap();
    backend.meddle(|heard, honest| {
        let mut said = honest(heard);
        if heard.path() == "/v1/resolve" {
            let mut response: ResolveResponse = serde_json::from_slice(&said.body).unwrap();
            let [one, two] = &mut response.paths[..] else { panic!("two paths") };
            std::mem::swap(&mut one.verdict, &mut two.verdict);
            std::mem::swap(&mut one.envelope, &mut two.envelope);
            said.body = serde_json::to_vec(&response).unwrap();
        }
        said
    });
    let ran = sandbox.sci("restore").ends_with(0);
    assert_eq!(ran.stdout.matches("is not believed: it is of another path").count(), 2, "{ran}");
    assert!(!sandbox.path("out").exists() && !sandbox.path("two").exists());
}

#[test]
fn what_a_pull_request_saved_is_refused_by_a_job_of_main_whatever_the_store_lets_it_read() {
    let (mut sandbox, backend) = saved();
    let key = signing_key(&sandbox);
    let token = sandbox.unset("SCI_TOKEN");
    sandbox.set("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/identity?api=1", backend.url()));
    sandbox.set("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "of-the-job");
    backend.meddle(move |heard, honest| {
        if heard.path() == "/identity" {
            return Said::json(200, format!("{{\"value\":\"{token}\"}}"));
        }
        let mut said = honest(heard);
        if heard.path() == "/v1/session" {
            let text = String::from_utf8(said.body).unwrap();
            said.body = text.replace("\"scopes_read\":[", "\"scopes_read\":[\"pr:42\",").into_bytes();
        }
        if heard.path() == "/v1/resolve" {
            let mut response: ResolveResponse = serde_json::from_slice(&said.body).unwrap();
            let envelope = response.paths[0].envelope.take().unwrap();
            let served = signed_anew(&key, &envelope, "\"scope\":\"trusted:refs/heads/main\"", "\"scope\":\"pr:42\"");
            let (before, after) = (envelope.snapshot_id().to_string(), served.snapshot_id().to_string());
            response.paths[0].envelope = Some(served);
            said.body = serde_json::to_string(&response).unwrap().replace(&before, &after).into_bytes();
        }
        said
    });
    sandbox.set("GITHUB_REF", "refs/heads/main");
    assert_refused(&sandbox, "this run may not read its scope");
    // The pull request's own job believes it; whoever has no identity does not, whatever the environment says.
    sandbox.set("GITHUB_REF", "refs/pull/42/merge");
    assert!(sandbox.sci("restore").ends_with(0).stdout.starts_with("exact "));
    sandbox.remove("out");
    std::fs::remove_dir_all(sandbox.beside("state/workspaces")).unwrap();
    here(&sandbox, "repo set 1001 --public-read true").ends_with(0);
    sandbox.unset("ACTIONS_ID_TOKEN_REQUEST_URL");
    sandbox.set("GITHUB_REPOSITORY_ID", "1001");
    assert_refused(&sandbox, "this run may not read its scope");
}

/// The record that the store serves.
fn signed(backend: &Backend, sandbox: &Sandbox) -> serde_json::Value {
    let served: Arc<Mutex<Vec<u8>>> = Arc::default();
    let kept = Arc::clone(&served);
    resolving(backend, move |response| {
        *kept.lock().unwrap() = response.paths[0].envelope.clone().unwrap().payload;
    });
    sandbox.sci("restore").ends_with(0);
    sandbox.remove("out");
    std::fs::remove_dir_all(sandbox.beside("state/workspaces")).unwrap();
    let payload = served.lock().unwrap();
    serde_json::from_slice(&payload).unwrap()
}
