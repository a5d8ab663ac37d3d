//! `sci gc`: forgets snapshots by policy and deletes what nothing needs.

use std::time::Duration;

use sci_store_api::RepositoryId;
use sci_store_api::admin::{Collect, DAY, GcObject, GcPlan, GcPolicy, GcReport, Held};
use serde::Serialize;

use crate::administration::{self, Admin};
use crate::args::span;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::{bytes, counted, time};
use crate::store::remote;
use crate::workspace::Workspace;

/// Arguments of `sci gc`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Forget all but the newest N snapshots of each path
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Forget snapshots older than this: 30d, 12h, 45m
    #[arg(long, value_name = "AGE", value_parser = span)]
    max_age: Option<Duration>,
    /// Delete an object only after nothing has needed it for this long; at least 24h unless --unsafe-grace
    #[arg(long, value_name = "AGE", value_parser = span, default_value = "24h")]
    grace: Duration,
    /// Collect every project of the store, not only this workspace's
    #[arg(long)]
    all_projects: bool,
    /// Allow a --grace below 24h: a save that is still running may then fail and be repeated
    #[arg(long)]
    unsafe_grace: bool,
}

#[derive(Serialize)]
struct Report {
    dry_run: bool,
    plan: GcPlan,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<GcReport>,
    freed_bytes: u64,
}

/// Plans, then performs unless `--dry-run`.
///
/// # Errors
/// [`Kind::Usage`] for too short a grace; [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let policy = policy(arguments)?;
    let workspace = Workspace::find(context)?;
    let (admin, repository) = reach(arguments, context, workspace.as_ref())?;
    let request = Collect { repository, policy };
    let plan = admin.plan_gc(&request)?;
    let done = if arguments.dry_run { None } else { Some(admin.collect(&request)?) };
    let freed_bytes = done.as_ref().map_or_else(|| plan.freed_bytes(), |done| total(&done.deleted));
    let report = Report { dry_run: arguments.dry_run, plan, done, freed_bytes };
    let is_here = matches!(admin, Admin::Local(_));
    context.out.human(|text| render(text, &report, is_here));
    context.out.document("gc", &report);
    Ok(Exit::Success)
}

/// The store, and the repository that alone is collected.
fn reach(
    arguments: &Arguments,
    context: &Context,
    workspace: Option<&Workspace>,
) -> Result<(Admin, Option<RepositoryId>)> {
    if arguments.all_projects && remote::place(context, workspace).is_some() {
        return Ok((administration::open_for(context, workspace)?, None));
    }
    let (admin, repository) = administration::of_project(context, workspace, None)?;
    Ok((admin, (!arguments.all_projects).then_some(repository)))
}

fn policy(arguments: &Arguments) -> Result<GcPolicy> {
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let grace = millis(arguments.grace);
    if grace < DAY && !arguments.unsafe_grace {
        return Err(CliError::new(Kind::Usage, "--grace is below 24h")
            .hint("objects of a save that is still running look unused; --unsafe-grace allows it all the same"));
    }
    Ok(GcPolicy { grace, keep_newest: arguments.keep, max_age: arguments.max_age.map(millis), ..GcPolicy::default() })
}

fn total(objects: &[GcObject]) -> u64 {
    objects.iter().fold(0, |sum, object| sum.saturating_add(object.size))
}

fn render(text: &mut Text, report: &Report, is_here: bool) {
    let (forgotten, deleted, marked, waiting, leased) = match &report.done {
        None => {
            let GcPlan { forget, delete, waiting, leased, .. } = &report.plan;
            (forget.len(), delete.len(), 0, *waiting, *leased)
        }
        Some(done) => (done.forgotten.len(), done.deleted.len(), done.marked, done.waiting, done.leased),
    };
    let would = if report.dry_run { "would forget" } else { "forgot" };
    text.line(format_args!("{would} {}", counted(forgotten as u64, "snapshot")));
    let would = if report.dry_run { "would delete" } else { "deleted" };
    text.line(format_args!("{would} {}, {}", counted(deleted as u64, "object"), bytes(report.freed_bytes)));
    // A server of an earlier version tells no more than that.
    if marked > 0 && waiting.objects == 0 {
        text.line(format_args!("{} will be deleted when their grace is over", counted(marked, "object")));
    }
    if let Some((what, until)) = held(waiting) {
        text.line(format_args!("kept until {until}, when their grace is over: {what} that nothing needs"));
    }
    if let Some((what, until)) = held(leased) {
        text.line(format_args!(
            "kept until {until}, when their grace begins: {what} of forgotten snapshots, for runs that were given them"
        ));
    }
    let hint = match (waiting.until, leased.until) {
        // A server collects by itself.
        _ if !is_here => return,
        (None, None) => return,
        (Some(_), _) => {
            "`sci gc` after that deletes them; while nothing else uses the store, --grace 0s --unsafe-grace need not wait"
        }
        (None, Some(_)) => "`sci gc` after that begins it",
    };
    text.line(format_args!("{}: {hint}", text.style.hint.paint("Hint")));
}

/// How much is held, and until when.
fn held(held: Held) -> Option<(String, String)> {
    let until = held.until?;
    Some((format!("{}, {}", counted(held.objects, "object"), bytes(held.bytes)), time(until)))
}
