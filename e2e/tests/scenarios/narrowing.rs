//! Monorepos: a member's path keeps its key while only another member's dependencies change, and its own are named.

use std::collections::BTreeSet;

use sci_e2e::rust::{compiled, fresh};
use sci_e2e::{Machine, Tree};

fn key(machine: &Machine, instance: &str) -> String {
    machine.sci(&["plan"]).field(instance, "key")
}

/// What explain says of a path must name each word.
fn explains(machine: &Machine, instance: &str, words: &[&str], absent: &str) {
    let explained = machine.sci(&["explain", instance]).stdout;
    for word in words {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains(absent), "explain names {absent}, which is another member's:\n{explained}");
}

/// A member's package.json.
fn member(machine: &Machine, name: &str, dependencies: &str) {
    let manifest = format!(r#"{{ "name": "{name}", "version": "1.0.0", "dependencies": {{ {dependencies} }} }}"#);
    machine.write(&format!("packages/{name}/package.json"), manifest);
}

#[test]
fn npm_installs_of_one_member() {
    let machine = Machine::new();
    machine.write(
        "sci.toml",
        r#"
[path.node_modules]
path = "node_modules"
configs = ["package.json", "packages/web/package.json", ".npmrc"]
lockfiles = [{ file = "package-lock.json", member = "packages/web" }]
tools = ["node --version", "npm --version"]
"#,
    );
    machine.write(".npmrc", "audit=false\nfund=false\n");
    machine.write("package.json", r#"{ "name": "root", "private": true, "workspaces": ["packages/*"] }"#);
    member(&machine, "ui", r#""preact": "10.27.2""#);
    member(&machine, "web", r#""ui": "*", "ms": "2.1.3""#);
    member(&machine, "api", r#""dayjs": "1.11.19", "ms": "2.0.0""#);
    let lock = || machine.run("npm", &["install", "--package-lock-only"]).success();
    let install = || machine.run("npm", &["install", "--workspace", "packages/web"]).success();
    lock();
    let inputs = ["plan", "--inputs", "--approve-tools"];
    machine.sci(&inputs);
    machine.sci(&["restore"]).expect_verdict("node_modules", "miss");
    install();
    machine.sci(&["save"]).expect_outcome("node_modules", "saved");
    let (before, planned) = (Tree::read(&machine.path("node_modules")), key(&machine, "node_modules"));
    let plan = machine.sci(&["plan"]).stdout;
    assert!(plan.contains("\"member\": \"packages/web\""), "{plan}");

    member(&machine, "api", r#""dayjs": "1.11.21", "ms": "2.0.0""#);
    lock();
    assert_eq!(key(&machine, "node_modules"), planned, "only another member's dependency changed");
    machine.remove("node_modules");
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    before.assert_same(&Tree::read(&machine.path("node_modules")));
    // An install makes what was restored.
    install();
    machine.sci(&["save"]).expect_outcome("node_modules", "skipped");

    // What its own member needs changes, too, through another one.
    member(&machine, "ui", r#""preact": "10.27.1""#);
    lock();
    assert_ne!(key(&machine, "node_modules"), planned);
    machine.remove("node_modules");
    machine.sci(&["restore"]).expect_verdict("node_modules", "nearest");
    explains(&machine, "node_modules", &["package-lock.json//packages/web", "preact", "10.27.2", "10.27.1"], "dayjs");
}

#[test]
fn pnpm_instances_have_their_own_parts() {
    let machine = Machine::new();
    machine.write(
        "sci.toml",
        r#"
[path.node_modules]
path = "**/node_modules"
beside = "package.json"
configs = ["package.json"]
lockfiles = [{ file = "pnpm-lock.yaml", member = "." }]
"#,
    );
    machine.write(".npmrc", "package-import-method=hardlink\n");
    machine.write("pnpm-workspace.yaml", "packages:\n  - packages/*\ncatalog:\n  preact: 10.27.2\n  dayjs: 1.11.19\n");
    machine.write("package.json", r#"{ "name": "root", "private": true }"#);
    member(&machine, "ui", r#""preact": "catalog:", "preact-render-to-string": "6.6.1""#);
    member(&machine, "web", r#""ui": "workspace:*", "ms": "2.1.3""#);
    member(&machine, "api", r#""dayjs": "catalog:""#);
    let pnpm = |args: &[&str]| {
        let mut command = machine.command("pnpm");
        command.arg("install").arg("--store-dir").arg(machine.home().join("pnpm-store")).args(args);
        sci_e2e::machine::finish(&mut command).success()
    };
    let (web, api) = ("packages/web/node_modules", "packages/api/node_modules");
    pnpm(&["--lockfile-only"]);
    machine.sci(&["restore"]).expect_verdict(web, "miss");
    pnpm(&["--frozen-lockfile"]);
    machine.sci(&["save"]).expect_outcome(web, "saved").expect_outcome("node_modules", "saved");
    let before = Tree::read(&machine.path(web));
    let keys = [web, api, "node_modules"].map(|instance| key(&machine, instance));

    machine.edit("pnpm-workspace.yaml", "dayjs: 1.11.19", "dayjs: 1.11.21");
    pnpm(&["--lockfile-only"]);
    assert_eq!(key(&machine, web), keys[0], "only another member's dependency changed");
    assert_ne!(key(&machine, api), keys[1]);
    assert_ne!(key(&machine, "node_modules"), keys[2], "the store at the root holds what all members need");
    for instance in [web, api, "packages/ui/node_modules", "node_modules"] {
        machine.remove(instance);
    }
    machine.sci(&["restore"]).expect_verdict(web, "exact").expect_verdict(api, "nearest");
    before.assert_same(&Tree::read(&machine.path(web)));
    explains(&machine, api, &["pnpm-lock.yaml//packages/api", "dayjs", "1.11.19", "1.11.21"], "preact");
    pnpm(&["--frozen-lockfile"]);
    machine.sci(&["save"]).expect_outcome(api, "saved");

    machine.edit("pnpm-workspace.yaml", "preact: 10.27.2", "preact: 10.27.1");
    pnpm(&["--lockfile-only"]);
    assert_ne!(key(&machine, web), keys[0], "what another member brings is its own");
    machine.sci(&["restore"]).expect_verdict(api, "exact").expect_verdict(web, "nearest");
    explains(&machine, web, &["pnpm-lock.yaml//packages/web", "preact", "10.27.2", "10.27.1"], "dayjs");
}

#[test]
fn cargo_builds_of_one_member() {
    let machine = Machine::new();
    machine.write(
        "sci.toml",
        r#"
[path.target]
path = "target"
configs = ["Cargo.toml", "crates/web/Cargo.toml"]
lockfiles = [{ file = "Cargo.lock", member = "crates/web" }]
sources = ["crates/web/src/**"]
tools = ["rustc -vV", "cargo -V"]
exclude = ["**/incremental"]
absolute-root = true
replay = true
"#,
    );
    machine.write("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n");
    let krate = |directory: &str, dependency: &str| {
        let package = format!("[package]\nname = \"the-{directory}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        machine.write(&format!("crates/{directory}/Cargo.toml"), format!("{package}[dependencies]\n{dependency}\n"));
        machine.write(&format!("crates/{directory}/src/lib.rs"), "pub fn nothing() {}\n");
    };
    krate("web", "itoa = \"=1.0.14\"");
    krate("api", "fnv = \"=1.0.6\"");
    let build = || machine.run("cargo", &["build", "-v", "-p", "the-web"]).success();
    machine.run("cargo", &["generate-lockfile"]).success();
    machine.sci(&["plan", "--approve-tools"]);
    machine.sci(&["restore"]).expect_verdict("target", "miss");
    build();
    machine.sci(&["save"]).expect_outcome("target", "saved");
    let planned = key(&machine, "target");
    let before = Tree::read_without(&machine.path("target"), &["incremental"]);

    krate("api", "fnv = \"=1.0.7\"");
    machine.run("cargo", &["generate-lockfile"]).success();
    assert_eq!(key(&machine, "target"), planned, "only another member's dependency changed");
    machine.remove("target");
    machine.sci(&["restore"]).expect_verdict("target", "exact");
    before.assert_same(&Tree::read_without(&machine.path("target"), &["incremental"]));
    let again = build();
    assert_eq!(compiled(&again.stderr), BTreeSet::new(), "{again}");
    assert_eq!(fresh(&again.stderr), ["itoa", "the-web"].map(str::to_owned).into(), "{again}");

    krate("web", "itoa = \"=1.0.15\"");
    machine.run("cargo", &["generate-lockfile"]).success();
    machine.remove("target");
    machine.sci(&["restore"]).expect_verdict("target", "nearest");
    explains(&machine, "target", &["Cargo.lock//crates/web", "itoa", "1.0.14", "1.0.15"], "fnv");
}
