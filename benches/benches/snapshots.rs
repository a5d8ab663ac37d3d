//! The engine without a disk: chunking, blocks and compression of a save, and writing and reading manifests.
#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its data should stop")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput};
use sci_benches::generate;
use sci_benches::memory::Memory;
use sci_snapshot::{Base, Excludes, Manifest, PackRef, RestoreRequest, SaveRequest, Saved, Silent, restore, save};

const FILES: usize = 5_000;
const MEAN: usize = 8 << 10;
/// The length of the one large file, which is cut by content. Bytes.
const LARGE: usize = 32 << 20;

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let directory = tempfile::tempdir().unwrap();
    let small = directory.path().join("small");
    generate::tree(&small, FILES, MEAN).unwrap();
    contents(&mut criterion, directory.path(), &small);
    manifests(&mut criterion, directory.path(), &small);
    criterion.final_summary();
}

/// Bytes to packs.
fn contents(criterion: &mut Criterion, directory: &Path, small: &Path) {
    let large = directory.join("large");
    fs::create_dir(&large).unwrap();
    fs::write(large.join("file"), generate::text(&mut fastrand::Rng::with_seed(1), LARGE)).unwrap();
    let mut group = criterion.benchmark_group("first save");
    for (name, root) in [("5,000 small files, in blocks", small), ("one file of 32 MiB, in chunks", &large)] {
        group.throughput(Throughput::Bytes(save_tree(root, None, &Memory::default()).bytes));
        group.bench_function(name, |bencher| bencher.iter(|| save_tree(root, None, &Memory::default())));
    }
    group.finish();
}

/// Trees to manifests and back.
fn manifests(criterion: &mut Criterion, directory: &Path, small: &Path) {
    let store = Memory::default();
    let saved = save_tree(small, None, &store);
    // Only a restored tree is known file by file at once: what was just written is read again by the next save.
    let restored = directory.join("restored");
    let base = restore_tree(load(&saved, &store), &restored, &store);

    let mut group = criterion.benchmark_group("5,000 entries");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("manifest read", |bencher| bencher.iter(|| load(black_box(&saved), &store)));
    group.bench_function("save, nothing changed", |bencher| {
        bencher.iter(|| assert!(save_tree(&restored, Some(&base), &store).unchanged));
    });
    let edited = restored.join("package-0042/lib/module-07.js");
    let mut version = 0;
    group.bench_function("save, one file changed", |bencher| {
        let edit = || {
            version += 1;
            fs::write(&edited, format!("// version {version}\n")).unwrap();
        };
        bencher.iter_batched(
            edit,
            |()| assert!(!save_tree(&restored, Some(&base), &store).unchanged),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn save_tree(root: &Path, base: Option<&Base>, store: &Memory) -> Saved {
    let request = SaveRequest {
        anchor: root.parent().unwrap(),
        root,
        excludes: &Excludes::default(),
        select: None,
        base: base.cloned(),
        references: Some(store),
        inputs: Vec::new(),
        threads: 0,
        progress: &Silent,
    };
    save(request, store).unwrap()
}

fn load(saved: &Saved, store: &Memory) -> Manifest {
    let permitted: Vec<PackRef> = saved.objects.iter().copied().map(PackRef::from).collect();
    Manifest::load(&saved.manifest, &permitted, store).unwrap()
}

fn restore_tree(manifest: Manifest, root: &Path, store: &Memory) -> Base {
    let request = RestoreRequest {
        anchor: root.parent().unwrap(),
        root,
        manifest: manifest.into(),
        excludes: &Excludes::default(),
        base: None,
        merge: false,
        threads: 0,
        progress: &Silent,
    };
    restore(request, store).unwrap().into_base()
}
