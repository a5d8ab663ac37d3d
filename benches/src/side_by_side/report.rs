//! Everything there is to say about a measurement: what a document holds, and what the table and the picture are made of.

use serde::{Deserialize, Serialize};

use crate::contestant::Kind;
use crate::filter::Filter;
use crate::goals::{self, Judged};
use crate::phase::Phase;
use crate::place::Place;
use crate::stats::Summary;

/// A measurement. Times are in seconds, sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) place: Place,
    pub(crate) processors: usize,
    /// Measured rounds of each phase.
    pub(crate) rounds: u32,
    pub(crate) workloads: Vec<Tree>,
    pub(crate) rows: Vec<Row>,
    pub(crate) goals: Vec<Judged>,
    /// Who would have been measured, and what it lacks.
    pub(crate) absent: Vec<Absent>,
}

/// What a workload amounts to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
}

/// One contestant in one phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) workload: String,
    pub(crate) phase: Phase,
    pub(crate) program: String,
    pub(crate) kind: Kind,
    pub(crate) summary: Option<Summary>,
    /// Why there is no summary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
}

/// A contestant that could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Absent {
    pub(crate) program: String,
    pub(crate) needs: String,
}

impl Report {
    /// A report of nothing yet.
    pub(crate) fn new(place: Place, processors: usize, rounds: u32, absent: Vec<Absent>) -> Self {
        Self { place, processors, rounds, workloads: Vec::new(), rows: Vec::new(), goals: Vec::new(), absent }
    }

    /// Whether no goal is missed.
    pub(crate) fn goals_met(&self) -> bool {
        self.goals.iter().all(|goal| goal.met)
    }

    /// Adds another measurement. A ratio is of one run, so a phase that the other measured too is the other's as a whole.
    pub(crate) fn merge(&mut self, other: Self) {
        let measured_again =
            |row: &Row| other.rows.iter().any(|new| new.workload == row.workload && new.phase == row.phase);
        self.rows.retain(|row| !measured_again(row));
        self.rows.extend(other.rows);
        self.workloads.retain(|tree| !other.workloads.iter().any(|new| new.name == tree.name));
        self.workloads.extend(other.workloads);
        self.absent.extend(other.absent);
        self.absent.sort();
        self.absent.dedup();
        self.goals = goals::judge(&self.rows);
    }

    /// Leaves out what `filter` does not name.
    pub(crate) fn keep(&mut self, filter: &Filter) {
        self.rows
            .retain(|row| filter.workload(&row.workload) && filter.phase(row.phase) && filter.program(&row.program));
        self.workloads.retain(|tree| filter.workload(&tree.name));
        self.absent.retain(|absent| filter.program(&absent.program));
        self.goals = goals::judge(&self.rows);
    }

    /// The rows of one phase of one workload.
    pub(crate) fn rows_of(&self, workload: &str, phase: Phase) -> Vec<&Row> {
        self.rows.iter().filter(|row| row.workload == workload && row.phase == phase).collect()
    }
}
