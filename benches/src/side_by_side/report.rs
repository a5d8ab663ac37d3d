//! What the measurements come to: the table, the JSON document, and the goals.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::Failure;
use crate::bench::Measured;
use crate::peer;
use crate::phase::{MEMORY_LIMIT, Phase, SIZE_LIMIT};
use crate::place::Place;
use crate::stats::{Summary, ratio};
use crate::table::Table;

/// Everything there is to say about a measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    place: Place,
    processors: usize,
    workload: String,
    files: u64,
    bytes: u64,
    runs: u32,
    phases: Vec<Row>,
    goals: Vec<Goal>,
}

/// One phase.
#[derive(Debug, Serialize)]
struct Row {
    phase: Phase,
    sci: Summary,
    /// What the peer takes for the same, which is always all of it.
    peer: Summary,
    /// sci's time in times the peer's.
    ratio: f64,
}

/// A figure that must not be above its limit.
#[derive(Debug, Serialize)]
struct Goal {
    what: &'static str,
    value: f64,
    limit: f64,
    met: bool,
}

impl Goal {
    fn new(what: &'static str, value: f64, limit: f64) -> Self {
        Self { what, value, limit, met: value <= limit }
    }
}

impl Report {
    /// Sums up a measurement.
    pub(crate) fn new(place: Place, workload: &Path, runs: u32, measured: &Measured) -> Self {
        let summaries = |samples: &crate::bench::Samples| -> BTreeMap<Phase, Summary> {
            samples.iter().map(|(phase, samples)| (*phase, Summary::of(samples))).collect()
        };
        let (sci, peer) = (summaries(&measured.sci), summaries(&measured.peer));
        let row = |phase: Phase| {
            let (sci, peer) = (*sci.get(&phase)?, *peer.get(&phase.whole())?);
            Some(Row { phase, sci, peer, ratio: ratio(sci.seconds, peer.seconds) })
        };
        let phases: Vec<Row> = Phase::ALL.into_iter().filter_map(row).collect();
        let goals = goals(&phases);
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let (files, bytes) = measured.tree;
        Self { place, processors, workload: workload.display().to_string(), files, bytes, runs, phases, goals }
    }

    /// Whether no goal is missed.
    pub(crate) fn goals_met(&self) -> bool {
        self.goals.iter().all(|goal| goal.met)
    }

    /// The JSON document. Times are in seconds, sizes in bytes.
    ///
    /// # Errors
    /// When a figure is no number.
    pub(crate) fn to_json(&self) -> Result<String, Failure> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    fn table(&self) -> Table {
        let mut table = Table::default();
        table.row(["phase", "program", "seconds", "min–max", "CPU s", "stored MB", "RSS MiB", "ratio"]);
        for row in &self.phases {
            table.row(cells(row.phase, "sci", &row.sci, format!("{:.2}", row.ratio)));
            if row.phase == row.phase.whole() {
                table.row(cells(row.phase, peer::NAME, &row.peer, "1".to_owned()));
            }
        }
        table
    }
}

fn goals(phases: &[Row]) -> Vec<Goal> {
    let times = phases.iter().filter_map(|row| Some(Goal::new(row.phase.name(), row.ratio, row.phase.limit()?)));
    let first = phases.iter().find(|row| row.phase == Phase::Save);
    let size = first.map(|row| Goal::new("size", ratio(row.sci.stored as f64, row.peer.stored as f64), SIZE_LIMIT));
    let peak = phases.iter().map(|row| row.sci.rss).max().unwrap_or_default();
    times.chain(size).chain([Goal::new("peak RSS, MiB", mebibytes(peak), mebibytes(MEMORY_LIMIT))]).collect()
}

fn cells(phase: Phase, program: &str, summary: &Summary, ratio: String) -> [String; 8] {
    let (low, high) = summary.range;
    let stored =
        if phase.whole() == Phase::Save { format!("{:.1}", summary.stored as f64 / 1e6) } else { String::new() };
    [
        phase.name().to_owned(),
        program.to_owned(),
        format!("{:.3}", summary.seconds),
        format!("{low:.3}–{high:.3}"),
        format!("{:.2}", summary.cpu_seconds),
        stored,
        format!("{:.0}", mebibytes(summary.rss)),
        ratio,
    ]
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, processors, workload, files, bytes, runs, .. } = self;
        writeln!(f, "{workload}: {files} files, {:.1} MB", *bytes as f64 / 1e6)?;
        writeln!(f, "{place}, {processors} processors, medians of {runs}\n")?;
        writeln!(f, "{}", self.table())?;
        let mut table = Table::default();
        table.row(["goal", "", "value", "at most"]);
        for goal in &self.goals {
            let verdict = if goal.met { "met" } else { "MISSED" };
            table.row([
                goal.what.to_owned(),
                verdict.to_owned(),
                format!("{:.2}", goal.value),
                format!("{:.2}", goal.limit),
            ]);
        }
        write!(f, "{table}")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::Usage;

    fn report(noop: Duration, rss: u64, stored: u64) -> Report {
        let usage = |wall, stored| Usage { wall, cpu: wall, rss, stored };
        let second = Duration::from_secs(1);
        let mut measured = Measured { tree: (10, 2_000_000), ..Measured::default() };
        for phase in Phase::ALL {
            let (wall, stored) = match phase {
                Phase::NoopRestore | Phase::IncrementalSave => (noop, 0),
                Phase::Save => (second, stored),
                _ => (second, 0),
            };
            measured.sci.insert(phase, vec![usage(wall, stored)]);
        }
        measured.peer.insert(Phase::Save, vec![usage(second, 1_000_000)]);
        measured.peer.insert(Phase::Restore, vec![usage(second * 2, 0)]);
        let place = Place { file_system: Some("tmpfs".into()), journal: None };
        Report::new(place, Path::new("tree"), 1, &measured)
    }

    fn missed(report: &Report) -> Vec<&str> {
        report.goals.iter().filter(|goal| !goal.met).map(|goal| goal.what).collect()
    }

    #[test]
    fn every_goal_can_be_met_and_missed() {
        let tenth = Duration::from_millis(100);
        assert!(report(tenth, 300 << 20, 1_000_000).goals_met());
        assert_eq!(missed(&report(tenth, 301 << 20, 1_000_000)), ["peak RSS, MiB"]);
        assert_eq!(missed(&report(tenth, 1, 1_000_001)), ["size"]);
        assert_eq!(missed(&report(tenth * 3, 1, 1)), ["restore, no-op", "save, incremental"]);
    }

    #[test]
    fn a_partial_phase_is_compared_with_the_peers_whole_one() {
        let report = report(Duration::from_millis(50), 1, 1);
        let ratio = |phase| report.phases.iter().find(|row| row.phase == phase).unwrap().ratio;
        assert_eq!((ratio(Phase::NoopRestore), ratio(Phase::IncrementalSave)), (0.025, 0.05));
        assert_eq!((ratio(Phase::Save), ratio(Phase::IncrementalRestore)), (1.0, 0.5));
    }

    #[test]
    fn the_table_names_the_peer_only_where_it_was_measured() {
        let text = report(Duration::from_millis(50), 1 << 20, 900_000).to_string();
        assert_eq!(text.matches(peer::NAME).count(), 2);
        assert!(text.starts_with("tree: 10 files, 2.0 MB\ntmpfs, "), "{text}");
        let save = text.lines().find(|line| line.starts_with("save  ")).unwrap();
        let cells: Vec<&str> = save.split_whitespace().collect();
        assert_eq!(cells, ["save", "sci", "1.000", "1.000–1.000", "1.00", "0.9", "1", "1.00"]);
    }
}
