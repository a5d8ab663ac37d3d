//! Random interleavings of everything that changes a store, against a model of what must be left.

use std::collections::BTreeSet;

use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sci_service::{Caller, Clock, Hold};
use sci_store_api::admin::DAY;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{ObjectId, ObjectRef, SnapshotId};

use crate::world::{Harness, State, World, main};

#[derive(Debug, Clone)]
enum Step {
    Begin { slot: usize, state: usize },
    Put { slot: usize, object: usize },
    Commit { slot: usize },
    Save { slot: usize, state: usize },
    Resolve { slot: usize, state: usize },
    Forget { nth: usize },
    Advance { hours: u64 },
    Collect { grace_hours: u64 },
    Lose { nth: usize, object: usize },
    Repair,
}

fn step() -> impl Strategy<Value = Step> {
    let (slot, state) = (0..3_usize, 0..4_usize);
    prop_oneof![
        3 => (slot.clone(), state.clone()).prop_map(|(slot, state)| Step::Begin { slot, state }),
        6 => (slot.clone(), 0..3_usize).prop_map(|(slot, object)| Step::Put { slot, object }),
        4 => slot.clone().prop_map(|slot| Step::Commit { slot }),
        3 => (slot.clone(), state.clone()).prop_map(|(slot, state)| Step::Save { slot, state }),
        4 => (slot, state).prop_map(|(slot, state)| Step::Resolve { slot, state }),
        3 => any::<usize>().prop_map(|nth| Step::Forget { nth }),
        2 => (1..20_u64).prop_map(|hours| Step::Advance { hours }),
        3 => prop_oneof![Just(0), Just(24_u64)].prop_map(|grace_hours| Step::Collect { grace_hours }),
        1 => (any::<usize>(), 0..3_usize).prop_map(|(nth, object)| Step::Lose { nth, object }),
        1 => Just(Step::Repair),
    ]
}

/// A run with its save.
struct Slot {
    caller: Caller,
    /// Snapshots that it is restoring: their objects, and until when they are promised.
    restores: Vec<(Vec<ObjectRef>, u64)>,
    served: Vec<SnapshotId>,
    save: Option<(BegunSave, State)>,
}

struct Play<H: Harness> {
    world: World<H>,
    states: Vec<State>,
    slots: Vec<Slot>,
    /// The snapshots that were acknowledged and not forgotten.
    expected: BTreeSet<SnapshotId>,
    /// Objects that have gone behind the store's back and were neither put again nor repaired.
    lost: BTreeSet<ObjectId>,
}

