//! Collection: what it forgets, what it leaves for now, and what it says of that.

use crate::sandbox::{Sandbox, assert_screen};
use crate::store::{ids, two};

#[test]
fn gc_forgets_by_policy_and_keeps_what_is_needed() {
    let sandbox = two();
    assert_screen!(sandbox.sci("gc --keep 1 --dry-run"), @r"
    exit code: 0
    ----- stdout -----
    would forget 1 snapshot
    would delete 0 objects, 0 B
    kept until [TIME], when their grace begins: 2 objects, [SIZE] of forgotten snapshots, for runs that were given them
    Hint: `sci gc` after that begins it
    ");
    assert_eq!(ids(&sandbox).len(), 2);
    // A run was given the forgotten one within the last 24 hours.
    let done = sandbox.sci("gc --keep 1 --json").ends_with(0).json();
    let done = &done["result"]["done"];
    assert_eq!((done["leased"]["objects"].as_u64(), done["waiting"]["objects"].as_u64()), (Some(2), Some(0)), "{done}");
    assert_eq!(ids(&sandbox).len(), 1);
    sandbox.sci("verify --read-data").ends_with(0);
    assert_screen!(sandbox.sci("gc --grace 1s"), @r"
    exit code: 2
    ----- stderr -----
    Error: --grace is below 24h
    Hint: objects of a save that is still running look unused; --unsafe-grace allows it all the same
    ");
    sandbox.sci("gc --grace 0s --unsafe-grace").ends_with(0);
    sandbox.sci("verify --read-data").ends_with(0);
}

#[test]
fn gc_says_what_it_leaves_for_now_and_until_when() {
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; echo one > out/a").ends_with(0);
    sandbox.sci("forget out").ends_with(0);
    assert_screen!(sandbox.sci("gc"), @r"
    exit code: 0
    ----- stdout -----
    forgot 0 snapshots
    deleted 0 objects, 0 B
    kept until [TIME], when their grace is over: 2 objects, [SIZE] that nothing needs
    Hint: `sci gc` after that deletes them; while nothing else uses the store, --grace 0s --unsafe-grace need not wait
    ");
    let report = sandbox.sci("gc --json").ends_with(0).json();
    let (before, plan) = (&report["result"]["done"]["waiting"], &report["result"]["plan"]["waiting"]);
    assert_eq!((before, before["objects"].as_u64()), (plan, Some(2)), "{report}");
    let deleted = sandbox.sci("gc --grace 0s --unsafe-grace").ends_with(0);
    assert!(deleted.stdout.contains("deleted 2 objects") && !deleted.stdout.contains("kept until"), "{deleted}");
}
