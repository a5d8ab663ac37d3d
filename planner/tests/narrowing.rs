//! A lockfile that is narrowed to a member counts for that member's part, and says so.

mod support;

use sci_hasher::InputClass;
use sci_planner::{InputRecord, diff, member_of};
use support::{Workspace, files_of, instances, refused, refused_with, unkeyed};

const LOCKFILE: &str = r#"{
  "lockfileVersion": 3,
  "packages": {
    "": { "workspaces": ["packages/*"] },
    "node_modules/a": { "resolved": "packages/a", "link": true },
    "node_modules/left": { "version": "1.0.0", "integrity": "sha512-left" },
    "node_modules/right": { "version": "1.0.0", "integrity": "sha512-right" },
    "packages/a": { "version": "1.0.0", "dependencies": { "left": "*" } },
    "packages/b": { "version": "1.0.0", "dependencies": { "right": "*" } }
  }
}"#;

const PER_INSTANCE: &str = r#"
[path.node_modules]
path = "packages/*/node_modules"
configs = ["package.json"]
lockfiles = [{ file = "package-lock.json", member = "." }]
"#;

fn monorepo(sci_toml: &str) -> Workspace {
    let workspace = Workspace::new(sci_toml);
    workspace.write("packages/a/package.json", "{}");
    workspace.write("packages/b/package.json", "{}");
    workspace.write("package-lock.json", LOCKFILE);
    workspace
}

fn upgrade(workspace: &Workspace, package: &str) {
    let (from, to) =
        (format!("\"1.0.0\", \"integrity\": \"sha512-{package}\""), "\"1.1.0\", \"integrity\": \"sha512-new\"");
    assert!(LOCKFILE.contains(&from));
    workspace.write("package-lock.json", LOCKFILE.replace(&from, to));
}

#[test]
fn each_instance_has_its_own_part() {
    for member in [".", "packages/*", "packages/*/"] {
        let workspace = monorepo(&PER_INSTANCE.replace("\".\"", &format!("{member:?}")));
        assert_eq!(instances(&workspace.plan()), ["packages/a/node_modules", "packages/b/node_modules"]);
        let keys = || ["packages/a/node_modules", "packages/b/node_modules"].map(|instance| workspace.key(instance));
        let before = keys();
        assert_eq!(
            files_of(&workspace.keyed("packages/a/node_modules")),
            ["configs packages/a/package.json", "lockfiles package-lock.json//packages/a"]
        );
        upgrade(&workspace, "right");
        let after = keys();
        assert_eq!((before[0] == after[0], before[1] == after[1]), (true, false), "{member}");
        upgrade(&workspace, "left");
        let after = keys();
        assert_eq!((before[0] == after[0], before[1] == after[1]), (false, true), "{member}");
        // However it is written.
        workspace.write("package-lock.json", LOCKFILE.replace('\n', "\r\n"));
        assert_eq!(keys(), before);
    }
}

#[test]
fn one_path_may_be_narrowed_to_several_members_and_below_the_workspace() {
    let workspace = Workspace::new(
        r#"
[path.dist]
path = "dist"
lockfiles = [
    { file = "web/package-lock.json", member = "web/packages/a" },
    { file = "web/package-lock.json", member = "./web" },
]
"#,
    );
    workspace.write("web/package-lock.json", LOCKFILE);
    let keyed = workspace.keyed("dist");
    let names = ["lockfiles web/package-lock.json//web", "lockfiles web/package-lock.json//web/packages/a"];
    assert_eq!(files_of(&keyed), names);
    let members: Vec<_> = keyed.derivation.class(InputClass::Lockfiles).map(|(name, _)| member_of(name)).collect();
    assert_eq!(members, [Some("web".to_owned()), Some("web/packages/a".to_owned())]);
    assert_eq!(member_of(&"web/package-lock.json".into()), None);
}

