//! A bounded pool: work in parallel, results in order.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::Result;

/// Threads to use when nobody says otherwise.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |threads| threads.get().min(16))
}

/// One stage: items in, results out in the items' order, at most `window` of them between the two.
struct Stage<T, R> {
    waiting: BTreeMap<usize, T>,
    done: BTreeMap<usize, R>,
    submitted: usize,
    delivered: usize,
}

impl<T, R> Default for Stage<T, R> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), done: BTreeMap::new(), submitted: 0, delivered: 0 }
    }
}

impl<T, R> Stage<T, R> {
    fn submit(&mut self, item: T) {
        self.waiting.insert(self.submitted, item);
        self.submitted += 1;
    }

    fn in_flight(&self) -> usize {
        self.submitted - self.delivered
    }

    fn next_result(&mut self) -> Option<R> {
        let result = self.done.remove(&self.delivered)?;
        self.delivered += 1;
        Some(result)
    }
}

/// The two ordered consumers of a [`pipeline`], each called by one thread at a time.
pub(crate) trait Middle<A, B>: Send {
    /// Takes the next result of the first stage; emits any number of items for the second.
    fn take(&mut self, result: A, emit: &mut dyn FnMut(B)) -> Result<()>;
    /// Called once after the last result.
    fn finish(&mut self, emit: &mut dyn FnMut(B)) -> Result<()>;
}

/// The last consumer of a [`pipeline`].
pub(crate) trait Last<B>: Send {
    /// Takes the next result of the second stage.
    fn take(&mut self, result: B) -> Result<()>;
}

struct Shared<I: Iterator, A, B, C, M, L> {
    items: I,
    items_left: bool,
    first: Stage<I::Item, A>,
    second: Stage<B, C>,
    /// Taken out by the thread that is in it.
    middle: Option<M>,
    middle_finished: bool,
    last: Option<L>,
    error: Option<crate::SnapshotError>,
    /// A thread panicked; what it had taken out will not come back.
    broken: bool,
}

enum Job<T, A, B, C, M, L> {
    First(usize, T),
    Middle(M, Option<A>),
    Second(usize, B),
    Last(L, C),
}

/// The parallel work of a [`pipeline`].
pub(crate) trait Crew: Sync {
    /// What each thread keeps between jobs.
    type Worker;
    /// What goes in.
    type Item: Send;
    /// What the first stage makes of it.
    type Read: Send;
    /// What the ordered step emits.
    type Raw: Send;
    /// What the second stage makes of that.
    type Done: Send;

    /// Sets a thread up.
    fn worker(&self) -> Result<Self::Worker>;
    /// The first stage.
    fn read(&self, worker: &mut Self::Worker, item: Self::Item) -> Result<Self::Read>;
    /// The second stage.
    fn work(&self, worker: &mut Self::Worker, raw: Self::Raw) -> Result<Self::Done>;
}

/// Runs items through two parallel stages with an ordered step after each, on `threads` threads.
///
/// What the ordered steps see never depends on timing. The first error stops everything and is returned.
/// `window` bounds what lies between the steps, and with it the memory: the second stage has so many items in flight, the first,
/// whose items are larger, half as many.
pub(crate) fn pipeline<C, I, M, L>(
    crew: &C,
    items: I,
    threads: usize,
    window: usize,
    middle: M,
    last: L,
) -> Result<(M, L)>
where
    C: Crew,
    I: Iterator<Item = C::Item> + Send,
    M: Middle<C::Read, C::Raw>,
    L: Last<C::Done>,
{
    let shared = Mutex::new(Shared {
        items,
        items_left: true,
        first: Stage::default(),
        second: Stage::default(),
        middle: Some(middle),
        middle_finished: false,
        last: Some(last),
        error: None,
        broken: false,
    });
    let ready = Condvar::new();
    let run = || {
        let _waker = Waker(|| {
            lock(&shared).broken = true;
            ready.notify_all();
        });
        let mut worker = match crew.worker() {
            Ok(worker) => worker,
            Err(error) => {
                lock(&shared).error.get_or_insert(error);
                ready.notify_all();
                return;
            }
        };
        while let Some(job) = next_job(&shared, &ready, window) {
            perform(crew, job, &shared, &mut worker);
            ready.notify_all();
        }
        ready.notify_all();
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(run);
        }
        run();
    });
    let shared = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    match (shared.error, shared.middle, shared.last) {
        (Some(error), ..) => Err(error),
        (None, Some(middle), Some(last)) => Ok((middle, last)),
        (None, ..) => unreachable!("a consumer is put back by the thread that took it"),
    }
}

/// Makes something of every item on at most `threads` threads, and hands it over in the items' order. `worker` gives each thread
/// what it keeps between items. At most two results for each thread wait to be taken.
///
/// # Errors
/// The first of the closures' errors, which stops everything.
pub(crate) fn ordered<T: Send, W, R: Send>(
    threads: usize,
    items: impl ExactSizeIterator<Item = T> + Send,
    worker: impl Fn() -> Result<W> + Sync,
    make: impl Fn(&mut W, T) -> Result<R> + Sync,
    take: impl FnMut(R) -> Result<()> + Send,
) -> Result<()> {
    let threads = threads.min(items.len()).max(1);
    let each = Each { worker, make, types: PhantomData };
    pipeline(&each, items, threads, threads * 4, Taker(take), Nothing).map(drop)
}

