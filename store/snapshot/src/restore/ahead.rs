//! Reads ahead of the threads that write, from a source that is worth more requests at once than there are threads.
//!
//! What is read and not yet written is bounded in bytes and in requests. A source that is near is read by the writing threads
//! themselves: handing bytes from thread to thread would only cost time there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sci_store_api::{ObjectSource, TransferError};

use super::reads::Wanted;

/// Bytes that are read and not yet written, those under way included. One read is always allowed.
const MOST: u64 = 64 << 20;
/// How often somebody who waits looks whether to stop.
const LOOK: Duration = Duration::from_millis(100);

/// What came of reads that belong together: the bytes of each.
pub(crate) type Came = Result<Vec<Vec<u8>>, TransferError>;

/// What came of one read, with its place among those that belong together.
type Part = (usize, Result<Vec<u8>, TransferError>);

/// The reads of a restore, and what has come of them.
pub(crate) struct Ahead<'a> {
    source: &'a dyn ObjectSource,
    /// Reads that belong together are handed out together, and made at the same time like all others.
    wanted: Vec<&'a [Wanted]>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The next read to begin: which of those that belong together, of which.
    next: (usize, usize),
    /// What was handed out, by what belongs together.
    taken: usize,
    /// Bytes begun and not yet written.
    held: u64,
    /// What has come of reads while others that belong to them are still under way, in any order.
    parts: BTreeMap<usize, Vec<Part>>,
    ready: VecDeque<(usize, Came)>,
    stopped: bool,
}

