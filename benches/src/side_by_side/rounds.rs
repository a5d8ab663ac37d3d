//! The rounds: in each, every contestant of a phase does it once, one after the other.

use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::measure::Usage;
use crate::phase::Phase;
use crate::report::Row;
use crate::stage::{Stage, State};
use crate::stats::Summary;

/// One contestant in one phase.
struct Entrant<'a> {
    contestant: &'a mut dyn Contestant,
    samples: Vec<Usage>,
    failed: Option<String>,
}

/// Takes `contestants` through `phase`: a warm-up round that does not count, and then `rounds`.
///
/// # Errors
/// When sci or a limit fails; a peer that fails gets a row that says so.
pub(crate) fn run(
    phase: Phase,
    stage: &Stage,
    contestants: &mut [Box<dyn Contestant>],
    rounds: u32,
) -> Result<Vec<Row>, Failure> {
    stage.set(State::First)?;
    let mut entrants = Vec::new();
    for contestant in contestants.iter_mut().filter(|contestant| contestant.plays(phase)) {
        let mut entrant = Entrant { contestant: contestant.as_mut(), samples: Vec::new(), failed: None };
        entrant.attempt(|contestant| contestant.establish(phase, stage))?;
        stage.set(State::First)?;
        entrants.push(entrant);
    }
    stage.set_for(phase)?;
    for round in 0..=rounds {
        tell(phase, stage, round, rounds);
        for entrant in entrants.iter_mut().filter(|entrant| entrant.failed.is_none()) {
            let used = entrant.attempt(|contestant| {
                contestant.prepare(phase, stage)?;
                rustix::fs::sync();
                let used = contestant.run(phase, stage)?;
                if round < rounds {
                    contestant.clean(phase, stage)?
                }
                Ok(used)
            })?;
            if round > 0 {
                entrant.samples.extend(used);
            }
        }
    }
    Ok(entrants.into_iter().map(|entrant| entrant.row(phase, stage)).collect())
}

/// Says what begins.
fn tell(phase: Phase, stage: &Stage, round: u32, rounds: u32) {
    let what = if round == 0 { "warm-up".to_owned() } else { format!("round {round} of {rounds}") };
    eprintln!("{}, {}: {what}", stage.workload().name, phase.name());
}

impl Entrant<'_> {
    /// Does something, after which the contestant may be out.
    fn attempt<T>(
        &mut self,
        what: impl FnOnce(&mut dyn Contestant) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        match what(self.contestant) {
            Ok(done) => Ok(Some(done)),
            Err(error) if self.contestant.kind() == Kind::Peer => {
                eprintln!("  {} fails: {error}", self.contestant.name());
                self.failed = Some(error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn row(self, phase: Phase, stage: &Stage) -> Row {
        Row {
            workload: stage.workload().name.clone(),
            phase,
            program: self.contestant.name().to_owned(),
            kind: self.contestant.kind(),
            summary: self.failed.is_none().then(|| Summary::of(&self.samples)),
            failed: self.failed,
        }
    }
}
