//! workerd is killed in the middle of a save, at moments that a gate before it chooses: nothing that is listed lacks an object,
//! and whoever saves gets a success or a failure in bounded time.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use sci_e2e::backend::declaration;
use sci_e2e::gate::{Gate, Moment, Point};
use sci_e2e::server::{command, run};
use sci_e2e::{Backend as _, Machine, Tree, Worker};
use serde_json::Value;

const BEGIN: &str = "POST /v1/saves HTTP";
const PUT: &str = "PUT /v1/objects/";
const COMMIT: &str = "POST /v1/saves/";

/// Where the Worker is killed.
const POINTS: [Point; 14] = [
    Point { line: BEGIN, nth: 1, moment: Moment::Come },
    Point { line: BEGIN, nth: 1, moment: Moment::Sent },
    Point { line: BEGIN, nth: 1, moment: Moment::Answered },
    Point { line: PUT, nth: 1, moment: Moment::Half },
    Point { line: PUT, nth: 1, moment: Moment::Sent },
    Point { line: PUT, nth: 1, moment: Moment::Answered },
    Point { line: PUT, nth: 2, moment: Moment::Come },
    Point { line: PUT, nth: 2, moment: Moment::Half },
    Point { line: PUT, nth: 2, moment: Moment::Answered },
    Point { line: COMMIT, nth: 1, moment: Moment::Come },
    Point { line: COMMIT, nth: 1, moment: Moment::Half },
    Point { line: COMMIT, nth: 1, moment: Moment::Sent },
    Point { line: COMMIT, nth: 1, moment: Moment::Lost },
    Point { line: COMMIT, nth: 1, moment: Moment::Answered },
];

/// For how long a client waits for a Worker that does not come back.
const PATIENCE: Duration = Duration::from_secs(3);

/// A Worker behind a gate, and a machine that saves there.
struct Place {
    worker: Worker,
    gate: Gate,
    token: String,
    machine: Machine,
}

impl Place {
    fn new() -> Self {
        let worker = Worker::start();
        let gate = Gate::before(worker.port());
        let token = worker.token("branch:ci");
        let machine = Machine::new();
        let declared = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";
        machine.write("sci.toml", declaration(&gate.url(), worker.key()) + declared);
        Self { worker, gate, token, machine }
    }

    /// Begins a run of its own, whose tree is made and not yet saved.
    fn build(&self, round: usize) -> Tree {
        self.machine.write("lock", format!("{round}"));
        run(&self.machine, &self.token, &["--require", "restore"]);
        for number in 0..100 {
            self.machine.write(&format!("out/dir/{number}"), format!("{number}").repeat(300));
        }
        let mut random = fastrand::Rng::with_seed(round as u64);
        self.machine.write("out/new", (0..3_000_000).map(|_| random.u8(..)).collect::<Vec<u8>>());
        Tree::read(&self.machine.path("out"))
    }

    /// Starts a save, and kills the Worker when it comes to `point`; `then` is done before anybody learns of it.
    fn save_and_kill(&mut self, point: Point, patience: Duration, then: impl FnOnce(&mut Worker)) -> Child {
        let caught = self.gate.hold(point);
        let timeout = format!("{}s", patience.as_secs());
        let mut save = command(&self.machine, &self.token, &["--timeout", &timeout, "--require", "save"]);
        let save = save.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let held =
            caught.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("no save comes to {point:?}"));
        self.worker.kill();
        then(&mut self.worker);
        drop(held);
        save
    }

    /// Every snapshot that is listed can be read to its last byte, and this tree is what comes back.
    fn is_whole(&self, tree: &Tree) {
        run(&self.machine, &self.token, &["verify", "--read-data"]);
        self.machine.remove("out");
        run(&self.machine, &self.token, &["--require", "restore"]).expect_verdict("out", "exact");
        tree.assert_same(&Tree::read(&self.machine.path("out")));
    }
}

#[test]
fn a_save_succeeds_over_a_worker_that_is_killed_and_comes_back() {
    let mut place = Place::new();
    for (round, point) in POINTS.into_iter().enumerate() {
        println!("{point:?}");
        let tree = place.build(round);
        let save = place.save_and_kill(point, Duration::from_secs(60), Worker::restart);
        let output = save.wait_with_output().unwrap();
        assert!(output.status.success(), "{point:?}: {}", String::from_utf8_lossy(&output.stderr));
        place.is_whole(&tree);
    }
}

#[test]
fn a_save_fails_in_bounded_time_when_the_worker_stays_away() {
    let mut place = Place::new();
    for (round, point) in POINTS.into_iter().enumerate() {
        println!("{point:?}");
        let tree = place.build(round);
        let save = place.save_and_kill(point, PATIENCE, |_| {});
        let gone = Instant::now();
        let output = save.wait_with_output().unwrap();
        assert!(gone.elapsed() < PATIENCE * 3, "{point:?}: it took {:?}", gone.elapsed());
        let stderr = String::from_utf8_lossy(&output.stderr);
        let was_told = point.line == COMMIT && point.moment == Moment::Answered;
        if was_told {
            assert_eq!(output.status.code(), Some(0), "{point:?}: {stderr}");
        } else {
            assert_eq!(output.status.code(), Some(1), "{point:?}: {stderr}");
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            let path = &document["result"]["paths"][0];
            assert_eq!(path["outcome"], "failed", "{point:?}: {path}");
            let unknown = path["reason"].as_str().unwrap().contains("unknown");
            assert!(unknown || point.line != COMMIT, "{point:?}: {path}");
        }

        place.worker.restart();
        // What is listed is whole before anybody mends anything.
        run(&place.machine, &place.token, &["verify", "--read-data"]);
        let next = run(&place.machine, &place.token, &["--require", "save"]);
        let outcome = next.field("out", "outcome");
        assert!(["saved", "already-saved", "skipped"].contains(&outcome.as_str()), "{next}");
        assert_eq!(outcome == "skipped", was_told, "{next}");
        place.is_whole(&tree);
    }
}
