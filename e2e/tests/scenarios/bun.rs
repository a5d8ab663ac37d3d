//! bun: what it installed comes back so that it finds nothing to do.

use std::fs;

use sci_e2e::{Manager, Tree};

const PACKAGE: &str = r#"{ "name": "small", "private": true, "dependencies": { "dayjs": "1.11.19", "react": "18.3.1", "@types/ms": "2.1.0" } }"#;

#[test]
fn an_install_comes_back_and_bun_finds_nothing_to_do() {
    let machine = Manager::Bun.machine(env!("CARGO_TARGET_TMPDIR"));
    machine.write("package.json", PACKAGE);
    machine.run("bun", &["install", "--lockfile-only"]).success();
    machine.sci(&["init"]);
    machine.sci(&["restore"]).expect_verdict("node_modules", "miss");
    machine.run("bun", &["install", "--frozen-lockfile"]).success();
    let before = Tree::read_without(&machine.path("node_modules"), &[".cache"]);
    machine.sci(&["save"]).expect_outcome("node_modules", "saved");

    machine.remove("node_modules");
    fs::remove_dir_all(machine.home().join(".bun")).unwrap();
    machine.sci(&["restore"]).expect_verdict("node_modules", "exact");
    before.assert_same(&Tree::read_without(&machine.path("node_modules"), &[".cache"]));
    let install = machine.run("bun", &["install", "--frozen-lockfile"]).success();
    assert!(install.stdout.contains("(no changes)"), "{install}");
    before.assert_same(&Tree::read_without(&machine.path("node_modules"), &[".cache"]));

    machine.run("bun", &["add", "--exact", "--lockfile-only", "dayjs@1.11.18"]).success();
    machine.sci(&["restore"]).expect_verdict("node_modules", "nearest");
    let explained = machine.sci(&["explain", "node_modules"]).stdout;
    for word in ["dayjs", "1.11.19", "1.11.18"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("18.3.1"), "explain names a package that did not change:\n{explained}");
}
