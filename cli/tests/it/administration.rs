//! The commands of a store's administrator: repo, token, key, quarantine, forget.

use crate::sandbox::{Sandbox, assert_screen};

#[test]
fn a_repository_is_registered_changed_and_shown() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("repo add 1001 --owner 77 --name o/r"), @r"
    exit code: 0
    ----- stdout -----
    1001 o/r
      owner        77
      default      refs/heads/main
      trusted      refs/heads/main
      releases     none
      manual runs  only read
      self-hosted  branch scopes
      public       no
      quota        no limit in all
                   untrusted scopes: 10.0 GiB each, 50.0 GiB together
    ");
    assert_screen!(sandbox.sci("repo add 1001 --owner 77"), @r"
    exit code: 2
    ----- stderr -----
    Error: repository 1001 is registered already
    Hint: `sci repo set 1001` changes it
    ");
    let set = "repo set 1001 --trusted-ref refs/heads/main --trusted-ref refs/heads/stable --release-environment prod \
               --release-workflow o/r/.github/workflows/release.yml@refs/heads/main --public-read true --quota 20G --quota-untrusted none";
    sandbox.sci(set).ends_with(0);
    assert_screen!(sandbox.sci("repo show 1001"), @r"
    exit code: 0
    ----- stdout -----
    1001 o/r
      owner        77
      default      refs/heads/main
      trusted      refs/heads/main, refs/heads/stable
      releases     prod, by o/r/.github/workflows/release.yml@refs/heads/main
      manual runs  only read
      self-hosted  branch scopes
      public       yes
      quota        20.0 GiB in all
                   untrusted scopes: 10.0 GiB each, no limit together
    ");
    assert_screen!(sandbox.sci("repo set 1001 --trusted-ref main"), @r#"
    exit code: 3
    ----- stderr -----
    Error: "main" is not a branch in full, as refs/heads/main
    "#);
    assert_screen!(sandbox.sci("repo show 9"), @r"
    exit code: 4
    ----- stderr -----
    Error: repository 9 is not registered
    Hint: `sci repo add 9 --owner OWNER_ID` registers it
    ");
    let all = sandbox.sci("repo show --json").ends_with(0).json();
    assert_eq!(all["result"]["repositories"][0]["quota"]["repository"], 20_u64 << 30);
}

#[test]
fn a_token_is_shown_once_and_revoked() {
    let sandbox = Sandbox::new();
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let created = sandbox.sci("token create --repository 1001 --scope branch:builder --note nightly").ends_with(0);
    let token = created.stdout.trim().to_owned();
    assert!(token.starts_with("sci_token.") && created.stderr.contains("not shown again"), "{created}");
    let listed = sandbox.sci("token list --json").ends_with(0);
    assert!(!listed.stdout.contains(&token));
    let id = listed.json()["result"]["tokens"][0]["id"].as_str().unwrap().to_owned();
    sandbox.sci(&format!("token revoke {id}")).ends_with(0);
    let list = sandbox.sci("token list").ends_with(0).stdout;
    assert!(list.contains("1001, writes branch:builder") && list.contains("revoked"), "{list}");
    assert_screen!(sandbox.sci("token revoke nobody"), @r"
    exit code: 4
    ----- stderr -----
    Error: there is no such token
    ");
    assert_screen!(sandbox.sci("token create --repository 1001 --scope trusted:refs/heads/main"), @r"
    exit code: 3
    ----- stderr -----
    Error: a token writes at most a branch scope
    Hint: say so explicitly if its holder is to write for everybody: --allow-trusted
    ");
    assert_screen!(sandbox.sci("token create --repository 1001 --scope master"), @r#"
    exit code: 2
    ----- stderr -----
    Error: not a scope: "master"; expected, for example, trusted:refs/heads/main, branch:refs/heads/topic or pr:42
    "#);
}

#[test]
fn tokens_are_listed_with_what_they_open_and_whether_they_are_good() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.sci("token list").ends_with(0).stdout, "no tokens yet\n");
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let lives = |flags: &str| {
        let made = sandbox.sci(&format!("token create {flags} --json")).ends_with(0).json()["result"].take();
        assert!(made["token"].as_str().unwrap().starts_with("sci_token."), "{made}");
        made["expires"].as_u64().unwrap() - made["created"].as_u64().unwrap()
    };
    assert_eq!(lives("--repository 1001 --expires 2h --note first"), 2 * 3_600_000);
    assert_eq!(lives("--repository 1001 --scope release:1 --allow-trusted"), 90 * 86_400_000);
    assert_eq!(lives("--admin --note boss"), 90 * 86_400_000);
    let index = rusqlite::Connection::open(sandbox.beside("state/store/index.sqlite")).unwrap();
    let age = "UPDATE tokens SET summary = json_set(summary, '$.expires', 1) WHERE summary ->> 'note' = 'first'";
    assert_eq!(index.execute(age, []).unwrap(), 1);
    assert_screen!(sandbox.sci("token list"), @r"
    exit code: 0
    ----- stdout -----
    TOKEN             OPENS                   UNTIL                 STATE    NOTE
    [TOKEN]  administration          [TIME]  good     boss
    [TOKEN]  1001, writes release:1  [TIME]  good
    [TOKEN]  1001, reads             [TIME]  expired  first
    ");
    for wrong in ["", "--admin --repository 1001", "--admin --scope branch:b", "--repository 1001 --expires 90"] {
        let ran = sandbox.sci(&format!("token create {wrong}")).ends_with(2);
        assert_eq!(ran.stdout, "", "{wrong}");
    }
    let listed = sandbox.sci("token list --json").ends_with(0).json()["result"]["tokens"].take();
    let revoked =
        sandbox.sci(&format!("token revoke {} --json", listed[0]["id"].as_str().unwrap())).ends_with(0).json();
    assert_eq!(revoked["result"]["tokens"][0]["id"], listed[0]["id"]);
    assert!(revoked["result"]["tokens"][0]["revoked"].is_u64(), "{revoked}");
}

#[test]
fn what_was_signed_before_a_rotation_is_still_restored() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo one > out/a").ends_with(0);
    let before = sandbox.sci("key export").ends_with(0).stdout;
    assert_eq!(before, sandbox.sci("key generate").ends_with(0).stdout);
    let rotated = sandbox.sci("key rotate").ends_with(0);
    assert!(rotated.stderr.contains("trusted-public-keys"), "{rotated}");
    let after = sandbox.sci("key export").ends_with(0).stdout;
    let name = before.split(':').next().unwrap();
    assert_eq!(after.lines().count(), 2);
    assert!(!after.lines().next().unwrap().starts_with(name) && after.lines().nth(1).unwrap().starts_with(name));
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/a"), "one\n");
    sandbox.sci("verify").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    sandbox.sci_run("", "echo two > out/a").ends_with(0);
    sandbox.sci("verify").ends_with(0);
}

#[test]
fn a_quarantined_run_and_a_forgotten_snapshot_are_not_restored() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo one > out/a").ends_with(0);
    let listed = sandbox.sci("ls --json").ends_with(0).json();
    let run = listed["result"]["snapshots"][0]["run"].as_str().unwrap().to_owned();
    let quarantined = sandbox.sci(&format!("quarantine --run {run}")).ends_with(0);
    assert_screen!(quarantined, @r"
    exit code: 0
    ----- stdout -----
    1 snapshot refused now
      [DIGEST]
    ");
    std::fs::remove_dir_all(sandbox.path("out")).unwrap();
    let restored = sandbox.sci("restore --json").ends_with(0).json();
    assert_eq!(restored["result"]["paths"][0]["verdict"], "miss");
    let explained = sandbox.sci("explain").ends_with(0).stdout;
    assert!(explained.contains("it is quarantined, or descends from a quarantined run"), "{explained}");
    sandbox.sci("forget out").ends_with(0);
    assert_screen!(sandbox.sci("forget out"), @r#"
    exit code: 4
    ----- stderr -----
    Error: this project has no snapshot called "out"
    Hint: `sci ls` lists them; 6 digits of an id will do, and a path's name means its newest one
    "#);
}
