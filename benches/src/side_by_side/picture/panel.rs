//! One phase of one workload, drawn.

use std::fmt::Write as _;

use super::{COLUMN, text};
use crate::contestant::Kind;
use crate::limit::Limit;
use crate::phase::Phase;
use crate::report::Row;

/// Where bars begin, and how long the longest is: names go before them, figures after.
const LEFT: u32 = 96;
const LENGTH: u32 = COLUMN - LEFT - 56;
/// What the phase's name takes, and one bar with the space below it.
const TITLE: u32 = 22;
const LINE: u32 = 17;
const BAR: u32 = 12;
/// What the limit's name takes below the bars.
const FOOT: u32 = 15;

/// A phase with its programs, the fastest peer first.
pub(super) struct Panel<'a> {
    phase: Phase,
    bars: Vec<&'a Row>,
    limit: Option<(&'a str, f64)>,
    longest: f64,
}

impl<'a> Panel<'a> {
    /// The picture of one phase; none when sci was not measured in it.
    pub(super) fn of(rows: &[&'a Row]) -> Option<Self> {
        let sci = rows.iter().find(|row| row.kind == Kind::Sci)?;
        let mut peers: Vec<&Row> = rows.iter().copied().filter(|row| row.kind == Kind::Peer).collect();
        peers.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        let bound = Limit::of(sci.phase).label();
        let limit = rows.iter().find(|row| row.kind == Kind::Limit && row.program == bound);
        let limit = limit.map(|row| (row.program.as_str(), seconds(row)));
        let mut bars = vec![*sci];
        bars.extend(peers);
        let measured = bars.iter().map(|row| seconds(row)).chain(limit.map(|(_, seconds)| seconds));
        let longest = measured.filter(|seconds| seconds.is_finite()).fold(0.0_f64, f64::max);
        Some(Self { phase: sci.phase, bars, limit, longest })
    }

    pub(super) fn height(&self) -> u32 {
        TITLE + self.bars.len() as u32 * LINE + if self.limit.is_some() { FOOT } else { 0 }
    }

    /// Draws it with its corner at `x`, `y`.
    pub(super) fn draw(&self, x: u32, y: u32, svg: &mut String) {
        svg.push_str(&text(x, y + 12, "phase", "start", self.phase.name()));
        let top = y + TITLE;
        let mut line = top;
        for row in &self.bars {
            self.bar(row, x, line, svg);
            line += LINE;
        }
        if let Some((name, seconds)) = self.limit {
            let at = f64::from(x + LEFT) + self.length(seconds);
            let from = top - 3;
            let _ = writeln!(svg, r#"<line class="limit" x1="{at:.1}" x2="{at:.1}" y1="{from}" y2="{line}"/>"#);
            let label = format!("{name} {}", figure(seconds));
            svg.push_str(&text(x + LEFT + self.length(seconds) as u32, line + 11, "limit", "middle", &label));
        }
    }

    fn bar(&self, row: &Row, x: u32, y: u32, svg: &mut String) {
        let class = if row.kind == Kind::Sci { "sci" } else { "" };
        svg.push_str(&text(x + LEFT - 8, y + 10, class, "end", &row.program));
        let Some(summary) = &row.summary else {
            svg.push_str(&text(x + LEFT, y + 10, class, "start", "fails"));
            return;
        };
        let length = self.length(summary.seconds);
        let left = x + LEFT;
        let _ =
            writeln!(svg, r#"<rect class="{class}" x="{left}" y="{y}" width="{length:.1}" height="{BAR}" rx="2"/>"#);
        svg.push_str(&text(left + length as u32 + 6, y + 10, class, "start", &figure(summary.seconds)));
    }

    fn length(&self, seconds: f64) -> f64 {
        (seconds / self.longest * f64::from(LENGTH)).max(1.0)
    }
}

/// Seconds; what failed took longer than everybody.
fn seconds(row: &Row) -> f64 {
    row.summary.as_ref().map_or(f64::INFINITY, |summary| summary.seconds)
}

/// Seconds with two digits that count.
fn figure(seconds: f64) -> String {
    match seconds {
        0.0..0.1 => format!("{seconds:.3}"),
        0.1..1.0 => format!("{seconds:.2}"),
        1.0..10.0 => format!("{seconds:.1}"),
        _ => format!("{seconds:.0}"),
    }
}
