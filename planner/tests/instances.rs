//! One instance per directory, each with its own inputs; and which instances follow which.

mod support;

use sci_hasher::InputClass;
use support::{Workspace, files_of, find, instances};

fn monorepo(sci_toml: &str) -> Workspace {
    Workspace::new(sci_toml).files(&[
        ("package.json", "{}"),
        ("package-lock.json", "{}"),
        (".npmrc", "fund=false"),
        ("packages/a/package.json", "{\"name\": \"a\"}"),
        ("packages/a/src/index.js", "a"),
        ("packages/b/package.json", "{\"name\": \"b\"}"),
        ("packages/b/package-lock.json", "{ }"),
        ("packages/b/src/index.js", "b"),
        ("packages/docs/readme.md", ""),
        ("shared/base.json", "{}"),
    ])
}

#[test]
fn instances_are_found_by_their_inputs_and_not_by_their_presence() {
    let workspace = monorepo("presets = [\"npm\"]\n").files(&[("packages/docs/node_modules/left/package.json", "{}")]);
    let plan = workspace.plan();
    assert_eq!(instances(&plan), ["node_modules", "packages/a/node_modules", "packages/b/node_modules"]);
    assert_eq!(find(&plan, "packages/a/node_modules").place.root, workspace.root().join("packages/a/node_modules"));
}

#[test]
fn a_directory_that_the_lockfile_does_not_know_has_no_instance() {
    let lock = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies: {}\n\n  packages/a:\n    dependencies: {}\n\n  packages/bare: {}\n";
    let files = [
        ("package.json", "{}"),
        ("pnpm-lock.yaml", lock),
        ("packages/a/package.json", "{}"),
        ("packages/bare/package.json", "{}"),
        ("templates/new/package.json", "{}"),
        ("apart/package.json", "{}"),
        ("apart/pnpm-lock.yaml", "lockfileVersion: '9.0'\n"),
    ];
    let workspace = Workspace::new("presets = [\"pnpm\"]\n").files(&files);
    assert_eq!(instances(&workspace.plan()), ["node_modules", "apart/node_modules", "packages/a/node_modules"]);
    let any = "presets = [\"pnpm\"]\n[path.node_modules]\nmembers = \"any\"\n";
    assert_eq!(instances(&Workspace::new(any).files(&files).plan()).len(), 5);
    // A lockfile that says nothing of members leaves all that are marked.
    workspace.write("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n<<<<<<< HEAD\n");
    assert_eq!(instances(&workspace.plan()).len(), 5);
}

