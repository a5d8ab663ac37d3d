//! The report as a picture: for each phase of each workload a bar per program, and a line for what the machine can do.
//!
//! Colours are of middle brightness and there is no background, so that it reads on light and on dark pages alike.

mod panel;

use crate::phase::Phase;
use crate::report::Report;
use panel::Panel;

/// Width of the picture, and of one of its two columns.
const WIDTH: u32 = 880;
const COLUMN: u32 = 424;
/// Between two panels.
const GAP: u32 = 18;
/// What a workload's name takes.
const HEAD: u32 = 34;

const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#7d8590}\
.head{font-size:15px;font-weight:600}.phase{font-weight:600}.sci{fill:#2f81f7;font-weight:600}\
rect{fill:#8b949e;opacity:.55}rect.sci{opacity:1}\
.limit{fill:#d1682b}line.limit{stroke:#d1682b;stroke-width:1.5;stroke-dasharray:4 2}";

/// Draws the report.
pub(crate) fn svg(report: &Report) -> String {
    let mut body = String::new();
    let mut y = 4;
    for tree in &report.workloads {
        let phases = Phase::ALL.into_iter();
        let panels: Vec<Panel<'_>> = phases.filter_map(|phase| Panel::of(&report.rows_of(&tree.name, phase))).collect();
        if panels.is_empty() {
            continue;
        }
        let amount = format!("{}: {} files, {:.0} MB", tree.name, thousands(tree.files), tree.bytes as f64 / 1e6);
        body.push_str(&text(0, y + 16, "head", "start", &amount));
        y += HEAD;
        for pair in panels.chunks(2) {
            for (column, panel) in (0..).zip(pair) {
                panel.draw(column * (WIDTH - COLUMN), y, &mut body);
            }
            y += pair.iter().map(Panel::height).max().unwrap_or_default() + GAP;
        }
    }
    let foot = format!(
        "Seconds, medians of {} rounds; {}, {} processors. Dashed: what the machine needs at least.",
        report.rounds, report.place, report.processors
    );
    body.push_str(&text(0, y + 8, "", "start", &foot));
    let height = y + 16;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         role=\"img\" aria-label=\"sci side by side with other tools: seconds for each phase\">\n\
         <style>{STYLE}</style>\n{body}</svg>\n"
    )
}

/// One line of text.
fn text(x: u32, y: u32, class: &str, anchor: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!("<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"{anchor}\">{text}</text>\n")
}

/// A number with its digits in groups of three.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestant::Kind;
    use crate::place::Place;
    use crate::report::{Row, Tree};
    use crate::stats::Summary;

    fn row(program: &str, kind: Kind, seconds: Option<f64>) -> Row {
        let summary = |seconds| Summary { seconds, cpu_seconds: 1.0, rss: 1, stored: 0, samples: vec![seconds] };
        let failed = seconds.is_none().then(|| "no".to_owned());
        let (workload, program) = ("node".to_owned(), program.to_owned());
        Row { workload, phase: Phase::Restore, program, kind, summary: seconds.map(summary), failed }
    }

    #[test]
    fn sci_comes_first_then_peers_by_their_time_and_the_limit_is_a_line() {
        let mut report = Report::new(Place { file_system: Some("ext4".into()), journal: Some(true) }, 2, 5, Vec::new());
        report.workloads.push(Tree { name: "node".into(), files: 50_895, bytes: 644_000_000 });
        report.rows = vec![
            row("borg", Kind::Peer, Some(8.0)),
            row("restic", Kind::Peer, None),
            row("tar & <zstd>", Kind::Peer, Some(4.0)),
            row("sci", Kind::Sci, Some(1.25)),
            row("unpack", Kind::Limit, Some(1.0)),
        ];
        let svg = svg(&report);
        let order =
            ["node: 50,895 files, 644 MB", "full restore", ">sci<", "tar &amp; &lt;zstd>", ">borg<", ">restic<"];
        let places: Vec<usize> = order.iter().map(|text| svg.find(text).expect(text)).collect();
        assert!(places.is_sorted(), "{svg}");
        assert_eq!(svg.matches("<line").count(), 1);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains(">fails<") && svg.contains(">unpack 1.0<") && svg.contains(">1.2<"), "{svg}");
        let width = |name: &str| {
            let bar = svg.split(&format!(">{name}<")).nth(1).unwrap();
            bar.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse::<f64>().unwrap()
        };
        assert!((width("borg") / width("sci") - 6.4).abs() < 0.1);
    }
}
