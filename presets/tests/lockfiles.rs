//! Every lockfile version gives the packages it names; anything else is an error, never a panic.

#![allow(clippy::unwrap_used, reason = "a lockfile that does not parse fails the test")]

use std::fmt::Write as _;
use std::path::Path;

use proptest::prelude::*;
use sci_presets::lockfiles::{LockfileError, MAX_BYTES, Package, read};

fn packages(name: &str, text: &str) -> Vec<Package> {
    read(Path::new(name), text.as_bytes()).unwrap().unwrap().into_iter().collect()
}

fn names(name: &str, text: &str) -> Vec<String> {
    packages(name, text).iter().map(|package| format!("{} {}", package.name, package.version)).collect()
}

fn package(name: &str, version: &str, source: Option<&str>, integrity: Option<&str>) -> Package {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Package { name: name.to_owned(), version: version.to_owned(), source: owned(source), integrity: owned(integrity) }
}

#[test]
fn lockfiles_are_known_by_their_last_component() {
    let path = |path: &str| read(Path::new(path), b"\0").is_some();
    for known in ["Cargo.lock", "a/b/package-lock.json", "npm-shrinkwrap.json", "web/pnpm-lock.yaml"] {
        assert!(path(known), "{known}");
    }
    for unknown in ["Pipfile.lock", "cargo.lock", "Cargo.lock/..", "", "Cargo.lock.orig"] {
        assert!(!path(unknown), "{unknown}");
    }
}

const CHECKSUM: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn cargo_lock_version_4() {
    let text = format!(
        r#"
version = 4
[[package]]
name = "app"
version = "0.1.0"
dependencies = ["left 1.0.0", "left 2.0.0", "a-package-that-is-not-listed"]

[[package]]
name = "left"
version = "1.0.0"
source = "registry+https://registry.example/index"
checksum = "{CHECKSUM}"

[[package]]
name = "left"
version = "2.0.0+build"
source = "sparse+https://registry.example/index/"
checksum = "{CHECKSUM}"

[[package]]
name = "forked"
version = "3.0.0"
source = "git+https://git.example/forked?branch=main#0123456789abcdef0123456789abcdef01234567"
"#
    );
    let git = "git+https://git.example/forked?branch=main#0123456789abcdef0123456789abcdef01234567";
    assert_eq!(
        packages("Cargo.lock", &text),
        [
            package("app", "0.1.0", None, None),
            package("forked", "3.0.0", Some(git), None),
            package("left", "1.0.0", Some("registry+https://registry.example/index"), Some(CHECKSUM)),
            package("left", "2.0.0+build", Some("sparse+https://registry.example/index/"), Some(CHECKSUM)),
        ]
    );
}

#[test]
fn cargo_lock_version_1_keeps_checksums_apart() {
    let source = "registry+https://registry.example/index";
    let text = format!(
        r#"
[[package]]
name = "left"
version = "1.0.0"
source = "{source}"

[metadata]
"checksum left 1.0.0 ({source})" = "{CHECKSUM}"
"#
    );
    assert_eq!(packages("Cargo.lock", &text), [package("left", "1.0.0", Some(source), Some(CHECKSUM))]);
}

#[test]
fn package_lock_version_3() {
    let text = r#"{
        "name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true,
        "packages": {
            "": { "name": "app", "workspaces": ["packages/*"], "dependencies": { "left": "^1.0.0" } },
            "node_modules/left": {
                "version": "1.0.0", "resolved": "https://registry.example/left-1.0.0.tgz", "integrity": "sha512-abc",
                "license": "MIT", "engines": { "node": ">=8" }
            },
            "node_modules/@scope/right": { "version": "2.0.0", "integrity": "sha512-def", "dev": true },
            "node_modules/@scope/right/node_modules/left": { "version": "0.9.0", "resolved": false },
            "node_modules/alias": { "name": "the-real-name", "version": "3.0.0" },
            "node_modules/member": { "resolved": "packages/member", "link": true },
            "packages/member": { "name": "member", "version": "0.0.1" },
            "packages/nameless": {}
        }
    }"#;
    let url = "https://registry.example/left-1.0.0.tgz";
    assert_eq!(
        packages("package-lock.json", text),
        [
            package("@scope/right", "2.0.0", None, Some("sha512-def")),
            package("left", "0.9.0", None, None),
            package("left", "1.0.0", Some(url), Some("sha512-abc")),
            package("member", "0.0.1", None, None),
            package("packages/nameless", "", None, None),
            package("the-real-name", "3.0.0", None, None),
        ]
    );
}

