//! `sci ls`: this project's snapshots, newest first.

use sci_store_api::snapshots::{SnapshotQuery, SnapshotSummary};

use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::{age, bytes, count, safe};
use crate::output::list::{more, page};
use crate::output::style::Paint;
use crate::output::table::{Align, Table};
use crate::store::Store;
use crate::workspace::Workspace;

/// Arguments of `sci ls`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of this path only: its name in sci.toml, or an instance
    path: Option<String>,
    /// Show every snapshot, not only the newest
    #[arg(long)]
    all: bool,
}

/// Lists snapshots.
///
/// # Errors
/// When the store cannot be opened or asked.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open(context, workspace.as_ref())?;
    let mut snapshots = store.snapshots(SnapshotQuery::default())?;
    if let Some(path) = &arguments.path {
        snapshots.retain(|snapshot| snapshot.path.as_str() == path || snapshot.instance.as_str() == path);
    }
    let now = context.now();
    context.out.human(|text| render(text, &snapshots, arguments.all, now));
    context.out.document("ls", &serde_json::json!({"project": store.project, "snapshots": snapshots}));
    Ok(Exit::Success)
}

fn render(text: &mut Text, snapshots: &[SnapshotSummary], all: bool, now: jiff::Timestamp) {
    if snapshots.is_empty() {
        text.line("no snapshots yet");
        return;
    }
    let (shown, left) = page(snapshots, all);
    let plain = Paint::default();
    let mut table = Table::new()
        .column("SNAPSHOT", Align::Left, text.style.name)
        .column("PATH", Align::Left, plain)
        .column("KEY", Align::Left, text.style.dim)
        .column("SAVED", Align::Left, plain)
        .column("FILES", Align::Right, plain)
        .column("SIZE", Align::Right, plain)
        .column("STORED", Align::Right, plain)
        .column("", Align::Left, text.style.fair);
    for snapshot in shown {
        table.row([
            snapshot.snapshot.short(),
            safe(snapshot.instance.as_str()),
            snapshot.key.short(),
            age(snapshot.created, now),
            count(snapshot.files),
            bytes(snapshot.bytes),
            bytes(snapshot.stored_bytes),
            remarks(snapshot),
        ]);
    }
    table.render(text);
    if let Some(more) = more(left) {
        text.line(more);
    }
}

fn remarks(snapshot: &SnapshotSummary) -> String {
    let remarks = [(!snapshot.settled, "unsettled"), (snapshot.quarantined, "quarantined")];
    remarks.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect::<Vec<_>>().join(", ")
}