#[test]
fn a_member_of_cargo_is_a_directory_whose_manifest_names_it() {
    let workspace = Workspace::new(
        "[path.target]\npath = \"target\"\nlockfiles = [{ file = \"Cargo.lock\", member = \"crates/web\" }]\nsources = [\"**/*\"]\n",
    );
    workspace.write("crates/web/Cargo.toml", "[package]\nname = \"the-web\"\nversion.workspace = true\n");
    let lockfile = |version: &str| {
        format!(
            "version = 4\n[[package]]\nname = \"the-web\"\nversion = \"0.1.0\"\n[[package]]\nname = \"x\"\nversion = \"{version}\"\n"
        )
    };
    workspace.write("Cargo.lock", lockfile("1.0.0"));
    let key = workspace.key("target");
    // Sources name the lockfile, too: it counts in the lower class, and there in part.
    assert_eq!(
        files_of(&workspace.keyed("target")),
        ["lockfiles Cargo.lock//crates/web", "sources crates/web/Cargo.toml", "sources sci.toml"]
    );
    workspace.write("Cargo.lock", lockfile("2.0.0"));
    assert_eq!(workspace.key("target"), key);
    workspace.write("crates/web/Cargo.toml", "[package]\nname = \"x\"\n");
    assert_ne!(workspace.key("target"), key);
}

#[test]
fn explain_names_the_package_and_the_sketch_is_that_of_the_part() {
    let workspace = monorepo(PER_INSTANCE);
    let before = workspace.keyed("packages/a/node_modules");
    upgrade(&workspace, "left");
    let after = workspace.keyed("packages/a/node_modules");
    let difference = diff(&before.record(), &after.record());
    let [class] = &difference.classes[..] else { panic!("{difference:?}") };
    let [input] = &class.inputs[..] else { panic!("{difference:?}") };
    assert_eq!(
        (class.class, input.name.to_string().as_str()),
        (InputClass::Lockfiles, "package-lock.json//packages/a")
    );
    let [changed] = &input.packages.as_ref().unwrap().changed[..] else { panic!("{difference:?}") };
    assert_eq!(
        (changed.name.as_str(), changed.before.version.as_str(), changed.after.version.as_str()),
        ("left", "1.0.0", "1.1.0")
    );
    assert!(before.sketch().similarity(after.sketch()) > 0.7);
    // What is kept with a snapshot says it, too.
    assert_eq!(InputRecord::decode(&after.record().encode().unwrap()).unwrap(), after.record());
}

#[test]
fn entries_that_do_not_say_what_they_narrow() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
configs = [{ file = "package-lock.json", member = "a" }]
sources = [{ pattern = "x", member = "a" }]
lockfiles = [
    { file = "package-lock.json" },
    { member = "a" },
    { pattern = "package-lock.json", member = "a" },
    { pattern = "package-lock.json", file = "package-lock.json" },
    { file = "*.json", member = "a" },
    { file = "yarn.lock", member = "a" },
    { file = "Cargo.lock", member = "../a" },
    { file = "Cargo.lock", member = "/a" },
    { file = "Cargo.lock", member = "a//b" },
    { file = "Cargo.lock", member = 1 },
    { file = "Cargo.lock", membre = "a" },
    { },
]
"#
    ), @r##"
    3:21 "\"package-lock.json\""
      an entry of `configs` is not narrowed to a member
      hint: only lockfiles are: lockfiles = [{ file = "pnpm-lock.yaml", member = "packages/web" }]
    4:38 "\"a\""
      an entry of `sources` is not narrowed to a member
      hint: only lockfiles are: lockfiles = [{ file = "pnpm-lock.yaml", member = "packages/web" }]
    6:5 "{ file = \"package-lock.json\" }"
      `file` without `member`
      hint: one member's part of it is { file = "pnpm-lock.yaml", member = "packages/web" }; the whole file is { pattern = "…" }
    7:5 "{ member = \"a\" }"
      `member` narrows a `file`, not a pattern
      hint: name the one lockfile with `file`: { file = "pnpm-lock.yaml", member = "packages/web" }
    8:5 "{ pattern = \"package-lock.json\", member = \"a\" }"
      `member` narrows a `file`, not a pattern
      hint: name the one lockfile with `file`: { file = "pnpm-lock.yaml", member = "packages/web" }
    9:45 "\"package-lock.json\""
      `pattern` and `file` in one entry
      hint: keep one of them
    10:14 "\"*.json\""
      `file` names one file, and `*.json` is a pattern
      hint: write one entry for each lockfile
    11:14 "\"yarn.lock\""
      `yarn.lock` cannot be narrowed to a member
      hint: Cargo.lock, package-lock.json, npm-shrinkwrap.json, pnpm-lock.yaml can; any other counts whole: { pattern = "…" }
    12:37 "\"../a\""
      `../a` leaves the workspace
      hint: a member is a directory relative to the workspace; `.` is the instance's own
    13:37 "\"/a\""
      `/a` is not below the workspace
      hint: a member is a directory relative to the workspace; `.` is the instance's own
    14:37 "\"a//b\""
      `a//b` has an empty component or `.`
      hint: write it without
    15:37 "1"
      `member` must be a string, not an integer
    16:5 "{ file = \"Cargo.lock\", membre = \"a\" }"
      `file` without `member`
      hint: one member's part of it is { file = "pnpm-lock.yaml", member = "packages/web" }; the whole file is { pattern = "…" }
    16:28 "membre"
      unknown key `membre` in a pattern of `lockfiles`
      hint: did you mean `member`?
    17:5 "{ }"
      a pattern without `pattern`
      hint: { pattern = "…" }
    "##);
}

