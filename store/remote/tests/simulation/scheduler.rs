//! Who goes on, and what time it is. Actors are threads of which one runs at a time: at each step it waits until the seed
//! chooses it again. Time passes only when everybody waits for it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sci_conformance::fakes::TestClock;
use sci_service::Clock as _;

/// The place of an actor among those of its run.
pub(crate) type Actor = usize;

thread_local! {
    static ACTOR: Cell<Option<Actor>> = const { Cell::new(None) };
}

#[derive(Debug)]
pub(crate) struct Scheduler {
    state: Mutex<State>,
    turns: Vec<Condvar>,
    clock: TestClock,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// Who waits, and until when at least, in milliseconds of the clock.
    waiting: BTreeMap<Actor, u64>,
    /// Actors that do not wait: all until the first step of each, then one.
    running: usize,
    alive: usize,
    chosen: Option<Actor>,
    steps: u64,
}

impl Scheduler {
    pub(crate) fn new(actors: usize, clock: TestClock, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        let state = State { random, waiting: BTreeMap::new(), running: actors, alive: actors, chosen: None, steps: 0 };
        let turns = (0..actors).map(|_| Condvar::new()).collect();
        Self { state: Mutex::new(state), turns, clock }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this thread an actor until what is returned is dropped.
    pub(crate) fn act(self: &Arc<Self>, actor: Actor) -> Acting {
        ACTOR.set(Some(actor));
        Acting(Arc::clone(self))
    }

    /// Lets the others go on for so many milliseconds at least. A thread that is no actor has nobody to wait for.
    pub(crate) fn step(&self, millis: u64) {
        let Some(actor) = ACTOR.get() else { return };
        let mut state = self.state();
        let due = self.clock.now().0 + millis;
        assert!(state.waiting.insert(actor, due).is_none(), "an actor waits twice");
        state.running -= 1;
        self.choose(&mut state);
        while state.chosen != Some(actor) {
            state = self.turns[actor].wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.chosen = None;
        state.running += 1;
        state.steps += 1;
    }

    fn choose(&self, state: &mut State) {
        if state.running > 0 {
            return;
        }
        let Some(first) = state.waiting.values().min().copied() else { return };
        let now = self.clock.now().0.max(first);
        self.clock.advance(now - self.clock.now().0);
        let due: Vec<Actor> = state.waiting.iter().filter(|(_, due)| **due <= now).map(|(actor, _)| *actor).collect();
        let chosen = due[state.random.usize(..due.len())];
        state.waiting.remove(&chosen);
        state.chosen = Some(chosen);
        self.turns[chosen].notify_one();
    }

    /// How many actors have not ended.
    pub(crate) fn alive(&self) -> usize {
        self.state().alive
    }

    /// Steps so far.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }
}

/// A thread that is an actor. Whatever ends it, the others go on.
pub(crate) struct Acting(Arc<Scheduler>);

impl Drop for Acting {
    fn drop(&mut self) {
        ACTOR.set(None);
        let mut state = self.0.state();
        state.running -= 1;
        state.alive -= 1;
        self.0.choose(&mut state);
    }
}

/// The actor of this thread.
pub(crate) fn actor() -> Option<Actor> {
    ACTOR.get()
}
