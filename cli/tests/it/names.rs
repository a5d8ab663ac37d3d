//! Paths as people type them, right and wrong.

use crate::sandbox::{Sandbox, assert_screen};

/// A workspace with a path in the home directory and one of two instances, of which one is called as the path is.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty();
    sandbox.write(
        "sci.toml",
        "[path.modules]\npath = \"**/modules\"\nlockfiles = [\"lock.txt\"]\n\n\
         [path.registry]\npath = \"~/.tool/registry\"\nlockfiles = [\"lock.txt\"]\n",
    );
    sandbox.write("lock.txt", "one 1.0.0\n");
    sandbox.write("web/lock.txt", "one 1.0.0\n");
    sandbox
}

fn planned(sandbox: &Sandbox, words: &str) -> Vec<String> {
    let document = sandbox.sci(&format!("plan --json {words}")).ends_with(0).json();
    let paths = document["result"]["paths"].as_array().unwrap();
    paths.iter().map(|path| path["instance"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_instance_is_selected_by_its_place() {
    let sandbox = workspace();
    assert_eq!(planned(&sandbox, "modules"), ["modules", "web/modules"]);
    assert_eq!(planned(&sandbox, "./modules"), ["modules"]);
    assert_eq!(planned(&sandbox, "web/modules/"), ["web/modules"]);
    let root = sandbox.root().canonicalize().unwrap();
    assert_eq!(planned(&sandbox, root.join("modules").to_str().unwrap()), ["modules"]);
    // As a shell that replaces `~` says it.
    let home = sandbox.beside("home/.tool/registry");
    assert_eq!(planned(&sandbox, home.to_str().unwrap()), ["~/.tool/registry"]);
    let inside = sandbox.sci_in(&sandbox.path("web"), &["restore", "./modules", "--json"]).ends_with(0).json();
    assert_eq!(inside["result"]["paths"][0]["instance"], "web/modules");
    assert_eq!(inside["result"]["paths"].as_array().unwrap().len(), 1);
    let explained = sandbox.sci("explain ./web/modules --json").ends_with(0).json();
    assert_eq!(explained["result"]["paths"].as_array().unwrap().len(), 1, "{explained}");
}

#[cfg(unix)]
#[test]
fn a_place_is_found_through_links_and_a_path_that_is_one_is_meant_itself() {
    use std::os::unix::fs::symlink;
    let mut sandbox = workspace();
    symlink("ws", sandbox.beside("link")).unwrap();
    symlink("home", sandbox.beside("house")).unwrap();
    let at = |sandbox: &Sandbox, place: &str| planned(sandbox, sandbox.beside(place).to_str().unwrap());
    assert_eq!(at(&sandbox, "link/modules"), ["modules"]);
    assert_eq!(at(&sandbox, "house/.tool/registry"), ["~/.tool/registry"]);
    sandbox.set("HOME", sandbox.beside("house"));
    assert_eq!(at(&sandbox, "home/.tool/registry"), ["~/.tool/registry"]);
    sandbox.write("elsewhere/a", "1");
    symlink("../elsewhere", sandbox.path("web/modules")).unwrap();
    assert_eq!(planned(&sandbox, "./web/modules"), ["web/modules"]);
}

#[test]
fn a_misspelt_path_is_told_which_one_is_near() {
    let sandbox = workspace();
    sandbox.write("modules/a", "1");
    sandbox.write("web/modules/a", "2");
    sandbox.sci("save").ends_with(0);
    for command in ["plan", "restore", "save", "explain", "show", "verify", "forget", "ls"] {
        for (typed, meant) in [
            ("moduls", "modules"),
            ("web/moduls", "web/modules"),
            ("./web/module", "web/modules"),
            ("~/.tool/registri", "~/.tool/registry"),
        ] {
            let saved = !["show", "verify", "forget", "ls"].contains(&command);
            if meant.starts_with('~') && !saved {
                continue;
            }
            let ran = sandbox.sci(&format!("{command} {typed}"));
            assert_eq!(ran.code, Some(if command == "ls" { 0 } else { 4 }), "{command} {typed}: {ran}");
            assert!(format!("{ran}").contains(&format!("did you mean `{meant}`?")), "{command} {typed}: {ran}");
        }
    }
    assert_screen!(sandbox.sci("restore moduls"), @r#"
    exit code: 4
    ----- stderr -----
    Error: sci.toml declares no path called "moduls"
    Hint: did you mean `modules`?
    "#);
    let preset = sandbox.sci("presets pnmp").ends_with(4);
    assert!(preset.stderr.contains("Hint: did you mean `pnpm`?"), "{preset}");
}

#[test]
fn an_instance_that_is_called_as_its_path_means_that_one() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.modules]\npath = \"**/modules\"\nlockfiles = [\"lock.txt\"]\n");
    for directory in ["", "web/"] {
        sandbox.write(&format!("{directory}lock.txt"), "one 1.0.0\n");
        sandbox.write(&format!("{directory}modules/in"), if directory.is_empty() { "the root\n" } else { "the web\n" });
    }
    sandbox.sci("restore").ends_with(0);
    // One after the other, so that the root's is not the newest.
    for instance in ["./modules", "web/modules"] {
        sandbox.sci(&format!("save {instance}")).ends_with(0);
    }
    let shown = sandbox.sci("show modules --json").ends_with(0).json();
    assert_eq!(shown["result"]["summary"]["instance"], "modules");
    let forgot = sandbox.sci("forget modules").ends_with(0).stdout;
    assert!(forgot.ends_with(" of modules\n"), "{forgot}");
    // It has gone, and the name stands for what is left.
    let forgot = sandbox.sci("forget modules").ends_with(0).stdout;
    assert!(forgot.ends_with(" of web/modules\n"), "{forgot}");
}
