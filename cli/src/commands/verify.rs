//! `sci verify`: whether every snapshot of this project is what was signed, and whole; and `--repair`, which drops what is
//! not.

use sci_store_api::admin::Repaired;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{RepositoryId, SnapshotId};
use serde::Serialize;

use crate::administration::{self, named};
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::checking::{self, Damaged, Findings, Problem};
use crate::flow::outside;
use crate::output::Text;
use crate::output::format::{bytes, count, counted, safe};
use crate::output::list::{more, page};
use crate::store::{self, Backend, Store, failed};
use crate::workspace::Workspace;

/// Arguments of `sci verify`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// These snapshots only: ids, first digits of ids, or paths for their newest
    snapshots: Vec<String>,
    /// Read every byte and check it, instead of only that everything is there
    #[arg(long)]
    read_data: bool,
    /// Read every byte, and drop what is damaged, so that it is a miss until it is saved again
    #[arg(long)]
    repair: bool,
    /// Name every file hurt, however many
    #[arg(long)]
    all: bool,
    /// A repository that this machine's store serves to others, by id [default: this project]
    #[arg(long, value_name = "ID")]
    repository: Option<String>,
}

#[derive(Serialize)]
struct Report {
    read_data: bool,
    snapshots: u64,
    objects: u64,
    damaged: Vec<Damaged>,
    /// Damaged objects that no snapshot cites: inputs of plans, mostly.
    loose: Vec<Problem>,
    /// What a remote store's client cannot find out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unchecked: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<Repaired>,
    /// Snapshots that are damaged still.
    #[serde(skip)]
    left: Vec<SnapshotId>,
}

/// Checks snapshots. Damage that stays ends in exit code 1.
///
/// # Errors
/// When the store cannot be opened or listed.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let store = open(arguments, context)?;
    let report = match &store.backend {
        Backend::Embedded(_) => verify(&store, arguments)?,
        Backend::Remote(_) => verify_outside(&store, arguments)?,
    };
    context.out.human(|text| render(text, &report, arguments.all));
    let Some(error) = verdict(&report) else {
        context.out.document("verify", &report);
        return Ok(Exit::Success);
    };
    context.out.refusal("verify", &report, &error);
    Ok(error.kind.exit())
}

fn open(arguments: &Arguments, context: &mut Context) -> Result<Store> {
    if let Some(id) = &arguments.repository {
        return open_served(named(id)?, context);
    }
    let workspace = Workspace::find(context)?;
    if arguments.repair {
        return Store::open_here(context, workspace.as_ref(), "`sci verify --repair`");
    }
    Store::open(context, workspace.as_ref())
}

/// A repository that is not registered has nothing to check, and was hardly meant.
fn open_served(repository: RepositoryId, context: &mut Context) -> Result<Store> {
    store::expect(context, None)?;
    if administration::open_for(context, None)?.registration(&repository)?.is_some() {
        return Store::open_served(context, repository);
    }
    let error = CliError::new(Kind::NotFound, format!("repository {repository} is not registered"));
    Err(error.hint("`sci repo list` lists those that are"))
}

fn verify(store: &Store, arguments: &Arguments) -> Result<Report> {
    let read_data = arguments.read_data || arguments.repair;
    let numbers = wanted(store, arguments)?;
    let Findings { snapshots, objects, damaged, loose } = if arguments.snapshots.is_empty() {
        checking::check_all(store, &numbers, read_data)?
    } else {
        checking::check_some(store, &numbers, read_data)?
    };
    let mut report = Report {
        read_data,
        snapshots,
        objects,
        damaged,
        loose,
        unchecked: Vec::new(),
        repaired: None,
        left: Vec::new(),
    };
    report.left = report.damaged.iter().map(|damaged| damaged.snapshot).collect();
    if arguments.repair {
        let (repaired, left) = checking::repair(store, &report.damaged, &report.loose)?;
        (report.repaired, report.left) = (Some(repaired), left);
    }
    Ok(report)
}

fn verify_outside(store: &Store, arguments: &Arguments) -> Result<Report> {
    let read_data = arguments.read_data;
    let wanted: Vec<SnapshotId> = if arguments.snapshots.is_empty() {
        store.snapshots(SnapshotQuery::default())?.into_iter().map(|summary| summary.snapshot).collect()
    } else {
        let named = arguments.snapshots.iter().map(|reference| Ok(store.find(reference)?.summary.snapshot));
        named.collect::<Result<_>>()?
    };
    let Findings { snapshots, objects, damaged, loose } = outside::check(store, &wanted, read_data)?;
    let left = damaged.iter().map(|damaged| damaged.snapshot).collect();
    let unchecked = outside::unchecked(store);
    Ok(Report { read_data, snapshots, objects, damaged, loose, unchecked, repaired: None, left })
}

