//! The report as text: two Markdown tables that are also aligned for a terminal.

use std::fmt;

use crate::goals::{Figure, Judged};
use crate::phase::Phase;
use crate::report::{Report, Row};
use crate::sci;
use crate::stats::Ratio;

/// Rows of cells; the first is the head.
#[derive(Debug, Default)]
struct Table {
    rows: Vec<Vec<String>>,
    /// Columns of names, aligned left; the others are figures.
    names: usize,
}

impl Table {
    fn new<const N: usize>(names: usize, head: [&str; N]) -> Self {
        Self { rows: vec![head.map(str::to_owned).to_vec()], names }
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default().max(3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, row) in self.rows.iter().enumerate() {
            for (column, cell) in row.iter().enumerate() {
                let width = self.width(column);
                if column < self.names { write!(f, "| {cell:<width$} ")? } else { write!(f, "| {cell:>width$} ")? }
            }
            writeln!(f, "|")?;
            if number == 0 {
                for column in 0..row.len() {
                    let end = if column < self.names { '-' } else { ':' };
                    write!(f, "| {}{end} ", "-".repeat(self.width(column) - 1))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}, {} processors, medians of {} rounds\n", self.place, self.processors, self.rounds)?;
        for tree in &self.workloads {
            writeln!(f, "- {}: {} files, {:.1} MB", tree.name, tree.files, tree.bytes as f64 / 1e6)?;
        }
        writeln!(f, "\n{}", measurements(self))?;
        writeln!(f, "{}", goals(&self.goals))?;
        for row in self.rows.iter().filter(|row| row.failed.is_some()) {
            let why = row.failed.as_deref().unwrap_or_default();
            writeln!(f, "{} fails at the {} of {}: {}", row.program, row.phase.name(), row.workload, why)?;
        }
        for absent in &self.absent {
            writeln!(f, "Absent, and so are its rows: {}, which needs {}", absent.program, absent.needs)?;
        }
        Ok(())
    }
}

fn measurements(report: &Report) -> Table {
    let head = ["workload", "phase", "program", "s", "min–max", "CPU s", "MiB RSS", "MB stored", "sci ÷ it"];
    let mut table = Table::new(3, head);
    for tree in &report.workloads {
        for phase in Phase::ALL {
            let rows = report.rows_of(&tree.name, phase);
            let ours = rows.iter().find(|row| row.program == sci::NAME).copied();
            table.rows.extend(rows.iter().map(|row| cells(row, ours)));
        }
    }
    table
}

fn cells(row: &Row, ours: Option<&Row>) -> Vec<String> {
    let mut cells = vec![row.workload.clone(), row.phase.name().to_owned(), row.program.clone()];
    let Some(summary) = &row.summary else {
        cells.push("fails".to_owned());
        cells.resize(9, String::new());
        return cells;
    };
    let (low, high) = summary.range();
    let ratio = match ours.and_then(|ours| ours.summary.as_ref()) {
        Some(ours) if row.program != sci::NAME => format!("{:.3}", Ratio::of_times(ours, summary).value),
        _ => String::new(),
    };
    cells.extend([
        format!("{:.3}", summary.seconds),
        format!("{low:.3}–{high:.3}"),
        format!("{:.2}", summary.cpu_seconds),
        format!("{:.0}", summary.rss as f64 / f64::from(1 << 20)),
        if summary.stored > 0 { format!("{:.2}", summary.stored as f64 / 1e6) } else { String::new() },
        ratio,
    ]);
    cells
}

fn goals(goals: &[Judged]) -> Table {
    let head = ["workload", "phase", "goal", "verdict", "ratio", "min–max", "at most"];
    let mut table = Table::new(4, head);
    for goal in goals {
        let figure = match goal.figure {
            Figure::Time => "time",
            Figure::Stored => "bytes stored",
            Figure::Memory => "peak memory",
        };
        let (low, high) = goal.ratio.range;
        table.rows.push(vec![
            goal.workload.clone(),
            goal.phase.name().to_owned(),
            format!("{figure} ÷ {}", goal.against),
            if goal.met { "met" } else { "MISSED" }.to_owned(),
            format!("{:.3}", goal.ratio.value),
            format!("{low:.3}–{high:.3}"),
            format!("{}", goal.at_most),
        ]);
    }
    table
}
