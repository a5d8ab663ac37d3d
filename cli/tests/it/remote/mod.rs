//! The commands with a remote store, honest, down, lying or unwilling.

mod administration;
mod backend;
mod distance;
mod exchanged;
mod looking;
mod rot;
mod secrets;
mod tls;

use std::time::{Duration, Instant};

use sci_conformance::http::Said;

use crate::sandbox::{Sandbox, assert_screen};
use backend::{Backend, here, nowhere, point, served};

#[test]
fn what_is_saved_on_one_machine_is_restored_on_another() {
    let (mut sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    // Another machine has no state of its own.
    sandbox.remove("out");
    let state = sandbox.beside("elsewhere");
    sandbox.set("SCI_STATE", state);
    // In CI too, where an embedded store is refused.
    sandbox.set("CI", "true");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    exact     out  1 file, 6 B in [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    ");
    assert_eq!(sandbox.read("out/a"), "built\n");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    skipped   out  1 file, 6 B: nothing new, [SECONDS]
              nothing changed since it was restored
    ");
    for line in ["ls", "show out", "show out --tree", "explain", "plan", "diff out out"] {
        sandbox.sci(line).ends_with(0);
    }
    backend.heard();
    sandbox.sci("plan").ends_with(0);
    assert!(backend.heard().is_empty());
    sandbox.sci("forget out").ends_with(0);
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 0
    ----- stdout -----
    this project has no snapshots
    ");
}

#[test]
fn a_real_server_is_waited_for_and_used() {
    let (mut sandbox, _) = served();
    sandbox.set("SCI_TIMEOUT", "30s");
    let (url, key) = (nowhere(), key_of(&sandbox));
    point(&sandbox, &url, &key);
    let address = url.strip_prefix("http://").unwrap();
    let mut serve = sandbox.command(&["serve", "--url", &url, "--listen", address]);
    let mut serve = serve.stderr(std::process::Stdio::null()).spawn().unwrap();
    // It is not up yet, perhaps: that is what waiting is for.
    let saved = sandbox.sci_run("--json", "mkdir out; seq 1000 > out/a; seq 300000 > out/b");
    sandbox.remove("out");
    std::fs::remove_dir_all(sandbox.beside("state/workspaces")).unwrap();
    let restored = sandbox.sci("restore --json");
    let doctor = sandbox.sci("doctor");
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert_eq!(saved.ends_with(0).json()["result"]["save"]["paths"][0]["outcome"], "saved");
    assert_eq!(restored.ends_with(0).json()["result"]["paths"][0]["verdict"], "exact");
    assert_eq!(sandbox.read("out/a").lines().count(), 1_000);
    assert!(doctor.ends_with(0).stdout.contains("ok    connection"));
}

#[test]
fn a_change_saves_what_changed_upon_what_was_restored() {
    let (sandbox, _backend) = served();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    let document = sandbox.sci_run("--json", "echo more > out/b").ends_with(0).json();
    assert_eq!(document["result"]["restore"]["paths"][0]["verdict"], "nearest", "{document}");
    assert_eq!(document["result"]["save"]["paths"][0]["outcome"], "saved", "{document}");
    sandbox.remove("out");
    let document = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["verdict"], "exact", "{document}");
    assert_eq!(sandbox.read("out/b"), "more\n");
}

#[test]
fn a_store_that_is_down_is_a_miss_within_the_time() {
    let (sandbox, _) = served();
    let key = key_of(&sandbox);
    point(&sandbox, &nowhere(), &key);
    let started = Instant::now();
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: http://[HOST] did not answer: the connection was refused ([N] attempts)  (key [ID])
              Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    ");
    sandbox.write("out/a", "built\n");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    failed    out
              http://[HOST] did not answer: the connection was refused ([N] attempts)
              Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    ");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_screen!(sandbox.sci("restore --require"), @r"
    exit code: 1
    ----- stdout -----
    miss      out
              the store could not be asked: http://[HOST] did not answer: the connection was refused ([N] attempts)  (key [ID])
              Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    ----- stderr -----
    Error: 1 path could not be restored
    Hint: without --require this is a miss, and the build goes on
    ");
    sandbox.sci("save --require").ends_with(1);
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: http://[HOST] did not answer: the connection was refused ([N] attempts)
    Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    ");
    assert_screen!(sandbox.sci_run("", "echo ran"), @r"
    exit code: 0
    ----- stdout -----
    ran
    ----- stderr -----
    miss      out
              the store could not be asked: http://[HOST] did not answer: the connection was refused ([N] attempts)  (key [ID])
              Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    failed    out
              http://[HOST] did not answer: the connection was refused ([N] attempts)
              Hint: `sci doctor` tries the connection; SCI_TIMEOUT sets how long is waited
    ");
}

#[test]
fn a_store_that_dies_during_a_restore_changes_nothing() {
    let (sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; seq 100000 > out/a; seq 5 > out/b").ends_with(0);
    sandbox.remove("out");
    sandbox.write("out/mine", "mine\n");
    let state = sandbox.beside("state/workspaces");
    std::fs::remove_dir_all(state).unwrap();
    backend.answer("/v1/objects", Said::default());
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("miss") && ran.stdout.contains("the connection was cut off"), "{ran}");
    assert_eq!(std::fs::read_dir(sandbox.path("out")).unwrap().count(), 1);
    assert_eq!(sandbox.read("out/mine"), "mine\n");
    sandbox.sci("restore --require").ends_with(1);
    // Nor is what it holds given up for that, once it is back.
    backend.meddle(|heard, honest| honest(heard));
    backend.heard();
    sandbox.sci("save").ends_with(0);
    assert_eq!(deleted(&backend), [""; 0]);
}

#[test]
fn what_changed_since_it_was_restored_is_saved_by_the_second_attempt_too() {
    let (sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; seq 5 > out/a").ends_with(0);
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/b", "b\n");
    let mut attempts = 0;
    backend.meddle(move |heard, honest| {
        attempts += usize::from(heard.path().ends_with("/commit"));
        if heard.path().ends_with("/commit") && attempts == 1 {
            let gone = r#"{"code":"unknown-object","message":"an object that is cited does not exist"}"#;
            return Said { status: 422, body: gone.into(), ..Said::default() };
        }
        honest(heard)
    });
    let document = sandbox.sci("save --json").ends_with(0).json();
    assert_eq!(document["result"]["paths"][0]["outcome"], "saved", "{document}");
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/b"), "b\n");
}

#[test]
fn a_machine_without_the_newer_key_gives_nothing_up() {
    let (sandbox, backend) = served();
    here(&sandbox, "key rotate").ends_with(0);
    sandbox.sci_run("", "mkdir out; seq 5 > out/a").ends_with(0);
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("is not believed"), "{ran}");
    sandbox.write("out/b", "b\n");
    backend.heard();
    sandbox.sci("save").ends_with(0);
    assert_eq!(deleted(&backend), [""; 0]);
}

/// What the store was asked to give up since it was asked this last.
fn deleted(backend: &Backend) -> Vec<String> {
    let heard = backend.heard().into_iter().filter(|heard| heard.method == "DELETE");
    heard.map(|heard| heard.path().to_owned()).collect()
}

#[test]
fn an_identity_that_is_not_good_is_told() {
    let (mut sandbox, _backend) = served();
    sandbox.set("SCI_TOKEN", "sci_token.canary");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: the ticket or token was not made by this store  (key [ID])
              Hint: it is that of SCI_TOKEN: set it to all that `sci token create` printed, for this very store, or have a new one made
    ");
    sandbox.set("SCI_TOKEN", "garbage");
    let ran = sandbox.sci("ls").ends_with(3);
    assert!(
        ran.stderr.contains("not a JSON Web Token") && ran.stderr.contains("Hint: it is that of SCI_TOKEN"),
        "{ran}"
    );
    sandbox.set("SCI_TOKEN", "");
    sandbox.set("SCI_ID_TOKEN", "a.b.c");
    let ran = sandbox.sci("ls").ends_with(3);
    assert!(ran.stderr.contains("Hint: it is that of SCI_ID_TOKEN"), "{ran}");
    sandbox.set("SCI_ID_TOKEN", "");
    sandbox.set("SCI_TOKEN", "");
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: no identity was given
    Hint: a GitHub job needs `permissions: id-token: write`, which pull requests of forks never get; elsewhere an administrator makes a token with `sci token create`
    ");
    sandbox.set("SCI_TOKEN", "two words");
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: no identity for the store: the token is none: it is empty, too long or not one word
    Hint: is the variable set to the token itself, without quotes or line breaks?
    ");
}

#[test]
fn a_repository_that_is_not_registered_is_told() {
    let (sandbox, backend) = served();
    let said = r#"{"code": "forbidden", "message": "repository 2002 is not registered here",
        "hint": "an administrator registers it with `sci repo add`"}"#;
    backend.answer("/v1/session", Said::json(403, said));
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: repository 2002 is not registered here  (key [ID])
              Hint: an administrator registers it with `sci repo add`
    ");
    let (sandbox, _backend) = served();
    let toml = sandbox.read("sci.toml").replace("[store]\n", "[store]\nrepository = \"2002\"\n");
    sandbox.write("sci.toml", &toml);
    assert_screen!(sandbox.sci("ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: this identity opens repository 1001, not 2002
    Hint: `sci token create --repository 2002` makes a token for it
    ");
}

#[test]
fn a_record_of_another_key_is_not_believed() {
    let (sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.remove("out");
    point(&sandbox, &backend.url(), "\"other:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              snapshot [ID] is not believed: no trusted key signed the record (signed by [KEY])  (key [ID])
              Hint: `sci doctor` compares the keys that sci.toml trusts with the store's
    ");
    assert!(!sandbox.path("out").exists());
    sandbox.sci("restore --require").ends_with(1);
    assert_screen!(sandbox.sci("doctor"), @r"
    exit code: 1
    ----- stdout -----
    sci 1.0.0
    ok    machine      linux on [ARCH], 2 threads
    ok    state        [TOP]/state
    ok    git          [GIT]
    ok    workspace    [TOP]/ws
    ok    presets      none
    ok    file system  links, modes and nanosecond times
    ok    paths        1 path with a key
    ok    connection   http://[HOST] answers, sci 0.0.0
    ok    identity     a token of `sci token`, from SCI_TOKEN
    ok    store        http://[HOST] (id [STORE])
    ok    project      1001
    bad   keys         sci.toml trusts other:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=, and the store signs with [KEY]:[PUBLIC]
          Hint: `sci key export` prints the store's keys where it runs
    ok    scopes       writes trusted:refs/heads/main, reads trusted:refs/heads/main
    ok    clock        as the store's
    ok    snapshots    1 snapshot
    ----- stderr -----
    Error: 1 problem found
    ");
}

#[test]
fn without_pinned_keys_the_stores_own_are_shown_to_be_checked() {
    let (sandbox, backend) = served();
    point(&sandbox, &backend.url(), "");
    assert_screen!(sandbox.sci("restore"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:2:7: a remote store needs `trusted-public-keys`: the keys that its records must be signed with
      2 | url = "http://[HOST]"
        |       ^^^^^^^^^^^^^^^^^^^^^^^^
    Hint: the store presents trusted-public-keys = ["[KEY]:[PUBLIC]"]; compare with what `sci key export` prints where it runs, then put it into [store]
    "#);
}

#[test]
fn what_a_store_says_reaches_no_terminal_as_it_is() {
    let (sandbox, backend) = served();
    let said =
        r#"{"code": "forbidden", "message": "no\u001b[2J\u0007\r::error::forged", "hint": "press\u009b5n\nthis"}"#;
    for path in ["/v1/session", "/v1/resolve", "/v1/snapshots"] {
        backend.answer(path, Said::json(403, said));
        for line in ["restore", "restore --json", "ls", "doctor", "explain"] {
            let ran = sandbox.sci(line);
            for text in [&ran.stdout, &ran.stderr] {
                let strange = |c: &char| c.is_control() && *c != '\n';
                assert_eq!(text.chars().find(strange), None, "{path} {line}: {ran}");
                assert!(!text.lines().any(|line| line.starts_with("::")), "{path} {line}: {ran}");
            }
        }
    }
    backend.answer("/v1/session", Said::json(403, said));
    let shown = "Error: no\u{fffd}[2J\u{fffd} ::error::forged\nHint: press\u{fffd}5n this\n";
    assert_eq!(sandbox.sci("ls").ends_with(3).stderr, shown);
}

#[test]
fn a_lying_store_is_a_miss_with_a_reason() {
    let (sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox.remove("out");
    backend.answer("/v1/resolve", Said::json(200, "<html>\u{1b}[2Jplease log in"));
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: http://[HOST] does not answer as a store does: it answers with no JSON  (key [ID])
              Hint: is `url` in [store] that of a sci backend? `sci doctor` tries the connection
    ");
    // The session allows another scope than that of the record.
    let rewrite = |path: &'static str, from: &'static str, to: &'static str| {
        backend.meddle(move |heard, honest| {
            let mut said = honest(heard);
            if heard.path() == path {
                said.body = String::from_utf8(said.body).unwrap().replace(from, to).into_bytes();
            }
            said
        });
    };
    rewrite("/v1/session", "trusted:refs/heads/main", "branch:refs/heads/x");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("this run may not read its scope"), "{ran}");
    // A nearest snapshot is said to be exact.
    sandbox.write("src/main.txt", "changed\n");
    rewrite("/v1/resolve", "\"verdict\":\"nearest\"", "\"verdict\":\"exact\"");
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("its inputs are not what the store says"), "{ran}");
    assert!(!sandbox.path("out").exists());
    // Objects of other bytes.
    let state = sandbox.beside("state/workspaces");
    std::fs::remove_dir_all(state).unwrap();
    backend.meddle(|heard, honest| {
        let mut said = honest(heard);
        if heard.path().starts_with("/v1/objects") && heard.method == "GET" {
            said.body.iter_mut().for_each(|byte| *byte ^= 1);
        }
        said
    });
    let ran = sandbox.sci("restore").ends_with(0);
    assert!(ran.stdout.contains("miss") && !sandbox.path("out").exists(), "{ran}");
}

#[test]
fn what_works_only_where_the_store_is_says_so() {
    let (sandbox, _backend) = served();
    assert_screen!(sandbox.sci("verify --repair"), @r"
    exit code: 2
    ----- stderr -----
    Error: `sci verify --repair` works where the store is, and this one is at http://[HOST]
    Hint: run it on the store's machine, with --store naming its directory there
    ");
}

#[test]
fn doctor_tries_the_connection() {
    let (sandbox, backend) = served();
    assert_screen!(sandbox.sci("doctor"), @r"
    exit code: 0
    ----- stdout -----
    sci 1.0.0
    ok    machine      linux on [ARCH], 2 threads
    ok    state        [TOP]/state
    ok    git          [GIT]
    ok    workspace    [TOP]/ws
    ok    presets      none
    ok    file system  links, modes and nanosecond times
    ok    paths        1 path with a key
    ok    connection   http://[HOST] answers, sci 0.0.0
    ok    identity     a token of `sci token`, from SCI_TOKEN
    ok    store        http://[HOST] (id [STORE])
    ok    project      1001
    ok    keys         [KEY]:[PUBLIC]
    ok    scopes       writes trusted:refs/heads/main, reads trusted:refs/heads/main
    ok    clock        as the store's
    ok    snapshots    0 snapshots
    ");
    let key = key_of(&sandbox);
    for (shift, said) in [(60_500, "s behind the store's"), (-60_500, "s ahead of the store's")] {
        backend.meddle(move |heard, honest| {
            let mut said = honest(heard);
            if heard.path() == "/v1/session" {
                let mut session: serde_json::Value = serde_json::from_slice(&said.body).unwrap();
                session["now"] = (session["now"].as_i64().unwrap() + shift).into();
                said.body = session.to_string().into_bytes();
            }
            said
        });
        let ran = sandbox.sci("doctor").ends_with(0);
        let line = ran.stdout.lines().find(|line| line.starts_with("note  clock")).unwrap_or_default();
        assert!(line.ends_with(said), "{ran}");
    }
    // What is called as the store's key is, and is another one.
    let other = format!("\"{}:{}=\"", key.trim_matches('"').split(':').next().unwrap(), "A".repeat(43));
    point(&sandbox, &backend.url(), &other);
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("\nbad   keys         sci.toml trusts "), "{ran}");
    point(&sandbox, &nowhere(), &key);
    let ran = sandbox.sci("doctor").ends_with(1);
    assert!(ran.stdout.contains("the connection was refused"), "{ran}");
    assert!(ran.stdout.contains("SCI_TIMEOUT sets how long is waited"), "{ran}");
    assert!(!ran.stdout.contains("`sci doctor`"), "{ran}");
    point(&sandbox, "http://sci.example", &key);
    assert_screen!(sandbox.sci("ls"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:2:7: sci.example is another machine, and http:// would send tickets to it in the clear
      2 | url = "http://sci.example"
        |       ^^^^^^^^^^^^^^^^^^^^
    Hint: use https://, or set SCI_ALLOW_HTTP=1 where nobody else is on the network
    "#);
}

fn key_of(sandbox: &Sandbox) -> String {
    format!("\"{}\"", backend::here(sandbox, "key export").ends_with(0).stdout.trim())
}
