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
    assert_eq!(place.elsewhere, !place.root.ends_with(&instance[2..]) || !place.root.starts_with("/home/someone"));
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
        ("0", absolute),
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
fn a_link_does_not_hide_that_a_place_is_in_the_workspace() {
    let workspace = workspace();
    let outside = tempfile::tempdir().unwrap();
    let link = outside.path().join("link");
    std::os::unix::fs::symlink(workspace.root(), &link).unwrap();
    let workspace = workspace.env(&[("CARGO_HOME", link.to_str().unwrap())]);
    assert!(unkeyed(&workspace.plan(), "~/.cargo/registry").0.ends_with("which is in the workspace"));
}

#[test]
fn a_variable_may_lead_neither_to_credentials_nor_to_another_path() {
    let mut workspace = workspace().env(&[("SCCACHE_DIR", "/no/.ssh")]);
    assert!(workspace.errors().contains("holds credentials"), "{}", workspace.errors());
    workspace = workspace.env(&[("SCCACHE_DIR", "/no/cache"), ("CCACHE_DIR", "/no/cache/c")]);
    assert!(workspace.errors().contains("overlaps path"), "{}", workspace.errors());
}
