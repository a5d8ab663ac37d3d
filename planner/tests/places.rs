//! Where paths below the home directory are, when a tool is told to keep them elsewhere.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

mod support;

use std::path::Path;

use support::{Workspace, find, unkeyed};

const PRESETS: &str = "presets = [\"cargo\", \"go\", \"gradle\", \"yarn\", \"ccache\", \"sccache\", \"playwright\"]\n";

fn workspace() -> Workspace {
    Workspace::new(PRESETS).files(&[("package.json", "{}"), ("yarn.lock", "__metadata:\n"), ("build.gradle", "")])
}

/// Where an instance is with these variables: beneath which directory, and where.
fn place(os: &str, variables: &[(&str, &str)], instance: &str) -> (String, String) {
    let mut workspace = workspace().env(variables);
    workspace.host.os = os.to_owned();
    let plan = workspace.plan();
    let place = &find(&plan, instance).place;
    let usual = Path::new("/home/someone").join(&instance[2..]);
    assert_eq!(place.elsewhere.is_none(), place.root == usual, "{place:?}");
    (place.anchor.to_str().unwrap().to_owned(), place.root.to_str().unwrap().to_owned())
}

#[test]
fn a_tool_that_is_told_another_place_is_believed() {
    for (variables, instance, root) in [
        (&[("CARGO_HOME", "/no/cargo")][..], "~/.cargo/registry", "/no/cargo/registry"),
        (&[("CARGO_HOME", "/no/cargo/")], "~/.cargo/registry", "/no/cargo/registry"),
        (&[("GOPATH", "/no/go")], "~/go/pkg/mod", "/no/go/pkg/mod"),
        (&[("GOPATH", "/no/go:/no/other")], "~/go/pkg/mod", "/no/go/pkg/mod"),
        (&[("GOPATH", "/no/go"), ("GOMODCACHE", "/no/mod")], "~/go/pkg/mod", "/no/mod"),
        (&[("GOCACHE", "/no/build/")], "~/.cache/go-build", "/no/build"),
        (&[("XDG_CACHE_HOME", "/no/cache")], "~/.cache/go-build", "/no/cache/go-build"),
        (&[("XDG_CACHE_HOME", "/no/cache"), ("GOCACHE", "/no/build")], "~/.cache/go-build", "/no/build"),
        (&[("GRADLE_USER_HOME", "/no/gradle")], "~/.gradle/caches", "/no/gradle/caches"),
        (&[("GRADLE_USER_HOME", "/no/gradle")], "~/.gradle/wrapper", "/no/gradle/wrapper"),
        (&[("YARN_GLOBAL_FOLDER", "/no/yarn")], "~/.yarn/berry/cache", "/no/yarn/cache"),
        (&[("CCACHE_DIR", "/no/ccache")], "~/.cache/ccache", "/no/ccache"),
        (&[("SCCACHE_DIR", "/no/sccache")], "~/.cache/sccache", "/no/sccache"),
        (&[("PLAYWRIGHT_BROWSERS_PATH", "/no/browsers")], "~/.cache/ms-playwright", "/no/browsers"),
    ] {
        // Of what does not exist, the root directory is all there is to begin at.
        assert_eq!(place("linux", variables, instance), ("/".to_owned(), root.to_owned()), "{variables:?}");
    }
}

#[test]
fn an_empty_variable_and_the_usual_place_change_nothing() {
    let usual = ("/home/someone".to_owned(), "/home/someone/.cargo/registry".to_owned());
    for variables in [&[][..], &[("CARGO_HOME", "")], &[("CARGO_HOME", "/home/someone/.cargo")]] {
        assert_eq!(place("linux", variables, "~/.cargo/registry"), usual);
    }
    // Below the home directory no link is followed, wherever it is.
    let (anchor, _) = place("linux", &[("CARGO_HOME", "/home/someone/rust")], "~/.cargo/registry");
    assert_eq!(anchor, "/home/someone");
}

