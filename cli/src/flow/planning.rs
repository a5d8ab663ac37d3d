//! Makes the plan of a workspace, with what this machine remembers and allows.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use sci_hasher::fs::StatCache;
use sci_planner::{Approval, Findings, Plan, PlanOptions, PlannedPath};

use crate::called::{Called, Places};
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::state::approvals::Approvals;
use crate::workspace::Workspace;

/// Makes the plan; remembers digests for the next one.
///
/// # Errors
/// [`Kind::Config`] with everything that is wrong with sci.toml; [`Kind::Local`] when the workspace cannot be read.
pub fn make(context: &mut Context, workspace: &Workspace) -> Result<Plan> {
    let (plan, remembering) = make_first(context, workspace)?;
    remembering.finish(context);
    Ok(plan)
}

/// Makes the plan, and remembers what was found meanwhile.
///
/// # Errors
/// As [`make`].
pub fn make_first(context: &mut Context, workspace: &Workspace) -> Result<(Plan, Remembering)> {
    let approvals = approvals(context, workspace);
    make_with(context, workspace, &approvals)
}

/// Makes the plan, and gives what was found instead of remembering it.
///
/// # Errors
/// As [`make`].
pub fn make_finding(context: &Context, workspace: &Workspace) -> Result<(Plan, Findings)> {
    let (plan, findings, _) = find(context, workspace, &approvals(context, workspace))?;
    Ok((plan, findings))
}

/// What a plan found is being written down for the next one. Ends before the process does.
#[derive(Debug)]
pub struct Remembering(Option<JoinHandle<io::Result<()>>>);

impl Remembering {
    fn start(findings: Findings, mut cache: StatCache) -> Self {
        let remember = move || {
            findings.remember(&mut cache);
            cache.save()
        };
        Self(thread::Builder::new().spawn(remember).ok())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(thread) = self.0.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Waits until it is done.
    pub fn finish(mut self, context: &mut Context) {
        if let Err(error) = self.end() {
            context.out.verbose(|| format!("the stat cache was not written: {error}"));
        }
    }
}

impl Drop for Remembering {
    fn drop(&mut self) {
        // The plan serves as well without.
        let _ = self.end();
    }
}

/// Makes the plan and approves, for this and later ones, every tool that sci.toml declares.
///
/// # Errors
/// As [`make`]; also when the approvals cannot be written.
pub fn make_approving(context: &mut Context, workspace: &Workspace) -> Result<(Plan, Remembering, Vec<String>)> {
    let approvals = approvals(context, workspace);
    let asking = Approving { known: &approvals, new: Mutex::default() };
    let (plan, remembering) = make_with(context, workspace, &asking)?;
    let new: Vec<String> = asking.new.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
    let mut approvals = approvals;
    if !new.is_empty() {
        approvals.approve(new.clone())?;
    }
    Ok((plan, remembering, new))
}

fn approvals(context: &Context, workspace: &Workspace) -> Approvals {
    Approvals::read(&workspace.state.approvals(), context.environment.is_ci())
}

fn make_with(context: &Context, workspace: &Workspace, approval: &dyn Approval) -> Result<(Plan, Remembering)> {
    let (plan, findings, cache) = find(context, workspace, approval)?;
    Ok((plan, Remembering::start(findings, cache)))
}

fn find(context: &Context, workspace: &Workspace, approval: &dyn Approval) -> Result<(Plan, Findings, StatCache)> {
    let host = context.environment.host();
    let cache = StatCache::load(workspace.state.stat_cache());
    let options = PlanOptions { stat_cache: Some(&cache), ..PlanOptions::new(host, approval) };
    let planned = sci_planner::find_and_plan(&workspace.config, options);
    let (plan, findings) = planned.map_err(|error| CliError::planning(&error))?;
    Ok((plan, findings, cache))
}

/// Says yes to everything, and remembers to what.
struct Approving<'a> {
    known: &'a Approvals,
    new: Mutex<BTreeSet<String>>,
}

impl Approval for Approving<'_> {
    fn approves(&self, command: &str) -> bool {
        if !self.known.allows(command) {
            self.new.lock().unwrap_or_else(PoisonError::into_inner).insert(command.to_owned());
        }
        true
    }
}

impl Approval for Approvals {
    fn approves(&self, command: &str) -> bool {
        self.allows(command)
    }

    fn how(&self) -> String {
        "`sci plan --approve-tools` lets the commands of this sci.toml run on this machine".to_owned()
    }
}

/// How many paths a hint lists.
const LISTED: usize = 8;

fn declared(plan: &Plan) -> String {
    let known: Vec<&str> = plan.paths.iter().map(|path| path.instance.as_str()).collect();
    match known.len() {
        0 => "a [path.NAME] in sci.toml declares one".to_owned(),
        count @ 1..=LISTED => format!("the {} {}", if count == 1 { "path is" } else { "paths are" }, known.join(", ")),
        _ => "`sci plan` lists the paths".to_owned(),
    }
}

/// The planned paths that the command line names; all of them when it names none.
///
/// # Errors
/// [`Kind::NotFound`] for a word that names no path.
pub fn select<'p>(
    context: &Context,
    workspace: &Workspace,
    plan: &'p Plan,
    wanted: &[String],
) -> Result<Vec<&'p PlannedPath>> {
    let places = Places::of(context, Some(workspace));
    let wanted: Vec<Called> = wanted.iter().map(|word| places.called(word)).collect();
    let is = |called: &Called, path: &PlannedPath| called.means(&path.name, &path.instance);
    if let Some(unknown) = wanted.iter().find(|called| !plan.paths.iter().any(|path| is(called, path))) {
        let known = plan.paths.iter().flat_map(|path| [path.name.as_str(), path.instance.as_str()]);
        let hint = unknown.suggestion(known).unwrap_or_else(|| declared(plan));
        let message = format!("sci.toml declares no path called {:?}", unknown.typed());
        return Err(CliError::new(Kind::NotFound, message).hint(hint));
    }
    Ok(plan.paths.iter().filter(|path| wanted.is_empty() || wanted.iter().any(|called| is(called, path))).collect())
}
