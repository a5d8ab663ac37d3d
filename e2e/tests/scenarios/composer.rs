//! Composer: its packages come back so that it finds nothing to do, and one upgrade installs one package.

use std::fs;

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Tree};
use serde_json::{Value, json};

/// A machine with a project, and with packages in a directory that stands for the network.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("COMPOSER_ALLOW_SUPERUSER", "1");
    machine.set("COMPOSER_NO_INTERACTION", "1");
    let index = machine.dir().join("index");
    fs::create_dir_all(&index).unwrap();
    let mut packages = json!({});
    for (name, version) in [("left", "1.0.0"), ("left", "1.1.0"), ("right", "2.0.0")] {
        packages[format!("acme/{name}")][version] = publish(&machine, name, version);
    }
    fs::write(index.join("packages.json"), json!({ "packages": packages }).to_string()).unwrap();
    let project = json!({
        "name": "acme/app",
        "repositories": [
            { "packagist.org": false },
            { "type": "composer", "url": format!("file://{}", index.display()) },
        ],
        "require": { "acme/left": "1.0.0", "acme/right": "^2.0" },
    });
    machine.write("composer.json", serde_json::to_string_pretty(&project).unwrap());
    machine.run("composer", &["update", "--no-install"]).success();
    machine.sci(&["init"]);
    machine
}

fn publish(machine: &Machine, name: &str, version: &str) -> Value {
    let archive = machine.dir().join(format!("index/{name}-{version}.tar"));
    let source = machine.dir().join("sources").join(format!("{name}-{version}"));
    fs::create_dir_all(&source).unwrap();
    let code = format!("<?php\nnamespace Acme;\nclass {name} {{ const SAYS = '{name} {version}'; }}\n");
    fs::write(source.join(format!("{name}.php")), code).unwrap();
    let mut tar = machine.command("tar");
    tar.arg("--create").arg("--file").arg(&archive).arg("--directory").arg(source.parent().unwrap());
    finish(tar.arg(format!("{name}-{version}"))).success();
    json!({
        "name": format!("acme/{name}"),
        "version": version,
        "dist": { "type": "tar", "url": format!("file://{}", archive.display()) },
        "autoload": { "psr-4": { "Acme\\": "" } },
    })
}

#[test]
fn packages_come_back_and_composer_finds_nothing_to_do() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict("vendor", "miss");
    machine.run("composer", &["install"]).success();
    let before = Tree::read(&machine.path("vendor"));
    machine.sci(&["save"]).expect_outcome("vendor", "saved");

    machine.remove("vendor");
    machine.sci(&["restore"]).expect_verdict("vendor", "exact");
    before.assert_same(&Tree::read(&machine.path("vendor")));
    let install = machine.run("composer", &["install"]).success();
    assert!(install.stderr.contains("Nothing to install, update or remove"), "{install}");
    let script = "require 'vendor/autoload.php'; echo Acme\\left::SAYS, ', ', Acme\\right::SAYS;";
    assert_eq!(machine.run("php", &["-r", script]).success().stdout, "left 1.0.0, right 2.0.0");

    machine.edit("composer.json", "1.0.0", "1.1.0");
    machine.run("composer", &["update", "--no-install", "acme/left"]).success();
    machine.sci(&["restore"]).expect_verdict("vendor", "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["acme/left", "1.0.0", "1.1.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("acme/right"), "explain names a package that did not change:\n{explained}");
    let install = machine.run("composer", &["install"]).success();
    assert!(install.stderr.contains("0 installs, 1 update, 0 removals"), "{install}");
    machine.sci(&["save"]).expect_outcome("vendor", "saved");
    machine.sci(&["restore"]).expect_verdict("vendor", "exact");
}
