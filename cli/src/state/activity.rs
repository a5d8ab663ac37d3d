//! What a save or restore tells of its progress while it goes on, for whoever looks at the workspace from another process.
//!
//! ```text
//! <workspace state>/activity   one record of fixed length, locked by the process that writes it
//! ```
//!
//! The file is there while the work goes on, and is written a few times a second at most. A reader believes a record whose
//! digest is right while somebody holds the file's lock: what a killed process left is nobody's. Nothing depends on it: a
//! machine that cannot write it saves and restores all the same.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sci_hasher::Digest;
use sci_store_api::UnixMillis;
use sci_sys::fs::{Mode, OFlags};
use sci_sys::io::pwrite;
use sci_sys::lock;
use serde::{Deserialize, Serialize};

/// A file of another version counts as absent.
const MAGIC: &[u8] = b"sci activity 1\n";
/// Bytes of a record, whatever it tells: JSON, and blanks after it.
const LENGTH: usize = 4096;
/// The longest name that is told; a longer one is cut.
const LONGEST: usize = 400;
/// How often a record is written at most.
const PAUSE: Duration = Duration::from_millis(250);
/// How often a record that was being written meanwhile is read again.
const READS: usize = 4;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doing {
    /// `sci restore`, or the first part of `sci run`.
    Restoring,
    /// `sci save`, or the last part of `sci run`.
    Saving,
}

impl Doing {
    /// The word for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Restoring => "restoring",
            Self::Saving => "saving",
        }
    }
}

/// How far a save or restore is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// What is being done.
    pub doing: Doing,
    /// The process that does it.
    pub process: u32,
    /// When it began.
    pub created: UnixMillis,
    /// The path instance that it is at; absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Entries of that path that are done.
    pub done: u64,
    /// Entries that are known of; 0 while nothing is.
    pub total: u64,
    /// Bytes that are done.
    pub done_bytes: u64,
    /// Bytes that are known of.
    pub total_bytes: u64,
}

/// Counts what is done, from any thread. Cheap: nothing is written here.
#[derive(Debug, Default)]
pub struct Meter {
    instance: Mutex<Option<String>>,
    done: AtomicU64,
    total: AtomicU64,
    done_bytes: AtomicU64,
    total_bytes: AtomicU64,
}

