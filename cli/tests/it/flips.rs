//! Bit rot: whichever bit of a store flips, `verify --read-data` finds it, and says which snapshots and files it hurts.
//!
//! In this process, since the program would have to be started once per flip. What the program then prints is in `store`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use clap::Parser as _;
use rusqlite::Connection;
use sci_cli::args::Cli;
use sci_cli::context::Context;
use sci_cli::environment::Environment;
use sci_cli::flow::checking::{self, Findings};
use sci_cli::output::Output;
use sci_cli::store::Store;
use sci_cli::workspace::Workspace;
use sci_snapshot::Manifest;
use sci_store_api::{Record, SnapshotId};

use crate::sandbox::Sandbox;

const FLIPS: usize = 10_000;

/// The columns of the index that a flip is tried in: what was signed, and what finds it.
const COLUMNS: [(&str, &str); 13] = [
    ("records", "payload"),
    ("records", "signature"),
    ("records", "keyid"),
    ("records", "snapshot"),
    ("records", "scope"),
    ("records", "repository"),
    ("records", "key"),
    ("records", "tree"),
    ("records", "derivation"),
    ("records", "run"),
    ("sites", "instance"),
    ("rungs", "digest"),
    ("objects", "object"),
];

/// Two snapshots that share objects, and the inputs of a plan that no snapshot cites.
fn store() -> Sandbox {
    let sandbox = Sandbox::new();
    let build = "mkdir out; for i in 1 2 3 4 5 6; do echo one $i > out/$i; done; seq 900 > out/large; ln -s 1 out/link";
    sandbox.sci_run("", build).ends_with(0);
    sandbox.write("src/main.txt", "two\n");
    sandbox.sci_run("", "echo two > out/1; seq 1200 > out/large; mkdir out/dir; echo two > out/dir/3").ends_with(0);
    sandbox.write("src/main.txt", "never built\n");
    sandbox.sci("restore").ends_with(0);
    sandbox
}

fn open(sandbox: &Sandbox) -> Store {
    let state = sandbox.beside("state").into_os_string();
    let globals = Cli::try_parse_from(["sci".into(), "verify".into(), "--state".into(), state]).unwrap().globals;
    let environment = Environment::from_iter([("HOME".into(), sandbox.beside("home").into())]);
    let output = Output::new(globals.output());
    let mut context = Context::new(globals, environment, output, sandbox.root().canonicalize().unwrap());
    let workspace = Workspace::find(&mut context).unwrap();
    Store::open(&context, workspace.as_ref()).unwrap()
}

/// What there is before anything flips.
struct Sound {
    sandbox: Sandbox,
    store: Store,
    index: Connection,
    /// Each snapshot's number in the index, record and manifest.
    snapshots: Vec<(i64, SnapshotId, Record, Manifest)>,
    /// Each object's file, id and length.
    objects: Vec<(File, String, u64)>,
    /// Objects in which damage was found by a look at everything.
    seen: RefCell<BTreeSet<usize>>,
}

impl Sound {
    fn new() -> Self {
        let sandbox = store();
        let store = open(&sandbox);
        let index = Connection::open(sandbox.beside("state/store/index.sqlite")).unwrap();
        index.pragma_update(None, "synchronous", "OFF").unwrap();
        let snapshots = store.embedded().unwrap().audit_list().unwrap().into_iter().map(|(number, snapshot)| {
            let (_, record) = store.embedded().unwrap().audit(number).unwrap().unwrap().record.unwrap();
            let manifest = store.manifest(&record).unwrap();
            (number, snapshot, record, manifest)
        });
        let snapshots: Vec<_> = snapshots.collect();
        assert_eq!(snapshots.len(), 2);
        let objects = crate::store::stored(&sandbox).into_iter().map(|path: PathBuf| {
            let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file = File::options().read(true).write(true).open(&path).unwrap();
            let length = file.metadata().unwrap().len();
            (file, id, length)
        });
        let objects = objects.collect();
        let sound = Self { store, index, snapshots, objects, seen: RefCell::default(), sandbox };
        let found = sound.look();
        assert!(found.damaged.is_empty() && found.loose.is_empty());
        sound
    }

    fn look(&self) -> Findings {
        let numbers: Vec<i64> =
            self.store.embedded().unwrap().audit_list().unwrap().into_iter().map(|(number, _)| number).collect();
        checking::check_all(&self.store, &numbers, true).unwrap()
    }

