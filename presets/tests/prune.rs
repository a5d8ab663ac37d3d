//! What a build directory of cargo's holds that no build uses any more, found by the records in it.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sci_presets::Prune;
use sci_presets::prune::{Run, Unused, unused};
use tempfile::TempDir;

const LOCK: &str = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"dep\"\nversion = \"1.1.0\"\nsource = \"registry+https://example.org/index\"\n";

/// The run began ten minutes ago.
fn since() -> SystemTime {
    SystemTime::now() - Duration::from_secs(600)
}

fn workspace() -> TempDir {
    let workspace = tempfile::tempdir().unwrap();
    fs::write(workspace.path().join("Cargo.lock"), LOCK).unwrap();
    workspace
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Writes the library `package` as cargo would, for `number` as its hash; `built` says whether this run did.
fn unit(profile: &Path, package: &str, version: &str, number: u64, dependencies: &[u64], built: bool) {
    let hash = format!("{number:016x}");
    let place = profile.join(format!(".fingerprint/{package}-{hash}"));
    let dependencies: Vec<String> =
        dependencies.iter().map(|number| format!("[{},\"x\",false,{number}]", number + 1000)).collect();
    let dependencies = dependencies.join(",");
    let json = format!("{{\"target\":1,\"profile\":2,\"compile_kind\":0,\"deps\":[{dependencies}],\"local\":[]}}");
    write(&place.join(format!("lib-{package}.json")), &json);
    let record = place.join(format!("lib-{package}"));
    write(&record, &format!("{:016x}", number.swap_bytes()));
    let source = match version {
        "" => "src/lib.rs".to_owned(),
        version => format!("/home/u/.cargo/registry/src/index-1/{package}-{version}/src/lib.rs"),
    };
    write(&profile.join(format!("deps/{package}-{hash}.d")), &format!("/w/{package}-{hash}.d: {source}\n"));
    write(&profile.join(format!("deps/lib{package}-{hash}.rlib")), "0123456789");
    if !built {
        let long_ago = since() - Duration::from_secs(3600);
        let times = FileTimes::new().set_modified(long_ago).set_accessed(long_ago);
        File::options().write(true).open(record).unwrap().set_times(times).unwrap();
    }
}

/// An upgrade of `dep`: the old artefacts of it and of the program stand beside the new ones.
fn upgraded(profile: &Path) {
    unit(profile, "dep", "1.0.0", 1, &[], false);
    unit(profile, "dep", "1.1.0", 2, &[], true);
    unit(profile, "app", "", 3, &[1], false);
    unit(profile, "app", "", 4, &[2], true);
    write(&profile.join("build/dep-0000000000000001/out/table"), "01234");
    write(&profile.join("build/dep-0000000000000009/out/nobodys"), "");
    write(&profile.join("deps/libwithout.so"), "");
}

fn find(workspace: &TempDir) -> Unused {
    let since = i64::try_from(since().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    let run = Run { since, succeeded: true };
    let lockfiles = [PathBuf::from("Cargo.lock")];
    unused(Prune::Cargo, workspace.path(), &workspace.path().join("target"), &lockfiles, run)
}

fn paths(unused: &Unused) -> Vec<&str> {
    unused.paths.iter().map(|path| path.to_str().unwrap()).collect()
}

#[test]
fn what_an_upgrade_left_behind_is_found_with_all_its_files() {
    let workspace = workspace();
    upgraded(&workspace.path().join("target/debug"));
    let found = find(&workspace);
    assert_eq!(
        paths(&found),
        [
            "debug/.fingerprint/app-0000000000000003",
            "debug/.fingerprint/dep-0000000000000001",
            "debug/build/dep-0000000000000001",
            "debug/deps/app-0000000000000003.d",
            "debug/deps/dep-0000000000000001.d",
            "debug/deps/libapp-0000000000000003.rlib",
            "debug/deps/libdep-0000000000000001.rlib",
        ]
    );
    // Four records, two lists, two libraries and what the build script left.
    assert_eq!(found.files, 9);
    assert!(found.bytes > 25, "{found:?}");
    // What is left has nothing more to give.
    for path in &found.paths {
        let path = workspace.path().join("target").join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }
    assert_eq!(find(&workspace), Unused::default());
}

#[test]
fn profiles_are_found_wherever_cargo_puts_them() {
    for place in ["release", "x86_64-unknown-linux-musl/debug", "fuzz/x86_64-unknown-linux-gnu/release"] {
        let workspace = workspace();
        upgraded(&workspace.path().join("target").join(place));
        assert_eq!(find(&workspace).paths.len(), 7, "{place}");
    }
}

#[test]
fn a_damaged_record_leaves_its_profile_whole_and_no_other() {
    for (file, content) in [
        ("lib-dep.json", ""),
        ("lib-dep.json", "{\"target\":1,\"profile\":2,\"compile_kind\":0,\"deps\":[[1,\"x\",false,-1]]}"),
        ("lib-dep.json", "{\"target\":1,\"profile\":2,\"compile_kind\":0,\"deps\":[[[[[[[[[["),
        ("lib-dep", "no hash"),
    ] {
        let workspace = workspace();
        upgraded(&workspace.path().join("target/debug"));
        upgraded(&workspace.path().join("target/release"));
        write(&workspace.path().join("target/debug/.fingerprint/dep-0000000000000001").join(file), content);
        let found = find(&workspace);
        assert_eq!(found.paths.len(), 7, "{file}: {content:?}");
        assert!(found.paths.iter().all(|path| path.starts_with("release")), "{found:?}");
    }
}

#[test]
fn a_record_that_is_no_file_is_not_opened() {
    let workspace = workspace();
    let debug = workspace.path().join("target/debug");
    upgraded(&debug);
    let json = debug.join(".fingerprint/dep-0000000000000001/lib-dep.json");
    fs::remove_file(&json).unwrap();
    // Whoever opens it waits for ever.
    std::os::unix::fs::symlink("/dev/stdin", &json).unwrap();
    assert_eq!(find(&workspace), Unused::default());
}

#[test]
fn without_a_lockfile_nothing_is_known_to_be_gone() {
    let workspace = workspace();
    upgraded(&workspace.path().join("target/debug"));
    for content in ["", "not a lockfile ["] {
        fs::write(workspace.path().join("Cargo.lock"), content).unwrap();
        assert!(!find(&workspace).paths.iter().any(|path| path.starts_with("debug/deps/libdep-0000000000000001.rlib")));
    }
}

#[test]
fn never_finds_nothing() {
    let workspace = workspace();
    upgraded(&workspace.path().join("target/debug"));
    let run = Run { since: 0, succeeded: true };
    let target = workspace.path().join("target");
    assert_eq!(unused(Prune::Never, workspace.path(), &target, &[PathBuf::from("Cargo.lock")], run), Unused::default());
}
