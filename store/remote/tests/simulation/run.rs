//! One run: a seed decides who takes part, what they do, who goes on at each step, and what goes wrong.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use sci_conformance::http::Heard;
use sci_store_api::routes;
use sci_store_api::session::SessionResponse;

use crate::actors::{Badge, COURIERS, Role, connect, courier, intruder, job};
use crate::administrator::administrator;
use crate::job::Job;
use crate::network::Fault;
use crate::world::World;

/// What happened in one run, or in many.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) steps: u64,
    pub(crate) saves: u64,
    pub(crate) restores: u64,
    pub(crate) unknown: u64,
    pub(crate) collected: u64,
    pub(crate) faults: BTreeMap<Fault, u64>,
    /// Every request of one run in its order.
    pub(crate) trace: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.steps += other.steps;
        self.saves += other.saves;
        self.restores += other.restores;
        self.unknown += other.unknown;
        self.collected += other.collected;
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
    }
}

/// Runs a seed; what does not hold is told with it.
pub(crate) fn run(seed: u64) -> Report {
    let again = format!("SCI_SEED={seed} cargo nextest run -p sci-remote --test simulation");
    catch_unwind(AssertUnwindSafe(|| play(seed))).unwrap_or_else(|_| panic!("seed {seed} failed; alone: {again}"))
}

fn play(seed: u64) -> Report {
    let mut random = fastrand::Rng::with_seed(seed);
    let directory = tempfile::tempdir().unwrap();
    let (savers, restorers, administrators) = (random.usize(1..5), random.usize(0..3), random.usize(1..3));
    let jobs = savers + restorers;
    let actors = jobs + 1 + administrators + COURIERS;
    let world = Arc::new(World::new(actors, directory.path().to_owned(), &mut random));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..actors)
            .map(|actor| {
                let (world, random) = (Arc::clone(&world), random.fork());
                scope.spawn(move || {
                    let _acting = world.scheduler.act(actor);
                    match actor.checked_sub(jobs) {
                        None => job(&world, actor, random, actor < savers),
                        Some(0) => intruder(&world, actor, random),
                        Some(other) if other <= administrators => administrator(&world, random),
                        Some(_) => courier(&world, random),
                    }
                })
            })
            .collect();
        // Who failed first has told why.
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    settle(&world, &mut random);
    let (requests, faults, trace) = world.network.report();
    let model = world.model();
    Report {
        requests,
        steps: world.scheduler.steps(),
        saves: model.saves,
        restores: model.restores,
        unknown: model.unknown,
        collected: model.collected,
        faults,
        trace,
    }
}

/// When all is quiet again: what was acknowledged is there, and every commit is answered as it was.
fn settle(world: &Arc<World>, random: &mut fastrand::Rng) {
    let commits = world.network.calm();
    world.backend.check();
    let (acknowledged, given_up) = {
        let model = world.model();
        (model.acknowledged.clone(), model.given_up.clone())
    };
    for (number, (snapshot, (tree, role))) in acknowledged.iter().enumerate() {
        if given_up.contains(snapshot) {
            continue;
        }
        let remote = connect(world, *role, 90_000 + number as u64, random.u64(..));
        let directory = world.directory.join(format!("proof-{number}"));
        std::fs::create_dir(&directory).unwrap();
        let root = directory.join("tree");
        Job { world, role: *role, run: 0, remote, root, random: random.fork() }.prove(snapshot, *tree);
    }
    for (heard, told) in commits {
        let Some((role, run)) = world.model().runs.get(&run_of(&heard)).copied() else { continue };
        let mut heard = heard;
        heard.headers = vec![("authorization".to_owned(), ticket(world, role, run))];
        let said = world.network.handle(&heard, None);
        assert_eq!((said.status, said.body), (200, told), "a commit is answered anew");
    }
}

/// A fresh ticket for a run, as a header.
pub(crate) fn ticket(world: &Arc<World>, role: Role, run: u64) -> String {
    let identity = Badge::new(world, role, run).token();
    let headers = vec![("authorization".to_owned(), format!("Bearer {identity}"))];
    let asked = Heard { method: "POST".to_owned(), target: routes::SESSION.to_owned(), headers, body: Vec::new() };
    let session: SessionResponse = serde_json::from_slice(&world.network.handle(&asked, None).body).unwrap();
    format!("Bearer {}", session.ticket.expose())
}

/// The run that a request's ticket was made for.
fn run_of(heard: &Heard) -> String {
    let ticket = heard.header("authorization").unwrap().split('.').nth(1).unwrap();
    let ticket: serde_json::Value =
        serde_json::from_slice(&BASE64URL_NOPAD.decode(ticket.as_bytes()).unwrap()).unwrap();
    ticket["holder"]["identity"]["run"].as_str().unwrap().to_owned()
}
