//! What the machine needs for the part of a phase that nobody can leave out.
//!
//! Each limit is a small function that runs in a program of its own (`side-by-side limit …`), so that its memory does not count
//! as that of the programs which are started later. It times its work itself: what it has to load first does not count.
//! It deliberately shares no code with the engine that is held against it.

mod compress;
mod dedup;
mod unpack;
mod walk;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::contestant::{Contestant, Kind};
use crate::files::wipe;
use crate::measure::{Usage, pipeline};
use crate::phase::Phase;
use crate::stage::Stage;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Limit {
    /// Listing every directory, and one `statx` for each entry.
    Walk,
    /// That, and reading every file.
    Read,
    /// Reading every file, and zstd -3 of groups of about 1 MiB.
    Zstd,
    /// Those groups, already in memory, decompressed and written to new files with their times.
    Unpack,
    /// zstd -3 of each file whose content the first state does not have: what keeping whole files once would store.
    Dedup,
}

/// What `side-by-side limit` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    limit: Limit,
    tree: PathBuf,
    /// Where to unpack; the first state for `dedup`.
    other: Option<PathBuf>,
}

/// What it answers.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Answer {
    wall: Duration,
    cpu: Duration,
    stored: u64,
}

/// Every limit, in the order of a round.
pub(crate) const ALL: [Limit; 5] = [Limit::Walk, Limit::Read, Limit::Zstd, Limit::Unpack, Limit::Dedup];

impl Limit {
    /// The one that bounds a phase.
    pub(crate) const fn of(phase: Phase) -> Self {
        match phase {
            Phase::Save => Self::Zstd,
            Phase::Restore => Self::Unpack,
            Phase::SaveNewInodes | Phase::PlanCold => Self::Read,
            Phase::SaveUnchanged
            | Phase::RestoreNoop
            | Phase::SaveIncremental
            | Phase::RestoreIncremental
            | Phase::PlanWarm => Self::Walk,
        }
    }

    /// Its name in tables.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Walk => "walk",
            Self::Read => "read",
            Self::Zstd => "zstd",
            Self::Unpack => "unpack",
            Self::Dedup => "dedup",
        }
    }
}

/// Does what a limit is about, and prints what it took.
///
/// # Errors
/// When the tree cannot be read, or the output not written.
pub(crate) fn run(arguments: &Arguments) -> Result<String, Failure> {
    let Arguments { limit, tree, other } = arguments;
    let other = || other.as_deref().ok_or("this limit needs a second directory");
    let answer = match limit {
        Limit::Walk => timed(|| walk::bare(tree).map(|()| 0))?,
        Limit::Read => timed(|| walk::read(tree).map(|()| 0))?,
        Limit::Zstd => timed(|| Ok(compress::tree(tree)?.iter().map(|group| group.frame.len() as u64).sum()))?,
        Limit::Unpack => {
            let packed = compress::tree(tree)?;
            let directories = walk::directories(tree)?;
            let out = other()?;
            rustix::fs::sync();
            timed(|| unpack::tree(&packed, &directories, out).map(|()| 0))?
        }
        Limit::Dedup => timed(|| dedup::growth(other()?, tree))?,
    };
    Ok(serde_json::to_string(&answer)?)
}

fn timed(work: impl FnOnce() -> Result<u64, Failure>) -> Result<Answer, Failure> {
    let (started, before) = (Instant::now(), cpu()?);
    let stored = work()?;
    Ok(Answer { wall: started.elapsed(), cpu: cpu()?.saturating_sub(before), stored })
}

/// Processor time of this program so far.
fn cpu() -> Result<Duration, Failure> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(time.tv_sec.try_into()?, time.tv_nsec.try_into()?))
}

/// As many as the machine has processors.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Gives every thread tasks from 0 to `tasks` until none is left, and returns what the threads come to.
fn share<T: Send>(
    tasks: usize,
    thread: impl Fn(&mut dyn Iterator<Item = usize>) -> Result<T, Failure> + Sync,
) -> Result<Vec<T>, Failure> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut left = std::iter::from_fn(|| Some(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
            .take_while(|task| *task < tasks);
        thread(&mut left).map_err(|error| error.to_string())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads()).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked".to_owned()));
        ended.map(|result| Ok(result.flatten()?)).collect()
    })
}

