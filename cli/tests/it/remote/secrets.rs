//! What opens the store is shown nowhere: not by a command that succeeds, nor by one that fails, nor in a file that is left.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sci_conformance::http::Said;
use sci_store_api::StoredKeys;

use super::backend::{Backend, nowhere, point, served};
use super::key_of;
use crate::sandbox::Sandbox;

/// What must be nowhere, by what it is.
struct Canaries {
    token: String,
    /// Every ticket that the store gave for it.
    tickets: Arc<Mutex<BTreeSet<String>>>,
}

impl Canaries {
    /// The token of the sandbox's person, and the tickets that it is given from now on.
    fn watch(sandbox: &Sandbox, backend: &Backend) -> Self {
        let token = String::from_utf8(sandbox.program("printenv").arg("SCI_TOKEN").output().unwrap().stdout).unwrap();
        let canaries = Self { token: token.trim().to_owned(), tickets: Arc::default() };
        canaries.meddle(backend, |_| None);
        canaries
    }

    /// Answers with what `lie` says, which is told the bearer of the request; else honestly, and tickets are noted.
    fn meddle(&self, backend: &Backend, lie: impl Fn(&str) -> Option<Said> + Send + 'static) {
        let tickets = Arc::clone(&self.tickets);
        backend.meddle(move |heard, honest| {
            if let Some(said) = heard.header("authorization").and_then(&lie) {
                return said;
            }
            let said = honest(heard);
            if heard.path() == "/v1/session" {
                let answer: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
                tickets.lock().unwrap().extend(answer["ticket"].as_str().map(str::to_owned));
            }
            said
        });
    }

    /// What is said and what is signed of each: not only the whole of it opens the store.
    fn all(&self) -> Vec<String> {
        let tickets = self.tickets.lock().unwrap();
        let secrets = tickets.iter().chain([&self.token]);
        let parts = |secret: &String| {
            let parts: Vec<String> = secret.split('.').filter(|part| part.len() >= 40).map(str::to_owned).collect();
            assert!(!parts.is_empty(), "nothing to look for");
            parts
        };
        secrets.flat_map(parts).collect()
    }

    #[track_caller]
    fn assert_not_in(&self, text: &[u8], place: &str) {
        for secret in self.all() {
            let is_there = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "a secret in {place}: {}", String::from_utf8_lossy(text));
        }
    }

    /// Runs `sci`, whatever comes of it.
    #[track_caller]
    fn run(&self, sandbox: &Sandbox, words: &[&str]) -> String {
        let output = sandbox.command(words).output().unwrap();
        self.assert_not_in(&output.stdout, &format!("stdout of {words:?}"));
        self.assert_not_in(&output.stderr, &format!("stderr of {words:?}"));
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    /// Looks at the names and the bytes of all files, the store's included.
    fn assert_in_no_file(&self, directory: &Path) -> u32 {
        let mut files = 0;
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            self.assert_not_in(path.as_os_str().as_encoded_bytes(), "a name");
            if path.is_dir() && !path.is_symlink() {
                files += self.assert_in_no_file(&path);
            } else if path.is_file() {
                self.assert_not_in(&std::fs::read(&path).unwrap(), &path.display().to_string());
                files += 1;
            }
        }
        files
    }
}

/// What anybody does with a store.
const COMMANDS: [&str; 15] = [
    "plan",
    "restore",
    "save",
    "run -- sh -c true",
    "explain",
    "explain out",
    "ls",
    "show out",
    "show out --tree",
    "diff out out",
    "verify",
    "verify --read-data",
    "doctor",
    "token list",
    "restore --require",
];

fn every_command(canaries: &Canaries, sandbox: &Sandbox) {
    for line in COMMANDS {
        for flags in ["", "--json", "--verbose"] {
            let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
            let words: Vec<&str> = [command].into_iter().chain(flags.split_whitespace()).collect();
            canaries.run(sandbox, &words.into_iter().chain(rest.split_whitespace()).collect::<Vec<_>>());
        }
    }
    let files = canaries.assert_in_no_file(sandbox.root().parent().unwrap());
    assert!(files > 10, "{files} files");
}

