//! `sci show`: one snapshot, from its verified record.

use sci_store_api::dsse::Verified;
use sci_store_api::snapshots::SnapshotSummary;
use sci_store_api::{ObjectKind, Record};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Result};
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::{age, bytes, count, counted, safe, time};
use crate::store::{Store, engine};
use crate::trees::{self, Listed};
use crate::workspace::Workspace;

/// Arguments of `sci show`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A snapshot's id or its first digits; or a path's name or instance, for its newest snapshot
    snapshot: String,
    /// List the tree
    #[arg(long)]
    tree: bool,
    /// List the objects
    #[arg(long)]
    objects: bool,
}

#[derive(Serialize)]
struct Report {
    summary: SnapshotSummary,
    verified_by: String,
    record: Record,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<Vec<Listed>>,
}

/// Shows a snapshot.
///
/// # Errors
/// When there is no such snapshot, or its record or tree cannot be believed.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open(context, workspace.as_ref())?;
    let detail = store.find(&arguments.snapshot)?;
    let verified = store.verify(&detail.envelope).map_err(|error| {
        CliError::store(format!("snapshot {}: {error}", detail.summary.snapshot.short()))
            .hint("`sci verify` checks every snapshot")
    })?;
    let tree = arguments.tree.then(|| listing(&store, &verified)).transpose()?;
    let Verified { record, key, .. } = verified;
    let report = Report { summary: detail.summary, verified_by: key.to_string(), record, tree };
    let now = context.now();
    context.out.human(|text| render(text, &report, arguments.objects, now));
    context.out.document("show", &report);
    Ok(Exit::Success)
}

fn listing(store: &Store, verified: &Verified) -> Result<Vec<Listed>> {
    Ok(trees::list(&store.manifest(&verified.record).map_err(|error| engine(&error))?.tree).collect())
}

fn render(text: &mut Text, report: &Report, objects: bool, now: jiff::Timestamp) {
    let record = &report.record;
    let heading = format!("snapshot {}", text.style.name.paint(report.summary.snapshot));
    text.line(heading);
    text.field("path", format_args!("{} ({})", safe(record.instance.as_str()), record.path));
    text.field("key", record.key);
    text.field("scope", &record.scope);
    text.field("state", state(report));
    text.field("saved", format_args!("{} ({})", time(record.created), age(record.created, now)));
    text.field("run", &record.run);
    text.field("signed by", format_args!("{} (verified)", report.verified_by));
    text.field("tree", format_args!("{}, {}", counted(record.files, "file"), bytes(record.bytes)));
    let of_kind = |kind| record.objects.iter().filter(move |object| object.kind == kind).count() as u64;
    let packs = counted(of_kind(ObjectKind::Pack), "pack");
    let manifests = counted(of_kind(ObjectKind::Manifest), "manifest object");
    text.field("stored", format_args!("{} in {packs} and {manifests}", bytes(record.stored_bytes())));
    for (index, parent) in record.parents.iter().enumerate() {
        text.field(if index == 0 { "parents" } else { "" }, parent);
    }
    for (index, (name, value)) in record.claims.iter().enumerate() {
        text.field(if index == 0 { "claims" } else { "" }, format_args!("{} = {}", safe(name), safe(value)));
    }
    if objects {
        text.gap();
        for object in &record.objects {
            let kind = format!("{:?}", object.kind).to_lowercase();
            text.line(format_args!("{}  {kind:<10}  {:>10}", object.id, bytes(object.size)));
        }
    }
    if let Some(tree) = &report.tree {
        text.gap();
        tree.iter().for_each(|entry| list_entry(text, entry));
    }
}

fn state(report: &Report) -> &'static str {
    match (report.summary.quarantined, report.record.settled) {
        (true, _) => "quarantined: never restored",
        (false, true) => "settled",
        (false, false) => "unsettled: its run failed or changed its inputs, so it is never exact",
    }
}

fn list_entry(text: &mut Text, entry: &Listed) {
    let target = entry.target.as_ref().map(|target| format!(" -> {}", safe(target))).unwrap_or_default();
    text.line(format_args!(
        "{:<8} {} {:>12}  {}{target}",
        entry.kind,
        entry.mode,
        count(entry.size),
        safe(&entry.path)
    ));
}
