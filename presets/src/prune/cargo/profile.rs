//! One profile on disk: what cargo recorded of its units, and which files belong to each.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sci_sys::times::{self, Times};

use super::decide::{Evidence, Seen, Unit};
use super::locked::Origin;
use super::records;
use super::{Run, Unused};

/// The largest record that is read, in bytes; of a longer list of sources the beginning is enough.
const MAX_RECORD: u64 = 4 << 20;
const MAX_LIST: u64 = 64 << 10;
/// More records than this in one profile are not read: it is left whole.
const MAX_UNITS: usize = 100_000;
/// What cargo keeps of a profile by the hash of a unit, and what it nests there.
const BY_HASH: [&str; 5] = [".fingerprint", "build", "deps", "deps/artifact", "examples"];

/// A profile as it was found.
pub(super) struct Profile {
    /// Its units.
    pub(super) units: Vec<Unit>,
    /// What speaks for the file system's word.
    pub(super) evidence: Evidence,
    /// The hash in the names of each unit's files.
    hashes: Vec<String>,
    /// What is there by hash, relative to the tree.
    files: BTreeMap<String, Vec<PathBuf>>,
}

/// Reads a profile; `None` when it is to be left whole: since a record in it is not of the known form, or since the system does
/// not note what is read.
pub(super) fn read(tree: &Path, directory: &Path, run: Run) -> Option<Profile> {
    if !times::READS_ARE_NOTED {
        return None;
    }
    let mut files: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for place in BY_HASH {
        for name in names(&tree.join(directory).join(place)) {
            let Some(hash) = records::hash_in_name(&name) else { continue };
            files.entry(hash.to_owned()).or_default().push(directory.join(place).join(&name));
        }
    }
    let mut rustc = directory.ancestors().skip(1).map(|above| tree.join(above).join(".rustc_info.json"));
    let rustc = rustc.find_map(|file| regular(&file)).map(|metadata| seen(&metadata, run));
    let always_read = rustc.filter(|seen| *seen != Seen::Built);
    let evidence = Evidence { run_succeeded: run.succeeded, always_read };
    let mut profile = Profile { units: Vec::new(), evidence, hashes: Vec::new(), files };
    let fingerprints = directory.join(".fingerprint");
    for name in names(&tree.join(&fingerprints)) {
        let Some(hash) = records::hash_in_name(&name).filter(|hash| name.ends_with(*hash)) else { continue };
        let package = &name[..name.len() - hash.len() - 1];
        let place = tree.join(&fingerprints).join(&name);
        for json in names(&place).into_iter().filter(|file| file.ends_with(".json")) {
            let mut unit = unit(&place, json.trim_end_matches(".json"), package, run)?;
            unit.origin = profile.origin(tree, hash, package);
            profile.units.push(unit);
            profile.hashes.push(hash.to_owned());
        }
        if profile.units.len() > MAX_UNITS {
            return None;
        }
    }
    adopt_origins(&mut profile.units);
    Some(profile)
}

impl Profile {
    /// Where the sources of a unit came from, by rustc's list beside its artefacts.
    fn origin(&self, tree: &Path, hash: &str, package: &str) -> Origin {
        let files = self.files.get(hash).into_iter().flatten();
        let lists = files.flat_map(|file| {
            if file.extension().is_some_and(|extension| extension == "d") {
                return vec![tree.join(file)];
            }
            let is_build = file.parent().is_some_and(|parent| parent.ends_with("build"));
            let inside = if is_build { names(&tree.join(file)) } else { Vec::new() };
            inside.into_iter().filter(|name| name.ends_with(".d")).map(|name| tree.join(file).join(name)).collect()
        });
        let read = |list: PathBuf| beginning(&list, MAX_LIST).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let mut origins = lists.filter_map(read).map(|list| records::origin(&list, package));
        origins.find(|origin| *origin != Origin::Unknown).unwrap_or(Origin::Unknown)
    }
}

fn unit(place: &Path, name: &str, package: &str, run: Run) -> Option<Unit> {
    let record = place.join(name);
    let metadata = regular(&record)?;
    let json = beginning(&place.join(format!("{name}.json")), MAX_RECORD)?;
    Some(Unit {
        package: package.to_owned(),
        name: name.to_owned(),
        hash: records::hash(&beginning(&record, MAX_LIST)?)?,
        fingerprint: records::fingerprint(&json)?,
        origin: Origin::Unknown,
        seen: seen(&metadata, run),
    })
}

/// The run of a build script tells no sources: it has those of the script.
fn adopt_origins(units: &mut [Unit]) {
    let known: BTreeMap<u64, (String, Origin)> = units
        .iter()
        .filter(|unit| unit.origin != Origin::Unknown)
        .filter_map(|unit| Some((unit.hash?, (unit.package.clone(), unit.origin.clone()))))
        .collect();
    for unit in units.iter_mut().filter(|unit| unit.origin == Origin::Unknown) {
        let below = unit.fingerprint.dependencies.iter().filter_map(|it| known.get(&it.fingerprint));
        if let Some((_, origin)) = below.into_iter().find(|(package, _)| *package == unit.package) {
            unit.origin = origin.clone();
        }
    }
}

/// Adds what belongs to dead units: all that has their hash, for cargo believes the record of a build script's run without a
/// look at what the script made. A directory of several units goes when all are dead.
pub(super) fn add(profile: &Profile, dead: &[bool], tree: &Path, unused: &mut Unused) {
    let mut by_hash: BTreeMap<&str, bool> = BTreeMap::new();
    for (hash, dead) in profile.hashes.iter().zip(dead) {
        *by_hash.entry(hash).or_insert(true) &= dead;
    }
    for (hash, _) in by_hash.into_iter().filter(|(_, dead)| *dead) {
        for path in profile.files.get(hash).into_iter().flatten() {
            measure(&tree.join(path), unused);
            unused.paths.insert(path.clone());
        }
    }
}

fn measure(path: &Path, unused: &mut Unused) {
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            waiting.extend(names(&path).into_iter().map(|name| path.join(name)));
        } else {
            unused.files += 1;
            unused.bytes += if metadata.is_file() { metadata.len() } else { 0 };
        }
    }
}

fn seen(metadata: &Metadata, run: Run) -> Seen {
    let Times { read, written, changed } = times::all(metadata);
    if written >= run.since {
        Seen::Built
    } else if read >= run.since {
        Seen::Read
    } else if read > written.max(changed) {
        Seen::Earlier
    } else {
        Seen::Not
    }
}

/// The names in a directory, in order; those that are no text are not cargo's.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn regular(file: &Path) -> Option<Metadata> {
    file.symlink_metadata().ok().filter(Metadata::is_file)
}

/// The first `limit` bytes of a file.
fn beginning(file: &Path, limit: u64) -> Option<Vec<u8>> {
    regular(file)?;
    let mut bytes = Vec::new();
    // What sci reads, no build has used.
    times::open_unnoted(file).ok()?.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