#[test]
fn each_system_has_its_place_for_caches() {
    let mac = |instance| place("macos", &[("XDG_CACHE_HOME", "")], instance).1;
    assert_eq!(mac("~/.cache/go-build"), "/home/someone/Library/Caches/go-build");
    assert_eq!(mac("~/.cache/ccache"), "/home/someone/Library/Caches/ccache");
    assert_eq!(mac("~/.cache/sccache"), "/home/someone/Library/Caches/Mozilla.sccache");
    assert_eq!(mac("~/.cache/ms-playwright"), "/home/someone/Library/Caches/ms-playwright");
    assert_eq!(mac("~/go/pkg/mod"), "/home/someone/go/pkg/mod");
    let windows = |instance| place("windows", &[("LOCALAPPDATA", "/no/local")], instance).1;
    assert_eq!(windows("~/.cache/go-build"), "/no/local/go-build");
    assert_eq!(windows("~/.yarn/berry/cache"), "/no/local/Yarn/Berry/cache");
}

#[test]
fn the_place_is_no_part_of_the_key() {
    let key = |variables: &[(&str, &str)]| workspace().env(variables).key("~/.cargo/registry");
    assert_eq!(key(&[]), key(&[("CARGO_HOME", "/no/cargo")]));
}

#[test]
fn who_says_in_the_file_where_it_is_means_that_place() {
    let workspace = Workspace::new("presets = [\"cargo\"]\n[path.cargo-registry]\npath = \"~/.cargo/registry\"\n")
        .env(&[("CARGO_HOME", "/no/cargo")])
        .files(&[("src/main.rs", "")]);
    let plan = workspace.plan();
    assert_eq!(find(&plan, "~/.cargo/registry").place.root, Path::new("/home/someone/.cargo/registry"));
}

#[test]
fn a_place_where_nothing_may_be_restored_leaves_the_path_without_a_key() {
    let mut workspace = workspace();
    let inside = workspace.root().join(".rust/registry");
    let above = workspace.root().parent().unwrap().to_owned();
    let absolute = ("which is not an absolute path without `..`", "give it one");
    let within = ("which is in the workspace", "declare it as it is: [path.ccache] with `path = \".rust/registry\"`");
    let around = ("which holds the workspace or the home directory", "name a directory for it alone");
    for (value, (why, hint)) in [
        ("relative", absolute),
        ("/no/../cache", absolute),
        (inside.to_str().unwrap(), within),
        (above.to_str().unwrap(), around),
        ("/home", around),
        ("/", around),
    ] {
        workspace.host.env.insert("CCACHE_DIR".into(), value.into());
        let plan = workspace.plan();
        let (reason, said) = unkeyed(&plan, "~/.cache/ccache");
        assert_eq!((reason, said), (&*format!("CCACHE_DIR is `{value}`, {why}"), Some(hint)));
    }
}

#[test]
fn a_place_in_the_workspace_that_is_declared_as_it_is_has_a_key() {
    let workspace = Workspace::new("presets = [\"cargo\"]\n[path.cargo-registry]\npath = \".rust/registry\"\n")
        .files(&[("src/main.rs", "")]);
    let inside = workspace.root().join(".rust");
    let workspace = workspace.env(&[("CARGO_HOME", inside.to_str().unwrap())]);
    workspace.write(".rust/registry/src/a/lib.rs", "");
    let plan = workspace.plan();
    let place = &find(&plan, ".rust/registry").place;
    assert_eq!((&place.anchor, &place.root), (&workspace.root(), &inside.join("registry")));
    assert_eq!(support::files_of(&workspace.keyed("target")), ["sources src/main.rs"]);
}

