//! Keys and file hashing: the ladder of a large derivation, and 5,000 files with and without the stat cache.
#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its data should stop")]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use sci_benches::generate;
use sci_hasher::fs::{StatCache, hash_files};
use sci_hasher::{Derivation, Digest, InputClass, InputName, Sketch};

const FILES: usize = 5_000;
const MEAN: usize = 8 << 10;
/// Longer than the stat cache distrusts a file that was just written.
const SETTLED: Duration = Duration::from_secs(4);

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    keys(&mut criterion);
    files(&mut criterion);
    criterion.final_summary();
}

fn keys(criterion: &mut Criterion) {
    let mut derivation = Derivation::default();
    for index in 0..FILES {
        let name = format!("crates/package-{index}/src/lib.rs");
        derivation.insert(InputClass::Sources, InputName::from(name.as_str()), Digest::of(name.as_bytes()));
    }
    let mut group = criterion.benchmark_group("keys");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("ladder of 5,000 inputs", |bencher| bencher.iter(|| black_box(&derivation).ladder()));
    group.bench_function("sketch of 5,000 inputs", |bencher| bencher.iter(|| sketch(black_box(&derivation))));
    group.finish();
}

fn sketch(derivation: &Derivation) -> Sketch {
    let inputs = derivation.inputs();
    Sketch::of(inputs.map(|(class, name, digest)| Sketch::element(class.name(), name.as_bytes(), digest.as_bytes())))
}

fn files(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let files = generate::tree(directory.path(), FILES, MEAN).unwrap();
    let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    thread::sleep(SETTLED);
    let mut cache = StatCache::load(directory.path().join("stat-cache"));
    let hashed = hash_files(directory.path(), &files, Some(&mut cache), threads);
    let bytes = hashed.iter().map(|file| file.as_ref().unwrap().size).sum();
    assert_eq!(cache.len(), FILES, "the warm cache must know every file");

    let mut group = criterion.benchmark_group("5,000 files");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("read and hashed", |bencher| {
        bencher.iter(|| hash_files(directory.path(), &files, None, threads));
    });
    group.bench_function("known to the stat cache", |bencher| {
        bencher.iter(|| hash_files(directory.path(), &files, Some(&mut cache), threads));
    });
    group.finish();
}
