//! Who goes on, and what time it is. Actors are threads of which one runs at a time: at each step it waits until the seed
//! chooses it again. It may choose one who waits for a later time: then what the others are in the middle of takes as long.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use sci_conformance::fakes::TestClock;
use sci_service::Clock as _;

/// From everybody's turn at each step to requests of which most are carried out in one go.
const LOYALTIES: [f64; 5] = [0.0, 0.3, 0.6, 0.8, 0.95];
/// From steps that take no time to steps that take a minute.
const REACHES: [u64; 5] = [0, 30, 1_000, 10_000, 60_000];

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
    /// How likely it is that who went on last goes on again, where it can.
    loyalty: f64,
    /// How long, in milliseconds, one step may keep those waiting that are due.
    reach: u64,
    last: Option<Actor>,
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
        let mut random = fastrand::Rng::with_seed(seed);
        let (loyalty, reach) = (LOYALTIES[random.usize(..LOYALTIES.len())], REACHES[random.usize(..REACHES.len())]);
        let state = State {
            random,
            loyalty,
            reach,
            last: None,
            waiting: BTreeMap::new(),
            running: actors,
            alive: actors,
            chosen: None,
            steps: 0,
        };
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
        let is_due = |actor: &Actor| state.waiting.get(actor).is_some_and(|due| *due <= now);
        let again = state.last.filter(is_due);
        let chosen = match again {
            Some(last) if state.random.f64() < state.loyalty => last,
            _ => {
                let within = |(_, due): &(&Actor, &u64)| **due <= now + state.reach;
                let near: Vec<Actor> = state.waiting.iter().filter(within).map(|(actor, _)| *actor).collect();
                near[state.random.usize(..near.len())]
            }
        };
        let due = state.waiting.remove(&chosen).unwrap_or_default();
        self.clock.advance(now.max(due) - self.clock.now().0);
        (state.last, state.chosen) = (Some(chosen), Some(chosen));
        self.turns[chosen].notify_one();
    }

    /// Those of the actors that wait for a time need not wait for it any longer.
    pub(crate) fn hurry(&self, actors: Range<Actor>) {
        let now = self.clock.now().0;
        self.state().waiting.range_mut(actors).for_each(|(_, due)| *due = now.min(*due));
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
