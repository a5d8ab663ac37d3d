//! Looking at a remote store from another machine: explain, ls, show, diff, verify; and what is not shown to whom.

use super::backend::{Backend, away, elsewhere, here, served, token};
use crate::sandbox::{Sandbox, assert_screen};

/// A run on main that saved, and a pull request's that was restored from it and saved.
fn history() -> (Sandbox, Backend) {
    let (mut sandbox, backend) = served();
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    let main = token(&sandbox, "--repository 1001 --scope pr:42");
    sandbox.set("SCI_TOKEN", main);
    sandbox.write("lock.txt", "one 1.0.1\n");
    sandbox.sci_run("", "echo more > out/b").ends_with(0);
    (sandbox, backend)
}

/// The run that saved in a scope.
fn run_in(sandbox: &Sandbox, scope: &str) -> String {
    let listed = away(sandbox, &format!("ls --scope {scope} --json")).ends_with(0).json();
    listed["result"]["snapshots"][0]["run"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_explained_on_another_machine() {
    let (mut sandbox, backend) = history();
    let (admin, reader) = (token(&sandbox, "--admin"), token(&sandbox, "--repository 1001"));
    elsewhere(&mut sandbox, &backend, &admin);
    sandbox.set("SCI_PROJECT", "1001");
    let (main, pr) = (run_in(&sandbox, "trusted:refs/heads/main"), run_in(&sandbox, "pr:42"));
    let seen = away(&sandbox, &format!("explain --run {pr}"));
    sandbox.set("SCI_TOKEN", reader);
    assert_eq!(away(&sandbox, &format!("explain --run {pr}")).stdout, seen.stdout);
    assert_screen!(seen, @r"
    exit code: 0
    ----- stdout -----
    out  nearest  snapshot [ID]: equal up to configs, about 86 % of all inputs shared
      key [ID], planned just now by run [TOKEN RUN]
      candidates considered:
        chosen  [ID]  equal up to configs, about 86 % of all inputs shared (trusted:refs/heads/main, just now)
      inputs that differ from the chosen snapshot, [ID]:
        lockfiles (1 changed)
          ~ lock.txt
    ");
    assert_screen!(away(&sandbox, &format!("explain --run {main} out")), @r"
    exit code: 0
    ----- stdout -----
    out  miss  the store has no snapshot of this path
      key [ID], planned just now by run [TOKEN RUN]
    ");
    away(&sandbox, &format!("explain --run {main} elsewhere")).ends_with(4);
    // The newest plan, without a workspace and in a fresh checkout.
    let newest = away(&sandbox, "explain --json").ends_with(0).json();
    assert_eq!(newest["result"]["paths"][0]["run"], pr.as_str());
    let there = sandbox.sci("explain --json").ends_with(0).json();
    assert_eq!(there["result"], newest["result"]);
    // Who restores and plans on this machine has that plan explained, and not the newest of anybody.
    sandbox.write("lock.txt", "one 1.0.0\n");
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", here(&sandbox, "key export").stdout.trim());
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    let mine = sandbox.sci("explain --json").ends_with(0).json();
    assert_eq!(mine["result"]["paths"][0]["verdict"]["verdict"], "exact");
}

#[test]
fn a_run_is_explained_to_those_only_who_may_see_it() {
    let (mut sandbox, backend) = history();
    here(&sandbox, "repo add 2002 --owner 78").ends_with(0);
    let (admin, branch) = (token(&sandbox, "--admin"), token(&sandbox, "--repository 1001 --scope branch:b"));
    let (other, reader) = (token(&sandbox, "--repository 2002"), token(&sandbox, "--repository 1001"));
    elsewhere(&mut sandbox, &backend, &admin);
    sandbox.set("SCI_PROJECT", "1001");
    let (main, pr) = (run_in(&sandbox, "trusted:refs/heads/main"), run_in(&sandbox, "pr:42"));
    // A machine that writes sees the runs of the scopes that it reads.
    sandbox.set("SCI_TOKEN", branch);
    away(&sandbox, &format!("explain --run {main}")).ends_with(0);
    assert_screen!(away(&sandbox, &format!("explain --run {pr}")), @r#"
    exit code: 4
    ----- stderr -----
    Error: no plan of run "[TOKEN RUN]" is kept
    Hint: restore and save name their run under --json; in Actions it is RUN_ID-ATTEMPT
    "#);
    // A person who reads sees every run, and no snapshot beyond its scopes.
    sandbox.set("SCI_TOKEN", reader);
    away(&sandbox, &format!("explain --run {pr}")).ends_with(0);
    assert_eq!(away(&sandbox, "ls --json").ends_with(0).json()["result"]["snapshots"].as_array().unwrap().len(), 1);
    sandbox.set("SCI_TOKEN", other);
    away(&sandbox, &format!("explain --run {main}")).ends_with(3);
    sandbox.set("SCI_PROJECT", "");
    away(&sandbox, &format!("explain --run {main}")).ends_with(4);
    // Nobody known: nothing, until the repository is open.
    sandbox.set("SCI_TOKEN", "");
    sandbox.set("SCI_PROJECT", "1001");
    away(&sandbox, &format!("explain --run {main}")).ends_with(3);
    here(&sandbox, "repo set 1001 --public-read true").ends_with(0);
    away(&sandbox, &format!("explain --run {main}")).ends_with(0);
    away(&sandbox, &format!("explain --run {pr}")).ends_with(4);
}

#[test]
fn strangers_are_not_told_of_other_scopes() {
    let (mut sandbox, backend) = history();
    // A run on main that misses is told that the pull request has its key.
    let main = token(&sandbox, "--repository 1001 --scope trusted:refs/heads/main --allow-trusted");
    sandbox.set("SCI_TOKEN", main.as_str());
    sandbox.sci("restore").ends_with(0);
    assert!(sandbox.sci("explain --all").ends_with(0).stdout.contains("pr:42"));
    here(&sandbox, "repo set 1001 --public-read true").ends_with(0);
    elsewhere(&mut sandbox, &backend, "");
    sandbox.set("SCI_PROJECT", "1001");
    let told = away(&sandbox, "explain --all").ends_with(0);
    assert!(told.stdout.contains("trusted:refs/heads/main") && !told.stdout.contains("pr:42"), "{told}");
}

#[test]
fn a_remote_store_is_listed_by_pages() {
    let (mut sandbox, backend) = history();
    assert_screen!(here(&sandbox, "ls --remote"), @r"
    exit code: 2
    ----- stderr -----
    Error: --remote, and no remote store is known
    Hint: name one with --store URL, or `url` in [store] of sci.toml
    ");
    let admin = token(&sandbox, "--admin");
    elsewhere(&mut sandbox, &backend, &admin);
    assert_screen!(away(&sandbox, "ls --remote"), @r"
    exit code: 3
    ----- stderr -----
    Error: an administrator's token opens no repository that is not named
    Hint: name it: --project ID, or `repository` in [store]; `sci repo list` lists them
    ");
    sandbox.set("SCI_PROJECT", "1001");
    assert_screen!(away(&sandbox, "ls --remote"), @r"
    exit code: 0
    ----- stdout -----
    SNAPSHOT      SCOPE                    PATH  SAVED     SIZE    STORED  RUN
    [ID]  pr:42                    out   just now  11 B  [SIZE]  [TOKEN RUN]
    [ID]  trusted:refs/heads/main  out   just now   6 B  [SIZE]  [TOKEN RUN]
    ");
    assert_screen!(away(&sandbox, "ls --remote --limit 1"), @r"
    exit code: 0
    ----- stdout -----
    SNAPSHOT      SCOPE  PATH  SAVED     SIZE    STORED  RUN
    [ID]  pr:42  out   just now  11 B  [SIZE]  [TOKEN RUN]
    … and older ones: --before 2 shows them, --all shows every one
    ");
    let first = away(&sandbox, "ls --remote --limit 1 --json").ends_with(0).json();
    let next = first["result"]["next"].as_u64().unwrap();
    let second = away(&sandbox, &format!("ls --remote --limit 1 --before {next} --json")).ends_with(0).json();
    let scope = |page: &serde_json::Value| page["result"]["snapshots"][0]["scope"].as_str().unwrap().to_owned();
    assert_eq!((scope(&first).as_str(), scope(&second).as_str()), ("pr:42", "trusted:refs/heads/main"));
    let count = |line: &str| {
        let page = away(&sandbox, &format!("ls --remote --json {line}")).ends_with(0).json();
        page["result"]["snapshots"].as_array().unwrap().len()
    };
    let run = run_in(&sandbox, "pr:42");
    assert_eq!([count("--all"), count("out"), count("elsewhere"), count("--scope pr:42")], [2, 2, 0, 1]);
    assert_eq!([count(&format!("--run {run}")), count("--run nobody"), count("--scope pr:43")], [1, 0, 0]);
    away(&sandbox, "ls --remote --scope main").ends_with(2);
    away(&sandbox, "ls --limit 1").ends_with(2);
}

#[test]
fn a_snapshot_is_shown_and_compared_without_a_workspace() {
    let (mut sandbox, backend) = history();
    let admin = token(&sandbox, "--admin");
    elsewhere(&mut sandbox, &backend, &admin);
    sandbox.set("SCI_PROJECT", "1001");
    assert_screen!(away(&sandbox, "show out"), @r#"
    exit code: 2
    ----- stderr -----
    Error: a remote store needs `trusted-public-keys`: the keys that its records must be signed with
    Hint: the store presents trusted-public-keys = ["[KEY]:[PUBLIC]"]; compare with what `sci key export` prints where it runs, then give it as --trusted-public-keys
    "#);
    let keys = here(&sandbox, "key export").ends_with(0).stdout;
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", keys.trim());
    let listed = away(&sandbox, "ls --json").ends_with(0).json();
    let id = |at: usize| listed["result"]["snapshots"][at]["snapshot"].as_str().unwrap().to_owned();
    assert!(away(&sandbox, "show out --tree").ends_with(0).stdout.contains("signed by"));
    assert_screen!(away(&sandbox, &format!("diff {} {}", id(1), id(0))), @r"
    exit code: 0
    ----- stdout -----
    files of [ID] and [ID]
      1 entry added
        + b  5 B

    inputs
      lockfiles (1 changed)
        ~ lock.txt
    ");
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", "other:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_screen!(away(&sandbox, "show out"), @r"
    exit code: 3
    ----- stderr -----
    Error: snapshot [ID]: no trusted key signed the record (signed by [KEY])
    Hint: `sci verify` checks every snapshot
    ");
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", "nonsense");
    away(&sandbox, "show out").ends_with(2);
}

#[test]
fn a_remote_store_is_verified_from_outside() {
    let (mut sandbox, backend) = history();
    let (admin, reader) = (token(&sandbox, "--admin"), token(&sandbox, "--repository 1001"));
    let keys = here(&sandbox, "key export").ends_with(0).stdout;
    elsewhere(&mut sandbox, &backend, &admin);
    sandbox.set("SCI_PROJECT", "1001");
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", keys.trim());
    assert_screen!(away(&sandbox, "verify"), @r"
    exit code: 0
    ----- stdout -----
    2 of 2 snapshots sound, 7 objects (signatures and objects present; --read-data reads them)
    not checked from outside, and checked by `sci verify` where the store is:
      whether the index finds each snapshot by its inputs
      snapshots that the store does not list
      objects that no snapshot cites
    ");
    sandbox.set("SCI_TOKEN", reader);
    assert_screen!(away(&sandbox, "verify --read-data out"), @r"
    exit code: 0
    ----- stdout -----
    1 of 1 snapshot sound, 3 objects (every byte read)
    not checked from outside, and checked by `sci verify` where the store is:
      snapshots of other scopes than trusted:refs/heads/main
      whether the index finds each snapshot by its inputs
      snapshots that the store does not list
      objects that no snapshot cites
    ");
    sandbox.set("SCI_TOKEN", admin);
    // Each object is asked for once, with one byte, and manifests are read.
    backend.heard();
    away(&sandbox, "verify").ends_with(0);
    let heard = backend.heard();
    let objects = heard.iter().filter(|heard| heard.path().starts_with("/v1/objects"));
    let whole = objects.clone().filter(|heard| heard.header("range") != Some("bytes=0-0")).count();
    let listed = away(&sandbox, "verify --json").ends_with(0).json();
    let most = listed["result"]["objects"].as_u64().unwrap();
    assert!(objects.count() as u64 <= most + whole as u64 && whole <= 8, "{whole} of {most}");

    let packs = packs(&sandbox);
    flip(&packs[0]);
    away(&sandbox, "verify").ends_with(0);
    let ran = away(&sandbox, "verify --read-data").ends_with(1);
    assert!(ran.stdout.contains("hurt: ") && ran.stderr.contains("damaged"), "{ran}");
    packs.iter().for_each(|pack| std::fs::remove_file(pack).unwrap());
    let ran = away(&sandbox, "verify").ends_with(1);
    assert!(ran.stdout.contains("0 of 2 snapshots sound"), "{ran}");
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", "other:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let ran = away(&sandbox, "verify").ends_with(1);
    assert!(ran.stdout.starts_with("not believed  ") && !ran.stdout.contains("damaged"), "{ran}");
    assert!(ran.stdout.contains("no trusted key signed the record"), "{ran}");
    let says = "Error: 2 snapshots not believed\nHint: `sci doctor` compares the keys that sci.toml trusts";
    assert!(ran.stderr.starts_with(says), "{ran}");
    // A store that is down is no damage.
    sandbox.set("SCI_STORE", super::nowhere());
    away(&sandbox, "verify").ends_with(3);
}

#[test]
fn a_store_that_lists_something_else_than_was_signed_is_found_out() {
    let (mut sandbox, backend) = history();
    let keys = here(&sandbox, "key export").ends_with(0).stdout;
    let reader = token(&sandbox, "--repository 1001");
    elsewhere(&mut sandbox, &backend, &reader);
    sandbox.set("SCI_TRUSTED_PUBLIC_KEYS", keys.trim());
    backend.meddle(|heard, honest| {
        let mut said = honest(heard);
        if heard.path().starts_with("/v1/snapshots/") {
            said.body =
                String::from_utf8(said.body).unwrap().replace("\"settled\":true", "\"settled\":false").into_bytes();
        }
        said
    });
    assert_screen!(away(&sandbox, "verify"), @r"
    exit code: 1
    ----- stdout -----
    damaged  out  snapshot [DIGEST]
        the store lists another `settled` than was signed
    0 of 1 snapshot sound, 3 objects (signatures and objects present; --read-data reads them)
    not checked from outside, and checked by `sci verify` where the store is:
      snapshots of other scopes than trusted:refs/heads/main
      whether the index finds each snapshot by its inputs
      snapshots that the store does not list
      objects that no snapshot cites
    ----- stderr -----
    Error: 1 snapshot damaged
    Hint: `sci verify --repair` where the store is drops what is damaged
    ");
}

/// The files of the packs in the store.
fn packs(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![sandbox.beside("state/store/objects")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn flip(file: &std::path::Path) {
    let mut bytes = std::fs::read(file).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(file, bytes).unwrap();
}
