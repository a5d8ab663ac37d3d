//! `sci explain`: why each path was restored, or was not, and which inputs differ.

use serde::Serialize;

use crate::administration::named;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::flow::explained::{Explained, Refused, Unkeyed};
use crate::flow::explaining::{self, Wanted};
use crate::state::before::Before;
use crate::store::Store;
use crate::workspace::Workspace;

/// Arguments of `sci explain`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Explain this path only: its name in sci.toml, or an instance
    path: Option<String>,
    /// Explain the plan of this run instead of the latest
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Show every candidate and every difference, however many
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct Report {
    paths: Vec<Path>,
    unkeyed: Vec<Unkeyed>,
}

/// A path with the words that people are told.
#[derive(Serialize)]
struct Path {
    #[serde(flatten)]
    explained: Explained,
    reason: String,
    refused: Vec<Refused>,
}

/// Explains the latest plan of each path.
///
/// # Errors
/// [`Kind::NotFound`] when nothing was planned yet, or not for this path or run; [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let workspace = Workspace::find(context)?;
    let store = Store::open_to_list(context, workspace.as_ref())?;
    let before = workspace.as_ref().filter(|_| arguments.run.is_none()).and_then(|w| Before::read(&w.state.before()));
    let wanted = Wanted { path: arguments.path.as_deref(), run: arguments.run.as_deref().map(named).transpose()? };
    let paths = explaining::latest(&store, &wanted, before.as_ref())?;
    let unkeyed = explaining::unkeyed(before.as_ref(), &wanted);
    if paths.is_empty() && unkeyed.is_empty() {
        return Err(nothing(arguments, &store));
    }
    let told = |explained: Explained| Path { reason: explained.why(), refused: explained.refused(), explained };
    let report = Report { paths: paths.into_iter().map(told).collect(), unkeyed };
    let now = context.now();
    context.out.human(|text| {
        report.paths.iter().for_each(|path| path.explained.render(text.gap(), arguments.all, now));
        report.unkeyed.iter().for_each(|path| path.render(text.gap()));
    });
    context.out.document("explain", &report);
    Ok(Exit::Success)
}

fn nothing(arguments: &Arguments, store: &Store) -> CliError {
    // A remote store makes the name of what the job's identity says, and that does not name the job.
    let in_actions = if store.directory().is_some() { "RUN_ID.ATTEMPT.JOB" } else { "RUN_ID-ATTEMPT" };
    match (&arguments.path, &arguments.run) {
        (_, Some(run)) => CliError::new(Kind::NotFound, format!("no plan of run {run:?} is kept"))
            .hint(format!("restore and save name their run under --json; in Actions it is {in_actions}")),
        (Some(path), None) => CliError::new(Kind::NotFound, format!("no plan of a path called {path:?} is kept"))
            .hint("`sci plan` lists the paths"),
        (None, None) => CliError::new(Kind::NotFound, "nothing was planned yet in this project")
            .hint("`sci restore` and `sci run` record what they planned"),
    }
}
