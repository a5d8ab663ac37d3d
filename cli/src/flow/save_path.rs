//! The save of one path instance: begin, store, decide, commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use sci_planner::{Keyed, Plan, PlannedPath};
use sci_presets::prune::{self, Unused};
use sci_presets::{Proof, SavePolicy, prove_current};
use sci_snapshot::save::Select;
use sci_snapshot::{Base, Excludes, SaveRequest, Saved, SnapshotError};
use sci_store_api::saves::{CommitSave, Committed};
use sci_store_api::{
    ErrorCode, Instance, Object, ObjectId, ObjectKind, ObjectRef, ObjectSink, PathName, SnapshotId, TransferError,
};
use sci_sys::places::slashed;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::flow::decide::{self, Decision, Standing};
use crate::flow::outcome::{Outcome, blank, failed, skipped};
use crate::flow::report::{SaveWord, SaveWork};
use crate::flow::{fingerprint, kept, members, replaying};
use crate::output::progress::Bar;
use crate::state::before::{Before, BeforePath};
use crate::store::{self, Saving, Store, StoreError};
use crate::workspace::Workspace;

/// How often a save is made again when objects it relied on were collected meanwhile.
const ATTEMPTS: usize = 3;

/// Why nothing is proved where sci.toml names no check.
const NO_CHECK: &str = "the path has no check";

/// Why a save is unsettled when the tree that was restored is not known any more.
const NOT_COMPARED: &str = "what was restored is no longer known, so nothing shows that the run did anything";

/// Why a save is unsettled of a path that is elsewhere than before the run.
const MOVED: &str = "before the run a variable said that it is in another place";

/// Snapshots that the run was served, by their manifests.
pub type Bases = BTreeMap<ObjectId, SnapshotId>;

/// One path instance to be saved.
pub struct Job<'a> {
    /// The workspace.
    pub workspace: &'a Workspace,
    /// Where to.
    pub store: &'a Store,
    /// The plan made now.
    pub plan: &'a Plan,
    /// The path.
    pub path: &'a PlannedPath,
    /// What it is derived from now.
    pub keyed: &'a Keyed,
    /// The plan made before the run.
    pub known: Option<&'a Before>,
    /// How the run went.
    pub run: decide::Run,
}

/// Why an attempt did not end in an outcome.
enum Failure {
    /// Objects were collected meanwhile: the same again may succeed.
    Again(CliError),
    /// It will not.
    Final(CliError),
    /// Somebody asked to stop.
    Interrupted,
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self::Final(error)
    }
}

impl From<SnapshotError> for Failure {
    fn from(error: SnapshotError) -> Self {
        if matches!(error, SnapshotError::Interrupted) {
            return Self::Interrupted;
        }
        let again = matches!(error, SnapshotError::Transfer(TransferError::Again { .. }));
        let error = store::engine(&error);
        if again { Self::Again(error) } else { Self::Final(error) }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        // The last is how a store answers for a save that it has given up.
        let again = matches!(error.code(), Some(ErrorCode::Retry | ErrorCode::UnknownObject | ErrorCode::NotFound));
        let error = store::failed(error);
        if again { Self::Again(error) } else { Self::Final(error) }
    }
}

/// What attempts leave to those after them.
#[derive(Default)]
struct Tried {
    /// There was one: what a base holds may have gone from the store, so everything is put.
    once: bool,
    /// The store would not begin a save that grew from what this machine says.
    uncited: bool,
    /// Whether the tree is what it was before the run: without a base that cannot be told.
    unchanged: Option<bool>,
    /// What is left out. An attempt reads files, so a later one could not tell any more which of them the build read.
    unused: Option<Unused>,
}

