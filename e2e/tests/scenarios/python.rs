//! uv, Poetry and pip: an environment comes back, works, and its tool finds nothing to do; in another place it is not used.

use std::fs;

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Manager, Tree};

/// A project with two packages, one of which is compiled, and one with a program.
const PROJECT: &str = r#"
[project]
name = "small"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["idna==3.10", "markupsafe==3.0.2", "tabulate==0.9.0"]
"#;

/// Removes the environment, all caches and sci's own state.
fn fresh(machine: &Machine) {
    machine.remove(".venv");
    for dir in [machine.home().join(".cache"), machine.dir().join("state")] {
        if dir.exists() {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

/// Runs what the environment holds: a compiled module, and a program that begins with the path of its interpreter.
fn works(machine: &Machine) {
    let script = "import idna, markupsafe._speedups; print(idna.__version__)";
    assert_eq!(machine.run(".venv/bin/python", &["-c", script]).success().stdout, "3.10\n");
    machine.run(".venv/bin/tabulate", &["--help"]).success();
}

/// Restores after an upgrade of idna, and checks what is said of it.
fn explains(machine: &Machine, verdict: &str) {
    machine.sci(&["restore"]).expect_verdict(".venv", verdict);
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["idna", "3.10", "3.11"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("3.0.2"), "explain names a package that did not change:\n{explained}");
}

#[test]
fn uv_finds_nothing_to_do() {
    let machine = Manager::Uv.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.write("pyproject.toml", PROJECT);
    machine.run("uv", &["lock"]).success();
    machine.sci(&["init"]);
    machine.sci(&["restore"]).expect_verdict(".venv", "miss");
    machine.run("uv", &["sync", "--locked"]).success();
    let before = Tree::read(&machine.path(".venv"));
    machine.sci(&["save"]).expect_outcome(".venv", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict(".venv", "exact");
    before.assert_same(&Tree::read(&machine.path(".venv")));
    let check = machine.run("uv", &["sync", "--locked", "--offline", "--check"]).success();
    assert!(check.stderr.contains("Would make no changes"), "{check}");
    works(&machine);

    machine.edit("pyproject.toml", "idna==3.10", "idna==3.11");
    machine.run("uv", &["lock"]).success();
    explains(&machine, "nearest");
    let sync = machine.run("uv", &["sync", "--locked"]).success();
    assert!(sync.stderr.contains("+ idna==3.11") && !sync.stderr.contains("markupsafe"), "{sync}");
    machine.sci(&["save"]).expect_outcome(".venv", "saved");
    machine.sci(&["restore"]).expect_verdict(".venv", "exact");
}

#[test]
fn an_environment_is_not_used_in_another_place() {
    let machine = Manager::Uv.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.write("pyproject.toml", PROJECT);
    machine.write("sci.toml", "presets = [\"uv\"]\n[store]\nproject = \"small\"\n");
    machine.run("uv", &["lock"]).success();
    machine.sci(&["restore"]);
    machine.run("uv", &["sync", "--locked"]).success();
    machine.sci(&["save"]).expect_outcome(".venv", "saved");

    let moved = machine.dir().join("moved");
    machine.remove(".venv");
    fs::rename(machine.workspace(), &moved).unwrap();
    let mut sci = machine.command(sci_e2e::machine::sci());
    let restored = finish(sci.current_dir(&moved).args(["--json", "restore"])).success();
    assert_eq!(restored.verdict(".venv"), "miss", "{restored}");
}

/// The same project, from wheels that pip downloads: of an index, Poetry wants more than pip and uv do.
fn poetry_project(machine: &Machine) {
    let wheels = machine.dir().join("wheels");
    for versions in [&["idna==3.10", "markupsafe==3.0.2", "tabulate==0.9.0"][..], &["idna==3.11"]] {
        let mut pip = machine.command("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest"]);
        finish(pip.arg(&wheels).args(versions)).success();
    }
    let mut names: Vec<_> =
        fs::read_dir(&wheels).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let mut project = PROJECT.to_owned();
    for (locked, wheel) in
        [("idna==3.10", "idna-3.10"), ("markupsafe==3.0.2", "markupsafe-3.0.2"), ("tabulate==0.9.0", "tabulate-0.9.0")]
    {
        let file = names.iter().find(|name| name.to_lowercase().starts_with(wheel)).unwrap();
        let name = locked.split('=').next().unwrap();
        project = project.replace(locked, &format!("{name} @ file://{}", wheels.join(file).display()));
    }
    machine.write("pyproject.toml", format!("{project}\n[tool.poetry]\npackage-mode = false\n"));
}

#[test]
fn poetry_finds_nothing_to_do() {
    let mut machine = Manager::Poetry.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.set("POETRY_VIRTUALENVS_IN_PROJECT", "true");
    // Its threads look for what they installed in a listing that is cached by the directory's mtime: now and then one
    // misses its package, leaves out the note of where it came from, and every later `poetry sync` wants it again.
    machine.set("POETRY_INSTALLER_PARALLEL", "false");
    poetry_project(&machine);
    machine.run("poetry", &["lock", "--no-interaction"]).success();
    machine.sci(&["init"]);
    machine.sci(&["restore"]).expect_verdict(".venv", "miss");
    machine.run("poetry", &["install", "--no-interaction"]).success();
    let before = Tree::read(&machine.path(".venv"));
    machine.sci(&["save"]).expect_outcome(".venv", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict(".venv", "exact");
    before.assert_same(&Tree::read(&machine.path(".venv")));
    let sync = machine.run("poetry", &["sync", "--no-interaction", "--dry-run"]).success();
    assert!(sync.stdout.contains("0 installs, 0 updates, 0 removals"), "{sync}");
    works(&machine);

    machine.edit("pyproject.toml", "idna-3.10-", "idna-3.11-");
    machine.run("poetry", &["lock", "--no-interaction"]).success();
    // What is no longer locked would stay in an older environment.
    explains(&machine, "miss");
}

#[test]
fn pip_finds_nothing_to_do() {
    let machine = Machine::new();
    machine.write("requirements.txt", "idna==3.10\nmarkupsafe==3.0.2  # compiled\ntabulate==0.9.0\n");
    machine.sci(&["init"]);
    machine.sci(&["restore"]).expect_verdict(".venv", "miss");
    machine.run("python3", &["-m", "venv", ".venv"]).success();
    let install = ["-m", "pip", "install", "--disable-pip-version-check", "--requirement", "requirements.txt"];
    machine.run(".venv/bin/python", &install).success();
    let before = Tree::read(&machine.path(".venv"));
    machine.sci(&["save"]).expect_outcome(".venv", "saved");

    fresh(&machine);
    machine.sci(&["restore"]).expect_verdict(".venv", "exact");
    before.assert_same(&Tree::read(&machine.path(".venv")));
    let again = machine.run(".venv/bin/python", &[&install[..], &["--no-index"]].concat()).success();
    assert_eq!(again.stdout.matches("Requirement already satisfied").count(), 3, "{again}");
    assert!(!again.stdout.contains("Installing"), "{again}");
    works(&machine);

    machine.edit("requirements.txt", "idna==3.10", "idna==3.11");
    explains(&machine, "miss");
}
