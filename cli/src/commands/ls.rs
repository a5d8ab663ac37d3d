//! `sci ls`: this project's snapshots, newest first; with `--remote` a page of those of the remote store.

use sci_store_api::snapshots::{MAX_PAGE, SnapshotPage, SnapshotQuery, SnapshotSummary};
use serde::Serialize;

use crate::administration::named;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::runs::remarks;
use crate::output::Text;
use crate::output::format::{age, bytes, count, safe};
use crate::output::list::{more, page};
use crate::output::style::Paint;
use crate::output::table::{Align, Table};
use crate::store::{Store, failed, remote};
use crate::workspace::Workspace;

/// Arguments of `sci ls`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Of this path only: its name in sci.toml, an instance, or its place, as ./DIR
    path: Option<String>,
    /// Show every snapshot, not only the newest
    #[arg(long)]
    all: bool,
    /// Of this scope only, as pr:42
    #[arg(long)]
    scope: Option<String>,
    /// Saved by this run only
    #[arg(long)]
    run: Option<String>,
    /// Ask the remote store for one page, and show scopes and runs
    #[arg(long)]
    remote: bool,
    /// Snapshots of a page
    #[arg(long, value_name = "N", requires = "remote", default_value = "50",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    limit: u32,
    /// Continue where a page ended
    #[arg(long, value_name = "PLACE", requires = "remote", conflicts_with = "all")]
    before: Option<u64>,
}

#[derive(Serialize)]
struct Report<'a> {
    project: &'a str,
    snapshots: &'a [SnapshotSummary],
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// Lists snapshots.
///
/// # Errors
/// When the store cannot be opened or asked; [`Kind::Usage`] for `--remote` without a remote store.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    if arguments.remote && remote::place(context, workspace.as_ref()).is_none() {
        return Err(CliError::new(Kind::Usage, "--remote, and no remote store is known")
            .hint("name one with --store URL, or `url` in [store] of sci.toml"));
    }
    let store = Store::open_to_list(context, workspace.as_ref())?;
    let paged = arguments.remote && !arguments.all;
    let page = if paged { one_page(&store, arguments)? } else { every_page(&store, arguments)? };
    let SnapshotPage { snapshots, next } = &page;
    let none = if snapshots.is_empty() { none(&store, arguments)? } else { String::new() };
    let now = context.now();
    context.out.human(|text| {
        if snapshots.is_empty() {
            text.line(&none);
            return;
        }
        render(text, snapshots, arguments, now);
        if let Some(next) = next {
            text.line(format_args!("… and older ones: --before {next} shows them, --all shows every one"));
        }
    });
    context.out.document("ls", &Report { project: &store.project, snapshots, next: *next });
    Ok(Exit::Success)
}

fn query(arguments: &Arguments) -> Result<SnapshotQuery> {
    let scope = arguments.scope.as_deref().map(named).transpose()?;
    let run = arguments.run.as_deref().map(named).transpose()?;
    Ok(SnapshotQuery { scope, run, before: arguments.before, ..SnapshotQuery::default() })
}

fn every_page(store: &Store, arguments: &Arguments) -> Result<SnapshotPage> {
    let mut snapshots = store.snapshots(query(arguments)?)?;
    if let Some(path) = &arguments.path {
        let called = store.places.called(path);
        snapshots.retain(|snapshot| called.means(snapshot.path.as_str(), snapshot.instance.as_str()));
    }
    Ok(SnapshotPage { snapshots, next: None })
}

/// A path is a name or, when nothing is called so, an instance.
fn one_page(store: &Store, arguments: &Arguments) -> Result<SnapshotPage> {
    let all = SnapshotQuery { limit: Some(arguments.limit), ..query(arguments)? };
    let ask = |query: &SnapshotQuery| store.backend.snapshots(query).map_err(failed);
    let Some(path) = arguments.path.as_deref() else { return ask(&all) };
    let called = store.places.called(path);
    let name = if called.is_place() { None } else { called.text().parse().ok() };
    let page = name.map(|name| ask(&SnapshotQuery { path: Some(name), ..all.clone() })).transpose()?;
    match page.filter(|page| !page.snapshots.is_empty()) {
        Some(page) => Ok(page),
        None => ask(&SnapshotQuery { instance: Some(named(called.text())?), ..all }),
    }
}

/// What there is to say of an empty list: whether it is empty for what was asked for.
fn none(store: &Store, arguments: &Arguments) -> Result<String> {
    let nothing = "this project has no snapshots";
    let nothing = if arguments.remote { format!("{nothing} that this caller may see") } else { nothing.to_owned() };
    let flag = |name: &str, value: Option<String>| value.map(|value| format!("{name} {}", safe(&value)));
    let asked = [
        arguments.path.as_deref().map(|path| format!("`{}`", safe(path))),
        flag("--scope", arguments.scope.clone()),
        flag("--run", arguments.run.clone()),
        flag("--before", arguments.before.map(|before| before.to_string())),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    let all = if asked.is_empty() { Vec::new() } else { store.snapshots(SnapshotQuery::default())? };
    if all.is_empty() {
        return Ok(nothing);
    }
    let known = all.iter().flat_map(|snapshot| [snapshot.path.as_str(), snapshot.instance.as_str()]);
    let called = arguments.path.as_deref().map(|path| store.places.called(path));
    let suggestion = called.and_then(|called| called.suggestion(known)).map(|meant| format!("; {meant}"));
    let (asked, all) = (asked.join(" and "), count(all.len() as u64));
    Ok(format!("no snapshot matches {asked}; this project has {all} in all{}", suggestion.unwrap_or_default()))
}

fn render(text: &mut Text, snapshots: &[SnapshotSummary], arguments: &Arguments, now: jiff::Timestamp) {
    if arguments.remote {
        return wide(text, snapshots, now);
    }
    let (shown, left) = page(snapshots, arguments.all);
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

/// Everything by which a person tells the snapshots of many jobs apart.
fn wide(text: &mut Text, snapshots: &[SnapshotSummary], now: jiff::Timestamp) {
    let plain = Paint::default();
    let mut table = Table::new()
        .column("SNAPSHOT", Align::Left, text.style.name)
        .column("SCOPE", Align::Left, plain)
        .column("PATH", Align::Left, plain)
        .column("SAVED", Align::Left, plain)
        .column("SIZE", Align::Right, plain)
        .column("STORED", Align::Right, plain)
        .column("RUN", Align::Left, text.style.dim)
        .column("", Align::Left, text.style.fair);
    for snapshot in snapshots {
        table.row([
            snapshot.snapshot.short(),
            snapshot.scope.to_string(),
            safe(snapshot.instance.as_str()),
            age(snapshot.created, now),
            bytes(snapshot.bytes),
            bytes(snapshot.stored_bytes),
            snapshot.run.to_string(),
            remarks(snapshot),
        ]);
    }
    table.render(text);
}