impl Job<'_> {
    /// Saves the path. Trouble is part of the outcome. `None` when it was interrupted: nothing was saved then.
    pub fn save(&self, context: &mut Context, bases: &Bases) -> Option<Outcome> {
        if let Some(reason) = self.not_even_read() {
            return Some(skipped(self.path, reason));
        }
        if let Some(error) = self.is_link() {
            return Some(failed(self.path, &error));
        }
        let mut last = CliError::store("the save was never tried");
        let mut tried = Tried::default();
        for _ in 0..ATTEMPTS {
            match self.attempt(context, bases, &mut tried) {
                Ok(mut outcome) => {
                    outcome.report.warnings.extend(self.made_anew());
                    return Some(outcome);
                }
                Err(Failure::Final(error)) => return Some(failed(self.path, &error)),
                Err(Failure::Again(error)) => last = error,
                Err(Failure::Interrupted) => return None,
            }
        }
        Some(failed(self.path, &last))
    }

    /// What is to be said where nothing of what was restored is left.
    fn made_anew(&self) -> Option<String> {
        let (root, check) = (&self.path.place.root, self.path.policy.check?);
        self.before().filter(|before| kept::is_made_anew(&before.samples, root))?;
        Some(kept::sentence(&self.path.instance, check))
    }

    fn not_even_read(&self) -> Option<String> {
        if let Some(reason) = decide::skipped_by_policy(self.path.policy.save, self.run.failed) {
            return Some(reason.to_owned());
        }
        if self.store.session.scope_write.is_none() {
            return Some("this run may read the store, but not write it".to_owned());
        }
        // Whatever else is wrong with the path, the engine says.
        let gone =
            self.path.place.root.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        gone.then(|| format!("there is nothing at {}", self.path.instance))
    }

    /// Refuses a path that is a link. What is behind it would not be saved, and a restore would put the link in the place
    /// of the directory that is there by then.
    fn is_link(&self) -> Option<CliError> {
        let target = std::fs::read_link(&self.path.place.root).ok()?;
        let message = format!("{} is a symbolic link to {}", self.path.instance, target.display());
        let hint =
            "declare the directory that it leads to, or make it a directory; `save = \"never\"` leaves the path alone";
        Some(CliError::new(Kind::Local, message).hint(hint))
    }

    /// What is known of it, where it is now.
    fn before(&self) -> Option<&BeforePath> {
        self.noted().filter(|noted| noted.was_at(&self.path.place.root))
    }

    /// Whether what is known of it is of another place, of which nothing says what stood there.
    fn is_moved(&self) -> bool {
        self.noted().is_some_and(|noted| !noted.was_at(&self.path.place.root))
    }

    fn noted(&self) -> Option<&BeforePath> {
        self.known?.path(&self.path.name, &self.path.instance)
    }

    fn attempt(&self, context: &mut Context, bases: &Bases, tried: &mut Tried) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let name = |error: sci_store_api::NameError| CliError::new(Kind::Config, error);
        let path = PathName::new(self.path.name.as_str()).map_err(name)?;
        let instance = Instance::new(self.path.instance.as_str()).map_err(name)?;
        let _home = if self.path.home { Some(self.workspace.lock_home(context)?) } else { None };

        let base = if tried.uncited { None } else { self.base(bases) };
        // Cited whether or not its objects are: the tree grew from it, and is no other save of the same key.
        let cited = base.iter().map(|(_, snapshot)| *snapshot).collect();
        let base = if std::mem::replace(&mut tried.once, true) { None } else { base };
        let begun = self.store.backend.begin(&path, &instance, self.keyed.key(), cited);
        tried.uncited |= begun.as_ref().is_err_and(|error| error.code() == Some(ErrorCode::NotFound));
        let sink = begun?;
        let mut standing = decide::standing(self.before(), self.keyed.key(), self.run);
        if self.is_moved() {
            standing = Standing::Unsettled(MOVED.to_owned());
        }
        let damaged = self.before().map_or(&[][..], |before| &before.damaged);
        if let (Standing::Settled, Some(existing)) = (&standing, sink.begun().existing)
            && !damaged.contains(&existing)
        {
            return Ok(self.known_already(existing));
        }
        if let Some(run) = &sink.begun().saving {
            context.out.verbose(|| format!("{}: run {run} is saving the same key", self.path.instance));
        }
        let has_base = base.is_some();
        let unused = tried.unused.get_or_insert_with(|| self.unused());
        let saved = self.store_tree(context, base.map(|(base, _)| base), unused, &sink)?;
        let unchanged = match tried.unchanged {
            Some(unchanged) => unchanged,
            None => self.is_unchanged(&saved)?,
        };
        let nearest = self.before().is_some_and(|before| before.restored.is_some() && !before.exact);
        if nearest && !has_base && tried.unchanged.is_none() && standing == Standing::Settled {
            standing = Standing::Unsettled(NOT_COMPARED.to_owned());
        }
        tried.unchanged = Some(unchanged);
        let decision = decide::decide(self.policy(), self.before(), standing, unchanged, &self.proof());
        let work = work_of(&saved, unused, started);
        match decision {
            Decision::Skip(reason) => {
                let mut outcome = skipped(self.path, reason);
                outcome.report.work = Some(work);
                self.remember(context, saved);
                Ok(outcome)
            }
            Decision::Save(_) if context.interrupts.caught().is_some() => Err(Failure::Interrupted),
            Decision::Save(standing) => self.commit(context, &sink, saved, &standing, work),
        }
    }

    /// Whether the tree is what was restored or, where nothing was, what stood there before the run.
    fn is_unchanged(&self, saved: &Saved) -> Result<bool, Failure> {
        Ok(match self.before().map(|before| (before.restored, before.stood)) {
            Some((Some((_, manifest)), _)) => saved.unchanged && manifest == saved.manifest,
            Some((None, Some(stood))) => fingerprint::of(self.path)? == Some(stood),
            _ => false,
        })
    }

    /// The policy; what was restored and is no longer in the store (forgotten, repaired away) is kept by all means.
    fn policy(&self) -> SavePolicy {
        let restored = self.before().and_then(|before| before.restored);
        let gone = |(snapshot, _): (SnapshotId, ObjectId)| {
            let found = self.store.backend.snapshot(&snapshot);
            found.is_err_and(|error| error.code() == Some(ErrorCode::NotFound))
        };
        if restored.is_some_and(gone) { SavePolicy::Always } else { self.path.policy.save }
    }

    /// The tree that the save may build upon, and its snapshot: what the engine remembers, else what was restored.
    fn base(&self, bases: &Bases) -> Option<(Base, SnapshotId)> {
        let remembered = self.workspace.state.engine(&self.path.name, &self.path.instance).base();
        let usable = remembered.and_then(|base| {
            let snapshot = *bases.get(&base.manifest.id()?)?;
            Some((base, snapshot))
        });
        usable.or_else(|| {
            let (snapshot, _) = self.before()?.served?;
            let detail = self.store.backend.snapshot(&snapshot).ok()?;
            let verified = self.store.verify(&detail.envelope).ok()?;
            let manifest = self.store.manifest(&verified.record).ok()?;
            Some((Base::without_receipts(Arc::new(manifest)), snapshot))
        })
    }

    /// What the build no longer uses. Without a restore before, nobody knows what this run is.
    fn unused(&self) -> Unused {
        let Some(since) = self.before().and_then(|before| before.since) else { return Unused::default() };
        let run = prune::Run { since, succeeded: self.run.doubt().is_none() };
        let policy = &self.path.policy;
        prune::unused(policy.prune, &self.plan.workspace, &self.path.place.root, &policy.lockfiles, run)
    }

    fn store_tree(
        &self,
        context: &mut Context,
        base: Option<Base>,
        unused: &Unused,
        sink: &dyn ObjectSink,
    ) -> Result<Saved, Failure> {
        let members = members::of(&self.plan.workspace, self.path)?;
        let select = members.as_ref().map(|members| move |path: &[u8], _: &sci_snapshot::tree::Stat| members.has(path));
        let bar = Bar::new(context, "saving", &self.path.instance);
        let replay = self.path.policy.replay;
        let tracked = self.known.map_or(&[][..], |known| &known.tracked);
        let request = SaveRequest {
            anchor: &self.path.place.anchor,
            root: &self.path.place.root,
            excludes: &Excludes::new(&self.path.policy.exclude)?.with_paths(left_out(unused)),
            select: select.as_ref().map(|select| select as &Select<'_>),
            base,
            references: Some(&self.store.backend),
            inputs: if replay { replaying::to_record(self.plan, tracked) } else { Vec::new() },
            threads: 0,
            progress: &bar,
        };
        Ok(sci_snapshot::save(request, sink)?)
    }

    fn proof(&self) -> Proof {
        match self.path.policy.check {
            Some(check) if !self.run.failed => {
                prove_current(check, &self.plan.workspace, &self.path.place.root, &self.path.policy.lockfiles)
            }
            Some(_) => Proof::Unknown { why: "the run failed".to_owned() },
            None => Proof::Unknown { why: NO_CHECK.to_owned() },
        }
    }

    fn commit(
        &self,
        context: &mut Context,
        sink: &Saving<'_>,
        saved: Saved,
        standing: &Standing,
        work: SaveWork,
    ) -> Result<Outcome, Failure> {
        let derivation = self.keyed.record().encode().map_err(|error| CliError::new(Kind::Local, error))?;
        let derivation = Object::of(derivation);
        let listed = derivation.listed(ObjectKind::Derivation);
        sink.put(derivation).map_err(SnapshotError::from)?;
        let mut objects: Vec<ObjectRef> = saved.objects.clone();
        objects.push(listed);
        let request = CommitSave {
            ladder: self.keyed.ladder,
            sketch: self.keyed.sketch().clone(),
            derivation: listed.id,
            manifest: saved.manifest,
            objects,
            tree: saved.tree,
            files: saved.files,
            bytes: saved.bytes,
            settled: *standing == Standing::Settled,
        };
        // What was put has healed what objects both share; a damaged record must not stand in the way of this one.
        for damaged in self.before().map_or(&[][..], |before| &before.damaged) {
            if let Err(error) = self.store.backend.forget(damaged) {
                context.out.verbose(|| format!("damaged snapshot {} stays: {error}", damaged.short()));
            }
        }
        let committed = sink.commit(&request)?;
        Ok(self.committed(context, saved, &committed, standing, work))
    }

    fn committed(
        &self,
        context: &mut Context,
        saved: Saved,
        committed: &Committed,
        standing: &Standing,
        work: SaveWork,
    ) -> Outcome {
        let (outcome, mut reason) = match committed {
            Committed::Saved { .. } => (SaveWord::Saved, String::new()),
            Committed::AlreadySaved { .. } => (SaveWord::AlreadySaved, "the store holds this key already".to_owned()),
        };
        let mut report = blank(self.path, outcome, String::new());
        if let Standing::Unsettled(why) = standing {
            reason.clone_from(why);
            report.hint = decide::remedy(why).map(str::to_owned);
        }
        report.reason = reason;
        report.settled = Some(*standing == Standing::Settled);
        report.key = Some(self.keyed.key());
        report.snapshot = Some(committed.snapshot());
        report.work = Some(work);
        report.warnings = self.warnings(&saved, committed);
        let manifest = saved.manifest;
        match committed {
            Committed::Saved { snapshot } => {
                self.remember(context, saved);
                Outcome { report, snapshot: Some((*snapshot, manifest)) }
            }
            Committed::AlreadySaved { .. } => Outcome { report, snapshot: None },
        }
    }

    fn warnings(&self, saved: &Saved, committed: &Committed) -> Vec<String> {
        let instance = &self.path.instance;
        let mut warnings: Vec<String> = saved
            .skipped
            .iter()
            .map(|path| format!("{instance}/{} is a socket, FIFO or device: not saved", String::from_utf8_lossy(path)))
            .collect();
        if let Committed::AlreadySaved { snapshot, nondeterministic: true } = committed {
            let other = snapshot.short();
            warnings.push(format!("{instance}: equal inputs gave another tree in snapshot {other}: not deterministic"));
        }
        warnings
    }

    fn known_already(&self, existing: SnapshotId) -> Outcome {
        let reason = "this key is saved already".to_owned();
        let mut report = blank(self.path, SaveWord::AlreadySaved, reason);
        report.settled = Some(true);
        report.key = Some(self.keyed.key());
        report.snapshot = Some(existing);
        Outcome { report, snapshot: None }
    }

    /// Lets the engine remember the tree; without it the next command reads more.
    fn remember(&self, context: &mut Context, saved: Saved) {
        if saved.remembered {
            return;
        }
        let state = self.workspace.state.engine(&self.path.name, &self.path.instance);
        if let Err(error) = state.remember(&saved.into_base()) {
            context.out.verbose(|| format!("{}: {error}", self.path.instance));
        }
    }
}

/// The paths as the engine has them.
fn left_out(unused: &Unused) -> BTreeSet<Vec<u8>> {
    unused.paths.iter().map(|path| slashed(path).into_owned()).collect()
}

fn work_of(saved: &Saved, unused: &Unused, started: Instant) -> SaveWork {
    SaveWork {
        files: saved.files,
        bytes: saved.bytes,
        pruned_files: unused.files,
        pruned_bytes: unused.bytes,
        stored_bytes: saved.uploaded,
        seconds: started.elapsed().as_secs_f64(),
    }
}
