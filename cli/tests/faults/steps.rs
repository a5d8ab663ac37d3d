//! The program is killed at each labelled step: where a step is passed often, the first, a middle and the last time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;

use sci_faults::Step;

use crate::flow::{FIRST_RESTORE, FIRST_SAVE, FLOWS, Flow, GC, NEXT_RESTORE, NEXT_SAVE, RECOVERY, Ready};

/// How often each step is passed.
fn passed(ready: &Ready) -> BTreeMap<String, usize> {
    let notes = ready.machine.at("notes");
    let output = ready.command().env(sci_faults::VARIABLE, format!("note:{}", notes.display())).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut counts = BTreeMap::new();
    for label in fs::read_to_string(notes).unwrap().lines() {
        *counts.entry(label.to_owned()).or_default() += 1;
    }
    counts
}

fn kill_at_every_step(flow: &'static Flow) {
    let ready = flow.ready();
    let mut kills = 0;
    for (label, count) in passed(&ready) {
        for nth in BTreeSet::from([1, count.div_ceil(2), count]) {
            println!("{}: killed at {label}, time {nth} of {count}", flow.name);
            let order = format!("kill:{label}:{nth}");
            let output = ready.command().env(sci_faults::VARIABLE, order).output().unwrap();
            // Threads share work differently each time, so a step may be passed once less; and nobody but a commit waits for
            // the one that syncs objects.
            let may_be_missed = nth > 1 || label == Step::ObjectSynced.label();
            assert!(output.status.signal() == Some(9) || may_be_missed && output.status.success(), "{output:?}");
            ready.check();
            kills += 1;
        }
    }
    println!("{}: killed {kills} times", flow.name);
}

#[test]
fn every_step_is_passed_by_some_flow() {
    let labels: BTreeSet<String> = FLOWS.iter().flat_map(|flow| passed(&flow.ready()).into_keys()).collect();
    let unknown: Vec<&str> =
        Step::ALL.iter().map(|step| step.label()).filter(|label| !labels.contains(*label)).collect();
    assert!(unknown.is_empty(), "no flow passes {unknown:?}: nothing shows what a kill there leaves behind");
}

#[test]
fn the_first_save_may_be_killed_at_every_step() {
    kill_at_every_step(&FIRST_SAVE);
}

#[test]
fn the_next_save_may_be_killed_at_every_step() {
    kill_at_every_step(&NEXT_SAVE);
}

#[test]
fn the_first_restore_may_be_killed_at_every_step() {
    kill_at_every_step(&FIRST_RESTORE);
}

#[test]
fn the_next_restore_may_be_killed_at_every_step() {
    kill_at_every_step(&NEXT_RESTORE);
}

#[test]
fn the_recovery_may_be_killed_at_every_step() {
    kill_at_every_step(&RECOVERY);
}

#[test]
fn gc_may_be_killed_at_every_step() {
    kill_at_every_step(&GC);
}