impl Meter {
    /// Begins anew, with a path instance.
    pub fn begin(&self, instance: &str) {
        let cut = instance.floor_char_boundary(LONGEST);
        *self.instance.lock().unwrap_or_else(PoisonError::into_inner) = Some(instance[..cut].to_owned());
        for count in [&self.done, &self.total, &self.done_bytes, &self.total_bytes] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Says how much there is to do.
    pub fn total(&self, entries: u64, bytes: u64) {
        self.total.store(entries, Ordering::Relaxed);
        self.total_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Says that this much more is done.
    pub fn advance(&self, entries: u64, bytes: u64) {
        self.done.fetch_add(entries, Ordering::Relaxed);
        self.done_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn read(&self, doing: Doing, created: UnixMillis) -> Activity {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Activity {
            doing,
            process: std::process::id(),
            created,
            instance: self.instance.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            done: count(&self.done),
            total: count(&self.total),
            done_bytes: count(&self.done_bytes),
            total_bytes: count(&self.total_bytes),
        }
    }
}

/// The file is kept up to date until this is dropped; then it is removed.
#[derive(Debug)]
pub struct Telling {
    file: PathBuf,
    ended: Option<Sender<()>>,
    writer: Option<JoinHandle<()>>,
}

impl Telling {
    /// Begins to tell what the meter counts. Only one process at a time may: the one that holds the workspace's lock.
    pub fn begin(file: &Path, doing: Doing, created: UnixMillis, meter: &Arc<Meter>) -> Self {
        let (ended, end) = channel();
        let meter = Arc::clone(meter);
        let writer = publish(file, &meter.read(doing, created)).ok().and_then(|opened| {
            thread::Builder::new().spawn(move || keep_up(&opened, doing, created, &meter, &end)).ok()
        });
        Self { file: file.to_owned(), ended: Some(ended), writer }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        self.ended.take();
        if let Some(writer) = self.writer.take() {
            // What it could not tell, nobody misses.
            let _ = writer.join();
            let _ = fs::remove_file(&self.file);
        }
    }
}

/// Puts a new file, locked already, in the place of whatever is there.
fn publish(path: &Path, activity: &Activity) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let partial = PathBuf::from(name);
    let _ = fs::remove_file(&partial);
    let mut file = File::options().write(true).create_new(true).open(&partial)?;
    lock::try_exclusive(&file)?;
    file.write_all(&encode(activity))?;
    fs::rename(&partial, path)?;
    Ok(file)
}

fn keep_up(file: &File, doing: Doing, created: UnixMillis, meter: &Meter, end: &Receiver<()>) {
    let mut told = None;
    while end.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        let activity = meter.read(doing, created);
        if told.as_ref() != Some(&activity) {
            // A record that was not written wholly is not believed; the next one is.
            let _ = pwrite(file, &encode(&activity), 0);
            told = Some(activity);
        }
    }
}

fn encode(activity: &Activity) -> Vec<u8> {
    let mut body = serde_json::to_vec(activity).unwrap_or_default();
    body.resize(LENGTH - MAGIC.len() - Digest::LEN, b' ');
    [MAGIC, Digest::of(&body).as_bytes(), &body].concat()
}

fn decode(record: &[u8]) -> Option<Activity> {
    let (digest, body) = record.strip_prefix(MAGIC)?.split_at_checked(Digest::LEN)?;
    if Digest::of(body).as_bytes() != digest {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// What is going on now; `None` when nothing is.
pub fn read(path: &Path) -> Option<Activity> {
    (0..READS).find_map(|_| read_once(path).ok()).flatten()
}

/// Fails when a record is being written at this moment.
fn read_once(path: &Path) -> Result<Option<Activity>, ()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = sci_sys::fs::open(path, flags, Mode::empty()) else { return Ok(None) };
    let file = File::from(file);
    // Shared, and let go at once: nobody ever waits for it. That it can be had says that whoever wrote this is gone.
    if lock::try_shared(&file).is_ok() {
        return Ok(None);
    }
    let mut record = Vec::with_capacity(LENGTH);
    (&file).take(LENGTH as u64).read_to_end(&mut record).map_err(drop)?;
    if !record.starts_with(MAGIC) {
        return Ok(None);
    }
    decode(&record).map(Some).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(file: &Path, meter: &Arc<Meter>) -> Telling {
        Telling::begin(file, Doing::Saving, UnixMillis(5), meter)
    }

    #[test]
    fn what_is_counted_is_told_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("activity");
        assert_eq!(read(&file), None);
        let meter = Arc::new(Meter::default());
        let telling = begin(&file, &meter);
        let first = read(&file).unwrap();
        assert_eq!((first.doing, first.instance, first.total), (Doing::Saving, None, 0));
        meter.begin("a/node_modules");
        meter.total(12, 4096);
        meter.advance(3, 100);
        let told = loop {
            match read(&file).unwrap() {
                activity if activity.instance.is_some() => break activity,
                _ => thread::yield_now(),
            }
        };
        assert_eq!(told.instance.as_deref(), Some("a/node_modules"));
        assert_eq!((told.done, told.total, told.done_bytes, told.total_bytes), (3, 12, 100, 4096));
        drop(telling);
        assert_eq!(read(&file), None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_a_dead_process_left_is_nobodys() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("activity");
        let meter = Arc::new(Meter::default());
        fs::write(&file, encode(&meter.read(Doing::Restoring, UnixMillis(5)))).unwrap();
        assert_eq!(read(&file), None);
        let _telling = begin(&file, &meter);
        assert_eq!(read(&file).map(|activity| activity.doing), Some(Doing::Saving));
    }

    #[test]
    fn a_record_of_which_a_byte_is_wrong_is_not_believed() {
        let record = encode(&Meter::default().read(Doing::Restoring, UnixMillis(5)));
        assert_eq!(record.len(), LENGTH);
        assert!(decode(&record).is_some());
        for at in 0..LENGTH {
            let mut damaged = record.clone();
            damaged[at] ^= 1;
            assert_eq!(decode(&damaged), None, "byte {at}");
            assert_eq!(decode(&record[..at]), None, "cut at byte {at}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters_and_its_record_has_room_for_it() {
        let meter = Meter::default();
        for name in ["é".repeat(LONGEST), "\u{1}".repeat(LONGEST + 1)] {
            meter.begin(&name);
            let record = encode(&meter.read(Doing::Saving, UnixMillis(u64::MAX)));
            assert_eq!(record.len(), LENGTH);
            assert_eq!(decode(&record).unwrap().instance.unwrap().len(), LONGEST);
        }
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("missing/activity");
        drop(begin(&file, &Arc::new(Meter::default())));
        assert!(!file.exists());
    }
}