impl Contestant for Limit {
    fn name(&self) -> &'static str {
        self.label()
    }

    fn kind(&self) -> Kind {
        Kind::Limit
    }

    fn plays(&self, phase: Phase) -> bool {
        let also = match self {
            Self::Read => phase == Phase::Save,
            Self::Dedup => phase == Phase::SaveIncremental,
            _ => false,
        };
        also || *self == Self::of(phase)
    }

    fn establish(&mut self, _: Phase, _: &Stage) -> Result<(), Failure> {
        Ok(())
    }

    fn prepare(&mut self, _: Phase, stage: &Stage) -> Result<(), Failure> {
        wipe(&stage.own(self.label())?.join("out"))
    }

    fn clean(&mut self, phase: Phase, stage: &Stage) -> Result<(), Failure> {
        self.prepare(phase, stage)
    }

    fn run(&mut self, _: Phase, stage: &Stage) -> Result<Usage, Failure> {
        let own = stage.own(self.label())?;
        let answer = own.join("answer.json");
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["limit", self.label()]).arg(stage.tree()).stdout(File::create(&answer)?);
        match self {
            Self::Unpack => command.arg(own.join("out")),
            Self::Dedup => command.arg(&stage.workload().first),
            _ => &mut command,
        };
        let used = pipeline(vec![command])?;
        let Answer { wall, cpu, stored } = serde_json::from_slice(&fs::read(&answer)?)?;
        Ok(Usage { wall, cpu, stored, ..used })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;
    use crate::files::sum;

    #[test]
    fn what_is_unpacked_is_the_tree() {
        let root = tempfile::tempdir().unwrap();
        let (tree, out) = (root.path().join("tree"), root.path().join("out"));
        fs::create_dir_all(tree.join("a/empty")).unwrap();
        let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        fs::write(tree.join("a/large"), &large).unwrap();
        fs::hard_link(tree.join("a/large"), tree.join("z")).unwrap();
        fs::write(tree.join("a/small"), b"small").unwrap();
        fs::write(tree.join("none"), b"").unwrap();
        symlink("a", tree.join("link")).unwrap();
        let packed = compress::tree(&tree).unwrap();
        unpack::tree(&packed, &walk::directories(&tree).unwrap(), &out).unwrap();
        assert_eq!(sum(&out).unwrap(), sum(&tree).unwrap());
        assert_eq!(fs::read(out.join("a/large")).unwrap(), large);
        assert_eq!(fs::read(out.join("a/small")).unwrap(), b"small");
        let (large, small) = (fs::metadata(out.join("a/large")).unwrap(), fs::metadata(out.join("a/small")).unwrap());
        assert_eq!(large.ino(), fs::metadata(out.join("z")).unwrap().ino());
        let time = |name: &str| fs::metadata(tree.join(name)).unwrap().modified().unwrap();
        assert_eq!((large.modified().unwrap(), small.modified().unwrap()), (time("a/large"), time("a/small")));
    }

    #[test]
    fn only_contents_that_are_new_make_a_store_of_whole_files_grow() {
        let root = tempfile::tempdir().unwrap();
        let (first, next) = (root.path().join("first"), root.path().join("next"));
        for (dir, files) in [(&first, &["one", "two"][..]), (&next, &["two", "one", "three", "three"][..])] {
            fs::create_dir(dir).unwrap();
            for (index, content) in files.iter().enumerate() {
                fs::write(dir.join(index.to_string()), content).unwrap();
            }
        }
        let new = zstd::bulk::compress(b"three", 3).unwrap().len() as u64;
        assert_eq!(dedup::growth(&first, &next).unwrap(), new);
        assert_eq!(dedup::growth(&first, &first).unwrap(), 0);
    }
}
