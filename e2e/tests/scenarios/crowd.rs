//! Many machines that use one backend at the same time.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;
use std::thread;

use sci_e2e::disturb::copy_tree;
use sci_e2e::server::{Server, run};
use sci_e2e::{Backend, Machine, Tree, Worker};

const DECLARATION: &str = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";
/// Machines that each save something of their own.
const MACHINES: usize = 20;
/// How often each of them does.
const ROUNDS: usize = 3;
/// Machines that save the same.
const TWINS: usize = 10;

#[test]
fn twenty_machines_at_once_get_from_sci_serve_what_they_saved() {
    get_what_they_saved(&Server::start());
}

#[test]
fn twenty_machines_at_once_get_from_the_worker_what_they_saved() {
    get_what_they_saved(&Worker::start());
}

#[test]
fn ten_saves_of_one_key_converge_in_sci_serve() {
    converge(&Server::start());
}

#[test]
fn ten_saves_of_one_key_converge_in_the_worker() {
    converge(&Worker::start());
}

fn machines(backend: &impl Backend, count: usize) -> Vec<Machine> {
    let machine = |_| {
        let machine = Machine::new();
        machine.write("sci.toml", backend.declaration() + DECLARATION);
        machine
    };
    (0..count).map(machine).collect()
}

/// A tree that nobody else has, in part.
fn fill(machine: &Machine, own: u64) {
    for number in 0..100 {
        machine.write(&format!("out/dir/{number}"), format!("{number}").repeat(300));
    }
    let mut random = fastrand::Rng::with_seed(own);
    machine.write("out/own", (0..1_000_000).map(|_| random.u8(..)).collect::<Vec<u8>>());
}

fn get_what_they_saved(backend: &impl Backend) {
    let token = backend.token("branch:ci");
    let machines = machines(backend, MACHINES);
    let together = Barrier::new(MACHINES);
    let job = |own: usize| {
        let machine = &machines[own];
        together.wait();
        for round in 0..ROUNDS {
            machine.write("lock", format!("{own} {round}"));
            run(machine, &token, &["--require", "restore"]);
            fill(machine, (own * ROUNDS + round) as u64);
            let saved = Tree::read(&machine.path("out"));
            run(machine, &token, &["--require", "save"]).expect_outcome("out", "saved");
            machine.remove("out");
            run(machine, &token, &["--require", "restore"]).expect_verdict("out", "exact");
            saved.assert_same(&Tree::read(&machine.path("out")));
        }
        let mine = Tree::read(&machine.path("out"));
        // When all have saved, each restores what another one has.
        together.wait();
        let other = (own + 1) % MACHINES;
        machine.write("lock", format!("{other} {}", ROUNDS - 1));
        run(machine, &token, &["--require", "restore"]).expect_verdict("out", "exact");
        mine
    };
    let mine: Vec<Tree> = thread::scope(|scope| {
        let jobs: Vec<_> = (0..MACHINES).map(|own| scope.spawn(move || job(own))).collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    });
    for (own, machine) in machines.iter().enumerate() {
        mine[(own + 1) % MACHINES].assert_same(&Tree::read(&machine.path("out")));
    }
    let verified = run(&machines[0], &token, &["verify", "--read-data"]);
    assert_eq!(verified.result()["snapshots"], MACHINES * ROUNDS, "{verified}");
}

fn converge(backend: &impl Backend) {
    let token = backend.token("branch:ci");
    let machines = machines(backend, TWINS);
    for machine in &machines {
        machine.write("lock", "1");
        run(machine, &token, &["restore"]).expect_verdict("out", "miss");
    }
    fill(&machines[0], 0);
    for machine in &machines[1..] {
        copy_tree(&machines[0].path("out"), &machine.path("out"));
    }
    let tree = Tree::read(&machines[0].path("out"));

    let outcomes = at_once(&machines, |machine| {
        let saved = run(machine, &token, &["--require", "save"]);
        saved.field("out", "outcome")
    });
    assert!(outcomes.iter().all(|outcome| outcome == "saved" || outcome == "already-saved"), "{outcomes:?}");
    let listed = run(&machines[0], &token, &["ls"]);
    assert_eq!(listed.result()["snapshots"].as_array().map(Vec::len), Some(1), "{listed}");

    let snapshots = at_once(&machines, |machine| {
        fs::remove_dir_all(machine.path("out")).unwrap();
        let restored = run(machine, &token, &["--require", "restore"]).expect_verdict("out", "exact");
        tree.assert_same(&Tree::read(&machine.path("out")));
        restored.field("out", "snapshot")
    });
    assert_eq!(BTreeSet::from_iter(&snapshots).len(), 1, "{snapshots:?}");
}

/// Does the same on all machines, beginning at the same time.
fn at_once<T: Send>(machines: &[Machine], act: impl Fn(&Machine) -> T + Sync) -> Vec<T> {
    let together = Barrier::new(machines.len());
    let act = |machine| {
        together.wait();
        act(machine)
    };
    thread::scope(|scope| {
        let jobs: Vec<_> = machines.iter().map(|machine| scope.spawn(|| act(machine))).collect();
        jobs.into_iter().map(|job| job.join().unwrap()).collect()
    })
}
