//! Why a key missed, down to the package.

use crate::sandbox::{Sandbox, assert_screen};

fn lockfile(packages: &[(&str, &str)]) -> String {
    let mut text = "version = 4\n".to_owned();
    for (name, version) in packages {
        text.push_str(&format!(
            "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"registry+https://example.com/index\"\n"
        ));
    }
    text
}

/// A workspace with a Cargo.lock, saved.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "sci.toml",
        "[path.out]\npath = \"out\"\nlockfiles = [\"Cargo.lock\"]\nsources = [\"src/**\"]\n\
         env = [{ name = \"FLAVOUR\", show = true }, \"SECRET\"]\n",
    );
    sandbox
        .write("Cargo.lock", &lockfile(&[("libc", "0.2.1"), ("serde", "1.0.1"), ("syn", "1.0.9"), ("syn", "2.0.1")]));
    sandbox.write("src/main.txt", "hello\n");
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    sandbox
}

#[test]
fn an_upgrade_is_explained_with_both_versions() {
    let mut sandbox = workspace();
    let upgraded = [("libc", "0.2.1"), ("serde", "1.0.2"), ("syn", "1.0.9"), ("syn", "2.0.4"), ("zstd", "0.13.0")];
    sandbox.write("Cargo.lock", &lockfile(&upgraded));
    sandbox.write("src/more.txt", "more\n");
    sandbox.set("FLAVOUR", "sour");
    sandbox.set("SECRET", "canary-value");
    sandbox.sci("restore").ends_with(0);
    let explained = sandbox.sci("explain");
    assert!(!format!("{explained}").contains("canary-value"));
    assert_screen!(explained, @r"
    exit code: 0
    ----- stdout -----
    out  nearest  snapshot [ID]: equal up to tools, about 65 % of all inputs shared
      key [ID], planned just now by run [RUN]
      candidates considered:
        chosen  [ID]  equal up to tools, about 65 % of all inputs shared (trusted:local, just now)
      inputs that differ from the chosen snapshot, [ID]:
        env (2 changed)
          ~ FLAVOUR  (none) → sour
          ~ SECRET
        lockfiles (1 changed)
          ~ Cargo.lock
            ~ serde 1.0.1 → 1.0.2
            ~ syn 2.0.1 → 2.0.4
            + zstd 0.13.0
        sources (1 changed)
          + src/more.txt
    ");

    let document = sandbox.sci("explain out --json").ends_with(0);
    assert!(!format!("{document}").contains("canary-value"));
    let compared = &document.json()["result"]["paths"][0]["compared"];
    assert_eq!(compared["chosen"], true);
    assert_eq!(compared["differences"]["classes"][0]["class"], "env");
}

#[test]
fn the_release_of_the_system_is_named_where_a_path_asks_for_it() {
    let sandbox = workspace();
    sandbox.write("sci.toml", &(sandbox.read("sci.toml") + "system-release = true\n"));
    sandbox.sci("restore").ends_with(0);
    let explained = sandbox.sci("explain").ends_with(0);
    let lines: Vec<&str> = explained.stdout.lines().map(str::trim).collect();
    let class = lines.iter().position(|line| *line == "system (1 changed)");
    assert!(class.is_some_and(|at| lines[at + 1].starts_with("+ release  ")), "{explained}");
    assert!(explained.stdout.contains("not even system is equal"), "{explained}");
}

#[test]
fn a_miss_is_compared_with_the_refused_candidate() {
    let sandbox = workspace();
    let exact_only = sandbox.read("sci.toml") + "restore = \"exact\"\n";
    sandbox.write("sci.toml", &exact_only);
    sandbox.sci_run("", "echo again > out/a").ends_with(0);
    sandbox.write("src/main.txt", "changed\n");
    sandbox.sci("restore").ends_with(0);
    assert_screen!(sandbox.sci("explain out"), @r#"
    exit code: 0
    ----- stdout -----
    out  miss  every candidate was refused
      key [ID], planned just now by run [RUN]
      candidates considered:
        refused [ID]  the path is declared restore = "exact" (trusted:local, just now)
        refused [ID]  it shares fewer inputs than the path's match asks for; not even system is equal, about 86 % of all inputs shared (trusted:local, just now)
      inputs that differ from the nearest candidate, [ID]:
        sources (1 changed)
          ~ src/main.txt
    "#);
}

#[test]
fn what_a_failed_run_left_is_not_preferred_to_a_settled_snapshot() {
    let sandbox = workspace();
    sandbox.sci_run("", "echo half > out/a; exit 7").ends_with(7);
    sandbox.write("src/main.txt", "changed\n");
    let restored = sandbox.sci("restore").ends_with(0);
    assert_eq!(sandbox.read("out/a"), "built\n", "{restored}");
    assert_screen!(sandbox.sci("explain out"), @r"
    exit code: 0
    ----- stdout -----
    out  nearest  snapshot [ID]: equal up to lockfiles, about 91 % of all inputs shared
      key [ID], planned just now by run [RUN]
      candidates considered:
        chosen  [ID]  equal up to lockfiles, about 91 % of all inputs shared (trusted:local, just now)
        refused [ID]  another candidate is about as near, and this one's run failed or changed its own inputs; equal up to lockfiles, about 91 % of all inputs shared (trusted:local, just now)
      inputs that differ from the chosen snapshot, [ID]:
        sources (1 changed)
          ~ src/main.txt
    ");
}

#[test]
fn a_path_without_a_key_is_explained_too() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\ntools = [\"sh -c 'exit 4'\"]\n");
    sandbox.sci("plan --approve-tools").ends_with(0);
    sandbox.sci("restore").ends_with(0);
    assert_screen!(sandbox.sci("explain"), @r"
    exit code: 0
    ----- stdout -----
    out  no key
      `sh -c 'exit 4'` failed with exit code 4
    ");
    sandbox.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("lock.txt", "one 1.0.0\n");
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(explained.stdout.contains("since then it has got a key; `sci restore` would decide by key"), "{explained}");
}

#[test]
fn inputs_that_have_changed_since_are_told() {
    let mut sandbox = workspace();
    sandbox.sci("restore").ends_with(0);
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(!explained.stdout.contains("since then"), "{explained}");
    sandbox.write("src/main.txt", "changed\n");
    assert_screen!(sandbox.sci("explain"), @r"
    exit code: 0
    ----- stdout -----
    out  exact  snapshot [ID] has the very key
      key [ID], planned just now by run [RUN]
      candidates considered:
        chosen  [ID]  every input is equal (trusted:local, just now)
      inputs: no difference from the chosen snapshot, [ID]
      since then its inputs have changed; `sci restore` would decide by key [ID]:
        sources (1 changed)
          ~ src/main.txt
    ");
    let document = sandbox.sci("explain --json").ends_with(0).json();
    let (path, planned) = (&document["result"]["paths"][0], sandbox.sci("plan --json").json());
    assert_eq!(path["since"]["key"], planned["result"]["paths"][0]["key"]);
    assert_eq!(path["since"]["differences"]["classes"][0]["class"], "sources");

    let run = sandbox.sci("restore --json").ends_with(0).json()["result"]["run"].as_str().unwrap().to_owned();
    assert!(!sandbox.sci("explain").ends_with(0).stdout.contains("since then"));
    sandbox.set("FLAVOUR", "sour");
    assert!(sandbox.sci("explain").ends_with(0).stdout.contains("~ FLAVOUR  (none) → sour"));
    let named = sandbox.sci(&format!("explain --run {run}")).ends_with(0);
    assert!(!named.stdout.contains("since then"), "{named}");
    let elsewhere = sandbox.sci(&format!("explain --run {run} uot")).ends_with(4);
    assert!(elsewhere.stderr.contains("planned no path called \"uot\"\nHint: did you mean"), "{elsewhere}");
    let elsewhere = sandbox.sci(&format!("explain --run {run} node_modules")).ends_with(4);
    assert!(elsewhere.stderr.ends_with("Hint: it planned out\n"), "{elsewhere}");
}

#[test]
fn several_paths_are_explained_and_one_that_is_not_there_is_named() {
    let sandbox = Sandbox::empty();
    let declared = |name: &str| format!("[path.{name}]\npath = \"{name}\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("sci.toml", &["a", "b", "c"].map(declared).concat());
    sandbox.write("lock.txt", "one 1.0.0\n");
    sandbox.sci("restore").ends_with(0);
    let document = sandbox.sci("explain a ./c --json").ends_with(0).json();
    let explained = document["result"]["paths"].as_array().unwrap().iter().map(|path| path["name"].as_str().unwrap());
    assert_eq!(explained.collect::<Vec<_>>(), ["a", "c"]);
    assert_screen!(sandbox.sci("explain a nothing c"), @r#"
    exit code: 4
    ----- stderr -----
    Error: no restore of a path called "nothing" is recorded
    Hint: `sci plan` lists the paths, and `sci restore` records what it decides
    "#);
}

#[test]
fn a_path_that_is_declared_no_more_is_explained_and_said_to_be_gone() {
    let sandbox = workspace();
    sandbox.write("sci.toml", "[path.other]\npath = \"other\"\nsources = [\"src/**\"]\n");
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(
        explained.stdout.contains("since then it has no key: the workspace has no such path any more"),
        "{explained}"
    );
}

#[test]
fn a_plan_and_a_save_alone_leave_nothing_to_explain() {
    let sandbox = Sandbox::new();
    sandbox.write("out/a", "built\n");
    sandbox.sci("plan").ends_with(0);
    sandbox.sci("save").ends_with(0);
    assert_screen!(sandbox.sci("explain"), @r"
    exit code: 4
    ----- stderr -----
    Error: no restore is recorded yet in this project
    Hint: `sci restore` and `sci run` record what they decide and why; `sci plan` and `sci save` decide nothing
    ");
}

#[test]
fn another_machine_with_the_same_store_explains_the_run() {
    let mut sandbox = workspace();
    let elsewhere = sandbox.beside("state").join("store");
    sandbox.set("SCI_STORE", elsewhere);
    sandbox.set("SCI_STATE", sandbox.beside("other-state"));
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(explained.stdout.contains("the store has no snapshot of this path"), "{explained}");
}

#[test]
fn a_lockfile_that_is_narrowed_is_told_with_its_member() {
    let sandbox = Sandbox::empty();
    let entry = "{ file = \"Cargo.lock\", member = \"web\" }";
    sandbox.write("sci.toml", &format!("[path.out]\npath = \"out\"\nlockfiles = [{entry}]\n"));
    sandbox.write("web/Cargo.toml", "[package]\nname = \"the-web\"\n");
    let members = "[[package]]\nname = \"the-web\"\nversion = \"0.1.0\"\ndependencies = [\"serde\"]\n\n[[package]]\nname = \"the-api\"\nversion = \"0.1.0\"\ndependencies = [\"libc\"]\n";
    let lock = |libc, serde| lockfile(&[("libc", libc), ("serde", serde)]) + members;
    sandbox.write("Cargo.lock", &lock("0.2.1", "1.0.1"));
    sandbox.sci_run("", "mkdir out; echo built > out/a").ends_with(0);
    let planned = sandbox.sci("plan --json").ends_with(0).json();
    let inputs = planned["result"]["paths"][0]["inputs"].as_array().unwrap();
    let input = inputs.iter().find(|input| input["class"] == "lockfiles").unwrap();
    assert_eq!((&input["name"], &input["member"]), (&"Cargo.lock//web".into(), &"web".into()));
    assert_eq!(input["packages"], 2);

    sandbox.write("Cargo.lock", &lock("0.2.2", "1.0.1"));
    assert!(sandbox.sci("restore").ends_with(0).stdout.contains("exact"));
    sandbox.write("Cargo.lock", &lock("0.2.3", "1.0.2"));
    sandbox.sci("restore").ends_with(0);
    assert_screen!(sandbox.sci("explain"), @r"
    exit code: 0
    ----- stdout -----
    out  nearest  snapshot [ID]: equal up to configs, about 82 % of all inputs shared
      key [ID], planned just now by run [RUN]
      candidates considered:
        chosen  [ID]  equal up to configs, about 82 % of all inputs shared (trusted:local, just now)
      inputs that differ from the chosen snapshot, [ID]:
        lockfiles (1 changed)
          ~ Cargo.lock//web
            ~ serde 1.0.1 → 1.0.2
    ");

    sandbox.write("sci.toml", &sandbox.read("sci.toml").replace("\"web\"", "\"api\""));
    assert_screen!(sandbox.sci("plan"), @r#"
    exit code: 2
    ----- stderr -----
    Error: [TOP]/ws/sci.toml:3:46: the member `api` has no Cargo.toml
      3 | lockfiles = [{ file = "Cargo.lock", member = "api" }]
        |                                              ^^^^^
    Hint: name the directory of a package; its Cargo.toml says what Cargo.lock calls it
    "#);
}

#[test]
fn a_plan_that_is_too_large_for_one_is_kept_whole() {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", "[path.out]\npath = \"**/out\"\nbeside = \"package\"\nlockfiles = [\"package\"]\n");
    for number in 0..700 {
        sandbox.write(&format!("packages/{number}/package"), "");
    }
    let restored = sandbox.sci("restore --json").ends_with(0);
    assert_eq!(restored.stderr, "");
    let explained = sandbox.sci("explain --json").ends_with(0).json();
    assert_eq!(explained["result"]["paths"].as_array().unwrap().len(), 700);
}

#[test]
fn a_newer_file_from_the_same_registry_is_no_other_source() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.modules]\npath = \"modules\"\nlockfiles = [\"package-lock.json\"]\n");
    let lock = |version: &str, registry: &str| {
        let resolved = format!("https://{registry}/ms/-/ms-{version}.tgz");
        let package = format!("{{\"version\": \"{version}\", \"resolved\": \"{resolved}\"}}");
        let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{\"\": {{}}, \"node_modules/ms\": {package}}}}}");
        sandbox.write("package-lock.json", &text);
    };
    lock("2.1.2", "one.example");
    sandbox.sci_run("", "mkdir modules; touch modules/a").ends_with(0);
    for (registry, said) in
        [("one.example", "~ ms 2.1.2 → 2.1.3\n"), ("two.example", "~ ms 2.1.2 → 2.1.3 (from another source)\n")]
    {
        lock("2.1.3", registry);
        let explained = sandbox.sci("explain modules").stdout;
        assert!(explained.contains(said), "{explained}");
    }
}