/// A sandbox with a snapshot, whose token is an input too: what changes with it has another key, and that is all.
fn watched() -> (Sandbox, Backend, Canaries) {
    let (sandbox, backend) = served();
    let toml = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{toml}env = [\"SCI_TOKEN\"]\n"));
    let canaries = Canaries::watch(&sandbox, &backend);
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.remove("out");
    (sandbox, backend, canaries)
}

#[test]
fn a_good_token_and_its_tickets_are_shown_nowhere() {
    let (mut sandbox, _backend, canaries) = watched();
    every_command(&canaries, &sandbox);
    // They were good ones.
    assert_eq!(sandbox.read("out/a"), "built\n");
    assert!(canaries.tickets.lock().unwrap().len() > 1);
    // A job tells its runner what it did.
    for name in ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_STATE"] {
        let file = sandbox.beside(name);
        std::fs::write(&file, "").unwrap();
        sandbox.set(name, file);
    }
    sandbox.set("GITHUB_ACTIONS", "true");
    sandbox.set("CI", "true");
    sandbox.write("lock.txt", "two 2.0.0\n");
    every_command(&canaries, &sandbox);
}

#[test]
fn a_token_is_not_shown_where_it_opens_nothing_any_more() {
    let (mut sandbox, backend, canaries) = watched();
    let id = super::backend::here(&sandbox, "token list --json").ends_with(0).json();
    let id = id["result"]["tokens"][0]["id"].as_str().unwrap().to_owned();
    super::backend::here(&sandbox, &format!("token revoke {id}")).ends_with(0);
    assert!(canaries.run(&sandbox, &["ls"]).contains("revoked"));
    every_command(&canaries, &sandbox);
    // Nobody is there to show it to, nor worth to be waited for.
    point(&sandbox, &nowhere(), &key_of(&sandbox));
    sandbox.set("SCI_TIMEOUT", "1s");
    for line in ["restore", "ls", "doctor"] {
        canaries.run(&sandbox, &[line]);
        canaries.run(&sandbox, &[line, "--json"]);
    }
    canaries.assert_in_no_file(sandbox.root().parent().unwrap());
    drop(backend);
}

#[test]
fn what_a_server_repeats_of_a_bearer_is_not_shown() {
    let (sandbox, backend, canaries) = watched();
    for status in [400, 401, 403, 404, 409, 500] {
        canaries.meddle(&backend, move |bearer| {
            let said = serde_json::json!({ "code": "forbidden", "message": format!("no: {bearer}"), "hint": bearer });
            Some(Said::json(status, said.to_string()))
        });
        for line in ["ls", "restore", "doctor"] {
            canaries.run(&sandbox, &[line]);
            canaries.run(&sandbox, &[line, "--json"]);
        }
        // The session is honest, so that it is the ticket that is repeated.
        canaries.meddle(&backend, move |bearer| {
            let said = serde_json::json!({ "code": "forbidden", "message": format!("no: {bearer}"), "hint": bearer });
            bearer.contains("sci_ticket").then(|| Said::json(status, said.to_string()))
        });
        for line in ["ls", "restore", "save"] {
            canaries.run(&sandbox, &[line]);
            canaries.run(&sandbox, &[line, "--json"]);
        }
    }
    canaries.assert_in_no_file(sandbox.root().parent().unwrap());
}

#[test]
fn the_signing_key_stays_in_its_file() {
    let (sandbox, _backend, canaries) = watched();
    let file = sandbox.beside("state/store/signing-key.json");
    let stored = std::fs::read(&file).unwrap();
    assert!(StoredKeys::parse(&stored).is_some());
    let stored: serde_json::Value = serde_json::from_slice(&stored).unwrap();
    let seed = stored["seed"].as_str().unwrap();
    for line in ["key export", "key list", "key rotate", "ls", "verify", "doctor", "token list"] {
        for flags in ["", " --json", " --verbose"] {
            let ran = super::backend::here(&sandbox, &format!("{line}{flags}"));
            assert!(!ran.to_string().contains(seed), "{line}{flags}");
        }
    }
    let canaries = Canaries { token: seed.to_owned(), ..canaries };
    std::fs::remove_file(file).unwrap();
    canaries.assert_in_no_file(sandbox.root().parent().unwrap());
}
