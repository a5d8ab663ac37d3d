//! Planning a workspace of 5,000 source files: everything read, and with the stat cache of the plan before.
#![allow(clippy::unwrap_used, reason = "a bench that cannot set up its data should stop")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use sci_benches::generate;
use sci_hasher::fs::StatCache;
use sci_planner::{Config, Findings, Host, PlanOptions, config, find_and_plan};

const FILES: usize = 5_000;
const MEAN: usize = 8 << 10;
/// Longer than the stat cache distrusts a file that was just written.
const SETTLED: Duration = Duration::from_secs(4);

const SCI_TOML: &str = r#"
[path.out]
path = "out"
configs = ["settings.json"]
sources = ["src/**/*.js", "!**/generated/**"]
"#;

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    let directory = tempfile::tempdir().unwrap();
    let workspace = directory.path().join("workspace");
    let config = workspace_at(&workspace);
    thread::sleep(SETTLED);

    let cache_file = directory.path().join("stat-cache");
    let mut cache = StatCache::load(&cache_file);
    make(&config, Some(&cache)).remember(&mut cache);
    cache.save().unwrap();

    let mut group = criterion.benchmark_group("plan of 5,000 sources");
    group.throughput(Throughput::Elements(FILES as u64));
    group.bench_function("nothing cached", |bencher| bencher.iter(|| make(&config, None)));
    group.bench_function("stat cache warm", |bencher| {
        bencher.iter(|| make(&config, Some(&StatCache::load(&cache_file))));
    });
    group.finish();
    criterion.final_summary();
}

fn workspace_at(root: &Path) -> Config {
    generate::tree(&root.join("src"), FILES, MEAN).unwrap();
    fs::write(root.join("settings.json"), "{}").unwrap();
    fs::write(root.join("sci.toml"), SCI_TOML).unwrap();
    config::load(&root.join("sci.toml")).unwrap()
}

/// One plan, on a machine without an environment.
fn make(config: &Config, stat_cache: Option<&StatCache>) -> Findings {
    let host = Host::default();
    let options = PlanOptions { stat_cache, ..PlanOptions::new(&host, &|_: &str| false) };
    let (made, findings) = find_and_plan(config, options).unwrap();
    assert!(made.paths.iter().all(|path| path.keyed().is_some()), "the path must have a key");
    findings
}
