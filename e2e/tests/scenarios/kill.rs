//! `kill -9`, twenty times during save and twenty times during restore, at points spread evenly over the changes that each makes on
//! disk. Whatever was killed: the store verifies, the tree is the old one or the new one, and the next command repairs.

use fastrand::Rng;
use sci_e2e::strace::{Point, kill_at, points, spread};
use sci_e2e::{Machine, Tree};

const KILLS: usize = 20;

/// A machine with version `a` saved and on disk.
fn with_a() -> Machine {
    let machine = Machine::new();
    machine.write("sci.toml", "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n");
    machine.write("lock", "a");
    machine.sci(&["restore"]).expect_verdict("out", "miss");
    lay(&machine, 1);
    machine.sci(&["save"]).expect_outcome("out", "saved");
    machine
}

/// A machine with version `a` saved, and version `b` on disk but not saved.
pub(crate) fn about_to_save() -> Before {
    let machine = with_a();
    let old = Tree::read(&machine.path("out"));
    machine.write("lock", "b");
    machine.sci(&["restore"]).expect_verdict("out", "nearest");
    lay(&machine, 2);
    let new = Tree::read(&machine.path("out"));
    Before { machine, old, new }
}

/// A machine with both versions saved, and version `a` on disk although the inputs say `b`.
pub(crate) fn about_to_restore() -> Before {
    let before = about_to_save();
    let machine = &before.machine;
    machine.sci(&["save"]).expect_outcome("out", "saved");
    machine.write("lock", "a");
    machine.sci(&["restore"]).expect_verdict("out", "exact");
    machine.write("lock", "b");
    before
}

/// A machine just before the command that is killed.
pub(crate) struct Before {
    pub(crate) machine: Machine,
    /// Version `a`.
    pub(crate) old: Tree,
    /// Version `b`.
    pub(crate) new: Tree,
}

/// Writes version `version` of the tree: some files stay, some change, some come and some go.
fn lay(machine: &Machine, version: u64) {
    let mut rng = Rng::with_seed(7);
    for index in 0..160u64 {
        let name = format!("out/dir{}/file{index}", index % 13);
        let size = if index % 40 == 0 { rng.usize(1_500_000..3_000_000) } else { rng.usize(0..20_000) };
        let seed = if index % 3 == 0 { index * 10 + version } else { index };
        if index % 10 == version {
            if machine.path(&name).exists() {
                machine.remove(&name);
            }
        } else if index % 3 == 0 || !machine.path(&name).exists() {
            let mut content = vec![0; size];
            Rng::with_seed(seed).fill(&mut content);
            machine.write(&name, content);
        }
    }
}

/// Prepares a machine and kills `sci ARGS` on it at `point`, or as near before it as this run comes.
fn killed(prepare: fn() -> Before, point: &Point, args: &[&str]) -> Before {
    let mut point = point.clone();
    loop {
        let before = prepare();
        if kill_at(&before.machine, &point, args) {
            return before;
        }
        assert!(point.nth > 1, "no thread ever calls {}", point.call);
        point.nth = point.nth * 3 / 4;
    }
}

/// What lies in the workspace, by name.
pub(crate) fn names(machine: &Machine) -> Vec<String> {
    let entries = std::fs::read_dir(machine.workspace()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_killed_save_leaves_a_store_that_verifies_and_a_tree_that_saves() {
    let all = points(&about_to_save().machine, &["save"]);
    for point in spread(&all, KILLS) {
        println!("{point:?}");
        let Before { machine, new, .. } = killed(about_to_save, &point, &["save"]);
        machine.sci(&["verify", "--read-data"]);
        machine.sci(&["save"]);
        new.assert_same(&Tree::read(&machine.path("out")));
        machine.remove("out");
        machine.sci(&["restore"]).expect_verdict("out", "exact");
        new.assert_same(&Tree::read(&machine.path("out")));
        machine.sci(&["verify", "--read-data"]);
    }
}

#[test]
fn a_killed_restore_leaves_the_old_tree_or_the_new_one() {
    let all = points(&about_to_restore().machine, &["restore"]);
    let (mut olds, mut news) = (0, 0);
    for point in spread(&all, KILLS) {
        println!("{point:?}");
        let Before { machine, old, new } = killed(about_to_restore, &point, &["restore"]);
        // Any command repairs first.
        machine.sci(&["ls"]);
        let tree = Tree::read(&machine.path("out"));
        if tree == new {
            news += 1;
        } else {
            old.assert_same(&tree);
            olds += 1;
        }
        assert_eq!(names(&machine), ["lock", "out", "sci.toml"], "{point:?}: something was left behind");
        machine.sci(&["restore"]).expect_verdict("out", "exact");
        new.assert_same(&Tree::read(&machine.path("out")));
        machine.sci(&["verify", "--read-data"]);
    }
    println!("{olds} times the old tree, {news} times the new one");
    assert!(olds > 0 && news > 0, "every kill fell on the same side: {olds} old, {news} new");
}
