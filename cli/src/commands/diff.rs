//! `sci diff`: the files and the inputs in which two snapshots differ.

use sci_store_api::SnapshotId;
use sci_store_api::dsse::Verified;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::inputs;
use crate::output::Text;
use crate::output::format::{bytes, counted, safe};
use crate::output::list::{more, page};
use crate::output::style::Paint;
use crate::store::{Store, engine};
use crate::trees::{self, Changed, TreeDiff};
use crate::workspace::Workspace;

/// Arguments of `sci diff`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The first snapshot: an id, its first digits, or a path's name or instance for its newest
    before: String,
    /// The second snapshot
    after: String,
    /// Show every difference, however many
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    before: SnapshotId,
    after: SnapshotId,
    files: TreeDiff,
    #[serde(skip_serializing_if = "Option::is_none")]
    inputs: Option<sci_planner::InputDiff>,
}

/// Compares two snapshots.
///
/// # Errors
/// When one of them does not exist or cannot be believed.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open(context, workspace.as_ref())?;
    let before = verified(&store, &arguments.before)?;
    let after = verified(&store, &arguments.after)?;
    let tree = |of: &Verified| store.manifest(&of.record).map_err(|error| engine(&error));
    let files = trees::compare(&tree(&before)?.tree, &tree(&after)?.tree);
    let inputs = match (store.inputs(&before.record.derivation), store.inputs(&after.record.derivation)) {
        (Ok(old), Ok(new)) => Some(sci_planner::diff(&old, &new)),
        (Err(error), _) | (_, Err(error)) => {
            context.out.warn(format!("the inputs cannot be compared: {error}"));
            None
        }
    };
    let report = Report { before: before.id, after: after.id, files, inputs };
    context.out.human(|text| render(text, &report, arguments.all));
    context.out.document("diff", &report);
    Ok(Exit::Success)
}

fn verified(store: &Store, reference: &str) -> Result<Verified> {
    let detail = store.find(reference)?;
    let id = detail.summary.snapshot;
    store.verify(&detail.envelope).map_err(|error| CliError::store(format!("snapshot {}: {error}", id.short())))
}

fn render(text: &mut Text, report: &Report, all: bool) {
    let style = text.style;
    text.line(format_args!("files of {} and {}", report.before.short(), report.after.short()));
    if report.files.is_empty() {
        text.indented(1, "no difference");
    }
    section(text, "added", "+", style.good, &report.files.added, all);
    section(text, "removed", "-", style.bad, &report.files.removed, all);
    section(text, "changed", "~", style.fair, &report.files.changed, all);
    section(text, "with another mode or time only", " ", style.dim, &report.files.touched, all);
    if let Some(diff) = &report.inputs {
        text.gap().line("inputs");
        inputs::render(text, 1, diff, all);
    }
}

fn section(text: &mut Text, what: &str, sign: &str, paint: Paint, entries: &[Changed], all: bool) {
    if entries.is_empty() {
        return;
    }
    text.indented(1, format_args!("{} {what}", counted(entries.len() as u64, "entry")));
    let (shown, left) = page(entries, all);
    for entry in shown {
        let line = format!("{sign} {}", safe(&entry.path));
        text.indented(2, format_args!("{}{}", paint.paint(line), sizes(entry)));
    }
    if let Some(more) = more(left) {
        text.indented(2, more);
    }
}

fn sizes(entry: &Changed) -> String {
    match (entry.before, entry.after) {
        (Some(before), Some(after)) if before != after => format!("  {} → {}", bytes(before), bytes(after)),
        (Some(size), _) | (None, Some(size)) if size > 0 => format!("  {}", bytes(size)),
        _ => String::new(),
    }
}
