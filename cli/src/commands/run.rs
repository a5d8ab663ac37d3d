//! `sci run -- CMD`: restore, run, save.

use std::ffi::OsString;

use serde::Serialize;

use crate::audit::report::AuditReport;
use crate::child::{self, Ended};
use crate::commands::restore::required;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::auditing::Audit;
use crate::flow::restoring::{self, RestoreReport};
use crate::flow::saving::{self, SaveReport, Wanted};
use crate::output::format::safe;
use crate::state::Lock;
use crate::state::before::Before;
use crate::workspace::Workspace;

/// Arguments of `sci run`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "sci run [OPTIONS] -- <CMD>...")]
pub struct Arguments {
    /// Say which files the command reads that no path declares, and which declared ones it never reads. The command cannot
    /// gain privileges then: sudo fails in it
    #[arg(long)]
    audit: bool,
    /// The command and its arguments, run without a shell in the directory where sci was started
    #[arg(required = true, trailing_var_arg = true, value_name = "CMD")]
    command: Vec<OsString>,
}

#[derive(Serialize)]
struct Report {
    #[serde(skip_serializing_if = "Option::is_none")]
    restore: Option<RestoreReport>,
    /// Why nothing was restored or saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    uncached: Option<String>,
    command: Command,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<AuditReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    save: Option<SaveReport>,
}

#[derive(Serialize)]
struct Command {
    code: u8,
    interrupted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Restores, runs the command, saves, and ends as the command did.
///
/// The command's stdout is its own; under `--json` it goes to stderr, so that stdout holds the one document. A command that
/// fails is saved as unsettled; one that was interrupted or never started is not saved.
///
/// # Errors
/// Bad configuration, and local state that cannot be kept where `--require` is given; the command has not run then.
/// [`Kind::Interrupted`] during the restore, when it has not run either, or during the save.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    context.out.yield_stdout();
    let cached = match Cached::begin(context) {
        Err(error) if error.kind == Kind::State && !context.globals.require => {
            Err(nothing_is_half_done(context, error)?)
        }
        begun => Ok(begun?),
    };
    match &cached {
        Ok(cached) => {
            let restore = &cached.restore;
            context.out.human(|text| restoring::render(text, restore));
            if let Some(error) = required(context, "restored", restore.troubled()) {
                context.out.refusal("run", &serde_json::json!({"restore": restore}), &error);
                return Ok(error.kind.exit());
            }
        }
        Err(error) => {
            let hint = error.hint.as_ref().map(|hint| format!(": {hint}")).unwrap_or_default();
            context.out.warn(format!("nothing is restored or saved: {}{hint}", error.message));
        }
    }
    let mut audit = arguments.audit.then(|| match &cached {
        Ok(cached) => Audit::prepare(context, &cached.workspace),
        Err(error) => Audit::unavailable(error),
    });
    let start = |command: &mut std::process::Command| match audit.take() {
        Some(prepared) => {
            let (child, started) = prepared.start(command);
            audit = Some(started);
            child
        }
        None => command.spawn(),
    };
    let json = context.out.is_json();
    let (ended, error) = match child::run(&arguments.command, context.start(), json, start) {
        Ok(ended) => (ended, None),
        Err(error) => {
            let program = arguments.command.first().map(|word| safe(&word.to_string_lossy())).unwrap_or_default();
            let message = format!("cannot run {program}: {error}");
            context.out.warn(message.clone());
            (Ended { exit: child::cannot_start(&error), interrupted: false }, Some(message))
        }
    };
    let audit = audit.filter(|_| error.is_none()).and_then(|audit| audit.finish(ended));
    audit.iter().for_each(|audit| tell(context, audit));
    let never_started = error.is_some();
    let command = Command { code: ended.exit.code(), interrupted: ended.interrupted, error };
    let report = match cached {
        Ok(Cached { workspace, restore, began, beside, running }) => {
            drop(running);
            let wanted = Wanted { paths: &[], failed: ended.exit != Exit::Success, began: began.as_ref(), beside };
            let save = save(context, &workspace, ended, never_started, &wanted)?;
            Report { restore: Some(restore), uncached: None, command, audit, save }
        }
        Err(error) => Report { restore: None, uncached: Some(error.message), command, audit, save: None },
    };
    finish(context, report, ended.exit)
}

/// A run whose paths are restored, and will be saved.
struct Cached {
    workspace: Workspace,
    restore: RestoreReport,
    /// What is noted of them when the command begins.
    began: Option<Before>,
    /// Another command was at work then: what it leaves may be in what is saved, even if it ends first.
    beside: bool,
    running: Lock,
}

/// The reason why a command runs without its cache, unless a restore has left its staging directory: the command may find a tree
/// that is neither what it was nor what was restored, and without local state nothing completes it.
fn nothing_is_half_done(context: &Context, reason: CliError) -> Result<CliError> {
    match Workspace::staging(context) {
        None => Ok(reason),
        Some(staging) => Err(CliError {
            message: format!(
                "{}; the command does not run, since {} is of a restore that was cut off, or is at work",
                reason.message,
                staging.display()
            ),
            ..reason
        }),
    }
}

impl Cached {
    /// [`Kind::State`] says that nothing was restored.
    fn begin(context: &mut Context) -> Result<Self> {
        let workspace = Workspace::open(context)?;
        workspace.state.prepare_mark()?;
        let restore = restoring::restore(context, &workspace, &[])?;
        let began = Before::read(&workspace.state.before());
        let local = |error| CliError { kind: Kind::Local, ..error };
        let beside = workspace.state.is_running().map_err(local)?;
        let running = workspace.state.mark_running().map_err(local)?;
        Ok(Self { workspace, restore, began, beside, running })
    }
}

/// That a command could not be watched is no failure of it.
fn tell(context: &mut Context, audit: &AuditReport) {
    if let Some(reason) = &audit.reason {
        context.out.warn(format!("the command was not audited: {reason}"));
    }
    context.out.human(|text| audit.render(text));
}

/// The build is done: whatever goes wrong now is a warning, not the command's failure; unless we are asked to stop.
fn save(
    context: &mut Context,
    workspace: &Workspace,
    ended: Ended,
    never_started: bool,
    wanted: &Wanted<'_>,
) -> Result<Option<SaveReport>> {
    if ended.interrupted || never_started {
        let why = if never_started { "the command did not run" } else { "the command was interrupted" };
        context.out.note(&format!("nothing was saved: {why}"));
        return Ok(None);
    }
    match saving::save(context, workspace, wanted) {
        Ok(report) => Ok(Some(report)),
        Err(error) if matches!(error.kind, Kind::Interrupted(_)) => Err(error),
        Err(error) => {
            context.out.warn(format!("nothing was saved: {}", error.message));
            Ok(None)
        }
    }
}

fn finish(context: &mut Context, report: Report, exit: Exit) -> Result<Exit> {
    let unsaved = report.save.as_ref().map_or(usize::from(!report.command.interrupted), SaveReport::troubled);
    let refusal = match required(context, "saved", unsaved) {
        Some(error) if exit == Exit::Success => Some(error),
        _ => None,
    };
    match (refusal, exit) {
        (Some(error), _) => {
            context.out.refusal("run", &report, &error);
            Ok(error.kind.exit())
        }
        (None, Exit::Success) => {
            context.out.document("run", &report);
            Ok(exit)
        }
        (None, _) => {
            let ended = || format!("the command ended with code {}", exit.code());
            let error = CliError::new(Kind::Command, report.command.error.clone().unwrap_or_else(ended));
            context.out.failed_document("run", &report, &error);
            Ok(exit)
        }
    }
}
