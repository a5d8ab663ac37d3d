//! `sci ui`: the dashboard, or with `--json` what it shows, once.

use std::io::{self, IsTerminal};

use sci_store_api::snapshots::SnapshotSummary;
use serde::Serialize;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::explained::{Explained, Unkeyed};
use crate::flow::local::Local;
use crate::flow::runs::{Run, ScopeSum, by_scope};
use crate::state::activity::{self, Activity};
use crate::ui::event::Shared;
use crate::ui::{self, loading};
use crate::workspace::Workspace;

/// Arguments of `sci ui`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// What the dashboard shows.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    local: Local,
    #[serde(skip_serializing_if = "Option::is_none")]
    activity: Option<Activity>,
    #[serde(flatten)]
    store: Asked,
}

/// What the store says, or why it says nothing.
#[derive(Serialize)]
#[serde(untagged)]
enum Asked {
    Answered {
        place: String,
        project: String,
        explained: Vec<Explained>,
        unkeyed: Vec<Unkeyed>,
        runs: Vec<Run>,
        scopes: Vec<ScopeSum>,
        snapshots: Vec<SnapshotSummary>,
        more: bool,
    },
    Failed {
        trouble: CliError,
    },
}

/// Shows the dashboard until it is left. With `--json`, prints what it would show at first, and ends.
///
/// # Errors
/// [`Kind::Usage`] without a terminal to show it on; with `--json` whatever is wrong with the workspace.
pub fn run(_: &Arguments, context: &mut Context) -> Result<Exit> {
    if context.out.is_json() {
        let report = report(context)?;
        context.out.document("ui", &report);
        return Ok(Exit::Success);
    }
    let refused = |why: &str| {
        CliError::new(Kind::Usage, why)
            .hint("`sci ui --json` prints the same state once; `sci ls` and `sci explain` print parts of it")
    };
    if !io::stdout().is_terminal() {
        return Err(refused("the dashboard needs a terminal, and stdout is none"));
    }
    if context.environment.text("TERM") == Some("dumb") {
        return Err(refused("the dashboard needs a terminal with a cursor, and TERM is dumb"));
    }
    ui::run(context)
}

fn report(context: &mut Context) -> Result<Report> {
    let workspace = Workspace::look(context)?.ok_or_else(|| Workspace::missing(context))?;
    let activity = activity::read(&workspace.state.activity());
    let local = loading::look_once(context)?;
    let store = match loading::ask_once(context) {
        Ok((_, shared)) => answered(shared),
        Err(trouble) => Asked::Failed { trouble },
    };
    Ok(Report { local, activity, store })
}

fn answered(shared: Shared) -> Asked {
    let Shared { place, published, explained, unkeyed } = shared;
    Asked::Answered {
        place,
        project: published.project,
        explained,
        unkeyed,
        runs: published.runs,
        scopes: by_scope(&published.snapshots),
        snapshots: published.snapshots,
        more: published.more,
    }
}
