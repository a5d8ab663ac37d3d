//! Ctrl-C, at points spread evenly over the changes that a save and a restore make on disk: what is said afterwards is true,
//! and nothing is half done.

use sci_e2e::strace::{points, signal_at, spread};
use sci_e2e::{Ran, Tree};

use crate::kill::{Before, about_to_restore, about_to_save, names};

const POINTS: usize = 20;

/// How a command took its interrupt.
#[derive(Debug, PartialEq)]
enum Took {
    /// It was given up, and said so.
    GivenUp,
    /// It was completed, and said so.
    Completed,
    /// It ended at once, since nothing was under way; or it was done already.
    Otherwise,
}

fn took(ran: &Ran, given_up: &str, completed: &str) -> Took {
    match ran.code {
        Some(130) if ran.stderr.contains(given_up) => Took::GivenUp,
        Some(130) if ran.stderr.contains(completed) => Took::Completed,
        // By the signal itself, or not at all.
        None | Some(0) => Took::Otherwise,
        _ => panic!("{ran}"),
    }
}

#[test]
fn an_interrupted_restore_says_which_tree_stands() {
    let all = points(&about_to_restore().machine, &["restore"]);
    let (mut given_up, mut completed) = (0, 0);
    for point in spread(&all, POINTS) {
        let Before { machine, old, new } = about_to_restore();
        let ran = signal_at(&machine, &point, "INT", &["restore"]);
        let took = took(&ran, "interrupted: nothing was changed\n", "interrupted: out was restored");
        println!("{point:?}: {took:?}");
        if took != Took::Otherwise {
            assert_eq!(names(&machine), ["lock", "out", "sci.toml"], "{point:?}: something was left behind");
        }
        let tree = Tree::read(&machine.path("out"));
        match took {
            Took::GivenUp => {
                old.assert_same(&tree);
                given_up += 1;
            }
            Took::Completed => {
                new.assert_same(&tree);
                completed += 1;
            }
            Took::Otherwise => assert!(tree == old || tree == new, "{point:?}"),
        }
        machine.sci(&["restore"]).expect_verdict("out", "exact");
        new.assert_same(&Tree::read(&machine.path("out")));
    }
    println!("{given_up} times given up, {completed} times completed");
    assert!(given_up > 0 && completed > 0, "{given_up} times given up, {completed} times completed");
}

#[test]
fn an_interrupted_save_says_whether_it_saved() {
    let all = points(&about_to_save().machine, &["save"]);
    let mut given_up = 0;
    for point in spread(&all, POINTS) {
        let Before { machine, new, .. } = about_to_save();
        let snapshots = |of: &str| machine.sci(&["ls"]).result()[of].as_array().map_or(0, Vec::len);
        let before = snapshots("snapshots");
        let ran = signal_at(&machine, &point, "INT", &["save"]);
        let took = took(&ran, "interrupted: nothing was saved; ", "interrupted: out was saved; ");
        println!("{point:?}: {took:?}");
        let after = snapshots("snapshots");
        match took {
            Took::GivenUp => {
                assert_eq!(after, before, "{point:?}");
                given_up += 1;
            }
            Took::Completed => assert_eq!(after, before + 1, "{point:?}"),
            Took::Otherwise => {}
        }
        machine.sci(&["verify", "--read-data"]);
        new.assert_same(&Tree::read(&machine.path("out")));
        machine.sci(&["save"]);
        machine.remove("out");
        machine.sci(&["restore"]).expect_verdict("out", "exact");
        new.assert_same(&Tree::read(&machine.path("out")));
    }
    assert!(given_up > 0, "it was never given up");
}
