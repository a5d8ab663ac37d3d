//! A lockfile is narrowed to what one member reaches, as its tool would follow it, or it is refused.

#![allow(clippy::unwrap_used, reason = "a lockfile that cannot be narrowed fails the test")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sci_presets::lockfiles::{Closure, Graph, MAX_BYTES, NarrowError};

fn narrow(lockfile: &str, text: &str, member: &str) -> Result<Closure, NarrowError> {
    Graph::read(Path::new(lockfile), text.as_bytes())?.closure(member)
}

fn shown(lockfile: &str, text: &str, member: &str) -> Vec<String> {
    let closure = narrow(lockfile, text, member).unwrap();
    closure.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn refusal(lockfile: &str, text: &str, member: &str) -> String {
    narrow(lockfile, text, member).unwrap_err().to_string()
}

/// Whether an edit of the text changes the member's part.
fn changes(lockfile: &str, text: &str, member: &str, from: &str, to: &str) -> bool {
    assert!(text.contains(from), "{from} is not in the text");
    let edited = text.replacen(from, to, 1);
    narrow(lockfile, text, member).unwrap().digest != narrow(lockfile, &edited, member).unwrap().digest
}

const CARGO: &str = r#"
version = 4

[[package]]
name = "api"
version = "0.1.0"
dependencies = ["left"]

[[package]]
name = "left"
version = "1.0.0"
source = "registry+https://registry.example/index"
checksum = "1111"

[[package]]
name = "right"
version = "1.0.0"
source = "git+https://git.example/right?branch=main#0123456789"
dependencies = ["left"]

[[package]]
name = "web"
version = "0.1.0"
dependencies = ["right"]

[[patch.unused]]
name = "unused"
version = "1.0.0"
"#;

#[test]
fn cargo_is_followed_from_the_package_of_that_name() {
    assert_eq!(shown("Cargo.lock", CARGO, "api"), ["api 0.1.0", "left 1.0.0"]);
    assert_eq!(shown("Cargo.lock", CARGO, "web"), ["left 1.0.0", "right 1.0.0", "web 0.1.0"]);
    assert_eq!(refusal("Cargo.lock", CARGO, "left"), "has no member `left`");
    for (from, to, api, web) in [
        ("1111", "2222", true, true),
        ("#0123456789", "#9876543210", false, true),
        ("name = \"unused\"", "name = \"other\"", true, true),
        ("version = 4", "version = 3", true, true),
        ("dependencies = [\"right\"]", "dependencies = [\"right\", \"left\"]", false, true),
    ] {
        assert_eq!(changes("Cargo.lock", CARGO, "api", from, to), api, "{from} for api");
        assert_eq!(changes("Cargo.lock", CARGO, "web", from, to), web, "{from} for web");
    }
}

#[test]
fn how_cargo_writes_a_dependency_does_not_count() {
    // Another member brings a second version, so that the name alone is not enough any more.
    let second =
        "\n[[package]]\nname = \"left\"\nversion = \"2.0.0\"\nsource = \"registry+https://registry.example/index\"\n";
    let longer = CARGO.replace("[\"left\"]", "[\"left 1.0.0\"]").replace("\n[[patch", &format!("{second}\n[[patch"));
    // And one from another place, so that the version is not enough either.
    let copy = second.replace("2.0.0", "1.0.0").replace("registry.example", "mirror.example");
    let longest = longer
        .replace("[\"left 1.0.0\"]", "[\"left 1.0.0 (registry+https://registry.example/index)\"]")
        .replace("\n[[patch", &format!("{copy}\n[[patch"));
    for text in [&longer, &longest] {
        assert_eq!(narrow("Cargo.lock", text, "web"), narrow("Cargo.lock", CARGO, "web"));
    }
    // The revision of a repository stands only with the package.
    let repository = CARGO.replace("[\"right\"]", "[\"right 1.0.0 (git+https://git.example/right?branch=main)\"]");
    assert_eq!(narrow("Cargo.lock", &repository, "web"), narrow("Cargo.lock", CARGO, "web"));
    // Which of several is meant must be clear.
    let unclear = longer.replace("\"left 1.0.0\"", "\"left\"");
    assert_eq!(
        refusal("Cargo.lock", &unclear, "web"),
        "cannot be narrowed: `right 1.0.0 (git+https://git.example/right?branch=main#0123456789)` depends on `left`, which is not in it"
    );
}

#[test]
fn cargo_version_1_has_its_checksums_apart_and_may_replace_packages() {
    let text = r#"
[[package]]
name = "web"
version = "0.1.0"
dependencies = ["left 1.0.0 (registry+https://registry.example/index)"]

[[package]]
name = "api"
version = "0.1.0"

[[package]]
name = "left"
version = "1.0.0"
source = "registry+https://registry.example/index"
replace = "left 1.0.0 (git+https://git.example/left)"

[[package]]
name = "left"
version = "1.0.0"
source = "git+https://git.example/left#abc"

[metadata]
"checksum left 1.0.0 (registry+https://registry.example/index)" = "1111"
"#;
    assert!(changes("Cargo.lock", text, "web", "1111", "2222"));
    assert!(!changes("Cargo.lock", text, "api", "1111", "2222"));
    assert!(changes("Cargo.lock", text, "web", "#abc", "#def"));
}

const NPM: &str = r#"{
  "name": "root", "lockfileVersion": 3, "requires": true,
  "packages": {
    "": { "name": "root", "workspaces": ["packages/*"], "devDependencies": { "tool": "*" } },
    "node_modules/api": { "resolved": "packages/api", "link": true },
    "node_modules/left": { "version": "1.0.0", "resolved": "https://registry.example/left-1.tgz", "integrity": "sha512-left1" },
    "node_modules/native": { "version": "1.0.0", "optional": true, "os": ["linux"] },
    "node_modules/peer": { "version": "1.0.0", "integrity": "sha512-peer" },
    "node_modules/right": { "version": "1.0.0", "dependencies": { "left": "^2.0.0" }, "peerDependencies": { "peer": "*", "absent": "*" },
      "optionalDependencies": { "native": "1", "windows-only": "1" } },
    "node_modules/right/node_modules/bundled": { "version": "1.0.0", "inBundle": true },
    "node_modules/right/node_modules/left": { "version": "2.0.0", "integrity": "sha512-left2" },
    "node_modules/tool": { "version": "1.0.0", "dev": true },
    "node_modules/ui": { "resolved": "packages/ui", "link": true },
    "packages/api": { "version": "1.0.0", "dependencies": { "left": "^1.0.0" } },
    "packages/ui": { "version": "1.0.0", "devDependencies": { "left": "^3.0.0" } },
    "packages/ui/node_modules/left": { "version": "3.0.0", "integrity": "sha512-left3" },
    "packages/web": { "version": "1.0.0", "dependencies": { "right": "*", "ui": "*" } }
  }
}"#;

