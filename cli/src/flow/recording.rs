//! What was planned, as the store keeps it for explain: the inputs of each path, and the plan once it is known what became
//! of the paths.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sci_planner::Keyed;
use sci_store_api::plans::{MAX_PLAN_BODY, MAX_PLANNED_PATHS, PlannedPath};
use sci_store_api::{Instance, ObjectId, PathName, PlanId};

use crate::context::Context;
use crate::flow::resolving::Answer;
use crate::store::Store;

/// Inputs that are sent at the same time.
const SENT_AT_ONCE: usize = 4;

/// The inputs of one path, and those of the snapshot that was served for it.
struct Inputs<'p> {
    keyed: &'p Keyed,
    served: Option<ObjectId>,
}

impl<'p> Inputs<'p> {
    fn of(answer: &Answer<'p>) -> Self {
        Self { keyed: answer.keyed, served: answer.chosen.as_ref().map(|chosen| chosen.record.derivation) }
    }

    /// The object that holds them in the store. Those of a served snapshot are there: whoever was served it may cite them.
    fn stored(&self, store: &Store) -> Option<ObjectId> {
        let bytes = self.keyed.record().encode().ok()?;
        let known = self.served.filter(|served| *served == ObjectId::of(&bytes));
        known.or_else(|| store.backend.put_derivation(bytes).ok())
    }
}

/// Inputs that are sent while paths are restored, so that nobody waits for them.
pub struct Sending<'p> {
    inputs: Vec<Inputs<'p>>,
    next: AtomicUsize,
    sent: Mutex<BTreeMap<usize, ObjectId>>,
}

impl<'p> Sending<'p> {
    /// The inputs of these answers. None for a store on this machine: it is as quick afterwards.
    pub fn new(store: Option<&Store>, answers: &[Answer<'p>]) -> Self {
        let is_far = store.is_some_and(|store| store.directory().is_none());
        let inputs = if is_far { answers.iter().map(Inputs::of).collect() } else { Vec::new() };
        Self { inputs, next: AtomicUsize::new(0), sent: Mutex::default() }
    }

    /// Threads that it is worth.
    pub fn threads(&self) -> usize {
        self.inputs.len().min(SENT_AT_ONCE)
    }

    /// Sends until there is nothing left to send: the work of each thread.
    pub fn send(&self, store: &Store) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(inputs) = self.inputs.get(number) else { return };
            if let Some(id) = inputs.stored(store).filter(|id| inputs.served != Some(*id)) {
                self.sent().insert(number, id);
            }
        }
    }

    /// What was sent, by the number of its answer.
    fn sent(&self) -> MutexGuard<'_, BTreeMap<usize, ObjectId>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stores the plan with its verdicts, as several where it is too large for one; gives the first. A failure is a warning: nothing
/// but the explanation is lost.
pub fn record(context: &mut Context, store: &Store, answers: &[Answer<'_>], sending: &Sending<'_>) -> Option<PlanId> {
    let sent = sending.sent();
    let planned = answers.iter().enumerate().map(|(number, answer)| planned(store, answer, sent.get(&number).copied()));
    let mut first = None;
    for paths in parts(planned.flatten()) {
        match store.backend.record_plan(paths) {
            Ok(plan) => drop(first.get_or_insert(plan)),
            Err(error) => {
                context.out.warn(format!("the plan was not recorded, so `sci explain` will not know it: {error}"));
                break;
            }
        }
    }
    first
}

/// The paths in parts that are each small enough for a plan.
fn parts(paths: impl Iterator<Item = PlannedPath>) -> Vec<Vec<PlannedPath>> {
    let (mut parts, mut room) = (Vec::<Vec<PlannedPath>>::new(), 0);
    for path in paths {
        // With what stands between two of them.
        let length = serde_json::to_string(&path).map_or(0, |text| text.len()) + 2;
        match parts.last_mut().filter(|part| length <= room && part.len() < MAX_PLANNED_PATHS) {
            Some(part) => part.push(path),
            None => {
                room = MAX_PLAN_BODY;
                parts.push(vec![path]);
            }
        }
        room = room.saturating_sub(length);
    }
    parts
}

/// A path as the store keeps it. `None` when the store cannot name it.
fn planned(store: &Store, answer: &Answer<'_>, sent: Option<ObjectId>) -> Option<PlannedPath> {
    Some(PlannedPath {
        path: PathName::new(answer.path.name.as_str()).ok()?,
        instance: Instance::new(answer.path.instance.as_str()).ok()?,
        ladder: answer.keyed.ladder,
        sketch: answer.keyed.sketch().clone(),
        derivation: sent.or_else(|| Inputs::of(answer).stored(store)),
        verdict: answer.verdict.clone(),
    })
}