#[test]
fn no_link_hides_where_a_place_is() {
    let mut workspace = workspace();
    let outside = tempfile::tempdir().unwrap();
    let outside = outside.path().canonicalize().unwrap();
    let home = outside.join("home");
    std::fs::create_dir_all(home.join(".docker")).unwrap();
    std::fs::create_dir_all(outside.join("real")).unwrap();
    for (link, target) in [("ws", workspace.root()), ("secret", home.join(".docker")), ("also", outside.join("real"))] {
        std::os::unix::fs::symlink(target, outside.join(link)).unwrap();
    }
    // A checkout's own link to a place outside of the workspace, and a home directory that is known by a link.
    workspace.link("led", outside.to_str().unwrap());
    std::os::unix::fs::symlink(&home, outside.join("me")).unwrap();
    workspace.host.home = Some(outside.join("me"));
    let led = workspace.root().join("led/cache");
    for (value, why) in [
        (outside.join("ws/cache"), "which is in the workspace"),
        (led, "which is in the workspace"),
        (outside.join("secret"), "which holds credentials, or is among them"),
        (home.join(".docker"), "which holds credentials, or is among them"),
        (home.clone(), "which holds the workspace or the home directory"),
    ] {
        workspace.host.env.insert("CCACHE_DIR".into(), value.clone().into());
        let plan = workspace.plan();
        let (reason, _) = unkeyed(&plan, "~/.cache/ccache");
        assert_eq!(reason, format!("CCACHE_DIR is `{}`, {why}", value.display()));
    }
    workspace.host.env.insert("CCACHE_DIR".into(), outside.join("also/cache").into());
    let plan = workspace.plan();
    let place = &find(&plan, "~/.cache/ccache").place;
    assert_eq!((&place.anchor, &place.root), (&outside.join("real"), &outside.join("real/cache")));
    workspace.host.env.insert("CCACHE_DIR".into(), home.join("cache").into());
    assert_eq!(find(&workspace.plan(), "~/.cache/ccache").place.anchor, home, "no link below it is followed");
}

#[test]
fn a_variable_may_lead_neither_to_credentials_nor_to_another_path() {
    let workspace = workspace().env(&[("SCCACHE_DIR", "/no/.ssh/x"), ("CCACHE_DIR", "/no/cache")]);
    let plan = workspace.plan();
    let secret = unkeyed(&plan, "~/.cache/sccache").0;
    assert_eq!(secret, "SCCACHE_DIR is `/no/.ssh/x`, which holds credentials, or is among them");
    assert!(find(&plan, "~/.cache/ccache").keyed().is_some(), "another path is not concerned");
    for (ccache, sccache, moved, other) in [
        ("/no/cache", "/no/cache/s", "~/.cache/sccache", "~/.cache/ccache"),
        ("/no/cache/c", "/no/cache", "~/.cache/ccache", "~/.cache/sccache"),
        ("/home/someone/go/pkg/mod/c", "/no/s", "~/.cache/ccache", "~/go/pkg/mod"),
        ("/home/someone/go", "/no/s", "~/.cache/ccache", "~/go/pkg/mod"),
    ] {
        let workspace = self::workspace().env(&[("CCACHE_DIR", ccache), ("SCCACHE_DIR", sccache)]);
        let plan = workspace.plan();
        let (reason, _) = unkeyed(&plan, moved);
        assert!(reason.ends_with(&format!(" brings it to a place that overlaps `{other}`")), "{reason}");
        assert!(find(&plan, other).keyed().is_some());
    }
}

#[test]
fn a_place_around_two_paths_concerns_neither() {
    let around = "[path.a]\npath = \"~/x/a\"\n[path.b]\npath = \"~/x/b\"\n";
    let workspace = Workspace::new(&format!("{PRESETS}{around}"))
        .files(&[("package.json", "{}"), ("yarn.lock", "__metadata:\n"), ("build.gradle", "")])
        .env(&[("CCACHE_DIR", "/home/someone/x"), ("SCCACHE_DIR", "/home/someone/x/b/c")]);
    let plan = workspace.plan();
    assert!(find(&plan, "~/x/a").keyed().is_some() && find(&plan, "~/x/b").keyed().is_some());
    assert!(unkeyed(&plan, "~/.cache/ccache").0.ends_with("overlaps `~/x/a`"));
    assert!(unkeyed(&plan, "~/.cache/sccache").0.ends_with("overlaps `~/x/b`"));
}