#[test]
fn npm_is_followed_as_node_looks_for_packages() {
    let lock = "package-lock.json";
    assert_eq!(shown(lock, NPM, "packages/api"), ["left 1.0.0"]);
    assert_eq!(shown(lock, NPM, "packages/ui"), ["left 3.0.0"]);
    let web = ["bundled 1.0.0", "left 2.0.0", "left 3.0.0", "native 1.0.0", "peer 1.0.0", "right 1.0.0"];
    assert_eq!(shown(lock, NPM, "packages/web"), web);
    assert_eq!(shown(lock, NPM, ".").len(), 8);
    for (from, to, members) in [
        ("sha512-left1", "sha512-other", ["packages/api"].as_slice()),
        ("sha512-left2", "sha512-other", &["packages/web"]),
        ("sha512-left3", "sha512-other", &["packages/ui", "packages/web"]),
        ("sha512-peer", "sha512-other", &["packages/web"]),
        ("\"os\": [\"linux\"]", "\"os\": [\"darwin\"]", &["packages/web"]),
        ("\"inBundle\": true", "\"inBundle\": false", &["packages/web"]),
        ("\"dev\": true", "\"dev\": false", &[]),
        // What was not there when it was looked for is there now.
        ("node_modules/tool", "node_modules/absent", &["packages/web"]),
        ("node_modules/tool", "packages/ui/node_modules/phantom", &["packages/ui", "packages/web"]),
        ("node_modules/tool", "packages/phantom", &[]),
    ] {
        for member in ["packages/api", "packages/ui", "packages/web"] {
            assert_eq!(changes(lock, NPM, member, from, to), members.contains(&member), "{from} for {member}");
        }
        // Without its tool the root is not whole.
        if !from.ends_with("tool") {
            assert!(changes(lock, NPM, ".", from, to), "{from} for the root");
        }
    }
    // The same package elsewhere is another installation.
    let moved = NPM.replace("packages/ui/node_modules/left", "packages/node_modules/left");
    assert_ne!(narrow(lock, &moved, "packages/ui").unwrap().digest, narrow(lock, NPM, "packages/ui").unwrap().digest);
    assert_eq!(shown(lock, &moved, "packages/ui"), ["left 3.0.0"]);
}

const PNPM: &str = r"lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