#[test]
fn every_package_json_counts_where_yarn_1_installs() {
    let files = [
        ("package.json", r#"{"workspaces": ["packages/*"]}"#),
        ("yarn.lock", "# yarn lockfile v1\n\n\nms@2.0.0:\n  version \"2.0.0\"\n\nms@2.1.3:\n  version \"2.1.3\"\n"),
        ("packages/a/package.json", r#"{"dependencies": {"ms": "2.0.0"}}"#),
        ("packages/b/package.json", r#"{"dependencies": {"ms": "2.1.3"}}"#),
        ("packages/b/deep/package.json", "{}"),
        ("packages/b/index.js", ""),
        ("packages/c/package.json", "{}"),
    ];
    let workspace = Workspace::new("presets = [\"yarn-classic\"]\n").files(&files);
    let every = [
        "configs package.json",
        "configs packages/a/package.json",
        "configs packages/b/deep/package.json",
        "configs packages/b/package.json",
        "configs packages/c/package.json",
        "lockfiles yarn.lock",
    ];
    let instances = ["node_modules", "packages/a/node_modules", "packages/b/deep/node_modules"];
    let before = instances.map(|instance| workspace.keyed(instance));
    assert!(before.iter().all(|keyed| files_of(keyed) == every), "{:?}", before.each_ref().map(files_of));
    // The lockfile has that version already, so it stays as it is, and the root's tree is another one.
    workspace.write("packages/b/package.json", r#"{"dependencies": {"ms": "2.0.0"}}"#);
    for (instance, before) in instances.iter().zip(&before) {
        assert_ne!(workspace.keyed(instance).key(), before.key(), "{instance}");
    }
}

#[test]
fn where_npm_links_each_member_has_a_node_modules() {
    let lock = r#"{ "lockfileVersion": 3, "packages": { "": {}, "packages/a": {}, "node_modules/x": {} } }"#;
    let files = [("package.json", "{}"), ("package-lock.json", lock), ("packages/a/package.json", "{}")];
    let workspace = Workspace::new("presets = [\"npm\"]\n").files(&files);
    assert_eq!(instances(&workspace.plan()), ["node_modules"]);
    workspace.write(".npmrc", "install-strategy = linked\n");
    assert_eq!(instances(&workspace.plan()), ["node_modules", "packages/a/node_modules"]);
    // A declaration of which the lockfile knows nothing is not about members.
    let packages = "presets = [\"npm\"]\n[path.node_modules]\npath = \"packages/*/node_modules\"\n";
    assert_eq!(instances(&Workspace::new(packages).files(&files).plan()), ["packages/a/node_modules"]);
}

#[test]
fn every_instance_has_its_own_inputs_and_the_nearest_lockfile() {
    let workspace = monorepo("presets = [\"npm\"]\n");
    assert_eq!(
        files_of(&workspace.keyed("packages/a/node_modules")),
        ["configs .npmrc", "configs packages/a/package.json", "lockfiles package-lock.json"]
    );
    assert_eq!(
        files_of(&workspace.keyed("packages/b/node_modules")),
        ["configs .npmrc", "configs packages/b/package.json", "lockfiles packages/b/package-lock.json"]
    );
    let (a, b) = (workspace.key("packages/a/node_modules"), workspace.key("packages/b/node_modules"));
    workspace.write("packages/b/package.json", "{\"name\": \"b\", \"version\": \"2.0.0\"}");
    assert_eq!(workspace.key("packages/a/node_modules"), a);
    assert_ne!(workspace.key("packages/b/node_modules"), b);
}

#[test]
fn patterns_look_in_the_instance_then_above() {
    let workspace = monorepo(
        r#"
[path.dist]
path = "packages/*/dist"
configs = ["package.json"]
lockfiles = ["package-lock.json"]
sources = ["packages/*/src/**", "shared/**", { pattern = "./readme.md", optional = true }]
"#,
    );
    assert_eq!(instances(&workspace.plan()), ["packages/a/dist", "packages/b/dist"]);
    assert_eq!(
        files_of(&workspace.keyed("packages/a/dist")),
        [
            "configs packages/a/package.json",
            "lockfiles package-lock.json",
            "sources packages/a/src/index.js",
            "sources shared/base.json",
        ]
    );
    assert_eq!(
        files_of(&workspace.keyed("packages/b/dist")),
        [
            "configs packages/b/package.json",
            "lockfiles packages/b/package-lock.json",
            "sources packages/b/src/index.js",
            "sources shared/base.json",
        ]
    );
}

#[test]
fn search_says_where_a_pattern_looks() {
    for (search, expected) in [
        ("here", vec![]),
        ("nearest", vec!["configs packages/.npmrc"]),
        ("ancestors", vec!["configs .npmrc", "configs packages/.npmrc"]),
    ] {
        let workspace = monorepo(&format!(
            "[path.x]\npath = \"packages/*/x\"\nconfigs = [{{ pattern = \".npmrc\", search = \"{search}\", optional = true }}]\n"
        ));
        workspace.write("packages/.npmrc", "");
        assert_eq!(files_of(&workspace.keyed("packages/a/x")), expected, "{search}");
    }
}

#[test]
fn exclusions_are_tried_from_the_instance_and_from_the_workspace() {
    for exclusion in ["!src/gen.js", "!packages/a/src/gen.js", "!packages/*/src/gen.js", "!./src/gen.js"] {
        let workspace = monorepo(&format!(
            "[path.dist]\npath = \"packages/*/dist\"\nconfigs = [\"./package.json\"]\nsources = [\"./src/**\", \"{exclusion}\"]\n"
        ));
        workspace.write("packages/a/src/gen.js", "");
        let files = files_of(&workspace.keyed("packages/a/dist"));
        assert_eq!(files, ["configs packages/a/package.json", "sources packages/a/src/index.js"], "{exclusion}");
    }
}

#[test]
fn a_glob_at_any_depth_counts_the_workspace_itself() {
    let workspace = monorepo("[path.x]\npath = \"**/x\"\nbeside = \"package.json\"\n");
    assert_eq!(instances(&workspace.plan()), ["x", "packages/a/x", "packages/b/x"]);
}

#[test]
fn any_one_of_several_files_marks_an_instance() {
    let marks = "[path.x]\npath = \"**/x\"\nbeside = [\"a.config\", \"b.config\"]\n";
    let workspace = monorepo(marks).files(&[("packages/a/a.config", ""), ("packages/b/b.config", "")]);
    assert_eq!(instances(&workspace.plan()), ["packages/a/x", "packages/b/x"]);
}

#[test]
fn a_preset_joins_each_member_of_a_pnpm_workspace() {
    let workspace = Workspace::new("presets = [\"pnpm\"]\n").files(&[
        ("package.json", "{}"),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'\nimporters:\n  packages/a:\n    dependencies: {}\n"),
        ("pnpm-workspace.yaml", "packages: ['packages/*']\n"),
        ("packages/a/package.json", "{}"),
    ]);
    assert_eq!(instances(&workspace.plan()), ["node_modules", "packages/a/node_modules"]);
    let files = files_of(&workspace.keyed("packages/a/node_modules"));
    assert!(files.contains(&"lockfiles pnpm-lock.yaml".to_owned()), "{files:?}");
}

const CHAIN: &str = r#"
[path.node_modules]
path = "**/node_modules"
beside = "package.json"
configs = ["package.json"]

[path.dist]
path = "packages/*/dist"
sources = ["./src/**"]
after = ["node_modules"]

[path.turbo]
path = ".turbo"
after = ["node_modules", "registry"]

[path.registry]
path = "~/.npm/_cacache"
configs = [".npmrc"]
"#;

#[test]
fn upstreams_stand_first_and_are_the_nearest() {
    let plan = monorepo(CHAIN).plan();
    let order = instances(&plan);
    let position = |instance: &str| order.iter().position(|other| other == instance).unwrap();
    assert!(position("packages/a/node_modules") < position("packages/a/dist"), "{order:?}");
    assert_eq!(find(&plan, "packages/a/dist").upstreams, ["packages/a/node_modules"]);
    assert_eq!(find(&plan, ".turbo").upstreams, ["node_modules", "~/.npm/_cacache"]);
}

#[test]
fn an_upstream_joins_the_same_rung_downstream() {
    let workspace = monorepo(CHAIN);
    let before = workspace.keyed("packages/a/dist");
    let other = workspace.keyed("packages/b/dist");
    workspace.write("packages/a/package.json", "{\"name\": \"a\", \"version\": \"2.0.0\"}");
    let after = workspace.keyed("packages/a/dist");
    assert_eq!(before.ladder.shared(&after.ladder), Some(InputClass::Env), "configs of the upstream changed");
    assert_eq!(workspace.keyed("packages/b/dist").ladder, other.ladder);
}

#[test]
fn a_path_below_the_home_directory_is_one_instance() {
    let workspace = monorepo(CHAIN);
    let plan = workspace.plan();
    let registry = find(&plan, "~/.npm/_cacache");
    assert!(registry.home);
    assert_eq!(registry.place.root, std::path::Path::new("/home/someone/.npm/_cacache"));
}

#[test]
fn without_a_home_directory_such_a_path_and_its_downstream_have_no_key() {
    let mut workspace = monorepo(CHAIN);
    workspace.host.home = None;
    let plan = workspace.plan();
    assert_eq!(support::unkeyed(&plan, "~/.npm/_cacache").0, "this machine has no home directory");
    assert_eq!(support::unkeyed(&plan, ".turbo").0, "it comes after `~/.npm/_cacache`, which has no key");
    assert!(find(&plan, "packages/a/dist").keyed().is_some());
}

#[test]
fn an_optional_path_may_have_no_instance() {
    let workspace =
        Workspace::new("[path.x]\npath = \"apps/*/x\"\noptional = true\n[path.y]\npath = \"y\"\nafter = [\"x\"]\n");
    assert_eq!(instances(&workspace.plan()), ["y"]);
}

#[test]
fn credentials_are_refused_where_a_glob_leads_to_them() {
    let workspace = monorepo("[path.x]\npath = \"*/x/cache\"\n");
    workspace.write(".ssh/config", "");
    assert!(workspace.errors().contains("holds credentials"), "{}", workspace.errors());
}

#[test]
fn layers_are_derived_from_what_is_copied_into_an_image() {
    let workspace = Workspace::new("presets = [\"buildx\"]\n").files(&[
        ("Dockerfile", "FROM scratch\nCOPY app /\n"),
        (".dockerignore", ".buildx-cache\n"),
        (".gitignore", "/.buildx-cache*\n"),
        ("app", "one"),
        (".buildx-cache/index.json", "{}"),
    ]);
    let before = workspace.keyed(".buildx-cache");
    assert_eq!(
        files_of(&before),
        ["configs .dockerignore", "configs Dockerfile", "sources .gitignore", "sources app"],
        "what is kept is no input"
    );
    workspace.write("app", "two");
    let after = workspace.keyed(".buildx-cache");
    assert_eq!(before.ladder.shared(&after.ladder), Some(InputClass::Lockfiles));
}
