//! Random interleavings of everything that changes a store, against a model of what must be left.

use std::collections::BTreeSet;

use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sci_service::{Caller, Hold};
use sci_store_api::admin::DAY;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{ObjectId, SnapshotId};

use crate::world::{Harness, State, World, main};

#[derive(Debug, Clone)]
enum Step {
    Begin { slot: usize, state: usize },
    Put { slot: usize, object: usize },
    Commit { slot: usize },
    Resolve { slot: usize, state: usize },
    Forget { nth: usize },
    Advance { hours: u64 },
    Collect { grace_hours: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (slot, state) = (0..3_usize, 0..4_usize);
    prop_oneof![
        3 => (slot.clone(), state.clone()).prop_map(|(slot, state)| Step::Begin { slot, state }),
        6 => (slot.clone(), 0..3_usize).prop_map(|(slot, object)| Step::Put { slot, object }),
        4 => slot.clone().prop_map(|slot| Step::Commit { slot }),
        2 => (slot, state).prop_map(|(slot, state)| Step::Resolve { slot, state }),
        2 => any::<usize>().prop_map(|nth| Step::Forget { nth }),
        2 => (1..30_u64).prop_map(|hours| Step::Advance { hours }),
        3 => prop_oneof![Just(0), Just(24_u64)].prop_map(|grace_hours| Step::Collect { grace_hours }),
    ]
}

/// A run with its save.
struct Slot {
    caller: Caller,
    served: Vec<SnapshotId>,
    save: Option<(BegunSave, State)>,
}

struct Play<H: Harness> {
    world: World<H>,
    states: Vec<State>,
    slots: Vec<Slot>,
    /// The snapshots that were acknowledged and not forgotten.
    expected: BTreeSet<SnapshotId>,
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
        let slot = |run: &str| Slot { caller: main(run), served: Vec::new(), save: None };
        let slots = ["1", "2", "3"].map(slot).into();
        Self { world: World::default(), states, slots, expected: BTreeSet::new() }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Begin { slot, state } => {
                let Slot { caller, served, save } = &mut self.slots[slot];
                let state = self.states[state].clone();
                // A lineage outlives the snapshot: to begin never fails for a base that was served in this run's time.
                *save = Some((self.world.begin(caller, &state, served).unwrap(), state));
            }
            Step::Put { slot, object } => {
                let Slot { caller, save, .. } = &self.slots[slot];
                if let Some((save, state)) = save {
                    // Fails when the save was given up, and only then.
                    let _ = self.world.put(caller, Hold::Save(save.save), &state.objects()[object].1);
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
            Step::Resolve { slot, state } => {
                let Slot { caller, served, .. } = &mut self.slots[slot];
                let resolved = self.world.resolve(caller, &self.states[state]);
                if let Some(snapshot) = resolved.verdict.snapshot() {
                    assert!(self.expected.contains(&snapshot), "served what was not there");
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
        }
    }

    /// Every snapshot expected is listed, no other, and each of their objects is there and whole.
    fn check(&self) {
        let reader = main("reader");
        let page = block_on(self.world.service.snapshots(&reader, &SnapshotQuery::default())).unwrap();
        let listed: BTreeSet<SnapshotId> = page.snapshots.iter().map(|summary| summary.snapshot).collect();
        assert_eq!(listed, self.expected);
        for snapshot in &listed {
            for object in self.world.record(&reader, snapshot).objects {
                let bytes = self.world.read(&reader, &object.id).unwrap();
                assert_eq!((ObjectId::of(&bytes), bytes.len() as u64), (object.id, object.size));
            }
        }
    }
}

/// Whatever saves, readers, forgetting and collection do, in whatever order: every record's objects exist and are whole,
/// and what was acknowledged is there until it is forgotten.
pub fn no_record_cites_a_missing_object<H: Harness>() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
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