catalogs:
  default:
    left: { specifier: ^1.0.0, version: 1.0.0 }
    right: { specifier: ^1.0.0, version: 1.0.0 }

overrides:
  left@<1: ^1.0.0
  foreign>elsewhere: 2.0.0

patchedDependencies:
  left@1.0.0: { hash: abc, path: patches/left.patch }

importers:

  .: {}

  packages/api:
    dependencies:
      right:
        specifier: 'catalog:'
        version: 1.0.0(peer@1.0.0)

  packages/ui:
    devDependencies:
      right:
        specifier: 'catalog:'
        version: 1.0.0(peer@2.0.0)
    dependenciesMeta:
      right:
        injected: true

  packages/web:
    dependencies:
      ui:
        specifier: workspace:*
        version: link:../ui
      other-left:
        specifier: npm:left@1
        version: left@1.0.0(patch_hash=abc)
      outside:
        specifier: link:../../../outside
        version: link:../../../outside

packages:

  left@1.0.0:
    resolution: {integrity: sha512-left}

  peer@1.0.0:
    resolution: {integrity: sha512-peer1}

  peer@2.0.0:
    resolution: {integrity: sha512-peer2}

  right@1.0.0:
    resolution: {integrity: sha512-right}
    peerDependencies:
      peer: '*'

snapshots:

  left@1.0.0(patch_hash=abc): {}

  peer@1.0.0: {}

  peer@2.0.0: {}

  right@1.0.0(peer@1.0.0):
    dependencies:
      peer: 1.0.0

  right@1.0.0(peer@2.0.0):
    dependencies:
      peer: 2.0.0
";

#[test]
fn pnpm_is_followed_by_variant() {
    let lock = "pnpm-lock.yaml";
    assert_eq!(shown(lock, PNPM, "packages/api"), ["peer 1.0.0", "right 1.0.0"]);
    assert_eq!(shown(lock, PNPM, "packages/web"), ["left 1.0.0", "peer 2.0.0", "right 1.0.0"]);
    assert_eq!(shown(lock, PNPM, "."), ["left 1.0.0", "peer 1.0.0", "peer 2.0.0", "right 1.0.0"]);
    let (api, ui, web) = ("packages/api", "packages/ui", "packages/web");
    for (from, to, members) in [
        ("sha512-peer1", "sha512-other", [api].as_slice()),
        ("sha512-peer2", "sha512-other", &[ui, web]),
        ("sha512-left", "sha512-other", &[web]),
        ("sha512-right", "sha512-other", &[api, ui, web]),
        ("autoInstallPeers: true", "autoInstallPeers: false", &[api, ui, web]),
        ("left: { specifier: ^1.0.0", "left: { specifier: ^1.1.0", &[web]),
        ("right: { specifier: ^1.0.0", "right: { specifier: ^1.1.0", &[api, ui, web]),
        ("left@<1: ^1.0.0", "left@<1: ^1.1.0", &[web]),
        ("elsewhere: 2.0.0", "elsewhere: 3.0.0", &[]),
        ("hash: abc", "hash: def", &[web]),
        ("injected: true", "injected: false", &[ui, web]),
        ("link:../../../outside\n\npackages", "link:../../../inside\n\npackages", &[web]),
    ] {
        for member in [api, ui, web] {
            assert_eq!(changes(lock, PNPM, member, from, to), members.contains(&member), "{from} for {member}");
        }
        assert!(changes(lock, PNPM, ".", from, to), "{from} for the root");
    }
    let reformatted = PNPM.replace("\n\n", "\n").replace("'9.0'", "\"9.0\"");
    assert_eq!(narrow(lock, &reformatted, web), narrow(lock, PNPM, web));
    // A document in front says with which pnpm and which plugins.
    let with_plugins = format!("lockfileVersion: '9.0'\nimporters: {{}}\n---\n{PNPM}");
    assert_ne!(narrow(lock, &with_plugins, api).unwrap().digest, narrow(lock, PNPM, api).unwrap().digest);
}

#[test]
fn pnpm_6_and_copied_members() {
    let text = r"lockfileVersion: '6.0'
importers:
  packages/ui:
    devDependencies:
      left: { specifier: ^1.0.0, version: 1.0.0 }
  packages/web:
    dependencies:
      ui: { specifier: 'workspace:*', version: 'file:packages/ui' }
packages:
  /left@1.0.0: { resolution: { integrity: sha512-left }, dev: true }
  file:packages/ui: { resolution: { directory: packages/ui, type: directory }, name: ui, dev: false }
";
    assert_eq!(shown("pnpm-lock.yaml", text, "packages/web"), ["left 1.0.0", "ui "]);
    assert!(changes("pnpm-lock.yaml", text, "packages/web", "sha512-left", "sha512-other"));
    // A project that is no workspace has itself only.
    let alone = "lockfileVersion: '6.0'\ndependencies:\n  left: { specifier: ^1.0.0, version: 1.0.0 }\npackages:\n  /left@1.0.0: {}\n";
    assert_eq!(shown("pnpm-lock.yaml", alone, "."), ["left 1.0.0"]);
}