/// The crew of [`ordered`]: the second stage gets nothing.
struct Each<F, G, T, R> {
    worker: F,
    make: G,
    types: PhantomData<fn(T) -> R>,
}

impl<F, G, T, W, R> Crew for Each<F, G, T, R>
where
    F: Fn() -> Result<W> + Sync,
    G: Fn(&mut W, T) -> Result<R> + Sync,
    T: Send,
    R: Send,
{
    type Worker = W;
    type Item = T;
    type Read = R;
    type Raw = Infallible;
    type Done = Infallible;

    fn worker(&self) -> Result<W> {
        (self.worker)()
    }

    fn read(&self, worker: &mut W, item: T) -> Result<R> {
        (self.make)(worker, item)
    }

    fn work(&self, _: &mut W, raw: Infallible) -> Result<Infallible> {
        match raw {}
    }
}

struct Taker<F>(F);

impl<R, F: FnMut(R) -> Result<()> + Send> Middle<R, Infallible> for Taker<F> {
    fn take(&mut self, result: R, _: &mut dyn FnMut(Infallible)) -> Result<()> {
        (self.0)(result)
    }

    fn finish(&mut self, _: &mut dyn FnMut(Infallible)) -> Result<()> {
        Ok(())
    }
}

struct Nothing;

impl Last<Infallible> for Nothing {
    fn take(&mut self, result: Infallible) -> Result<()> {
        match result {}
    }
}

/// Acts when its thread panics: the others must not wait for it for ever.
struct Waker<F: Fn()>(F);

impl<F: Fn()> Drop for Waker<F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            (self.0)();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type SharedOf<C, I, M, L> = Shared<I, <C as Crew>::Read, <C as Crew>::Raw, <C as Crew>::Done, M, L>;
type JobOf<I, A, B, C, M, L> = Job<<I as Iterator>::Item, A, B, C, M, L>;

/// Waits for something to do; what is furthest down the pipeline comes first. `None` when all is done or failed.
fn next_job<I: Iterator, A, B, C, M, L>(
    shared: &Mutex<Shared<I, A, B, C, M, L>>,
    ready: &Condvar,
    window: usize,
) -> Option<JobOf<I, A, B, C, M, L>> {
    let mut state = lock(shared);
    loop {
        if state.error.is_some() || state.broken {
            return None;
        }
        if let Some(job) = state.pick(window) {
            return Some(job);
        }
        if state.is_done() {
            return None;
        }
        state = ready.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
}

impl<I: Iterator, A, B, C, M, L> Shared<I, A, B, C, M, L> {
    fn pick(&mut self, window: usize) -> Option<JobOf<I, A, B, C, M, L>> {
        if self.last.is_some()
            && let Some(result) = self.second.next_result()
        {
            return self.last.take().map(|last| Job::Last(last, result));
        }
        if let Some((index, item)) = self.second.waiting.pop_first() {
            return Some(Job::Second(index, item));
        }
        if self.middle.is_some() && self.second.in_flight() < window {
            if let Some(result) = self.first.next_result() {
                return self.middle.take().map(|middle| Job::Middle(middle, Some(result)));
            }
            if !self.items_left && self.first.in_flight() == 0 && !self.middle_finished {
                self.middle_finished = true;
                return self.middle.take().map(|middle| Job::Middle(middle, None));
            }
        }
        if self.items_left && self.first.in_flight() < window.div_ceil(2) {
            match self.items.next() {
                Some(item) => {
                    let index = self.first.submitted;
                    self.first.submitted += 1;
                    return Some(Job::First(index, item));
                }
                None => {
                    self.items_left = false;
                    return self.pick(window);
                }
            }
        }
        None
    }

    fn is_done(&self) -> bool {
        self.middle_finished && self.middle.is_some() && self.last.is_some() && self.second.in_flight() == 0
    }
}

fn perform<C, I, M, L>(
    crew: &C,
    job: JobOf<I, C::Read, C::Raw, C::Done, M, L>,
    shared: &Mutex<SharedOf<C, I, M, L>>,
    worker: &mut C::Worker,
) where
    C: Crew,
    I: Iterator<Item = C::Item>,
    M: Middle<C::Read, C::Raw>,
    L: Last<C::Done>,
{
    let outcome = match job {
        Job::First(index, item) => crew.read(worker, item).map(|result| {
            lock(shared).first.done.insert(index, result);
        }),
        Job::Second(index, item) => crew.work(worker, item).map(|result| {
            lock(shared).second.done.insert(index, result);
        }),
        Job::Middle(mut middle, result) => {
            let mut emitted = Vec::new();
            let outcome = match result {
                Some(result) => middle.take(result, &mut |item| emitted.push(item)),
                None => middle.finish(&mut |item| emitted.push(item)),
            };
            let mut state = lock(shared);
            state.middle = Some(middle);
            for item in emitted {
                state.second.submit(item);
            }
            outcome
        }
        Job::Last(mut last, result) => {
            let outcome = last.take(result);
            lock(shared).last = Some(last);
            outcome
        }
    };
    if let Err(error) = outcome {
        lock(shared).error.get_or_insert(error);
    }
}
