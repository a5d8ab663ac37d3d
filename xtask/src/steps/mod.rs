//! The steps of the test: a list, each entry of which also runs alone.

mod action;
mod checks;
mod dist;
mod elsewhere;
mod fuzz;
pub(crate) mod rustc;
mod scenarios;
pub(crate) mod wasm;
mod worker;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::shell::Failure;
use crate::{demo, tidy};

pub(crate) use scenarios::{bench, build_sci, simulate};
pub(crate) use worker::traces;

/// One step of the test.
pub(crate) struct Step {
    /// The task's name on the command line.
    pub(crate) name: &'static str,
    /// Whether `--quick` includes it.
    quick: bool,
    /// Does it; further arguments are the step's own.
    pub(crate) run: fn(&Context, &[String]) -> Result<(), Failure>,
}

/// Cheap and frequent failures first.
const STEPS: [Step; 14] = [
    Step { name: "fmt", quick: true, run: checks::fmt },
    Step { name: "tidy", quick: true, run: tidy::run },
    Step { name: "clippy", quick: true, run: checks::clippy },
    Step { name: "unit", quick: true, run: checks::unit },
    Step { name: "doc", quick: false, run: checks::doc },
    Step { name: "deny", quick: false, run: checks::deny },
    Step { name: "wasm", quick: false, run: wasm::run },
    Step { name: "action", quick: false, run: action::run },
    Step { name: "worker", quick: false, run: worker::run },
    Step { name: "elsewhere", quick: false, run: elsewhere::run },
    Step { name: "fuzz", quick: false, run: fuzz::run },
    Step { name: "dist", quick: false, run: dist::dist },
    Step { name: "demo", quick: false, run: demo::run },
    Step { name: "e2e", quick: false, run: scenarios::e2e },
];

/// The step called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// Runs every step, or the quick ones, to the end even if some fail, and sums them up.
pub(crate) fn test(context: &Context, quick: bool) -> ExitCode {
    let start = Instant::now();
    let chosen = STEPS.iter().filter(|step| step.quick || !quick);
    let outcomes: Vec<Outcome> = chosen.map(|step| outcome(context, step)).collect();
    println!("\n── summary, {} in all", seconds(start.elapsed()));
    for outcome in &outcomes {
        println!("{outcome}");
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    println!("steps: {} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How one step ended.
struct Outcome {
    name: &'static str,
    took: Duration,
    error: Option<Failure>,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, took, error } = self;
        match error {
            None => write!(f, "   ok   {name:<8} {:>8}", seconds(*took)),
            Some(error) => write!(f, " FAILED {name:<8} {:>8}  {error}; alone: cargo xtask {name}", seconds(*took)),
        }
    }
}

fn outcome(context: &Context, step: &'static Step) -> Outcome {
    println!("\n── {}", step.name);
    let start = Instant::now();
    let error = (step.run)(context, &[]).err();
    let outcome = Outcome { name: step.name, took: start.elapsed(), error };
    println!("{outcome}");
    outcome
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