#[test]
fn members_are_single_directories() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
lockfiles = [{ file = "Cargo.lock", member = "crates/*" }]
[path.b]
path = "packages/*/b"
lockfiles = [
    { file = "Cargo.lock", member = "crates/*" },
    { file = "Cargo.lock", member = "." },
    { file = "Cargo.lock", member = "." },
]
"#
    ), @r##"
    3:46 "\"crates/*\""
      `member` names one directory, and `crates/*` is a glob
      hint: where `path` has a glob, `.` is the directory of each instance
    7:37 "\"crates/*\""
      `member` names one directory, and `crates/*` is a glob
      hint: the directory of each instance is `.`, or `packages/*`
    9:37 "\".\""
      `Cargo.lock for .` stands twice in `lockfiles`
      hint: remove one of them
    "##);
}

#[test]
fn what_the_workspace_does_not_have() {
    let sci_toml = r#"
[path.a]
path = "a"
lockfiles = [
    { file = "package-lock.json", member = "packages/c" },
    { file = "sub/package-lock.json", member = "packages/a" },
    { file = "pnpm-lock.yaml", member = "packages/a" },
    { file = "npm-shrinkwrap.json", member = "packages/a" },
    { file = "Cargo.lock", member = "virtual" },
    { file = "sub/Cargo.lock", member = "sub" },
]
"#;
    let files = [
        ("package-lock.json", LOCKFILE),
        ("sub/package-lock.json", LOCKFILE),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters: {}\nwhat: 1\n"),
        ("npm-shrinkwrap.json", "<<<<<<< HEAD\n{}\n=======\n{}\n"),
        ("Cargo.lock", "version = 4\n"),
        ("virtual/Cargo.toml", "[workspace]\n"),
        ("sub/Cargo.lock", "version = 4\n[[package]]\nname = \"sub\"\nversion = \"1.0.0\"\ndependencies = [\"x\"]\n"),
        ("sub/Cargo.toml", "[package]\nname = \"sub\"\n"),
    ];
    insta::assert_snapshot!(refused_with(sci_toml, &files), @r##"
    4:44 "\"packages/c\""
      `package-lock.json` has no member `packages/c`
      hint: did you mean `packages/a`?
    5:48 "\"packages/a\""
      the member `packages/a` is not below the directory of `sub/package-lock.json`
      hint: a lockfile names the members below it
    6:41 "\"packages/a\""
      `pnpm-lock.yaml` cannot be narrowed: it has `what`, which this sci does not know
      hint: name it without `member`, and the whole file counts
    7:46 "\"packages/a\""
      `npm-shrinkwrap.json` cannot be narrowed: not a lockfile of its kind: expected value at line 1 column 1
      hint: mend the lockfile, or let its tool write it
    8:37 "\"virtual\""
      `virtual/Cargo.toml` names no package
      hint: name the directory of a package; its Cargo.toml says what Cargo.lock calls it
    9:41 "\"sub\""
      `sub/Cargo.lock` cannot be narrowed: `sub 1.0.0` depends on `x`, which is not in it
      hint: bring the lockfile up to date
    "##);
}

#[test]
fn what_only_instances_tell() {
    let workspace = monorepo(&format!(
        "{PER_INSTANCE}{}",
        r#"
[path.whole]
path = "whole"
configs = ["*.json"]
lockfiles = [{ file = "package-lock.json", member = "packages/a" }]
[path.twice]
path = "twice"
lockfiles = ["package-lock.*", { file = "package-lock.json", member = "packages/a" }]
[path.linked]
path = "linked"
lockfiles = [{ file = "sub/package-lock.json", member = "packages/a" }, { file = "none/Cargo.lock", member = "." }]
[path.crate]
path = "crate"
lockfiles = [{ file = "Cargo.lock", member = "packages/a" }, { file = "package-lock.json", member = "." }, { file = "pnpm-lock.yaml", optional = true, member = "x" }]
"#
    ));
    workspace.write("packages/c/package.json", "{}").write("Cargo.lock", "").write("sub/x", "");
    workspace.link("sub/package-lock.json", "../package-lock.json");
    insta::assert_snapshot!(workspace.errors(), @r##"
    10:23 "\"package-lock.json\""
      `package-lock.json` is narrowed, and counts whole as well
      hint: take it out of the other patterns of `configs` and `lockfiles`, or do not narrow it
    13:41 "\"package-lock.json\""
      `package-lock.json` is narrowed, and counts whole as well
      hint: take it out of the other patterns of `configs` and `lockfiles`, or do not narrow it
    16:23 "\"sub/package-lock.json\""
      `sub/package-lock.json` is a link, which cannot be narrowed
      hint: name the file that the link leads to
    16:82 "\"none/Cargo.lock\""
      `none/Cargo.lock` in `lockfiles` matches nothing
      hint: if there may be no such file, add optional = true
    19:46 "\"packages/a\""
      the member `packages/a` has no Cargo.toml
      hint: name the directory of a package; its Cargo.toml says what Cargo.lock calls it
    "##);
    let workspace = monorepo(PER_INSTANCE);
    workspace.write("packages/c/package.json", "{}");
    insta::assert_snapshot!(workspace.errors(), @r##"
    5:53 "\".\""
      `package-lock.json` has no member `packages/c`
      hint: did you mean `packages/a`?
    "##);
}

#[test]
fn pnpm_may_lay_packages_out_so_that_all_members_count() {
    let sci_toml = "[path.a]\npath = \"packages/a/node_modules\"\nlockfiles = [{ file = \"pnpm-lock.yaml\", member = \"packages/a\" }]\n";
    let lockfile = "lockfileVersion: '9.0'\nimporters: {.: {}, packages/a: {}}\n";
    let workspace = || Workspace::new(sci_toml).files(&[("pnpm-lock.yaml", lockfile)]);
    let plain = workspace().files(&[(".npmrc", "node-linker=isolated\n#node-linker=hoisted\n")]);
    assert_eq!(files_of(&plain.keyed("packages/a/node_modules")), ["lockfiles pnpm-lock.yaml//packages/a"]);
    for (who, workspace) in [
        (".npmrc", workspace().files(&[(".npmrc", "node-linker = hoisted\n")])),
        ("pnpm-workspace.yaml", workspace().files(&[("pnpm-workspace.yaml", "packages: []\nnodeLinker: 'hoisted'\n")])),
        ("npm_config_node_linker", workspace().env(&[("npm_config_node_linker", "hoisted")])),
    ] {
        let errors = workspace.errors();
        assert!(errors.contains(&format!("`{who}` asks pnpm for the hoisted layout")), "{errors}");
        assert!(errors.starts_with("3:50 \"\\\"packages/a\\\"\""), "{errors}");
    }
}

#[test]
fn a_lockfile_that_cannot_be_read_leaves_the_path_without_a_key() {
    let workspace = monorepo(PER_INSTANCE);
    workspace.lock("package-lock.json");
    let plan = workspace.plan_unprivileged();
    assert!(unkeyed(&plan, "packages/a/node_modules").0.contains("package-lock.json"));
}
