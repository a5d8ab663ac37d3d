//! The figures of all series as a table, as a document, and against the goals.

use serde_json::json;

use crate::Failure;
use crate::figures::{Course, Figures};
use crate::simulate::Plan;

type Row<'a> = (&'a Plan, &'a Figures);

/// A Markdown table. Where there are two figures, the second is the highest of all snapshots.
pub(crate) fn table(rows: &[Row<'_>]) -> String {
    let head = [
        "tree",
        "edits",
        "live MB",
        "new kB",
        "read ×",
        "of fresh ×",
        "requests",
        "packs",
        "cited ×",
        "uploaded ×",
        "manifest kB",
        "repacked",
        "largest save MB",
    ];
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for (plan, figures) in rows {
        text += &format!("| {} |\n", cells(plan, figures).join(" | "));
    }
    text
}

fn cells(plan: &Plan, figures: &Figures) -> [String; 13] {
    let times = |course: &Course| format!("{:.2}, {:.2}", course.last, course.highest);
    let requests = |of: fn(&Course) -> f64| of(&figures.requests) + of(&figures.manifest_requests);
    [
        plan.shape.name().to_owned(),
        plan.model.name().to_owned(),
        format!("{:.1}", figures.live / 1e6),
        format!("{:.1}", figures.mean_new / 1e3),
        times(&figures.amplification),
        times(&figures.against_fresh),
        format!("{:.0}, {:.0}", requests(|course| course.last), requests(|course| course.highest)),
        format!("{:.0}, {:.0} ({:+.0})", figures.packs.last, figures.packs.highest, figures.packs_over.highest),
        times(&figures.cited_over_live),
        format!("{:.2}", figures.upload_overhead),
        format!("{:.1}", figures.mean_manifest / 1e3),
        format!("{:.0} %", figures.rewritten.highest * 100.0),
        format!("{:.2} ({:.0} %)", figures.save.highest / 1e6, figures.save_share.highest * 100.0),
    ]
}

/// One document with every figure.
pub(crate) fn json(rows: &[Row<'_>]) -> Result<String, Failure> {
    let series = rows.iter().map(|(plan, figures)| {
        json!({ "tree": plan.shape.name(), "edits": plan.model.name(), "seed": plan.seed, "figures": figures })
    });
    Ok(serde_json::to_string_pretty(&series.collect::<Vec<_>>())?)
}

/// The goals that were missed, each in a sentence.
pub(crate) fn missed(rows: &[Row<'_>]) -> Vec<String> {
    let goals = |figures: &Figures| {
        [
            ("bytes read over live bytes", figures.amplification.highest, 1.6),
            ("packs over the bound", figures.packs_over.highest, 1.0),
            ("packed anew by one save, of what it may", figures.rewritten_of_allowed.highest, 1.0),
        ]
    };
    let all = rows.iter().flat_map(|(plan, figures)| goals(figures).map(|goal| (plan, goal)));
    all.filter(|(_, (_, value, limit))| value > limit)
        .map(|(plan, (what, value, limit))| {
            format!("{} {}: {what}: {value:.3}; the goal is {limit}", plan.shape.name(), plan.model.name())
        })
        .collect()
}
