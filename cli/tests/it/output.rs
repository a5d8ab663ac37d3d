//! How much is printed, and in which colours: quiet, and terminals.

use crate::sandbox::{Ran, Sandbox};

#[test]
fn quiet_leaves_results_warnings_and_errors() {
    let mut sandbox = Sandbox::new();
    sandbox.sci("repo add 1001 --owner 77").ends_with(0);
    let make = |sandbox: &Sandbox, flag: &str| {
        let made = sandbox.sci(&format!("token create --repository 1001 {flag}")).ends_with(0);
        assert!(made.stdout.starts_with("sci_token."), "{made}");
        made.stderr
    };
    assert!(make(&sandbox, "").contains("It is not shown again"));
    assert_eq!([make(&sandbox, "-q"), make(&sandbox, "--quiet")], ["", ""]);
    sandbox.set("SCI_QUIET", "1");
    assert_eq!(make(&sandbox, ""), "");
    sandbox.write("sci.toml", "presets = []\n");
    let ran = sandbox.sci("restore nothing").ends_with(4);
    assert!(ran.stderr.starts_with("Warning: [TOP]/ws/sci.toml declares no path"), "{ran}");
    assert!(ran.stderr.contains("\nError: sci.toml declares no path called \"nothing\"\nHint: "), "{ran}");
}

#[test]
fn no_colour_is_asked_for() {
    let sandbox = Sandbox::empty();
    let is_coloured = |ran: &Ran| [&ran.stdout, &ran.stderr].map(|text| text.contains('\u{1b}'));
    for (flag, coloured) in [("", false), ("--color auto", false), ("--color never", false), ("--color always", true)] {
        let ran = sandbox.sci(&format!("presets {flag}")).ends_with(0);
        assert_eq!(is_coloured(&ran), [coloured, false], "{flag}: {ran}");
        let ran = sandbox.sci(&format!("plan {flag}")).ends_with(2);
        assert_eq!(is_coloured(&ran), [false, coloured], "{flag}: {ran}");
    }
}

#[cfg(unix)]
#[test]
fn names_from_outside_do_not_reach_a_terminal_as_they_are() {
    let sandbox = Sandbox::empty();
    sandbox.write("sci.toml", "[path.modules]\npath = \"**/modules\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("web\u{1b}[31m/lock.txt", "one 1.0.0\n");
    let restored = sandbox.sci("restore").ends_with(0);
    assert!(restored.stdout.starts_with("miss      web\\u{1b}[31m/modules\n"), "{restored}");
    std::os::unix::fs::symlink("no\u{1b}[2Jwhere", sandbox.path("web\u{1b}[31m/modules")).unwrap();
    let saved = sandbox.sci("save").ends_with(0);
    assert!(saved.stdout.contains("is a symbolic link to no\\u{1b}[2Jwhere\n"), "{saved}");
    for ran in [restored, saved, sandbox.sci("plan"), sandbox.sci("doctor"), sandbox.sci("explain")] {
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "{ran}");
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_saved_of_a_tree_is_warned_of_in_the_document_too() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("out")).unwrap();
    assert!(sandbox.program("mkfifo").arg("out/pipe").status().unwrap().success());
    let said = "out/pipe is a socket, FIFO or device: not saved";
    let ran = sandbox.sci("save --json").ends_with(0);
    assert_eq!(ran.stderr, format!("Warning: {said}\n"));
    let document = ran.json();
    assert_eq!(
        (&document["warnings"][0], &document["result"]["paths"][0]["warnings"][0]),
        (&said.into(), &said.into())
    );
}

/// What a command writes on a terminal, which stderr is, and stdout too unless it is a pipe.
#[cfg(target_os = "linux")]
fn on_a_terminal(sandbox: &Sandbox, words: &[&str], variable: (&str, &str), piped: bool) -> String {
    use std::io::Read as _;
    use std::process::Stdio;
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let plain = sandbox.command(words);
    let mut command = pty_process::blocking::Command::new(plain.get_program()).args(words).env_clear();
    for (name, value) in plain.get_envs() {
        command = command.env(name, value.unwrap());
    }
    command = command.current_dir(sandbox.root()).env(variable.0, variable.1);
    if piped {
        command = command.stdout(Stdio::piped());
    }
    let mut child = command.spawn(pts).unwrap();
    let mut written = Vec::new();
    // That nobody has the other end any more is an error here.
    let _ = (&pty).read_to_end(&mut written);
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_end(&mut written).unwrap();
    }
    child.wait().unwrap();
    String::from_utf8(written).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_gets_colours_unless_it_asks_for_none() {
    let sandbox = Sandbox::empty();
    let is_coloured = |words: &[&str], variable: (&str, &str), piped: bool| {
        let written = on_a_terminal(&sandbox, words, variable, piped);
        assert!(written.contains("Rust") || written.contains("Error"), "{written:?}");
        written.contains('\u{1b}')
    };
    let presets = |variable: (&str, &str)| is_coloured(&["presets"], variable, false);
    let variables = [("NO_COLOR", ""), ("TERM", "xterm"), ("NO_COLOR", "1"), ("TERM", "dumb")];
    assert_eq!(variables.map(presets), [true, true, false, false]);
    // Each stream goes by what it is itself.
    assert!(!is_coloured(&["presets"], ("TERM", "xterm"), true));
    assert!(is_coloured(&["presets", "bazel"], ("TERM", "xterm"), true));
}
