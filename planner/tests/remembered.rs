//! A plan that is made with what is remembered of the workspace is the plan that is made without.
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

mod support;

use std::fs::{self, File, FileTimes, OpenOptions};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use sci_hasher::fs::{Machine, StatCache, Timestamp};
use sci_hasher::{Digest, InputClass};
use sci_planner::{Plan, PlanOptions, find_and_plan};
use sci_sys::fs::{CWD, RenameFlags};
use support::Workspace;
use tempfile::TempDir;

const PLAIN: &str = r#"
[path.all]
path = "out/all"
sources = [{ pattern = "**", optional = true }]

[path.some]
path = "out/some"
configs = [{ pattern = "d/**", optional = true }, "!**/b"]
lockfiles = [{ pattern = "ignored", optional = true }]

[path.each]
path = "d/*/out"
optional = true
sources = [{ pattern = "**/a", optional = true }]
"#;

const PATHS: &[&str] = &[
    "a",
    "b",
    "ignored",
    ".gitignore",
    "d",
    "d/a",
    "d/b",
    "d/.gitignore",
    "d/e",
    "d/e/a",
    "d/e/b",
    "d/f",
    "d/f/a",
    "out/x",
];

/// Something that happens to a workspace; what cannot be done is left.
#[derive(Debug, Clone)]
enum Change {
    File(&'static str, u8),
    Directory(&'static str),
    Link(&'static str, &'static str),
    Remove(&'static str),
    Rename(&'static str, &'static str),
    Exchange(&'static str, &'static str),
    /// Another content of the same size, with the times put back.
    Forge(&'static str, u8),
    /// Something that comes or goes in a directory, with the directory's times put back.
    Slip(&'static str, &'static str),
}

fn change() -> impl Strategy<Value = Change> {
    let path = || prop::sample::select(PATHS.to_vec());
    let directory = || prop::sample::select(vec!["", "d", "d/e", "d/f"]);
    prop_oneof![
        (path(), 0..3u8).prop_map(|(path, content)| Change::File(path, content)),
        path().prop_map(Change::Directory),
        (path(), path()).prop_map(|(path, target)| Change::Link(path, target)),
        path().prop_map(Change::Remove),
        (path(), path()).prop_map(|(from, to)| Change::Rename(from, to)),
        (path(), path()).prop_map(|(one, other)| Change::Exchange(one, other)),
        (path(), 0..3u8).prop_map(|(path, content)| Change::Forge(path, content)),
        (directory(), prop::sample::select(vec!["a", "b", "slipped"]))
            .prop_map(|(path, name)| Change::Slip(path, name)),
    ]
}

/// A workspace, and what is remembered of it elsewhere.
struct Remembered {
    workspace: Workspace,
    elsewhere: TempDir,
}

impl Remembered {
    fn new(sci_toml: &str) -> Self {
        Self { workspace: Workspace::new(sci_toml), elsewhere: tempfile::tempdir().unwrap() }
    }

    /// A machine on which everything was settled long ago.
    fn cache(&self) -> StatCache {
        let now = Timestamp { seconds: 1 << 40, nanos: 0 };
        let machine = Machine { now, boot: Some(Digest::of(b"boot")), keeps_times: |_| true };
        StatCache::load_on(self.elsewhere.path().join("cache"), machine)
    }

    /// The plan made with what is remembered, which then is what this plan found.
    fn plan(&self) -> Plan {
        let mut cache = self.cache();
        let options =
            PlanOptions { stat_cache: Some(&cache), ..PlanOptions::new(&self.workspace.host, &|_: &str| true) };
        let (plan, findings) = find_and_plan(&self.workspace.config().unwrap(), options).unwrap();
        findings.remember(&mut cache);
        cache.save().unwrap();
        plan
    }

    /// Waits until a file system's clock, which may stand still for milliseconds, has gone on.
    fn tick(&self) {
        let file = self.elsewhere.path().join("clock");
        let now = || {
            fs::write(&file, "").unwrap();
            let metadata = file.metadata().unwrap();
            (metadata.ctime(), metadata.ctime_nsec())
        };
        let before = now();
        while now() == before {}
    }

    fn change(&self, change: &Change) {
        let at = |path: &str| self.workspace.path(path);
        let clear = |path: &Path| {
            if path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                let _ = fs::remove_dir_all(path);
            } else {
                let _ = fs::remove_file(path);
            }
        };
        let _left = match change {
            Change::File(path, content) => {
                if at(path).is_dir() {
                    clear(&at(path));
                }
                fs::write(at(path), content_of(path, *content))
            }
            Change::Directory(path) => {
                if !at(path).is_dir() {
                    clear(&at(path));
                }
                fs::create_dir(at(path))
            }
            Change::Link(path, target) => {
                clear(&at(path));
                symlink(target, at(path))
            }
            Change::Remove(path) => {
                clear(&at(path));
                Ok(())
            }
            Change::Rename(from, to) => fs::rename(at(from), at(to)),
            Change::Exchange(one, other) => {
                sci_sys::fs::renameat_with(CWD, at(one), CWD, at(other), RenameFlags::EXCHANGE).map_err(Into::into)
            }
            Change::Forge(path, content) => {
                keeping_times(&at(path), || fs::write(at(path), content_of(path, *content)))
            }
            Change::Slip(path, name) if at(path).is_dir() => keeping_times(&at(path), || {
                let file = at(path).join(name);
                fs::remove_file(&file).or_else(|_| fs::write(&file, ""))
            }),
            Change::Slip(..) => Ok(()),
        };
    }
}

fn content_of(path: &str, content: u8) -> String {
    match path.rsplit('/').next() {
        Some(".gitignore") => ["ignored\n", "e\n/a\n", "*\n!a\n"][usize::from(content)].to_owned(),
        _ => content.to_string(),
    }
}

fn keeping_times(path: &PathBuf, change: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> {
    let before = path.symlink_metadata()?;
    change()?;
    let times = FileTimes::new().set_modified(before.modified()?).set_accessed(before.accessed()?);
    let open = if before.is_dir() { File::open(path) } else { OpenOptions::new().write(true).open(path) };
    open?.set_times(times)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn what_is_remembered_changes_no_plan(
        replay in any::<bool>(),
        rounds in prop::collection::vec(prop::collection::vec(change(), 0..5), 1..8),
    ) {
        let text = if replay { format!("{PLAIN}replay = true\n") } else { PLAIN.to_owned() };
        let remembered = Remembered::new(&text);
        remembered.workspace.write("a", "0").write("d/a", "0").write("d/e/a", "0").write("d/f/a", "0");
        for changes in rounds {
            remembered.tick();
            changes.iter().for_each(|change| remembered.change(change));
            prop_assert_eq!(remembered.plan(), remembered.workspace.plan(), "after {:?}", changes);
            prop_assert_eq!(remembered.plan(), remembered.workspace.plan(), "again");
        }
    }
}

#[test]
fn every_directory_is_remembered_and_a_plan_that_finds_nothing_new_writes_nothing() {
    let remembered = Remembered::new(PLAIN);
    remembered.workspace.write("d/e/a", "1").write("d/f/g/b", "2");
    let first = remembered.plan();
    let cache = remembered.cache();
    assert_eq!((cache.listings(), cache.len()), (5, 3));
    let written = || remembered.elsewhere.path().join("cache").metadata().unwrap().ino();
    let before = written();
    assert_eq!(remembered.plan(), first);
    assert_eq!(written(), before);
    remembered.tick();
    fs::remove_dir_all(remembered.workspace.path("d/f")).unwrap();
    assert_ne!(remembered.plan(), first);
    assert_eq!(remembered.cache().listings(), 3);
}

#[test]
fn what_is_remembered_of_a_file_is_its_bytes_whichever_way_its_lines_count() {
    let remembered = Remembered::new(PLAIN);
    let workspace = &remembered.workspace;
    workspace.write("a", "one\r\ntwo\r\n").write("d/a", "one\n").write("d/e/b", "\0\r\n");
    let mut plans = Vec::new();
    for mode in ["bytes", "auto", "auto", "bytes", "auto"] {
        workspace.write("sci.toml", format!("text = \"{mode}\"\n{PLAIN}"));
        remembered.tick();
        let plan = remembered.plan();
        assert_eq!(plan, workspace.plan(), "{mode}");
        plans.push(
            plan.paths
                .iter()
                .map(|path| path.keyed().unwrap().derivation.get(InputClass::Sources, b"a").copied())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!((&plans[1], &plans[0]), (&plans[2], &plans[3]));
    assert_eq!(plans[1], plans[4]);
    assert_ne!(plans[0], plans[1]);
}