impl<'a> Ahead<'a> {
    /// Reads these, in this order.
    pub(crate) fn new(source: &'a dyn ObjectSource, wanted: Vec<&'a [Wanted]>) -> Self {
        Self { source, wanted, state: Mutex::default(), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn length(&self, index: usize) -> u64 {
        self.wanted.get(index).map_or(0, |reads| reads.iter().map(|(_, range)| range.end - range.start).sum())
    }

    /// Reads until there is nothing left to read: the work of each reading thread.
    pub(crate) fn fetch(&self) {
        while let Some((index, place)) = self.begin() {
            let (object, range) = &self.wanted[index][place];
            let came = self.source.read(object, range.clone());
            self.came(index, place, came);
        }
    }

    /// Waits until the next read may begin. Reads begin in order, so room is always given back by those before.
    fn begin(&self) -> Option<(usize, usize)> {
        let mut state = self.state();
        loop {
            let (index, place) = state.next;
            if state.stopped || index == self.wanted.len() {
                return None;
            }
            let length = if place == 0 { self.length(index) } else { 0 };
            if length == 0 || state.held == 0 || state.held + length <= MOST {
                state.held += length;
                let is_last = place + 1 == self.wanted[index].len();
                state.next = if is_last { (index + 1, 0) } else { (index, place + 1) };
                return Some((index, place));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes what came of a read; the last of those that belong together makes them ready.
    fn came(&self, index: usize, place: usize, came: Result<Vec<u8>, TransferError>) {
        let mut state = self.state();
        let parts = state.parts.entry(index).or_default();
        parts.push((place, came));
        if parts.len() == self.wanted[index].len() {
            let mut parts = state.parts.remove(&index).unwrap_or_default();
            parts.sort_by_key(|(place, _)| *place);
            state.ready.push_back((index, parts.into_iter().map(|(_, came)| came).collect()));
            self.changed.notify_all();
        }
    }

    /// What has come of some read, with its number. `None` when all were handed out, or it is time to stop: `interrupted` is
    /// asked while nothing comes.
    pub(crate) fn take(&self, interrupted: &dyn Fn() -> bool) -> Option<(usize, Came)> {
        let mut state = self.state();
        loop {
            if state.stopped || state.taken == self.wanted.len() {
                return None;
            }
            if let Some(ready) = state.ready.pop_front() {
                state.taken += 1;
                if state.taken == self.wanted.len() {
                    self.changed.notify_all();
                }
                return Some(ready);
            }
            if interrupted() {
                return None;
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Gives back the room of a read whose bytes are written.
    pub(crate) fn written(&self, index: usize) {
        self.state().held -= self.length(index);
        self.changed.notify_all();
    }

    /// Lets everybody stop: no further read begins.
    pub(crate) fn stop(&self) {
        self.state().stopped = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::atomic::{AtomicU64, Ordering};

    use sci_store_api::ObjectId;

    use super::*;

    /// A source that counts what is under way.
    #[derive(Default)]
    struct Counting {
        now: AtomicU64,
        most: AtomicU64,
    }

    impl ObjectSource for Counting {
        fn read(&self, _: &ObjectId, range: Range<u64>) -> Result<Vec<u8>, TransferError> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(2));
            self.now.fetch_sub(1, Ordering::SeqCst);
            Ok(vec![0; (range.end - range.start) as usize])
        }
    }

    fn run(lengths: &[u64], readers: usize) -> (u64, u64) {
        let source = Counting::default();
        let object = ObjectId::of(b"object");
        let wanted: Vec<[Wanted; 1]> = lengths.iter().map(|length| [(object, 0..*length)]).collect();
        let ahead = Ahead::new(&source, wanted.iter().map(<[Wanted; 1]>::as_slice).collect());
        let (bytes, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            (0..readers).for_each(|_| drop(scope.spawn(|| ahead.fetch())));
            for _ in 0..2 {
                scope.spawn(|| {
                    while let Some((index, came)) = ahead.take(&|| false) {
                        most.fetch_max(ahead.state().held, Ordering::SeqCst);
                        bytes.fetch_add(came.unwrap()[0].len() as u64, Ordering::SeqCst);
                        ahead.written(index);
                    }
                });
            }
        });
        assert!(most.load(Ordering::SeqCst) <= MOST.max(lengths.iter().copied().max().unwrap_or(0)));
        (bytes.load(Ordering::SeqCst), source.most.load(Ordering::SeqCst))
    }

    #[test]
    fn everything_comes_and_many_reads_are_under_way() {
        let (bytes, most) = run(&[1_000; 100], 16);
        assert_eq!(bytes, 100_000);
        assert!(most > 4, "{most}");
        assert_eq!(run(&[], 16), (0, 0));
    }

    #[test]
    fn what_belongs_together_is_read_at_once_and_comes_in_order() {
        let source = Counting::default();
        let object = ObjectId::of(b"object");
        let wanted: Vec<Wanted> = (1..=8).map(|length| (object, 0..length)).collect();
        let ahead = Ahead::new(&source, vec![&wanted, &wanted[..1]]);
        let mut came = Vec::new();
        std::thread::scope(|scope| {
            (0..8).for_each(|_| drop(scope.spawn(|| ahead.fetch())));
            came.extend(std::iter::from_fn(|| ahead.take(&|| false)));
        });
        came.sort_by_key(|(index, _)| *index);
        let lengths = |came: &Came| came.as_ref().unwrap().iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&came[0].1), (1..=8).collect::<Vec<_>>());
        assert_eq!(lengths(&came[1].1), [1]);
        assert!(source.most.load(Ordering::SeqCst) > 1, "one read waits for the other");
    }

    #[test]
    fn what_is_held_is_bounded() {
        let lengths = [MOST / 2, MOST / 2, MOST / 2, MOST + 1, 5, MOST];
        let (bytes, most) = run(&lengths, 16);
        assert_eq!(bytes, lengths.iter().sum::<u64>());
        assert!(most <= 3, "{most}");
    }

    #[test]
    fn whoever_waits_is_told_to_stop() {
        let source = Counting::default();
        let wanted = [(ObjectId::of(b"object"), 0..1)];
        let ahead = Ahead::new(&source, vec![&wanted]);
        assert!(ahead.take(&|| true).is_none());
        ahead.stop();
        ahead.fetch();
        assert!(ahead.take(&|| false).is_none());
        assert_eq!(source.most.load(Ordering::SeqCst), 0);
    }
}