#[test]
fn package_lock_versions_1_and_2_give_the_same() {
    let nested = r#""dependencies": {
        "left": { "version": "1.0.0", "requires": { "right": "^2.0.0" }, "dependencies": {
            "right": { "version": "2.0.0", "bundled": true, "requires": true, "resolved": false }
        } },
        "@scope/other": { "version": "git+https://git.example/other.git#0123", "from": "git+https://git.example/other" }
    }"#;
    let expected = ["@scope/other git+https://git.example/other.git#0123", "left 1.0.0", "right 2.0.0"];
    assert_eq!(names("npm-shrinkwrap.json", &format!(r#"{{ "lockfileVersion": 1, {nested} }}"#)), expected);
    let two = format!(
        r#"{{ "lockfileVersion": 2, "packages": {{
            "": {{}}, "node_modules/left": {{ "version": "1.0.0" }},
            "node_modules/left/node_modules/right": {{ "version": "2.0.0" }},
            "node_modules/@scope/other": {{ "version": "git+https://git.example/other.git#0123" }}
        }}, {nested} }}"#
    );
    assert_eq!(names("package-lock.json", &two), expected);
}

#[test]
fn pnpm_lock_version_9() {
    let text = "\
lockfileVersion: '9.0'

settings:
  autoInstallPeers: true

importers:

  .:
    dependencies:
      left:
        specifier: ^1.0.0
        version: 1.0.0(@scope/right@2.0.0)

packages:

  '@scope/right@2.0.0':
    resolution: {integrity: sha512-def}
    engines: {node: '>=8'}

  left@1.0.0:
    resolution: {integrity: sha512-abc}
    peerDependencies:
      '@scope/right': '*'

  forked@https://archive.example/forked/tar.gz/0123:
    resolution: {tarball: https://archive.example/forked/tar.gz/0123}
    version: 3.0.0

  from-git@git+ssh://git@git.example/from-git.git#0123:
    resolution: {commit: '0123', repo: ssh://git@git.example/from-git.git, type: git}
    version: 4.0.0

snapshots:

  '@scope/right@2.0.0': {}

  left@1.0.0(@scope/right@2.0.0):
    dependencies:
      '@scope/right': 2.0.0
";
    let archive = "https://archive.example/forked/tar.gz/0123";
    assert_eq!(
        packages("pnpm-lock.yaml", text),
        [
            package("@scope/right", "2.0.0", None, Some("sha512-def")),
            package("forked", "3.0.0", Some(archive), None),
            package("from-git", "4.0.0", Some("ssh://git@git.example/from-git.git#0123"), None),
            package("left", "1.0.0", None, Some("sha512-abc")),
        ]
    );
}

#[test]
fn pnpm_lock_versions_5_and_6_join_the_peers_to_the_key() {
    let five = "\
lockfileVersion: 5.4
specifiers:
  left: ^1.0.0
dependencies:
  left: 1.0.0_@scope+right@2.0.0
packages:
  /@scope/right/2.0.0:
    resolution: {integrity: sha512-def}
    dev: false
  /left/1.0.0_@scope+right@2.0.0:
    resolution: {integrity: sha512-abc}
    dev: false
  file:vendor/local:
    resolution: {directory: vendor/local, type: directory}
    name: local
    version: 0.1.0
";
    let six = "\
lockfileVersion: '6.0'
packages:
  /@scope/right@2.0.0:
    resolution: {integrity: sha512-def}
  /left@1.0.0(@scope/right@2.0.0):
    resolution: {integrity: sha512-abc}
  file:vendor/local:
    resolution: {directory: vendor/local, type: directory}
    name: local
    version: 0.1.0
";
    assert_eq!(packages("pnpm-lock.yaml", five), packages("pnpm-lock.yaml", six));
    assert_eq!(names("pnpm-lock.yaml", six), ["@scope/right 2.0.0", "left 1.0.0", "local 0.1.0"]);
}

#[test]
fn pnpm_lock_of_several_documents_gives_the_packages_of_all() {
    let document = |name| format!("---\nlockfileVersion: '9.0'\npackages:\n  {name}@1.0.0:\n    resolution: {{}}\n");
    let text = document("tool") + &document("left");
    assert_eq!(names("pnpm-lock.yaml", &text), ["left 1.0.0", "tool 1.0.0"]);
}

#[test]
fn package_lock_whose_nested_places_repeat_a_long_name_is_refused() {
    let places: Vec<String> = (0..100_000).map(|number| format!(r#""{number}":{{}}"#)).collect();
    let long = "x".repeat(10_000);
    let text = format!(
        r#"{{ "lockfileVersion": 1, "dependencies": {{ "{long}": {{ "dependencies": {{ {} }} }} }} }}"#,
        places.join(",")
    );
    let refused = read(Path::new("package-lock.json"), text.as_bytes()).unwrap().unwrap_err();
    assert!(refused.to_string().contains("nested places are too long"), "{refused}");
}

#[test]
fn a_lockfile_without_packages_is_no_error() {
    assert_eq!(names("Cargo.lock", "version = 4\n"), [""; 0]);
    assert_eq!(names("package-lock.json", r#"{"lockfileVersion":3,"packages":{}}"#), [""; 0]);
    assert_eq!(names("pnpm-lock.yaml", "\u{feff}lockfileVersion: '9.0'\n"), [""; 0]);
}

#[test]
fn large_lockfiles_are_read_whole() {
    let (mut cargo, mut pnpm) = ("version = 4\n".to_owned(), "lockfileVersion: '9.0'\npackages:\n".to_owned());
    for number in 0..30_000 {
        writeln!(cargo, "[[package]]\nname = \"p{number}\"\nversion = \"1.0.0\"\ndependencies = [\"p1\", \"p2\"]")
            .unwrap();
        writeln!(pnpm, "  p{number}@1.0.0:\n    resolution: {{integrity: sha512-{number}}}\n    cpu: [x64]").unwrap();
    }
    assert_eq!(packages("Cargo.lock", &cargo).len(), 30_000);
    assert_eq!(packages("pnpm-lock.yaml", &pnpm).len(), 30_000);
}

#[test]
fn what_is_not_a_lockfile_is_an_error_on_one_line() {
    for (name, text) in [
        ("Cargo.lock", "version = 99\n[[package]]\nname = 'x'"),
        ("Cargo.lock", "not toml"),
        ("package-lock.json", "{}"),
        ("package-lock.json", r#"{"lockfileVersion":3}"#),
        ("package-lock.json", r#"{"lockfileVersion":4,"packages":{}}"#),
        ("pnpm-lock.yaml", ""),
        ("pnpm-lock.yaml", "just text"),
        ("pnpm-lock.yaml", "packages: {}"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages: [1]"),
        ("pnpm-lock.yaml", "\u{0}\u{1}"),
    ] {
        let error = read(Path::new(name), text.as_bytes()).unwrap().unwrap_err();
        assert!(!error.to_string().contains('\n') && error.to_string().len() < 400, "{name}: {error}");
    }
    let huge = vec![b' '; MAX_BYTES + 1];
    assert_eq!(read(Path::new("Cargo.lock"), &huge), Some(Err(LockfileError::TooLarge { size: huge.len() })));
}

#[test]
fn nesting_and_aliases_without_end_are_refused() {
    let nested_json = format!(r#"{{"lockfileVersion":1,"dependencies":{}"#, r#"{"a":{"dependencies":"#.repeat(100_000));
    let nested_value = format!(r#"{{"lockfileVersion":3,"packages":{{"a":{{"version":{}"#, "[".repeat(1_000_000));
    let nested_toml = format!("x = {}", "[".repeat(1_000_000));
    let nested_yaml = format!("lockfileVersion: {}", "[".repeat(1_000_000));
    let mut laughs = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..40 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{alias}]").unwrap();
    }
    laughs.push_str("lockfileVersion: *a39\n");
    let copies = "lockfileVersion: '9.0'\npackages:\n  a@1: &a {version: 'a'}\n  b@1: *a\n".to_owned();
    for (name, text) in [
        ("package-lock.json", nested_json),
        ("package-lock.json", nested_value),
        ("Cargo.lock", nested_toml),
        ("pnpm-lock.yaml", nested_yaml),
        ("pnpm-lock.yaml", laughs),
        ("pnpm-lock.yaml", copies),
    ] {
        assert!(read(Path::new(name), text.as_bytes()).unwrap().is_err(), "{name}");
    }
}

/// Text that gets past the first lines of a parser.
fn nearly_a_lockfile() -> impl Strategy<Value = String> {
    let words = [
        "lockfileVersion",
        ": ",
        "'9.0'",
        "5.4",
        "\n",
        "  ",
        "packages",
        "importers",
        "/a/1.0.0_b",
        "@s/a@1.0.0(b@2)",
        "@",
        "/",
        "{",
        "}",
        "[",
        "]",
        "\"",
        "\"packages\":",
        "\"lockfileVersion\":",
        "3",
        "1",
        ",",
        "\"dependencies\":",
        "node_modules/",
        "[[package]]\n",
        "name = \"a\"\n",
        "version = \"1.0.0\"\n",
        "source = \"git+x:y\"\n",
        "&a",
        "*a",
        "é",
        "(",
        "_",
        "---\n",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>(), text in nearly_a_lockfile()) {
        for name in [
            "Cargo.lock", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock", "uv.lock", "poetry.lock",
            "requirements.txt", "go.sum", "go.mod", "Gemfile.lock", "composer.lock", "pom.xml",
            "gradle.lockfile", "verification-metadata.xml", "libs.versions.toml",
        ] {
            let _answer = read(Path::new(name), &bytes);
            let _answer = read(Path::new(name), text.as_bytes());
            for before in ["lockfileVersion: 5.4\npackages:\n  ", "lockfileVersion: '9.0'\npackages:\n  ", "version = 4\n", "<project>"] {
                let _answer = read(Path::new(name), format!("{before}{text}: {{}}").as_bytes());
            }
        }
    }
}
