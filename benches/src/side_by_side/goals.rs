//! How good sci has to be, as data, and whether it was.

use serde::{Deserialize, Serialize};

use crate::contestant::Kind;
use crate::phase::Phase;
use crate::report::Row;
use crate::sci;
use crate::stats::Ratio;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Figure {
    /// Wall time.
    Time,
    /// Bytes that a save adds.
    Stored,
    /// Peak resident memory.
    Memory,
}

/// With what.
enum Against {
    /// One contestant.
    One(&'static str),
    /// Each peer that was measured.
    EveryPeer,
    /// This many bytes.
    Bytes(u64),
}

/// One promise.
struct Goal {
    phase: Phase,
    /// Workloads that it is made for.
    workloads: &'static [&'static str],
    figure: Figure,
    against: Against,
    /// In times what it is compared with.
    at_most: f64,
}

/// A promise, held against what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) workload: String,
    pub(crate) phase: Phase,
    pub(crate) figure: Figure,
    pub(crate) against: String,
    pub(crate) ratio: Ratio,
    pub(crate) at_most: f64,
    pub(crate) met: bool,
}

const NODE: &[&str] = &["node"];
const RUST: &[&str] = &["rust"];
const PNPM: &[&str] = &["pnpm"];
const SRC: &[&str] = &["src"];
const BOTH: &[&str] = &["node", "rust"];
const TREES: &[&str] = &["node", "rust", "pnpm"];
/// Resident memory that no phase may exceed, whatever the tree.
const MEMORY: u64 = 200 << 20;

const fn time(phase: Phase, workloads: &'static [&'static str], against: &'static str, at_most: f64) -> Goal {
    Goal { phase, workloads, figure: Figure::Time, against: Against::One(against), at_most }
}

const fn stored(phase: Phase, workloads: &'static [&'static str], against: &'static str, at_most: f64) -> Goal {
    Goal { phase, workloads, figure: Figure::Stored, against: Against::One(against), at_most }
}

const GOALS: [Goal; 30] = [
    time(Phase::Save, NODE, "actions/cache", 0.65),
    stored(Phase::Save, NODE, "actions/cache", 0.95),
    time(Phase::Save, RUST, "actions/cache", 0.8),
    time(Phase::SaveUnchanged, BOTH, "walk", 2.0),
    time(Phase::Restore, NODE, "actions/cache", 0.5),
    time(Phase::Restore, NODE, "squashfs", 0.85),
    time(Phase::Restore, NODE, "unpack", 1.2),
    time(Phase::Restore, RUST, "actions/cache", 0.6),
    time(Phase::RestoreNoop, BOTH, "walk", 2.0),
    time(Phase::RestoreNoop, BOTH, "turbo", 0.3),
    time(Phase::RestoreNoop, BOTH, "actions/cache", 0.05),
    time(Phase::SaveIncremental, NODE, "actions/cache", 0.12),
    time(Phase::SaveIncremental, NODE, "rustic", 0.15),
    stored(Phase::SaveIncremental, NODE, "rustic", 0.8),
    time(Phase::SaveIncremental, RUST, "borg", 0.5),
    stored(Phase::SaveIncremental, RUST, "dedup", 0.65),
    time(Phase::SaveNewInodes, BOTH, "restic", 0.2),
    time(Phase::RestoreIncremental, BOTH, "actions/cache", 0.1),
    time(Phase::RestoreIncremental, BOTH, "rsync", 0.2),
    time(Phase::PlanCold, SRC, "b3sum", 0.65),
    time(Phase::PlanCold, SRC, "turbo", 0.25),
    time(Phase::PlanCold, SRC, "hashFiles", 0.012),
    time(Phase::PlanWarm, SRC, "git-status", 0.6),
    ahead(Phase::Save),
    ahead(Phase::SaveUnchanged),
    ahead(Phase::Restore),
    ahead(Phase::RestoreNoop),
    ahead(Phase::SaveIncremental),
    ahead(Phase::SaveNewInodes),
    ahead(Phase::RestoreIncremental),
];

/// Of a tree that pnpm made, ahead of everybody.
const fn ahead(phase: Phase) -> Goal {
    Goal { phase, workloads: PNPM, figure: Figure::Time, against: Against::EveryPeer, at_most: 1.0 }
}

/// Judges every goal whose both sides were measured.
pub(crate) fn judge(rows: &[Row]) -> Vec<Judged> {
    let memory = Phase::ALL.into_iter().map(|phase| Goal {
        phase,
        workloads: if phase.is_plan() { SRC } else { TREES },
        figure: Figure::Memory,
        against: Against::Bytes(MEMORY),
        at_most: 1.0,
    });
    GOALS.into_iter().chain(memory).flat_map(|goal| goal.judge(rows)).collect()
}

