//! A client: it restores what it finds, or edits its tree and saves it, until it is told to stop.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sci_benches::generate;
use sci_hasher::{Derivation, Digest, InputClass, Ladder, Sketch};
use sci_remote::{Address, Remote, Settings, Token, Wanted};
use sci_snapshot::{Base, Excludes, Manifest, PackRef, RestoreRequest, Restored, SaveRequest, Silent};
use sci_store_api::dsse;
use sci_store_api::resolve::{PathQuery, ResolveRequest, RestorePolicy};
use sci_store_api::saves::CommitSave;
use sci_store_api::{Instance, Object, ObjectKind, ObjectSink as _, PathName, Secret, SnapshotId};

use sci_benches::server::{Failure, Server};

/// Bytes of a file, on average.
const MEAN: usize = 4 << 10;

/// What a client did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How long each resolve took.
    pub(crate) resolves: Vec<Duration>,
    /// How long each restore took, the resolve and the writing included.
    pub(crate) restores: Vec<Duration>,
    /// How long each save took.
    pub(crate) saves: Vec<Duration>,
    /// Bytes that were restored.
    pub(crate) bytes: u64,
    /// What went wrong, and how often.
    pub(crate) errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Of a client that panicked.
    pub(crate) fn broken() -> Self {
        Self { errors: BTreeMap::from([("a client panicked".to_owned(), 1)]), ..Self::default() }
    }
}

/// A client with a workspace of its own.
pub(crate) struct Client {
    remote: Remote,
    root: PathBuf,
    instance: u64,
}

impl Client {
    /// A client whose tree is in `directory`; clients with the same `instance` mean the same state.
    pub(crate) fn new(server: &Server, token: &str, directory: &Path, instance: u64) -> Result<Self, Failure> {
        fs::create_dir_all(directory)?;
        let address = Address::new(&server.url(), false)?;
        let identity = Token::new(Secret::new(token.to_owned()), "the bench's");
        let remote = Remote::new(address, Settings::default(), Box::new(identity), Wanted::default())?;
        Ok(Self { remote, root: directory.join("tree"), instance })
    }

    /// Makes the tree and saves it.
    pub(crate) fn first(&self, files: usize) -> Result<(), Failure> {
        generate::tree(&self.root, files, MEAN)?;
        // Trees differ from each other, or the store would keep one.
        fs::write(self.root.join("own"), generate::text(&mut fastrand::Rng::with_seed(self.instance), 200_000))?;
        self.save(0, None)
    }

    /// Restores, edits and saves, again and again.
    pub(crate) fn saves(&self, stop: &AtomicBool) -> Tally {
        let mut tally = Tally::default();
        for version in 1.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match self.job(version, &mut tally) {
                Ok(took) => tally.saves.push(took),
                Err(error) => *tally.errors.entry(format!("save: {error}")).or_default() += 1,
            }
        }
        tally
    }

    fn job(&self, version: u64, tally: &mut Tally) -> Result<Duration, Failure> {
        self.wipe()?;
        let (restored, snapshot) = self.restore(tally)?;
        let edit = generate::text(&mut fastrand::Rng::with_seed(version << 16 | self.instance), 20_000);
        fs::write(self.root.join("edited"), edit)?;
        let started = Instant::now();
        self.save(version, Some((restored.into_base(), snapshot)))?;
        Ok(started.elapsed())
    }

    /// Restores into an empty directory, again and again.
    pub(crate) fn restores(&self, stop: &AtomicBool) -> Tally {
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            let wiped = self.wipe();
            let started = Instant::now();
            match wiped.and_then(|()| self.restore(&mut tally)) {
                Ok((restored, _)) => {
                    tally.restores.push(started.elapsed());
                    tally.bytes += restored.bytes;
                }
                Err(error) => *tally.errors.entry(format!("restore: {error}")).or_default() += 1,
            }
        }
        tally
    }

    /// Removes the tree, if there is one.
    fn wipe(&self) -> Result<(), Failure> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn restore(&self, tally: &mut Tally) -> Result<(Restored, SnapshotId), Failure> {
        let session = self.remote.session()?;
        let keys = self.remote.public_keys()?;
        let started = Instant::now();
        let asked = ResolveRequest { paths: vec![self.query()?], ancestors: Vec::new() };
        let found = self.remote.resolve(&asked)?.paths.into_iter().next().ok_or("no verdict")?;
        tally.resolves.push(started.elapsed());
        let (envelope, snapshot) = found.envelope.zip(found.verdict.snapshot()).ok_or("a miss")?;
        let record = dsse::verify_for(&envelope, &keys, &session.store, &session.repository)?.record;
        let permitted: Vec<PackRef> = record.objects.iter().copied().map(PackRef::from).collect();
        let manifest = Manifest::load(&record.manifest, &permitted, &self.remote)?;
        let request = RestoreRequest {
            anchor: self.root.parent().ok_or("a tree needs a directory around it")?,
            root: &self.root,
            manifest: manifest.into(),
            excludes: &Excludes::default(),
            base: None,
            merge: false,
            threads: 1,
            progress: &Silent,
        };
        Ok((sci_snapshot::restore(request, &self.remote)?, snapshot))
    }

    fn save(&self, version: u64, base: Option<(Base, SnapshotId)>) -> Result<(), Failure> {
        let ladder = self.ladder(version);
        let cited = base.iter().map(|(_, snapshot)| *snapshot).collect();
        let sink = self.remote.begin(&path()?, &self.instance()?, ladder.key(), cited)?;
        let request = SaveRequest {
            anchor: self.root.parent().ok_or("a tree needs a directory around it")?,
            root: &self.root,
            excludes: &Excludes::default(),
            select: None,
            base: base.map(|(base, _)| base),
            references: Some(&self.remote),
            inputs: Vec::new(),
            threads: 1,
            progress: &Silent,
        };
        let saved = sci_snapshot::save(request, &sink)?;
        let derivation = Object::of(format!("{} {version}", self.instance).into_bytes());
        let id = derivation.id();
        let mut objects = saved.objects.clone();
        objects.push(derivation.listed(ObjectKind::Derivation));
        sink.put(derivation)?;
        sink.commit(&CommitSave {
            ladder,
            sketch: self.sketch(),
            derivation: id,
            manifest: saved.manifest,
            objects,
            tree: saved.tree,
            files: saved.files,
            bytes: saved.bytes,
            settled: true,
        })?;
        Ok(())
    }

    /// The newest state of the instance: an exact one is never found, since nobody saves this version.
    fn query(&self) -> Result<PathQuery, Failure> {
        Ok(PathQuery {
            path: path()?,
            instance: self.instance()?,
            ladder: self.ladder(u64::MAX),
            sketch: self.sketch(),
            restore: RestorePolicy::Nearest,
            at_least: InputClass::Tools,
        })
    }

    fn instance(&self) -> Result<Instance, Failure> {
        Ok(Instance::new(format!("target-{}", self.instance))?)
    }

    fn ladder(&self, version: u64) -> Ladder {
        let mut derivation = Derivation::default();
        derivation.insert(InputClass::Tools, "tool".into(), Digest::of(&self.instance.to_le_bytes()));
        derivation.insert(InputClass::Lockfiles, "lock".into(), Digest::of(&version.to_le_bytes()));
        derivation.ladder()
    }

    fn sketch(&self) -> Sketch {
        Sketch::of(std::iter::once(Digest::of(&self.instance.to_le_bytes())))
    }
}

fn path() -> Result<PathName, Failure> {
    Ok(PathName::new("target")?)
}
