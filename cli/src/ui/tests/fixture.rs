//! A workspace with three paths and a store with two runs, made without either.

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sci_hasher::{Digest, InputClass, InputName};
use sci_planner::{Change, ClassDiff, InputChange, InputDiff, PackageChange, PackageDiff, PackageVersion};
use sci_store_api::snapshots::SnapshotSummary;
use sci_store_api::verdict::{Candidate, Judgement, MissReason, Outcome, Refusal, Verdict};
use sci_store_api::{Instance, PathName, PlanId, RunId, Scope, SnapshotId, UnixMillis};

use crate::flow::explained::{Compared, Explained, Unkeyed};
use crate::flow::local::{Inputs, Local, LocalPath, Tree};
use crate::flow::report::Word;
use crate::flow::runs::{Published, Run};
use crate::output::Styles;
use crate::ui::event::{Event, Shared};
use crate::ui::keys::Key;
use crate::ui::model::Model;
use crate::ui::view;

const NOW: i64 = 1_700_000_000;

pub(super) fn ago(seconds: i64) -> UnixMillis {
    UnixMillis(((NOW - seconds) * 1000) as u64)
}

pub(super) fn run(name: &str) -> RunId {
    RunId::new(name).unwrap()
}

/// An empty dashboard.
pub(super) fn model(width: u16, height: u16) -> Model {
    Model::new(Styles::default(), (width, height), Timestamp::from_second(NOW).unwrap())
}

/// A dashboard that knows everything.
pub(super) fn loaded(width: u16, height: u16) -> Model {
    let mut model = model(width, height);
    model.update(Event::Local(Ok(local())));
    model.update(Event::Store(1, Box::new(Ok(shared()))));
    model
}

pub(super) fn press(model: &mut Model, keys: &[Key]) {
    keys.iter().for_each(|key| drop(model.update(Event::Key(*key))));
}

/// What is on the screen, without the blanks at the ends of lines.
pub(super) fn screen(model: &Model) -> String {
    let (width, height) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(model, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let lines = buffer.content().chunks(usize::from(width)).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

pub(super) fn local_path(instance: &str, verdict: Option<Word>) -> LocalPath {
    LocalPath {
        name: instance.to_owned(),
        instance: instance.to_owned(),
        key: Some(Digest::of(instance.as_bytes())),
        unkeyed: None,
        verdict,
        snapshot: verdict.filter(|verdict| *verdict != Word::Miss).map(|_| SnapshotId::of(instance.as_bytes())),
        saved: false,
        inputs: if verdict.is_some() { Inputs::Same } else { Inputs::Unknown },
        tree: Tree::Present,
        reason: None,
    }
}

pub(super) fn local() -> Local {
    let modules = LocalPath {
        tree: Tree::Stale,
        reason: Some("left-pad has another version".to_owned()),
        inputs: Inputs::Changed,
        ..local_path("node_modules", Some(Word::Exact))
    };
    let tools = LocalPath {
        key: None,
        unkeyed: Some("`cc -v` failed with exit code 1".to_owned()),
        tree: Tree::Absent,
        inputs: Inputs::Unknown,
        ..local_path("tools", None)
    };
    Local { workspace: "/home/me/project".into(), paths: vec![modules, local_path("target", Some(Word::Miss)), tools] }
}

pub(super) fn explained(instance: &str, verdict: Verdict, compared: Option<Compared>) -> Explained {
    Explained {
        name: instance.to_owned(),
        instance: instance.to_owned(),
        plan: PlanId::of(b"plan"),
        run: run("local-2"),
        created: ago(90),
        key: Digest::of(instance.as_bytes()),
        derivation: None,
        verdict,
        trouble: None,
        compared,
    }
}

/// A miss for another lockfile, with the one candidate refused.
pub(super) fn miss() -> Explained {
    let snapshot = SnapshotId::of(b"target");
    let candidate = Candidate {
        snapshot,
        scope: "trusted:refs/heads/main".parse().unwrap(),
        shared: Some(InputClass::Configs),
        similarity: 0.93,
        distance: None,
        created: ago(7_300),
        run: run("local-1"),
        judgement: Judgement::Refused { reason: Refusal::ExactOnly },
    };
    let outcome = Outcome::Miss { reason: MissReason::AllRefused };
    let package = |version: &str| PackageVersion { version: version.to_owned(), source: None };
    let changed = PackageChange { name: "serde".to_owned(), before: package("1.0.1"), after: package("1.0.2") };
    let lockfile = InputChange {
        name: InputName::new("Cargo.lock"),
        change: Change::Changed,
        before: None,
        after: None,
        packages: Some(PackageDiff { changed: vec![changed], ..PackageDiff::default() }),
    };
    let classes = vec![ClassDiff { class: InputClass::Lockfiles, inputs: vec![lockfile] }];
    let differences = Some(InputDiff { classes, upstreams: Vec::new() });
    let compared = Compared { snapshot, chosen: false, differences, problem: None };
    explained("target", Verdict { outcome, candidates: vec![candidate] }, Some(compared))
}

pub(super) fn exact() -> Explained {
    let snapshot = SnapshotId::of(b"node_modules");
    explained("node_modules", Verdict { outcome: Outcome::Exact { snapshot }, candidates: Vec::new() }, None)
}

pub(super) fn snapshot(scope: &str, instance: &str, size: u64) -> SnapshotSummary {
    SnapshotSummary {
        snapshot: SnapshotId::of(format!("{scope} {instance}").as_bytes()),
        scope: scope.parse::<Scope>().unwrap(),
        path: PathName::new("node_modules").unwrap(),
        instance: Instance::new(instance).unwrap(),
        key: Digest::of(instance.as_bytes()),
        settled: scope.starts_with("trusted"),
        quarantined: false,
        files: 1_204,
        bytes: size * 4,
        stored_bytes: size,
        run: run("local-1"),
        created: ago(7_300),
    }
}

pub(super) fn shared() -> Shared {
    let saved = |scope: &str, instance: &str, size| snapshot(scope, instance, size);
    let published = Published {
        project: "project".to_owned(),
        runs: vec![
            Run { run: run("local-2"), created: ago(90), planned: 2, saved: 0 },
            Run { run: run("local-1"), created: ago(7_300), planned: 3, saved: 2 },
        ],
        snapshots: vec![
            saved("trusted:refs/heads/main", "node_modules", 53_000_000),
            saved("pr:42", "node_modules", 61_000_000),
        ],
        more: false,
    };
    let unkeyed =
        Unkeyed { name: "tools".into(), instance: "tools".into(), reason: "`cc -v` failed with exit code 1".into() };
    Shared {
        place: "https://sci.example.com".to_owned(),
        published,
        explained: vec![exact(), miss()],
        unkeyed: vec![unkeyed],
    }
}
