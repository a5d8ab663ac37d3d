//! Workspaces that share a store, and saves that meet.

use std::process::{Child, Stdio};

use sci_e2e::machine::sci;
use sci_e2e::{Machine, Tree};

const DECLARATION: &str = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";

/// Two directories of one machine, alike in every input.
fn twins() -> Machine {
    let machine = Machine::new();
    for name in ["a", "b"] {
        machine.write(&format!("{name}/sci.toml"), DECLARATION);
        machine.write(&format!("{name}/lock"), "1");
    }
    machine
}

fn snapshots(machine: &Machine, args: &[&str]) -> usize {
    let listed = machine.sci(&[args, &["ls"]].concat());
    listed.result()["snapshots"].as_array().map(Vec::len).unwrap_or_else(|| panic!("no list\n{listed}"))
}

#[test]
fn two_workspaces_do_not_see_each_others_state() {
    let machine = twins();
    machine.sci(&["-C", "a", "restore"]).expect_verdict("out", "miss");
    machine.write("a/out/file", "of a");
    machine.sci(&["-C", "a", "save"]).expect_outcome("out", "saved");

    let other = machine.sci(&["-C", "b", "restore"]).expect_verdict("out", "miss");
    assert!(!machine.path("b/out").exists(), "{other}");
    assert_eq!((snapshots(&machine, &["-C", "a"]), snapshots(&machine, &["-C", "b"])), (1, 0));
    machine.write("b/out/file", "of b");
    machine.sci(&["-C", "b", "save"]).expect_outcome("out", "saved");
    machine.remove("a/out");
    machine.sci(&["-C", "a", "restore"]).expect_verdict("out", "exact");
    assert_eq!(std::fs::read_to_string(machine.path("a/out/file")).unwrap(), "of a");
}

#[test]
fn two_saves_of_one_key_at_once_converge() {
    let machine = twins();
    let shared = ["--project", "shared"];
    for round in 0..8 {
        for name in ["a", "b"] {
            machine.write(&format!("{name}/lock"), format!("round {round}"));
            machine.sci(&[&shared[..], &["-C", name, "restore"]].concat());
        }
        machine.write("a/out/file", format!("content {round}").repeat(1000));
        machine.write("a/out/large", vec![round as u8; 5_000_000]);
        if machine.path("b/out").exists() {
            machine.remove("b/out");
        }
        sci_e2e::disturb::copy_tree(&machine.path("a/out"), &machine.path("b/out"));
        let tree = Tree::read(&machine.path("a/out"));
        let saves = ["a", "b"].map(|name| start_save(&machine, name));
        for save in saves {
            let output = save.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(snapshots(&machine, &[&shared[..], &["-C", "a"]].concat()), round + 1);
        machine.remove("b/out");
        machine.sci(&[&shared[..], &["-C", "b", "restore"]].concat()).expect_verdict("out", "exact");
        tree.assert_same(&Tree::read(&machine.path("b/out")));
    }
    machine.sci(&[&shared[..], &["-C", "a", "verify", "--read-data"]].concat());
}

fn start_save(machine: &Machine, name: &str) -> Child {
    let mut command = machine.command(sci());
    command.args(["--json", "--require", "--project", "shared", "-C", name, "save"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
