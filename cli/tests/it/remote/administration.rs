//! Administration from another machine: repositories, tokens, keys, quarantine, forgetting, collection; and who may not.

use super::backend::{away, elsewhere, here, served, token};
use crate::sandbox::assert_screen;
use crate::store::{flip_last_bit, stored};

#[test]
fn repositories_and_tokens_are_administered_from_another_machine() {
    let (mut sandbox, backend) = served();
    let admin = token(&sandbox, "--admin");
    elsewhere(&mut sandbox, &backend, &admin);
    away(&sandbox, "repo add 2002 --owner 78 --name o/other --quota 20G").ends_with(0);
    assert_screen!(away(&sandbox, "repo list"), @r"
    exit code: 0
    ----- stdout -----
    REPOSITORY  NAME     OWNER  DEFAULT          PUBLIC  QUOTA
    1001                 77     refs/heads/main  no      none
    2002        o/other  78     refs/heads/main  no      20.0 GiB
    ");
    assert_screen!(away(&sandbox, "repo set 2002 --public-read true"), @r"
    exit code: 0
    ----- stdout -----
    2002 o/other
      owner        78
      default      refs/heads/main
      trusted      refs/heads/main
      releases     none
      manual runs  only read
      self-hosted  branch scopes
      public       yes
      quota        20.0 GiB in all
                   untrusted scopes: 10.0 GiB each, 50.0 GiB together
    ");
    assert_screen!(away(&sandbox, "repo add 2002 --owner 78"), @r"
    exit code: 2
    ----- stderr -----
    Error: repository 2002 is registered already
    Hint: `sci repo set 2002` changes it
    ");
    assert_screen!(away(&sandbox, "repo show 9"), @r"
    exit code: 4
    ----- stderr -----
    Error: repository 9 is not registered
    Hint: `sci repo add 9 --owner OWNER_ID` registers it
    ");
    assert!(here(&sandbox, "repo show 2002").ends_with(0).stdout.contains("o/other"));
    let made = away(&sandbox, "token create --repository 2002 --note reader").ends_with(0);
    let reader = made.stdout.trim().to_owned();
    let listed = away(&sandbox, "token list --json").ends_with(0).json();
    assert_eq!(listed["result"]["tokens"][0]["note"], "reader");
    let id = listed["result"]["tokens"][0]["id"].as_str().unwrap().to_owned();
    sandbox.set("SCI_TOKEN", reader.as_str());
    away(&sandbox, "ls").ends_with(0);
    sandbox.set("SCI_TOKEN", admin);
    away(&sandbox, &format!("token revoke {id}")).ends_with(0);
    sandbox.set("SCI_TOKEN", reader);
    assert_screen!(away(&sandbox, "ls"), @r"
    exit code: 3
    ----- stderr -----
    Error: the token was revoked
    Hint: it is that of SCI_TOKEN: set it to all that `sci token create` printed, for this very store, or have a new one made
    ");
}

#[test]
fn keys_are_rotated_from_another_machine_and_stay_where_they_are() {
    let (mut sandbox, backend) = served();
    let before = here(&sandbox, "key export").ends_with(0).stdout;
    let admin = token(&sandbox, "--admin");
    elsewhere(&mut sandbox, &backend, &admin);
    assert_eq!(away(&sandbox, "key export").ends_with(0).stdout, before);
    assert_screen!(away(&sandbox, "key rotate"), @r"
    exit code: 0
    ----- stdout -----
    [KEY]:[PUBLIC]:[MILLIS]:
    [KEY]:[PUBLIC]::[MILLIS]
    ----- stderr -----
    Clients that pin keys refuse what is signed from now on until both keys are in their `trusted-public-keys`.
    ");
    assert_screen!(away(&sandbox, "key list"), @r"
    exit code: 0
    ----- stdout -----
    KEY           STATE    FROM                  UNTIL
    [KEY]  signs    [TIME]  -
    [KEY]  retired  -                     [TIME]
    ");
    let after = here(&sandbox, "key export").ends_with(0).stdout;
    assert_eq!(away(&sandbox, "key export").ends_with(0).stdout, after);
    assert_eq!(after.lines().count(), 2);
    let file = std::fs::read_to_string(sandbox.beside("state/store/signing-key.json")).unwrap();
    let seed = serde_json::from_str::<serde_json::Value>(&file).unwrap()["seed"].as_str().unwrap().to_owned();
    assert!(!away(&sandbox, "key list --json").stdout.contains(&seed));
}

#[test]
fn who_is_no_administrator_is_told_what_is_needed() {
    let (mut sandbox, backend) = served();
    here(&sandbox, "repo add 2002 --owner 78").ends_with(0);
    let before = here(&sandbox, "repo show --json").ends_with(0).stdout;
    let (reader, other) = (token(&sandbox, "--repository 1001"), token(&sandbox, "--repository 2002"));
    let revoked = token(&sandbox, "--admin");
    let id = here(&sandbox, "token list --json").json()["result"]["tokens"][0]["id"].as_str().unwrap().to_owned();
    here(&sandbox, &format!("token revoke {id}")).ends_with(0);
    elsewhere(&mut sandbox, &backend, &reader);
    let lines = [
        "repo add 3 --owner 4",
        "repo set 1001 --public-read true",
        "token create --admin",
        "token list",
        "token revoke x",
        "key rotate",
        "key export",
        "quarantine --repository 1001 --run 5",
        "gc --project 1001",
        "gc --all-projects",
    ];
    for line in lines {
        let ran = away(&sandbox, line).ends_with(3);
        assert!(ran.stderr.contains("this needs an administrator's token") && ran.stdout.is_empty(), "{line}: {ran}");
    }
    assert_screen!(away(&sandbox, "repo set 1001 --public-read true"), @r"
    exit code: 3
    ----- stderr -----
    Error: this needs an administrator's token, and the one given opens repository 1001 only
    Hint: set SCI_TOKEN to an administrator's token: `sci token create --admin` makes one where the store is
    ");
    sandbox.set("SCI_TOKEN", other);
    assert_screen!(away(&sandbox, "repo list"), @r"
    exit code: 3
    ----- stderr -----
    Error: this needs an administrator's token, and the one given opens repository 2002 only
    Hint: set SCI_TOKEN to an administrator's token: `sci token create --admin` makes one where the store is
    ");
    assert_screen!(away(&sandbox, "ls --project 1001"), @r"
    exit code: 3
    ----- stderr -----
    Error: this identity opens repository 2002, not 1001
    Hint: `sci token create --repository 1001` makes a token for it
    ");
    sandbox.set("SCI_TOKEN", "");
    assert_screen!(away(&sandbox, "token create --admin"), @r"
    exit code: 3
    ----- stderr -----
    Error: no identity was given
    Hint: set SCI_TOKEN to an administrator's token: `sci token create --admin` makes one where the store is
    ");
    sandbox.set("SCI_TOKEN", revoked);
    assert_screen!(away(&sandbox, "key rotate"), @r"
    exit code: 3
    ----- stderr -----
    Error: the token was revoked
    Hint: set SCI_TOKEN to an administrator's token: `sci token create --admin` makes one where the store is
    ");
    assert_eq!(here(&sandbox, "repo show --json").ends_with(0).stdout, before);
}

#[test]
fn a_poisoned_run_is_quarantined_forgotten_and_collected_from_another_machine() {
    let (mut sandbox, backend) = served();
    let (admin, pr) = (token(&sandbox, "--admin"), token(&sandbox, "--repository 1001 --scope pr:42"));
    sandbox.set("SCI_TOKEN", pr.as_str());
    sandbox.sci_run("", "mkdir out; echo poison > out/a").ends_with(0);
    let state = sandbox.beside("state");
    elsewhere(&mut sandbox, &backend, &admin);
    // No scope is hidden from an administrator, and nothing is restored by one.
    let listed = away(&sandbox, "ls --project 1001 --json").ends_with(0).json();
    let snapshot = listed["result"]["snapshots"][0].clone();
    assert_eq!(snapshot["scope"], "pr:42");
    assert_screen!(sandbox.sci("restore --project 1001"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: an administrator's token restores nothing  (key [ID])
              Hint: `sci token create --repository` makes one that reads
    ----- stderr -----
    Warning: the plan was not recorded, so `sci explain` will not know it: a plan is stored only for a run that has an identity
    ");
    let run = snapshot["run"].as_str().unwrap();
    assert_screen!(away(&sandbox, &format!("quarantine --run {run}")), @r"
    exit code: 2
    ----- stderr -----
    Error: which repository of http://[HOST] is meant?
    Hint: name it: --project ID, or `repository` in [store]; `sci repo list` lists them
    ");
    assert_screen!(away(&sandbox, &format!("quarantine --project 1001 --run {run}")), @r"
    exit code: 0
    ----- stdout -----
    1 snapshot refused now
      [DIGEST]
    ");
    sandbox.set("SCI_TOKEN", pr);
    sandbox.set("SCI_STATE", state);
    sandbox.set("SCI_STORE", "");
    sandbox.remove("out");
    assert_eq!(sandbox.sci("restore --json").ends_with(0).json()["result"]["paths"][0]["verdict"], "miss");
    elsewhere(&mut sandbox, &backend, &admin);
    let prefix = &snapshot["snapshot"].as_str().unwrap()[..8];
    away(&sandbox, &format!("forget {prefix} --project 1001")).ends_with(0);
    assert_screen!(away(&sandbox, "ls --project 1001"), @r"
    exit code: 0
    ----- stdout -----
    this project has no snapshots
    ");
    assert_screen!(away(&sandbox, "gc --project 1001 --dry-run"), @r"
    exit code: 0
    ----- stdout -----
    would forget 0 snapshots
    would delete 0 objects, 0 B
    kept until [TIME], when their grace is over: 2 objects, [SIZE] that nothing needs
    ");
    assert_screen!(away(&sandbox, "gc --all-projects"), @r"
    exit code: 0
    ----- stdout -----
    forgot 0 snapshots
    deleted 0 objects, 0 B
    kept until [TIME], when their grace is over: 2 objects, [SIZE] that nothing needs
    ");
    assert_screen!(away(&sandbox, "gc --project 1001 --grace 1s --unsafe-grace"), @r"
    exit code: 3
    ----- stderr -----
    Error: the time of grace is at least [SECONDS] here
    ");
}

#[test]
fn a_closed_pull_requests_scope_is_forgotten_whole() {
    let (mut sandbox, backend) = served();
    let (admin, reader) = (token(&sandbox, "--admin"), token(&sandbox, "--repository 1001"));
    let (pr, other) =
        (token(&sandbox, "--repository 1001 --scope pr:42"), token(&sandbox, "--repository 1001 --scope pr:7"));
    for (number, saver) in [&pr, &pr, &other].into_iter().enumerate() {
        sandbox.set("SCI_TOKEN", saver.as_str());
        sandbox.write("src/main.txt", &format!("{number}\n"));
        sandbox.sci_run("", &format!("mkdir -p out; echo {number} > out/a")).ends_with(0);
    }
    let scopes = |ran: &crate::sandbox::Ran| {
        let listed = ran.json();
        let scopes = listed["result"]["snapshots"].as_array().unwrap().iter().map(|one| one["scope"].clone());
        scopes.collect::<Vec<_>>()
    };
    elsewhere(&mut sandbox, &backend, &reader);
    // A reader sees neither: there is nothing to forget, and a scope of another is no more told of than a snapshot of it.
    assert!(away(&sandbox, "forget --scope pr:42 --project 1001").ends_with(0).stdout.contains("forgot 0 snapshots"));
    sandbox.set("SCI_TOKEN", admin);
    assert_eq!(scopes(&away(&sandbox, "ls --project 1001 --json")), ["pr:7", "pr:42", "pr:42"]);
    assert_screen!(away(&sandbox, "forget --scope pr:42 --project 1001"), @r"
    exit code: 0
    ----- stdout -----
    forgot 2 snapshots of pr:42
    ");
    assert_eq!(scopes(&away(&sandbox, "ls --project 1001 --json")), ["pr:7"]);
    assert_screen!(away(&sandbox, "forget --scope pr:x --project 1001"), @r#"
    exit code: 2
    ----- stderr -----
    Error: not a scope: "pr:x"; expected, for example, trusted:refs/heads/main, branch:refs/heads/topic or pr:42
    "#);
    let ran = away(&sandbox, "forget --project 1001").ends_with(2);
    assert!(ran.stderr.contains("SNAPSHOT"), "{ran}");
    // Its own scope a run may forget itself.
    sandbox.set("SCI_TOKEN", other);
    assert!(away(&sandbox, "forget --scope pr:7 --project 1001").ends_with(0).stdout.contains("forgot 1 snapshot"));
}

#[test]
fn a_served_repository_is_verified_and_repaired_where_the_store_is() {
    let (mut sandbox, _backend) = served();
    let pr = token(&sandbox, "--repository 1001 --scope pr:42");
    sandbox.sci_run("", "mkdir out; echo trusted > out/a").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    sandbox.set("SCI_TOKEN", pr);
    sandbox.sci_run("", "echo changed > out/a").ends_with(0);
    assert_screen!(here(&sandbox, "verify --repository 1001"), @r"
    exit code: 0
    ----- stdout -----
    2 of 2 snapshots sound, 6 objects (signatures and objects present; --read-data reads them)
    ");
    assert_screen!(here(&sandbox, "verify --repository 1002"), @r"
    exit code: 4
    ----- stderr -----
    Error: repository 1002 is not registered
    Hint: `sci repo list` lists those that are
    ");
    let objects = stored(&sandbox);
    assert!(objects.len() >= 4, "{objects:?}");
    objects.iter().for_each(|object| flip_last_bit(object));
    let found = here(&sandbox, "verify --repository 1001 --read-data --json").ends_with(1).json();
    assert_eq!(found["result"]["damaged"].as_array().unwrap().len(), 2, "{found}");
    let repaired = here(&sandbox, "verify --repository 1001 --repair --json").ends_with(0).json();
    assert_eq!(repaired["result"]["repaired"]["forgotten"].as_array().unwrap().len(), 2, "{repaired}");
    here(&sandbox, "verify --repository 1001 --read-data").ends_with(0);
    sandbox.remove("out");
    assert_eq!(sandbox.sci("restore --json").ends_with(0).json()["result"]["paths"][0]["verdict"], "miss");
}