    /// Flips one bit of an object.
    fn flip_object(&self, object: usize, at: u64, bit: u8) {
        let (file, id, _) = &self.objects[object];
        let flip = || {
            let mut byte = [0];
            file.read_exact_at(&mut byte, at).unwrap();
            file.write_all_at(&[byte[0] ^ 1 << bit], at).unwrap();
        };
        flip();
        // Most are looked for in their own object alone, as the store does it: a look at everything takes long.
        if bit >= 2 {
            let found = self.store.embedded().unwrap().is_whole(&id.parse().unwrap()).unwrap();
            assert!(!found, "object {id}, byte {at}, bit {bit}");
            flip();
            return;
        }
        let found = self.look();
        let citing: BTreeSet<SnapshotId> = self
            .snapshots
            .iter()
            .filter(|(_, _, record, _)| record.objects.iter().any(|object| object.id.to_string() == *id))
            .map(|(_, snapshot, ..)| *snapshot)
            .collect();
        let hurt: BTreeSet<SnapshotId> = found.damaged.iter().map(|damaged| damaged.snapshot).collect();
        assert_eq!(hurt, citing, "object {id}, byte {at}, bit {bit}");
        let named = |problem: &checking::Problem| problem.object.is_some_and(|object| object.to_string() == *id);
        for damaged in &found.damaged {
            assert!(damaged.problems.iter().any(named), "object {id} is not named: {damaged:?}");
            assert_eq!((damaged.path.as_str(), damaged.instance.as_str()), ("out", "out"));
            self.compare_files(damaged);
        }
        assert_eq!(found.loose.iter().filter(|problem| named(problem)).count(), usize::from(citing.is_empty()));
        flip();
        self.seen.borrow_mut().insert(object);
    }

    /// The files said to be hurt are those that cannot be read.
    fn compare_files(&self, damaged: &checking::Damaged) {
        let (.., record, manifest) = self.snapshots.iter().find(|(_, id, ..)| *id == damaged.snapshot).unwrap();
        assert_eq!(damaged.all_files, self.store.manifest(record).is_err());
        let lost = |index: &u32| {
            sci_snapshot::verify::read_file(manifest, *index, &self.store.backend, &mut std::io::sink()).is_err()
        };
        let lost = manifest.tree.entries().map(|(index, _)| index).filter(lost);
        let lost: BTreeSet<String> = lost.map(|index| String::from_utf8(manifest.tree.path(index)).unwrap()).collect();
        let said: BTreeSet<String> = damaged.files.iter().cloned().collect();
        assert!(damaged.all_files || said == lost, "{said:?} were said, {lost:?} cannot be read");
    }

    /// Flips one bit of a value of the index: that of a random row.
    fn flip_value(&self, (table, column): (&str, &str), random: &mut Random) {
        let rows = match table {
            "records" => self.numbers("SELECT number FROM records"),
            "sites" => self.numbers("SELECT number FROM sites"),
            "objects" => self.numbers("SELECT DISTINCT object FROM record_objects"),
            _ => self.numbers("SELECT record FROM rungs"),
        };
        let row = rows[random.below(rows.len() as u64) as usize];
        let key = if table == "rungs" { "record" } else { "number" };
        let value = format!("SELECT CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {key} = ?1");
        let value = self.index.query_row(&value, [row], |row| Ok((row.get(0)?, row.get(1)?)));
        let (bytes, kind): (Vec<u8>, String) = value.unwrap();
        let mut flipped = bytes.clone();
        let (at, bit) = (random.below(bytes.len() as u64) as usize, random.below(8));
        flipped[at] ^= 1 << bit;
        let new = if kind == "text" { "CAST(?1 AS TEXT)" } else { "?1" };
        let update = format!("UPDATE {table} SET {column} = {new} WHERE {key} = ?2 AND CAST({column} AS BLOB) = ?3");
        let change = |from: &[u8], to: &[u8]| {
            assert_eq!(self.index.execute(&update, rusqlite::params![to, row, from]).unwrap(), 1);
        };
        change(&bytes, &flipped);
        let hurt: BTreeSet<i64> = self.look().damaged.iter().filter_map(|damaged| damaged.number).collect();
        let expected: BTreeSet<i64> = match table {
            "records" | "rungs" => [row].into(),
            "sites" => self.snapshots.iter().map(|(number, ..)| *number).collect(),
            _ => self.numbers(&format!("SELECT record FROM record_objects WHERE object = {row}")).into_iter().collect(),
        };
        assert_eq!(hurt, expected, "{table}.{column} of row {row}: byte {at}, bit {bit}");
        change(&flipped, &bytes);
    }

    fn numbers(&self, query: &str) -> Vec<i64> {
        let mut statement = self.index.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

#[test]
fn every_flipped_bit_is_found_and_blamed() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || flip_many(FLIPS.div_ceil(threads), thread as u64));
        }
    });
}

fn flip_many(count: usize, seed: u64) {
    let sound = Sound::new();
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let bytes: u64 = sound.objects.iter().map(|(.., length)| length).sum();
    for flip in 0..count {
        if flip % 8 == 0 {
            let column = COLUMNS[random.below(COLUMNS.len() as u64) as usize];
            sound.flip_value(column, &mut random);
            continue;
        }
        let bit = random.below(8) as u8;
        // Every byte is as likely as any other; now and then every object is, however short.
        let mut at = random.below(bytes);
        let mut object = random.below(sound.objects.len() as u64) as usize;
        if flip % 4 == 1 {
            at %= sound.objects[object].2;
        } else {
            object = 0;
            while at >= sound.objects[object].2 {
                at -= sound.objects[object].2;
                object += 1;
            }
        }
        sound.flip_object(object, at, bit);
    }
    assert_eq!(sound.seen.borrow().len(), sound.objects.len(), "a look at everything reads every object");
    let found = sound.look();
    assert!(found.damaged.is_empty() && found.loose.is_empty(), "everything was flipped back");
    drop(sound.sandbox);
}

/// SplitMix64: the same flips in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (value ^ value >> 31) % limit
    }
}
