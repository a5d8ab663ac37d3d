//! Makes a plan: the steps in order, each in its own module.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::time::Duration;

use sci_hasher::fs::StatCache;

use crate::config::{Errors, TextMode};
use crate::derive::Facts;
use crate::inputs::{EntryId, Findings, Hashes, Likely, Outputs, Search, Texts, Tree, Unfetched, walk};
use crate::instances::{Instance, expand, link};
use crate::narrow::Closures;
use crate::tools::ToolValues;
use crate::tracked::tracked;
use crate::{Approval, Config, Host, Plan, PlanError, PlannedPath};

/// What a plan needs besides sci.toml.
pub struct PlanOptions<'a> {
    /// The machine and its environment.
    pub host: &'a Host,
    /// Decides about commands that are no built-in preset's.
    pub approval: &'a dyn Approval,
    /// What is remembered from earlier plans of this workspace.
    pub stat_cache: Option<&'a StatCache>,
    /// How many threads walk and hash.
    pub threads: NonZeroUsize,
    /// How long each tool may take.
    pub tool_timeout: Duration,
}

impl<'a> PlanOptions<'a> {
    /// How long a tool may take unless the caller says otherwise.
    pub const TOOL_TIMEOUT: Duration = Duration::from_secs(10);

    /// All processors, no stat cache, 10 s per tool.
    pub fn new(host: &'a Host, approval: &'a dyn Approval) -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { host, approval, stat_cache: None, threads, tool_timeout: Self::TOOL_TIMEOUT }
    }
}

/// Determines what every declared path of the workspace is derived from, now.
///
/// Reads the workspace and runs the declared tools; writes nothing. What concerns one path only (a tool that fails, a file
/// that cannot be read) makes that path unkeyed.
///
/// # Errors
/// [`PlanError::Config`] when the workspace does not have what sci.toml says, all findings together;
/// [`PlanError::Io`] when the workspace cannot be read.
pub fn plan(config: &Config, options: PlanOptions<'_>) -> Result<Plan, PlanError> {
    find_and_plan(config, options).map(|(plan, _)| plan)
}

/// The same, and what the stat cache may remember for the next plan.
///
/// # Errors
/// As [`plan`].
pub fn find_and_plan(config: &Config, options: PlanOptions<'_>) -> Result<(Plan, Findings), PlanError> {
    let PlanOptions { host, approval, stat_cache, threads, tool_timeout } = options;
    let outputs = Outputs::of(config);
    let likely = Likely::of(config);
    let likely = |path: &[u8]| likely.is_input(path);
    let search = Search { root: &config.workspace, outputs: outputs.declared(), cache: stat_cache, likely: &likely };
    let mut tree = walk(&search, threads.get());
    let unfetched = Unfetched::of(&tree).map_err(|source| PlanError::Io { path: config.workspace.clone(), source })?;
    let mut errors = Errors::new(&config.source);
    let instances = expand(config, host, &mut tree, &unfetched, &mut errors);
    let upstreams = link(&instances, &mut errors);
    errors.finish(()).map_err(PlanError::Config)?;

    let replay = instances.iter().any(|instance| instance.declaration.replay);
    let wanted = wanted(&instances, &tree, replay);
    let commands: Vec<_> = instances.iter().flat_map(|instance| &instance.declaration.tools).collect();
    let (tools, hashes) = std::thread::scope(|scope| {
        let run = || ToolValues::run(commands.iter().copied(), &config.workspace, host, approval, tool_timeout);
        let tools = (!commands.is_empty()).then(|| scope.spawn(run));
        let hashes = Hashes::of(&tree, &wanted, stat_cache, threads);
        let join = |tools: std::thread::ScopedJoinHandle<'_, _>| {
            tools.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        (tools.map(join).unwrap_or_default(), hashes)
    });

    let mut errors = Errors::new(&config.source);
    let closures = Closures::of(&instances, host, &tree, &hashes, &mut errors);
    errors.finish(()).map_err(PlanError::Config)?;

    let texts = match config.text {
        TextMode::Bytes => Texts::default(),
        TextMode::Auto => Texts::of(&tree, &hashes, &inputs(&instances), threads)
            .map_err(|source| PlanError::Io { path: config.workspace.clone(), source })?,
    };
    let facts = Facts {
        config,
        host,
        tree: &tree,
        hashes: &hashes,
        tools: &tools,
        closures: &closures,
        texts: &texts,
        lockfiles: RefCell::default(),
    };
    let mut paths: Vec<PlannedPath> = Vec::with_capacity(instances.len());
    for (instance, upstreams) in instances.iter().zip(&upstreams) {
        // Declarations stand in the order of `after`, so an upstream's index is below the instance's own.
        let upstreams: Vec<&PlannedPath> = upstreams.iter().filter_map(|index| paths.get(*index)).collect();
        let planned = facts.plan(instance, &upstreams);
        paths.push(planned);
    }
    let tracked = if replay { tracked(&tree, &hashes) } else { Vec::new() };
    let late = hashes.into_late();
    Ok((Plan { workspace: config.workspace.clone(), paths, tracked }, Findings::new(tree, late)))
}

/// Every input, in order.
fn inputs(instances: &[Instance<'_>]) -> Vec<EntryId> {
    let inputs = instances.iter().flat_map(|instance| &instance.files).flat_map(|(_, ids)| ids.iter().copied());
    let mut inputs: Vec<EntryId> = inputs.collect();
    inputs.sort_unstable();
    inputs.dedup();
    inputs
}

/// The entries whose content matters, in order: every input and what says which part of it counts, and for replay every file.
fn wanted(instances: &[Instance<'_>], tree: &Tree, replay: bool) -> Vec<EntryId> {
    let all = tree.walked().map(|(id, _)| id).take(if replay { usize::MAX } else { 0 });
    let narrowed = instances.iter().flat_map(|instance| &instance.narrowed);
    let beside = narrowed.flat_map(|narrowed| narrowed.manifest.iter().chain(&narrowed.settings).copied());
    let mut wanted: Vec<EntryId> = inputs(instances).into_iter().chain(beside).chain(all).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted
}
