//! Line endings: checkouts with CRLF and with LF have one key, by git's own rules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sci_e2e::Machine;
use sci_e2e::machine::finish;
use sci_e2e::rust::commit;

const FILES: &[(&str, &str)] = &[
    (".gitattributes", "[attr]fixed -text\n*.dat binary\n*.sh eol=lf\n/data/** fixed\n*.txt text=auto\n"),
    ("data/.gitattributes", "*.csv text\n"),
    ("data/kept.dat", "bytes\r\nthat stay\r\n"),
    ("data/kept.raw", "bytes\n"),
    ("data/table.csv", "a,b\n1,\u{0}\n"),
    ("guess.unknown", "lines\nof text\n"),
    ("image.unknown", "PNG\u{0}\nbinary\n"),
    ("lone.unknown", "a lone \r here\n"),
    ("mixed.txt", "auto\n"),
    ("run.sh", "#!/bin/sh\n"),
    ("src/main.rs", "fn main() {\n}\n"),
];

/// A repository with such files, as they are committed.
fn repository(machine: &Machine) -> PathBuf {
    let git = |args: &[&str]| machine.run("git", args).success();
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["config", "core.autocrlf", "false"]);
    for (path, content) in FILES {
        machine.write(path, content);
    }
    machine.write("sci.toml", "text = \"auto\"\n[path.out]\npath = \"out\"\nsources = [\"**/*\"]\n");
    commit(machine, "files");
    let origin = machine.dir().join("origin.git");
    finish(machine.command("git").args(["clone", "--quiet", "--bare", "."]).arg(&origin)).success();
    origin
}

/// A fresh checkout in the same place.
fn check_out(machine: &Machine, origin: &Path, autocrlf: &str) {
    fs::remove_dir_all(machine.workspace()).unwrap();
    let mut git = machine.command("git");
    git.current_dir(machine.dir()).args(["clone", "--quiet", "--config"]).arg(format!("core.autocrlf={autocrlf}"));
    finish(git.arg(origin).arg(machine.workspace())).success();
}

/// The digest of each input.
fn inputs(machine: &Machine) -> BTreeMap<String, String> {
    let planned = machine.sci(&["plan"]).paths().remove("out").unwrap();
    let inputs = planned["inputs"].as_array().unwrap().iter();
    let text = |input: &serde_json::Value, field: &str| input[field].as_str().unwrap().to_owned();
    inputs
        .filter(|input| input["class"] == "sources")
        .map(|input| (text(input, "name"), text(input, "digest")))
        .collect()
}

#[test]
fn a_checkout_with_crlf_restores_what_one_with_lf_has_saved() {
    let machine = Machine::new();
    let origin = repository(&machine);
    check_out(&machine, &origin, "false");
    let with_lf = inputs(&machine);
    assert_eq!(with_lf.len(), FILES.len() + 1);
    machine.sci(&["restore"]).expect_verdict("out", "miss");
    machine.write("out/built", "built\n");
    machine.sci(&["save"]).expect_outcome("out", "saved");

    check_out(&machine, &origin, "true");
    let ends_with_crlf = |path: &str| fs::read(machine.path(path)).unwrap().ends_with(b"\r\n");
    for (path, crlf) in [
        ("src/main.rs", true),
        ("guess.unknown", true),
        ("mixed.txt", true),
        ("data/table.csv", true),
        ("data/kept.dat", true),
        ("data/kept.raw", false),
        ("image.unknown", false),
        ("lone.unknown", false),
        ("run.sh", false),
    ] {
        assert_eq!(ends_with_crlf(path), crlf, "git checks {path} out otherwise");
    }
    assert_eq!(inputs(&machine), with_lf);
    machine.sci(&["restore"]).expect_verdict("out", "exact");

    // Of what git does not convert, every byte counts.
    for (path, content) in [("data/kept.dat", "bytes\nthat stay\n"), ("image.unknown", "PNG\u{0}\r\nbinary\n")] {
        let before = fs::read(machine.path(path)).unwrap();
        machine.write(path, content);
        let changed: Vec<_> = inputs(&machine).into_iter().filter(|(name, digest)| with_lf[name] != *digest).collect();
        assert_eq!(changed.len(), 1, "{changed:?}");
        assert_eq!(changed[0].0, path);
        machine.write(path, before);
    }

    // Without the setting every byte of every file counts.
    machine.edit("sci.toml", "text = \"auto\"", "text = \"bytes\"");
    assert_ne!(inputs(&machine)["src/main.rs"], with_lf["src/main.rs"]);
    machine.sci(&["restore"]).expect_verdict("out", "nearest");
}
