//! A restored tree of which the run leaves nothing: the restore was of no use, and the save says so.

use crate::sandbox::{Sandbox, assert_screen};

const CHECK: &str = "check = \"npm\"\n";

/// A path with ten files that a tool is said to install, saved and restored.
fn restored(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("sci.toml", &format!("[path.out]\npath = \"out\"\nlockfiles = [\"lock.txt\"]\n{more}"));
    sandbox.sci("restore").ends_with(0);
    install(&sandbox);
    sandbox.sci("save").ends_with(0);
    sandbox.remove("out");
    sandbox.sci("restore --require").ends_with(0);
    sandbox
}

fn install(sandbox: &Sandbox) {
    (0..10).for_each(|number| sandbox.write(&format!("out/{number}/file"), "installed"));
}

#[test]
fn who_deletes_what_was_restored_is_told() {
    let sandbox = restored(CHECK);
    sandbox.remove("out");
    install(&sandbox);
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    skipped   out  10 files, 90 B: nothing new, [SECONDS]
              nothing changed since it was restored
    ----- stderr -----
    Warning: out: nothing of what was restored is left, so that the restore may have been of no use: as `npm ci` does, which deletes it first; `npm install` changes only what has changed in the lockfile
    ");
    let saved = sandbox.sci("save --json").json();
    assert_eq!(saved["result"]["paths"][0]["warnings"].as_array().map(Vec::len), Some(1), "{saved}");
    // It is said as well where the key is another one.
    sandbox.write("lock.txt", "two 1.0.0\n");
    sandbox.sci("restore").ends_with(0);
    sandbox.remove("out");
    install(&sandbox);
    sandbox.write("out/new", "new");
    let saved = sandbox.sci("save");
    assert!(
        saved.stdout.starts_with("saved") && saved.stderr.contains("out: nothing of what was restored is left"),
        "{saved}"
    );
    // What was saved is no restore.
    sandbox.remove("out");
    install(&sandbox);
    assert_eq!(sandbox.sci("save").stderr, "");
}

#[test]
fn who_changes_most_of_it_is_not() {
    let sandbox = restored(CHECK);
    for number in 1..10 {
        sandbox.remove(&format!("out/{number}"));
    }
    install(&sandbox);
    assert_eq!(sandbox.sci("save").stderr, "");
}

#[test]
fn of_a_few_files_nothing_is_concluded() {
    let sandbox = Sandbox::new();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/one", "1");
    sandbox.sci("save").ends_with(0);
    sandbox.remove("out");
    sandbox.sci("restore --require").ends_with(0);
    sandbox.remove("out");
    sandbox.write("out/one", "1");
    assert_eq!(sandbox.sci("save").stderr, "");
}

#[test]
fn of_what_no_tool_installs_nothing_is_concluded() {
    let sandbox = restored("");
    sandbox.remove("out");
    install(&sandbox);
    assert_eq!(sandbox.sci("save").stderr, "");
}
