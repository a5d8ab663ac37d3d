//! A build directory of cargo's as a snapshot may have brought it: the records of units, held against a lockfile. The parts are
//! separated by lines of `====`: the lockfile, and for each unit its fingerprint, the hash of that and rustc's list of sources.
//! The units of the latter half are this run's.
#![no_main]

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use sci_fuzz as _;
use sci_presets::Prune;
use sci_presets::prune::{Run, Unused, unused};
use tempfile::TempDir;

const SEPARATOR: &str = "\n====\n";
const MAX_UNITS: usize = 8;
const PACKAGES: [&str; 3] = ["app", "dep", "other"];

fuzz_target!(|text: &str| {
    let workspace = TempDir::new().expect("a directory for temporary files");
    let mut parts = text.split(SEPARATOR);
    write(&workspace.path().join("Cargo.lock"), parts.next().unwrap_or_default());
    let parts: Vec<&str> = parts.take(3 * MAX_UNITS).collect();
    let target = workspace.path().join("target");
    let began = SystemTime::now() - Duration::from_secs(600);
    for (number, unit) in parts.chunks_exact(3).enumerate() {
        let package = PACKAGES[number % PACKAGES.len()];
        let place = target.join(format!("debug/.fingerprint/{package}-{number:016x}"));
        let record = place.join(format!("lib-{package}"));
        write(&record, unit[1]);
        write(&place.join(format!("lib-{package}.json")), unit[0]);
        write(&target.join(format!("debug/deps/{package}-{number:016x}.d")), unit[2]);
        if number < parts.len() / 6 {
            let before = began - Duration::from_secs(600);
            let times = FileTimes::new().set_modified(before).set_accessed(before);
            File::options().write(true).open(record).and_then(|file| file.set_times(times)).expect("it was written");
        }
    }
    let since = began.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let run = Run { since, succeeded: true };
    let find = || unused(Prune::Cargo, workspace.path(), &target, &[PathBuf::from("Cargo.lock")], run);
    for path in find().paths {
        let path = target.join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.expect("what is found is there");
    }
    assert_eq!(find(), Unused::default());
});

fn write(path: &Path, content: &str) {
    path.parent().map(fs::create_dir_all).transpose().and_then(|_| fs::write(path, content)).expect("room");
}
