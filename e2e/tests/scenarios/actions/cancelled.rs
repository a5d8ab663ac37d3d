//! A job that is cancelled while the Action's step runs: the runner sends signals to the Action's process, and to no other.

use std::fs;

use sci_e2e::actions::{Issuer, Job, Releases};
use sci_e2e::event::Event;
use sci_e2e::server::Server;

use super::{Life, UNASKED, annotations, attested};

/// Says that it has begun; notes the signal that it gets, and ends by itself. Without one it waits no longer than a test should.
const COMMAND: &str = "\
mkdir -p out; echo half > out/file
sleep 60 & waiting=$!
note() { echo \"$1\" > ../heard; kill $waiting; exit 9; }
trap 'note INT' INT; trap 'note TERM' TERM
echo it has begun
wait $waiting";

#[test]
fn a_signal_reaches_the_command_and_nothing_is_saved() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1000 };
    let main = Event::push("main");
    let cancelled = |job: &Job, signal: &str| {
        let mut step = job.start();
        step.wait_for("it has begun");
        step.signal(signal);
        let step = step.end().failure();
        let heard = fs::read_to_string(job.machine().dir().join("heard")).unwrap_or_default();
        assert_eq!(heard.trim(), signal, "{}", step.ran);
        step
    };
    for signal in ["INT", "TERM"] {
        let job = life.begin(&main, "1").with("command", "run").with("run", COMMAND);
        let step = cancelled(&job, signal).expect_hit("miss");
        assert!(step.ran.stdout.contains("nothing was saved: the command was interrupted"), "{}", step.ran);
        assert_eq!(annotations(&step), ["::error::the command ended with code 9"], "{}", step.ran);
        assert!(job.post(&step, "cancelled").success().summary.is_empty());
    }
    // Nor is the command left alone where there is no sci between the two.
    let releases = Releases::start();
    let job = attested(life.begin(&main, "1"), &releases, UNASKED);
    let job = job.with("command", "run").with("run", COMMAND);
    let step = cancelled(&job, "INT").expect_hit("miss");
    assert!(step.ran.stdout.contains("the job goes on without its cache"), "{}", step.ran);
    life.begin(&main, "1").main().success().expect_hit("miss");
}