#[test]
fn a_path_of_the_workspace_that_its_tool_keeps_elsewhere_has_no_key() {
    let planned = |sci_toml: &str, value: &str| {
        let mut workspace = Workspace::new(sci_toml).files(&[
            ("src/main.rs", ""),
            ("worker/Cargo.toml", ""),
            ("worker/src/main.rs", ""),
        ]);
        let value = value.replace("WS", workspace.root().to_str().unwrap());
        workspace.host.env.insert("CARGO_TARGET_DIR".into(), value.into());
        workspace.plan()
    };
    let preset = "presets = [\"cargo\"]\n";
    for usual in ["", "target", "./target", "WS/target"] {
        assert!(find(&planned(preset, usual), "target").keyed().is_some(), "{usual}");
    }
    let declare = "declare it as it is: [path.target] with `path = \"build/target\"`";
    let outside = "a path in the workspace is needed: name one";
    for (value, hint) in [("build/target", declare), ("/no/target", outside)] {
        let plan = planned(preset, value);
        let (reason, said) = unkeyed(&plan, "target");
        assert_eq!(
            (reason, said),
            (&*format!("CARGO_TARGET_DIR is `{value}`, which is not where this path is"), Some(hint))
        );
        assert!(find(&plan, "~/.cargo/registry").keyed().is_some());
    }
    let each = "presets = [\"cargo\"]\n[path.target]\npath = \"{worker}/target\"\nbeside = \"Cargo.toml\"\n";
    // A `path` in the file means what it says.
    assert!(find(&planned(each, "/no/target"), "worker/target").keyed().is_some());
}

#[test]
fn a_path_that_a_setting_of_the_workspace_moves_has_no_key() {
    let cargo = |config: &str| {
        let files = [("src/main.rs", ""), (".cargo/config.toml", config)];
        Workspace::new("presets = [\"cargo\"]\n").files(&files)
    };
    for usual in [
        "[build]\njobs = 2\n",
        "build.target-dir = \"target\"\n",
        "[build]\ntarget-dir = \"./target\"\n",
        "[build]\ntarget-dir = 3\n",
        "[build\n",
    ] {
        assert!(find(&cargo(usual).plan(), "target").keyed().is_some(), "{usual}");
    }
    let moved = "[build]\ntarget-dir = \"build/target\"\n";
    assert_eq!(
        unkeyed(&cargo(moved).plan(), "target"),
        (
            "build.target-dir in .cargo/config.toml is `build/target`, which is not where this path is",
            Some("declare it as it is: [path.target] with `path = \"build/target\"`")
        )
    );
    let apart = cargo("build.build-dir = \"{workspace-root}/made\"\n");
    let plan = apart.plan();
    let (reason, hint) = unkeyed(&plan, "target");
    assert!(reason.starts_with("build.build-dir in .cargo/config.toml is `{workspace-root}/made`"), "{reason}");
    assert_eq!(hint, Some("a path in the workspace is needed: name one"));
    // A variable counts before the file.
    assert!(find(&cargo(moved).env(&[("CARGO_TARGET_DIR", "target")]).plan(), "target").keyed().is_some());
    let lock = "{\"packages\": []}";
    let composer = |config: &str| {
        let files = [("composer.json", config), ("composer.lock", lock)];
        Workspace::new("presets = [\"composer\"]\n").files(&files).plan()
    };
    assert!(find(&composer("{\"config\": {\"vendor-dir\": \"vendor\"}}"), "vendor").keyed().is_some());
    let plan = composer("{\"config\": {\"vendor-dir\": \"lib/vendor\"}}");
    let (reason, _) = unkeyed(&plan, "vendor");
    assert_eq!(reason, "config.vendor-dir in composer.json is `lib/vendor`, which is not where this path is");
    // As people write it.
    let turbo = "{ // where it was before\n \"cacheDir\": \"node_modules/.cache/turbo\", }";
    let files = [("turbo.jsonc", turbo), ("package.json", "{}")];
    let plan = Workspace::new("presets = [\"turbo\"]\n").files(&files).plan();
    assert!(unkeyed(&plan, ".turbo/cache").0.starts_with("cacheDir in turbo.jsonc is `node_modules/.cache/turbo`"));
}

#[test]
fn a_value_that_names_no_directory_changes_nothing() {
    let (_, root) = place("linux", &[("PLAYWRIGHT_BROWSERS_PATH", "0")], "~/.cache/ms-playwright");
    assert_eq!(root, "/home/someone/.cache/ms-playwright");
}