#[test]
fn what_is_not_known_is_refused() {
    let npm = |packages: &str| format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
    let pnpm = |rest: &str| format!("lockfileVersion: '9.0'\nimporters: {{a: {{}}}}\n{rest}");
    for (lockfile, text, expected) in [
        ("yarn.lock", String::new(), "only Cargo.lock, package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml can"),
        ("Cargo.lock", "version = 5".into(), "its version is 5, and versions 1 to 4 are known"),
        ("Cargo.lock", "[features]".into(), "it has `features`, which this sci does not know"),
        ("Cargo.lock", "[[package]]\nname = \"a\"".into(), "a `package` has no `version`"),
        (
            "Cargo.lock",
            "[[package]]\nname = \"a\"\nversion = \"1\"\npatched = 1".into(),
            "a `package` has `patched`, which this sci does not know",
        ),
        ("Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\n".repeat(2), "`a 1` stands in it twice"),
        ("Cargo.lock", "<<<<<<< HEAD".into(), "not a lockfile of its kind: "),
        (
            "package-lock.json",
            "{\"lockfileVersion\": 1}".into(),
            "`lockfileVersion` 1 is npm 6's, which knows no workspaces",
        ),
        ("package-lock.json", "{\"lockfileVersion\": 4}".into(), "its `lockfileVersion` is neither 2 nor 3"),
        ("package-lock.json", "{\"lockfileVersion\": 3}".into(), "it has no `packages`"),
        ("package-lock.json", "{\"lockfileVersion\": 3, \"patches\": {}}".into(), "it has `patches`, which this sci"),
        ("package-lock.json", npm("\"a\": {\"moreDependencies\": {}}"), "`a` has `moreDependencies`, which this sci"),
        ("package-lock.json", npm("\"a\": {\"dependencies\": []}"), "`dependencies` of `a` is no table"),
        ("package-lock.json", npm("\"a\": 1"), "`a` is no table"),
        (
            "package-lock.json",
            npm(&format!("\"{}\": {{}}", "a/".repeat(3000))),
            "a place in it is longer than any path",
        ),
        ("pnpm-lock.yaml", "lockfileVersion: 5.4".into(), "its `lockfileVersion` is 5.4, and 6 and 9 are known"),
        ("pnpm-lock.yaml", "lockfileVersion: '10.0'".into(), "its `lockfileVersion` is 10.0, and 6 and 9 are known"),
        ("pnpm-lock.yaml", "importers: {}".into(), "it has no `lockfileVersion`"),
        ("pnpm-lock.yaml", pnpm("graft: {}"), "it has `graft`, which this sci does not know"),
        ("pnpm-lock.yaml", pnpm("snapshots: {b@1: {with: {}}}"), "`b@1` has `with`, which this sci does not know"),
        (
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\nimporters: {a: {peers: {}}}".into(),
            "the importer `a` has `peers`",
        ),
        ("pnpm-lock.yaml", String::new(), "it is empty"),
    ] {
        let refusal = refusal(lockfile, &text, "a");
        assert!(refusal.starts_with("cannot be narrowed: ") && refusal.contains(expected), "{lockfile}: {refusal}");
        assert!(refusal.len() < 500 && !refusal.contains('\n'), "{refusal}");
    }
}

#[test]
fn a_member_must_be_there_and_whole() {
    for (lockfile, text) in [("Cargo.lock", CARGO), ("package-lock.json", NPM), ("pnpm-lock.yaml", PNPM)] {
        assert_eq!(refusal(lockfile, text, "packages/none"), "has no member `packages/none`");
    }
    assert_eq!(refusal("package-lock.json", NPM, "node_modules/left"), "has no member `node_modules/left`");
    let lacking = NPM.replace("node_modules/right\"", "node_modules/wrong\"");
    let expected = "cannot be narrowed: `packages/web` depends on `right`, which is not in it";
    assert_eq!(refusal("package-lock.json", &lacking, "packages/web"), expected);
    assert!(narrow("package-lock.json", &lacking, "packages/api").is_ok(), "what another member lacks does not matter");
    let unlinked = NPM.replace("\"resolved\": \"packages/ui\"", "\"resolved\": \"packages/none\"");
    assert!(refusal("package-lock.json", &unlinked, "packages/web").contains("depends on `packages/none`"));
    let lacking = PNPM.replace("\n  peer@2.0.0: {}\n", "");
    assert!(refusal("pnpm-lock.yaml", &lacking, "packages/web").contains("depends on `peer 2.0.0`"));
    let lacking = PNPM.replace("  left@1.0.0:\n    resolution: {integrity: sha512-left}\n", "");
    assert!(refusal("pnpm-lock.yaml", &lacking, "packages/web").contains("depends on `left@1.0.0(patch_hash=abc)`"));
}