impl Goal {
    fn judge(&self, rows: &[Row]) -> Vec<Judged> {
        let mut judged = Vec::new();
        for workload in self.workloads {
            let here = || rows.iter().filter(|row| row.phase == self.phase && row.workload == *workload);
            let Some(ours) = here().find(|row| row.program == sci::NAME).and_then(|row| row.summary.as_ref()) else {
                continue;
            };
            let mut add = |against: String, ratio: Ratio| {
                let (workload, phase, figure, at_most) =
                    ((*workload).to_owned(), self.phase, self.figure, self.at_most);
                judged.push(Judged { workload, phase, figure, against, ratio, at_most, met: ratio.value <= at_most });
            };
            if let Against::Bytes(bytes) = self.against {
                add(format!("{} MiB", bytes >> 20), Ratio::of_figures(ours.rss as f64, bytes as f64));
                continue;
            }
            for row in here().filter(|row| self.is_against(row)) {
                let Some(theirs) = &row.summary else { continue };
                let ratio = match self.figure {
                    Figure::Time => Ratio::of_times(ours, theirs),
                    Figure::Stored => Ratio::of_figures(ours.stored as f64, theirs.stored as f64),
                    Figure::Memory => Ratio::of_figures(ours.rss as f64, theirs.rss as f64),
                };
                add(row.program.clone(), ratio);
            }
        }
        judged
    }

    fn is_against(&self, row: &Row) -> bool {
        match self.against {
            Against::One(name) => row.program == name,
            Against::EveryPeer => row.kind == Kind::Peer,
            Against::Bytes(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant::Contestant;
    use crate::limit;
    use crate::peers::{self, Repository};
    use crate::plan;
    use crate::stats::Summary;

    fn row(workload: &str, phase: Phase, program: &str, kind: Kind, seconds: f64, stored: u64) -> Row {
        let summary = Summary { seconds, cpu_seconds: seconds, rss: 200 << 20, stored, samples: vec![seconds] };
        Row { workload: workload.into(), phase, program: program.into(), kind, summary: Some(summary), failed: None }
    }

    fn verdicts(rows: &[Row], figure: Figure) -> Vec<(String, bool)> {
        judge(rows).into_iter().filter(|goal| goal.figure == figure).map(|goal| (goal.against, goal.met)).collect()
    }

    #[test]
    fn a_goal_is_met_at_its_limit_and_missed_above_it() {
        let rows = |seconds, stored| {
            [
                row("node", Phase::Save, "sci", Kind::Sci, seconds, stored),
                row("node", Phase::Save, "actions/cache", Kind::Peer, 2.0, 1_000),
                row("node", Phase::Save, "restic", Kind::Peer, 9.0, 1_000),
            ]
        };
        let against = |met| vec![("actions/cache".to_owned(), met)];
        assert_eq!(verdicts(&rows(1.3, 950), Figure::Time), against(true));
        assert_eq!(verdicts(&rows(1.31, 950), Figure::Time), against(false));
        assert_eq!(verdicts(&rows(1.3, 951), Figure::Stored), against(false));
        assert_eq!(verdicts(&rows(1.3, 951), Figure::Memory), [("200 MiB".to_owned(), true)]);
    }

    #[test]
    fn on_pnpm_every_peer_counts_and_no_limit() {
        let rows = [
            row("pnpm", Phase::Restore, "sci", Kind::Sci, 2.0, 0),
            row("pnpm", Phase::Restore, "squashfs", Kind::Peer, 1.0, 0),
            row("pnpm", Phase::Restore, "restic", Kind::Peer, 6.0, 0),
            row("pnpm", Phase::Restore, "unpack", Kind::Limit, 1.0, 0),
        ];
        assert_eq!(verdicts(&rows, Figure::Time), [("squashfs".to_owned(), false), ("restic".to_owned(), true)]);
    }

    #[test]
    fn whoever_a_goal_names_is_measured_in_that_phase() {
        let mut plays: Vec<(&str, Vec<Phase>)> = Vec::new();
        let mut known = |contestant: &dyn Contestant| {
            plays.push((contestant.name(), Phase::ALL.into_iter().filter(|phase| contestant.plays(*phase)).collect()));
        };
        peers::ALL.into_iter().for_each(|tool| known(&Repository::new(tool)));
        plan::ALL.iter().for_each(|planner| known(planner));
        limit::ALL.iter().for_each(|limit| known(limit));
        for goal in &GOALS {
            if let Against::One(name) = goal.against {
                let found = plays.iter().any(|(known, phases)| *known == name && phases.contains(&goal.phase));
                assert!(found, "{name} in {}", goal.phase.word());
            }
        }
    }
}
