//! A tree that somebody changed after its restore was killed, and before the next command.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::flow::RECOVERY;
use crate::machine::{Machine, Ran};
use crate::tree::{lay, remove};

/// A machine whose restore was killed past its intent, and in whose tree a file was written then. Nothing was moved yet.
fn changed() -> Machine {
    let machine = Machine::new();
    (RECOVERY.prepare)(&machine);
    (RECOVERY.begin)(&machine);
    std::thread::sleep(Duration::from_millis(60));
    fs::write(machine.out().join("changed"), "theirs").unwrap();
    machine
}

/// Saves, and gives what is told of the path.
#[track_caller]
fn save(machine: &Machine) -> Value {
    let saved = machine.sci(&["save"])["paths"][0].take();
    assert_eq!(saved["outcome"], "saved", "{saved}");
    saved
}

#[test]
fn it_is_left_and_unsettled_until_a_restore_succeeds() {
    let machine = changed();
    let ran = Ran::new(machine.command(&["save"]).output().unwrap());
    assert!(ran.stderr.contains("out changed since its restore was cut off: it is left as it is"), "{ran:?}");
    let saved = ran.result()["paths"][0].take();
    assert_eq!(saved["settled"], false, "{saved}");
    assert!(saved["reason"].as_str().unwrap().contains("cut off") && saved["hint"].is_string(), "{saved}");
    assert_eq!(fs::read_to_string(machine.out().join("changed")).unwrap(), "theirs");
    assert!(machine.left_over().is_empty(), "left behind: {:?}", machine.left_over());

    // A miss leaves it what it is, whatever is built over it.
    remove(&machine.at("store"));
    assert_eq!(machine.sci(&["restore"])["paths"][0]["verdict"], "miss");
    fs::write(machine.out().join("built"), "over it").unwrap();
    assert_eq!(save(&machine)["settled"], false);

    assert_ne!(machine.sci(&["restore"])["paths"][0]["verdict"], "miss");
    fs::write(machine.out().join("built"), "upon what was restored").unwrap();
    assert_eq!(save(&machine)["settled"], true);
}

#[test]
fn a_restore_that_is_killed_as_well_leaves_it_unsettled() {
    let machine = changed();
    let order = "kill:restore.planned:1";
    let killed = machine.command(&["restore"]).env(sci_faults::VARIABLE, order).status().unwrap();
    assert_eq!(killed.code(), None, "the second restore was not killed");
    remove(&machine.at("store"));
    assert_eq!(machine.sci(&["restore"])["paths"][0]["verdict"], "miss");
    fs::write(machine.out().join("built"), "over it").unwrap();
    assert_eq!(save(&machine)["settled"], false);
}

#[test]
fn what_is_built_once_it_is_removed_is_settled() {
    let machine = changed();
    remove(&machine.at("store"));
    assert_eq!(machine.sci(&["restore"])["paths"][0]["verdict"], "miss");
    remove(&machine.out());
    assert_eq!(machine.sci(&["restore"])["paths"][0]["verdict"], "miss");
    lay(&machine.out(), 1);
    assert_eq!(save(&machine)["settled"], true);
}