#[test]
fn cycles_and_chains_end() {
    const LONG: usize = 20_000;
    let (mut cargo, mut pnpm) = (
        String::new(),
        "lockfileVersion: '9.0'\nimporters:\n  a:\n    dependencies:\n      p0: {version: '1'}\nsnapshots:\n"
            .to_owned(),
    );
    for package in 0..LONG {
        let next = (package + 1) % LONG;
        write!(cargo, "[[package]]\nname = \"p{package}\"\nversion = \"1\"\ndependencies = [\"p{next}\"]\n").unwrap();
        writeln!(pnpm, "  p{package}@1: {{dependencies: {{p{next}: '1'}}}}").unwrap();
    }
    pnpm.push_str("packages:\n");
    (0..LONG).for_each(|package| writeln!(pnpm, "  p{package}@1: {{}}").unwrap());
    assert_eq!(narrow("Cargo.lock", &cargo, "p7").unwrap().packages.len(), LONG);
    assert_eq!(narrow("pnpm-lock.yaml", &pnpm, "a").unwrap().packages.len(), LONG);
    let npm = r#"{ "lockfileVersion": 3, "packages": {
        "a": { "dependencies": { "b": "*" } }, "node_modules/b": { "resolved": "a", "link": true } } }"#;
    assert_eq!(narrow("package-lock.json", npm, "a").unwrap().packages.len(), 0);
}

#[test]
fn a_tangle_is_given_up_in_time() {
    // A chain of places as deep as a path can be, and at its end more dependencies than could ever be looked for.
    let deep = vec!["node_modules/a"; 200].join("/");
    let mut dependencies = String::new();
    (0..500_000).for_each(|name| write!(dependencies, "\"x{name}\":\"\",").unwrap());
    let text = format!(
        "{{\"lockfileVersion\": 3, \"packages\": {{\"{deep}\": {{\"peerDependencies\": {{{}}}}}}}}}",
        dependencies.trim_end_matches(',')
    );
    let started = Instant::now();
    assert_eq!(refusal("package-lock.json", &text, "a"), "cannot be narrowed: it is nested too deeply");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    let large = refusal("Cargo.lock", &" ".repeat(MAX_BYTES + 1), "a");
    assert!(large.contains("more than the"), "{large}");
}

proptest! {
    #[test]
    fn any_edit_is_read_or_refused(lock in 0..3_usize, at in any::<prop::sample::Index>(), length in 0..40_usize, new in ".{0,6}") {
        let (lockfile, text) = [("Cargo.lock", CARGO), ("package-lock.json", NPM), ("pnpm-lock.yaml", PNPM)][lock];
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        let edited = [&text.as_bytes()[..start], new.as_bytes(), &text.as_bytes()[end..]].concat();
        if let Ok(graph) = Graph::read(Path::new(lockfile), &edited) {
            let members: Vec<_> = graph.members().map(str::to_owned).collect();
            for member in members {
                let _answer = graph.closure(&member);
            }
        }
    }
}

#[test]
fn digests_are_a_format() {
    let digest = |lockfile: &str, text: &str, member: &str| narrow(lockfile, text, member).unwrap().digest.to_string();
    assert_eq!(digest("Cargo.lock", CARGO, "web"), "4a7261c1f6606017ac6184d86d3b5e37f71677f750cd9b0250d33d7026b43a68");
    assert_eq!(
        digest("package-lock.json", NPM, "packages/web"),
        "84069911caf61e76d6690dd3656903a54209b7be055a0f5236f91b4789323c90"
    );
    assert_eq!(
        digest("pnpm-lock.yaml", PNPM, "packages/web"),
        "06868f95f6c9e5d9c0da64c103b3c2f6257e4fa557451055c7e8ff622ef56ab5"
    );
    assert_eq!(digest("pnpm-lock.yaml", PNPM, "."), "b04d96225a4708e4a96a17e5adf7c5d554ed1b7ac3ccc5a1fc0f4d7f8471b6a1");
}