impl<H: Harness> Play<H> {
    fn new() -> Self {
        // Trees are shared between keys, so that objects are shared between snapshots.
        let states = vec![
            State::new("l", "a", "one"),
            State::new("l", "a", "two"),
            State::new("l", "b", "one"),
            State::new("m", "c", "two").unsettled(),
        ];
        let slot = |run: &str| Slot { caller: main(run), restores: Vec::new(), served: Vec::new(), save: None };
        let slots = ["1", "2", "3"].map(slot).into();
        Self { world: World::default(), states, slots, expected: BTreeSet::new(), lost: BTreeSet::new() }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Begin { slot, state } => {
                let Slot { caller, served, save, .. } = &mut self.slots[slot];
                let state = self.states[state].clone();
                // A lineage outlives the snapshot: to begin never fails for a base that was served in this run's time.
                *save = Some((self.world.begin(caller, &state, served).unwrap(), state));
            }
            Step::Put { slot, object } => {
                let Slot { caller, save, .. } = &self.slots[slot];
                if let Some((save, state)) = save {
                    // Fails when the save was given up, and only then.
                    let bytes = &state.objects()[object].1;
                    if self.world.put(caller, Hold::Save(save.save), bytes).is_ok() {
                        self.lost.remove(&ObjectId::of(bytes));
                    }
                }
            }
            Step::Commit { slot } => {
                let Slot { caller, save, .. } = &self.slots[slot];
                let Some((save, state)) = save else { return };
                self.world.clock.advance(1);
                if let Ok(answer) = self.world.commit(caller, save, state) {
                    assert_eq!(self.world.commit(caller, save, state).unwrap(), answer);
                    if let Committed::Saved { snapshot } = answer {
                        self.expected.insert(snapshot);
                    }
                    self.slots[slot].save = None;
                }
            }
            // Seldom does chance put together all that a save takes.
            Step::Save { slot, state } => {
                self.run(&Step::Begin { slot, state });
                (0..3).for_each(|object| self.run(&Step::Put { slot, object }));
                self.run(&Step::Commit { slot });
            }
            Step::Resolve { slot, state } => {
                let Slot { caller, served, restores, .. } = &mut self.slots[slot];
                let resolved = self.world.resolve(caller, &self.states[state]);
                if let Some(snapshot) = resolved.verdict.snapshot() {
                    assert!(self.expected.contains(&snapshot), "served what was not there");
                    let objects = self.world.record(caller, &snapshot).objects;
                    assert!(objects.iter().all(|object| !self.lost.contains(&object.id)), "served what is not whole");
                    let now = self.world.clock.now().0;
                    restores.retain(|(_, until)| now < *until);
                    restores.truncate(3);
                    restores.push((objects, now + DAY));
                    if !served.contains(&snapshot) && served.len() < 60 {
                        served.push(snapshot);
                    }
                }
            }
            Step::Forget { nth } => {
                if let Some(snapshot) = self.expected.iter().nth(nth % self.expected.len().max(1)).copied() {
                    block_on(self.world.service.forget(&main("x"), &snapshot)).unwrap();
                    self.expected.remove(&snapshot);
                }
            }
            Step::Advance { hours } => self.world.clock.advance(hours * DAY / 24),
            Step::Collect { grace_hours } => {
                self.world.gc(grace_hours * DAY / 24);
            }
            Step::Lose { nth, object } => self.lose(nth, object),
            Step::Repair => self.repair(),
        }
    }

    fn lose(&mut self, nth: usize, object: usize) {
        let Some(snapshot) = self.expected.iter().nth(nth % self.expected.len().max(1)).copied() else { return };
        let object = self.world.record(&main("x"), &snapshot).objects[object].id;
        self.world.lose(&main("x"), &object);
        self.lost.insert(object);
    }

    /// What cited a lost object is gone afterwards, and nothing else; whoever was restoring it meets a miss.
    fn repair(&mut self) {
        let objects = |snapshot: &SnapshotId| self.world.record(&main("x"), snapshot).objects;
        let is_hurt = |objects: &[ObjectRef]| objects.iter().any(|object| self.lost.contains(&object.id));
        let hurt: BTreeSet<SnapshotId> =
            self.expected.iter().filter(|snapshot| is_hurt(&objects(snapshot))).copied().collect();
        for slot in &mut self.slots {
            slot.restores.retain(|(objects, _)| !is_hurt(objects));
        }
        let lost: Vec<ObjectId> = self.lost.iter().copied().collect();
        let repaired = block_on(self.world.service.repair(&main("x").repository, &lost, &[])).unwrap();
        assert_eq!(repaired.forgotten.into_iter().collect::<BTreeSet<_>>(), hurt);
        self.expected.retain(|snapshot| !hurt.contains(snapshot));
        self.lost.clear();
    }

    /// Every snapshot expected is listed, no other, and each of their objects is there and whole; and so are those of what
    /// is being restored, forgotten or not, until the lease is over.
    fn check(&self) {
        let reader = main("reader");
        let page = block_on(self.world.service.snapshots(&reader, &SnapshotQuery::default())).unwrap();
        let listed: BTreeSet<SnapshotId> = page.snapshots.iter().map(|summary| summary.snapshot).collect();
        assert_eq!(listed, self.expected);
        for snapshot in &listed {
            self.check_objects(&reader, &self.world.record(&reader, snapshot).objects);
        }
        let now = self.world.clock.now().0;
        for Slot { caller, restores, .. } in &self.slots {
            for (objects, _) in restores.iter().filter(|(_, until)| now < *until) {
                self.check_objects(caller, objects);
            }
        }
    }

    fn check_objects(&self, reader: &Caller, objects: &[ObjectRef]) {
        for object in objects.iter().filter(|object| !self.lost.contains(&object.id)) {
            let bytes = self.world.read(reader, &object.id).unwrap();
            assert_eq!((ObjectId::of(&bytes), bytes.len() as u64), (object.id, object.size));
        }
    }
}

/// Whatever saves, readers, forgetting and collection do, in whatever order: every record's objects exist and are whole,
/// and what was acknowledged is there until it is forgotten.
pub fn no_record_cites_a_missing_object<H: Harness>() {
    let mut runner = TestRunner::new(Config { cases: H::PLAYS, failure_persistence: None, ..Config::default() });
    let steps = proptest::collection::vec(step(), 1..60);
    runner
        .run(&steps, |steps| {
            let mut play = Play::<H>::new();
            for step in &steps {
                play.run(step);
                play.check();
            }
            Ok(())
        })
        .unwrap();
}
