//! A project within another one counts with the packages of that one that it builds with.

mod support;

use support::{Workspace, files_of};

const SCI_TOML: &str = "presets = [\"cargo\"]\n[path.target]\npath = \"{.,worker}/target\"\nbeside = \"Cargo.toml\"\n\
    [path.cargo-registry]\nlockfiles = [\"Cargo.lock\", \"worker/Cargo.lock\"]\n";

/// `worker` builds with `store/service`, which takes `store/api` from the workspace's manifest; nobody builds with `other`.
fn workspace() -> Workspace {
    Workspace::new(SCI_TOML).files(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"store/*\", \"other\"]\nexclude = [\"worker\"]\n\
             [workspace.dependencies]\napi = { path = \"store/api\" }\nother = { path = \"other\" }\n",
        ),
        ("Cargo.lock", "version = 4\n"),
        (
            "store/service/Cargo.toml",
            "[package]\nname = \"service\"\n[dependencies]\napi.workspace = true\n\
             [dev-dependencies]\nother.workspace = true\n",
        ),
        ("store/service/src/lib.rs", ""),
        ("store/api/Cargo.toml", "[package]\nname = \"api\"\n"),
        ("store/api/src/lib.rs", ""),
        ("other/Cargo.toml", "[package]\nname = \"other\"\n"),
        ("other/src/lib.rs", ""),
        (
            "worker/Cargo.toml",
            "[workspace]\n[package]\nname = \"worker\"\n[dependencies]\nservice = { path = \"../store/service\" }\n",
        ),
        ("worker/Cargo.lock", "version = 4\n"),
        ("worker/src/main.rs", ""),
    ])
}

#[test]
fn what_a_nested_project_builds_with_counts() {
    let workspace = workspace();
    assert_eq!(
        files_of(&workspace.keyed("worker/target")),
        [
            "configs worker/Cargo.toml",
            "lockfiles worker/Cargo.lock",
            "sources Cargo.toml",
            "sources store/api/Cargo.toml",
            "sources store/api/src/lib.rs",
            "sources store/service/Cargo.toml",
            "sources store/service/src/lib.rs",
            "sources worker/src/main.rs",
        ]
    );
    let key = || workspace.key("worker/target");
    let before = key();
    workspace.write("other/src/lib.rs", "// An edit.");
    workspace.write("sci.toml", format!("# A remark.\n{SCI_TOML}"));
    assert_eq!(key(), before);
    workspace.write("store/api/src/lib.rs", "// An edit.");
    assert_ne!(key(), before);
}

#[test]
fn what_its_own_tests_and_patches_need_counts_too() {
    let workspace = workspace();
    let more = "[package]\nname = \"worker\"\nworkspace = \"..\"\n";
    for (kind, counts) in [
        ("[dev-dependencies]\nother = { path = \"../other\" }\n", true),
        ("[build-dependencies]\nother = { path = \"../other\" }\n", true),
        ("[target.'cfg(windows)'.dependencies]\nother = { path = \"../other\" }\n", true),
        ("[patch.crates-io]\nother = { path = \"../other\" }\n", true),
        // From the manifest of the workspace that it says it belongs to.
        ("[dependencies]\nother.workspace = true\n", true),
        ("[dependencies]\nother = \"1\"\n", false),
        // Outside of the workspace nothing is known.
        ("[dependencies]\nother = { path = \"../../other\" }\n", false),
    ] {
        workspace.write("worker/Cargo.toml", format!("{more}{kind}"));
        let files = files_of(&workspace.keyed("worker/target"));
        assert_eq!(files.contains(&"sources other/src/lib.rs".to_owned()), counts, "{kind}");
    }
}

#[test]
fn a_project_that_builds_with_the_one_around_it_counts_with_all_of_it() {
    let workspace = workspace();
    workspace.write("Cargo.toml", "[package]\nname = \"top\"\n[workspace]\nexclude = [\"worker\"]\n");
    workspace.write("src/lib.rs", "");
    workspace.write("worker/Cargo.toml", "[workspace]\n[dependencies]\ntop = { path = \"..\" }\n");
    let files = files_of(&workspace.keyed("worker/target"));
    assert!(files.contains(&"sources src/lib.rs".to_owned()), "{files:?}");
    assert!(!files.iter().any(|file| file.contains("sci.toml")), "{files:?}");
    // Nor where no pattern takes it out.
    workspace.write("sci.toml", SCI_TOML.replace("beside", "sources = [\"**\"]\nbeside"));
    let all = files_of(&workspace.keyed("worker/target"));
    assert!(
        all.contains(&"sources src/lib.rs".to_owned()) && !all.iter().any(|file| file.contains("sci.toml")),
        "{all:?}"
    );
    // Each once, in its own class.
    assert_eq!(files.iter().filter(|file| file.contains("worker/Cargo.toml")).count(), 1);
}

#[test]
fn the_project_at_the_top_counts_as_before() {
    let workspace = workspace();
    let files = files_of(&workspace.keyed("target"));
    assert!(files.contains(&"sources other/src/lib.rs".to_owned()));
    assert!(files.contains(&"sources worker/src/main.rs".to_owned()), "it is not declared to be apart: {files:?}");
}

#[test]
fn what_is_taken_out_of_the_sources_stays_out() {
    let workspace = workspace();
    workspace.write("sci.toml", SCI_TOML.replace("beside", "sources = [\"**\", \"!**/lib.rs\"]\nbeside"));
    assert_eq!(
        files_of(&workspace.keyed("worker/target"))[2..],
        [
            "sources Cargo.toml",
            "sources store/api/Cargo.toml",
            "sources store/service/Cargo.toml",
            "sources worker/src/main.rs"
        ]
    );
}

#[test]
fn manifests_that_build_with_each_other_end() {
    let workspace = workspace();
    workspace.write(
        "store/api/Cargo.toml",
        "[package]\nname = \"api\"\n[dependencies]\nservice = { path = \"../service\" }\n",
    );
    assert!(!workspace.key("worker/target").is_empty());
}

#[test]
fn what_is_copied_into_a_virtual_environment_counts() {
    let pip = |requirements: &str| {
        let workspace = Workspace::new(
            "[path.venv]\npath = \"app/.venv\"\nlockfiles = [{ pattern = \"app/requirements/base.txt\" }]\n\
             [path.each]\npath = \"{app}/env\"\nbeside = \"main.py\"\nlockfiles = [\"requirements/base.txt\"]\n",
        );
        let workspace =
            workspace.files(&[("app/requirements/base.txt", requirements), ("app/main.py", ""), ("app/lib/a.py", "")]);
        let files = files_of(&workspace.keyed("app/env"));
        assert_eq!(files_of(&workspace.keyed("app/.venv")), files, "{requirements}");
        files
    };
    let listed = "lockfiles app/requirements/base.txt";
    assert_eq!(pip("six==1.0\n"), [listed]);
    // Relative to where pip is run.
    assert_eq!(pip("./lib\n"), [listed, "sources app/lib/a.py"]);
    assert_eq!(pip("lib[extra]\n"), [listed], "it is a name");
    assert_eq!(pip(".[dev]\n"), [listed, "sources app/lib/a.py", "sources app/main.py"]);
}