/// The records to check, by number.
fn wanted(store: &Store, arguments: &Arguments) -> Result<Vec<i64>> {
    let all = store.embedded()?.audit_list().map_err(failed)?;
    if arguments.snapshots.is_empty() {
        return Ok(all.into_iter().map(|(number, _)| number).collect());
    }
    let mut numbers = Vec::new();
    for reference in &arguments.snapshots {
        let snapshot = store.find(reference)?.summary.snapshot;
        numbers.extend(all.iter().filter(|(_, known)| *known == snapshot).map(|(number, _)| *number));
    }
    Ok(numbers)
}

/// The error that damage is.
fn verdict(report: &Report) -> Option<CliError> {
    let loose = if report.repaired.is_none() { report.loose.len() as u64 } else { 0 };
    let damaged = match (report.left.len() as u64, loose) {
        (0, 0) => return None,
        (0, loose) => format!("{} that no snapshot cites damaged", counted(loose, "object")),
        (left, _) if report.repaired.is_some() => format!("{} damaged still", counted(left, "snapshot")),
        (left, _) => format!("{} damaged", counted(left, "snapshot")),
    };
    if loose == 0 && !report.damaged.is_empty() && report.damaged.iter().all(Damaged::is_of_an_unknown_key) {
        let unknown = counted(report.damaged.len() as u64, "snapshot");
        let error = CliError::new(Kind::Damaged, format!("{unknown} not believed"));
        return Some(error.hint("`sci doctor` compares the keys that sci.toml trusts with the store's"));
    }
    let hint = match (&report.repaired, report.read_data) {
        _ if !report.unchecked.is_empty() => "`sci verify --repair` where the store is drops what is damaged",
        (None, true) => {
            "`sci verify --repair` drops what is damaged: a restore treats it as a miss, and the next save makes it anew"
        }
        (None, false) => {
            "`sci verify --read-data` says which files are hurt, `sci verify --repair` drops what is damaged"
        }
        (Some(_), _) => {
            "it is not signed by a key that sci.toml trusts, or was damaged just now: run `sci verify` again"
        }
    };
    Some(CliError::new(Kind::Damaged, damaged).hint(hint))
}

fn render(text: &mut Text, report: &Report, all: bool) {
    for damaged in &report.damaged {
        let word = if damaged.is_of_an_unknown_key() { "not believed" } else { "damaged" };
        let word = text.style.bad.paint(word);
        let name = text.style.name.paint(safe(&damaged.instance));
        text.line(format_args!("{word}  {name}  snapshot {}", damaged.snapshot));
        damaged.problems.iter().for_each(|problem| tell(text, problem));
        let (shown, left) = page(&damaged.files, all);
        for file in shown {
            text.indented(2, format_args!("hurt: {}", safe(file)));
        }
        if let Some(more) = more(left) {
            text.indented(2, more);
        }
        match (damaged.all_files, damaged.files.is_empty()) {
            (true, _) => drop(text.indented(2, "hurt: every file")),
            (false, true) if report.read_data => drop(text.indented(2, "hurt: no file of this snapshot")),
            _ => {}
        }
    }
    if !report.loose.is_empty() {
        let word = text.style.bad.paint("damaged");
        text.line(format_args!("{word}  {} that no snapshot cites", counted(report.loose.len() as u64, "object")));
        report.loose.iter().for_each(|problem| tell(text, problem));
    }
    let how =
        if report.read_data { "every byte read" } else { "signatures and objects present; --read-data reads them" };
    let sound = report.snapshots - report.damaged.len() as u64;
    let objects = counted(report.objects, "object");
    text.line(format_args!("{} of {} sound, {objects} ({how})", count(sound), counted(report.snapshots, "snapshot")));
    if !report.unchecked.is_empty() {
        text.line("not checked from outside, and checked by `sci verify` where the store is:");
        for what in &report.unchecked {
            text.indented(1, what);
        }
    }
    if let Some(repaired) = report.repaired.as_ref().filter(|_| !report.damaged.is_empty() || !report.loose.is_empty())
    {
        tell_repaired(text, repaired);
    }
}

fn tell(text: &mut Text, problem: &Problem) {
    let object = problem.object.map(|object| format!("object {}: ", object.short())).unwrap_or_default();
    text.indented(2, format_args!("{object}{}", safe(&problem.reason)));
}

fn tell_repaired(text: &mut Text, repaired: &Repaired) {
    let forgotten = counted(repaired.forgotten.len() as u64, "snapshot");
    let dropped = counted(repaired.dropped.len() as u64, "object");
    let size = repaired.dropped.iter().map(|object| object.size).sum();
    let word = text.style.good.paint("repaired");
    text.line(format_args!(
        "{word}: {forgotten} forgotten, {dropped} removed ({}); the next save of what they held makes it anew",
        bytes(size)
    ));
}
