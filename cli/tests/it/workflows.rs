//! `sci init --workflow`. What it writes is in files, for `cargo xtask action` has GitHub's own parser read them.

use crate::sandbox::{Sandbox, assert_screen};

/// A command to git, in a repository that is made for it.
fn git(sandbox: &Sandbox, words: &[&str]) {
    for words in [&["init", "--quiet"], words] {
        assert!(sandbox.program("git").args(words).status().unwrap().success(), "{words:?}");
    }
}

#[test]
fn init_writes_a_workflow_once_and_leaves_it_to_the_person() {
    let sandbox = Sandbox::empty();
    git(&sandbox, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk"]);
    for file in ["package.json", "pnpm-lock.yaml", "next.config.mjs", "tools/Cargo.toml"] {
        sandbox.write(file, "");
    }
    let file = ".github/workflows/sci.yml";
    assert_screen!(sandbox.sci("init --workflow"), @r"
    exit code: 0
    ----- stdout -----
    cargo        Rust: Cargo's build directory and its registry cache (tools/Cargo.toml)
    pnpm         Node.js: node_modules as pnpm installs it, in every package of the workspace (pnpm-lock.yaml)
    next         Next.js: the compiler's cache (next.config.mjs)
    wrote [TOP]/ws/sci.toml
    wrote [TOP]/ws/.github/workflows/sci.yml
    ");
    assert_eq!(sandbox.read(file), include_str!("workflows/trunk.yml"));
    let written = (sandbox.read("sci.toml"), sandbox.read(file));
    let again = sandbox.sci("init --workflow --json").ends_with(0).json();
    assert_eq!((&again["result"]["written"], &again["result"]["workflow"]["written"]), (&false.into(), &false.into()));
    assert_eq!((sandbox.read("sci.toml"), sandbox.read(file)), written);

    // What a person wrote stays, of either file.
    sandbox.write("sci.toml", "presets = [\"pnpm\"]\n");
    sandbox.write(file, "name: mine\n");
    let ran = sandbox.sci("init --workflow --force").ends_with(0);
    assert!(ran.stdout.contains("sci.yml is there already"), "{ran}");
    assert_eq!(sandbox.read(file), "name: mine\n");
    sandbox.write("sci.toml", "presets = [\"pnpm\"]\n");
    let ran = sandbox.sci("init --workflow").ends_with(0);
    assert!(ran.stdout.contains("sci.toml is there already"), "{ran}");
    assert_eq!(sandbox.read("sci.toml"), "presets = [\"pnpm\"]\n");
}

#[test]
fn init_points_a_workflow_at_a_workspace_below_the_repository() {
    let sandbox = Sandbox::empty();
    git(&sandbox, &["symbolic-ref", "HEAD", "refs/heads/main"]);
    sandbox.write("my app/go.mod", "module example.org/app\n");
    sandbox.write("my app/web/bun.lock", "{}");
    sandbox.write("my app/web/package.json", "{}");
    sandbox.sci_in(&sandbox.root().join("my app"), &["init", "--workflow"]).ends_with(0);
    let written = sandbox.read(".github/workflows/sci-my app.yml");
    assert_eq!(written, include_str!("workflows/below.yml"));
}

#[test]
fn init_writes_the_lines_of_presets_into_a_workflow_as_they_are() {
    let sandbox = Sandbox::empty();
    let known = sandbox.sci("presets --json").ends_with(0).json();
    for preset in known["result"]["presets"].as_array().unwrap() {
        let Some(lines) = preset["workflow"].as_object() else { continue };
        for line in lines.values().map(|line| line.as_str().unwrap()) {
            let is_plain = line.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '.');
            assert!(is_plain && ![": ", " #", "${{"].iter().any(|mark| line.contains(mark)), "{line}");
        }
        let (sign, directory) = (&preset["detect"][0], preset["name"].as_str().unwrap());
        let file = sign.as_str().or(sign["file"].as_str()).unwrap();
        sandbox.write(&format!("{directory}/{file}"), sign["contains"].as_str().unwrap_or_default());
        sandbox.write(&format!("{directory}/package.json"), "{}");
    }
    // One of each kind: of those that fill the same path, the first.
    sandbox.sci("init --workflow").ends_with(0);
    assert_eq!(sandbox.read(".github/workflows/sci.yml"), include_str!("workflows/every.yml"));
}
