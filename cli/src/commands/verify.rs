//! `sci verify`: whether every snapshot of this project is what was signed, and whole.

use sci_store_api::snapshots::{SnapshotQuery, SnapshotSummary};
use sci_store_api::{ObjectId, Record, SnapshotId};
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::{count, counted, safe};
use crate::output::list::{more, page};
use crate::store::Store;
use crate::workspace::Workspace;

/// Arguments of `sci verify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// These snapshots only: ids, first digits of ids, or paths for their newest
    snapshots: Vec<String>,
    /// Read every byte and check it, instead of only that everything is there
    #[arg(long)]
    read_data: bool,
    /// Name every file hurt, however many
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    read_data: bool,
    snapshots: u64,
    objects: u64,
    damaged: Vec<Damaged>,
}

/// A snapshot that cannot be restored, or not wholly.
#[derive(Serialize)]
struct Damaged {
    snapshot: SnapshotId,
    path: String,
    instance: String,
    problems: Vec<Problem>,
    /// Files that cannot be restored; with --read-data only.
    files: Vec<String>,
}

#[derive(Serialize)]
struct Problem {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectId>,
    reason: String,
}

/// Checks snapshots. Damage ends in exit code 1.
///
/// # Errors
/// When the store cannot be opened or listed.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open(context, workspace.as_ref())?;
    let mut report = Report { read_data: arguments.read_data, snapshots: 0, objects: 0, damaged: Vec::new() };
    for summary in wanted(&store, arguments)? {
        report.snapshots += 1;
        let damaged = check(&store, &summary, arguments.read_data, &mut report.objects);
        report.damaged.extend(damaged);
    }
    context.out.human(|text| render(text, &report, arguments.all));
    if report.damaged.is_empty() {
        context.out.document("verify", &report);
        return Ok(Exit::Success);
    }
    let damaged = counted(report.damaged.len() as u64, "snapshot");
    let error = CliError::new(Kind::Damaged, format!("{damaged} damaged"))
        .hint("the next save of the same key replaces a damaged one; a restore treats it as a miss");
    context.out.refusal("verify", &report, &error);
    Ok(error.kind.exit())
}

fn wanted(store: &Store, arguments: &Arguments) -> Result<Vec<SnapshotSummary>> {
    if arguments.snapshots.is_empty() {
        return store.snapshots(SnapshotQuery::default());
    }
    arguments.snapshots.iter().map(|reference| Ok(store.find(reference)?.summary)).collect()
}

fn check(store: &Store, summary: &SnapshotSummary, read_data: bool, objects: &mut u64) -> Option<Damaged> {
    let mut damaged = Damaged {
        snapshot: summary.snapshot,
        path: summary.path.to_string(),
        instance: summary.instance.to_string(),
        problems: Vec::new(),
        files: Vec::new(),
    };
    match signed(store, summary) {
        Err(reason) => damaged.problems.push(Problem { object: None, reason }),
        Ok(record) => {
            *objects += record.objects.len() as u64;
            present(store, &record, &mut damaged);
            if read_data {
                whole(store, &record, &mut damaged);
            }
        }
    }
    (!damaged.problems.is_empty()).then_some(damaged)
}

/// The record, if its signature holds and it is the one that the index lists.
fn signed(store: &Store, summary: &SnapshotSummary) -> Result<Record, String> {
    let detail = store.backend.snapshot(&summary.snapshot).map_err(|error| error.to_string())?;
    let verified = store.verify(&detail.envelope).map_err(|error| error.to_string())?;
    let record = verified.record;
    let same = verified.id == summary.snapshot && record.path == summary.path && record.instance == summary.instance;
    if same && record.key == summary.key && record.settled == summary.settled && record.scope == summary.scope {
        Ok(record)
    } else {
        Err("the index lists it as something else than what was signed".to_owned())
    }
}

fn present(store: &Store, record: &Record, damaged: &mut Damaged) {
    for object in &record.objects {
        let problem = match store.backend.object_size(&object.id) {
            Ok(size) if size == object.size => continue,
            Ok(size) => format!("it has {} bytes instead of {}", count(size), count(object.size)),
            Err(error) => error.to_string(),
        };
        damaged.problems.push(Problem { object: Some(object.id), reason: problem });
    }
}

fn whole(store: &Store, record: &Record, damaged: &mut Damaged) {
    if let Err(reason) = store.inputs(&record.derivation) {
        damaged.problems.push(Problem { object: Some(record.derivation), reason });
    }
    let found = store.manifest(record).and_then(|manifest| sci_snapshot::verify::verify(&manifest, &store.backend));
    match found {
        Err(error) => damaged.problems.push(Problem { object: Some(record.manifest), reason: error.to_string() }),
        Ok(found) => {
            let known = |object: &ObjectId| damaged.problems.iter().any(|problem| problem.object == Some(*object));
            let new: Vec<_> = found.objects.into_iter().filter(|(object, _)| !known(object)).collect();
            damaged.problems.extend(new.into_iter().map(|(object, reason)| Problem { object: Some(object), reason }));
            damaged.files = found.files.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        }
    }
}

fn render(text: &mut Text, report: &Report, all: bool) {
    for damaged in &report.damaged {
        let word = text.style.bad.paint("damaged");
        let name = text.style.name.paint(safe(&damaged.instance));
        text.line(format_args!("{word}  {name}  snapshot {}", damaged.snapshot));
        for problem in &damaged.problems {
            let object = problem.object.map(|object| format!("object {}: ", object.short())).unwrap_or_default();
            text.indented(2, format_args!("{object}{}", safe(&problem.reason)));
        }
        let (shown, left) = page(&damaged.files, all);
        for file in shown {
            text.indented(2, format_args!("hurt: {}", safe(file)));
        }
        if let Some(more) = more(left) {
            text.indented(2, more);
        }
    }
    let how =
        if report.read_data { "every byte read" } else { "signatures and objects present; --read-data reads them" };
    let sound = report.snapshots - report.damaged.len() as u64;
    let objects = counted(report.objects, "object");
    text.line(format_args!("{} of {} sound, {objects} ({how})", count(sound), counted(report.snapshots, "snapshot")));
}
