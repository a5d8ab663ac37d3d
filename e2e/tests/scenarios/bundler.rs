//! Bundler: its gems come back so that it finds nothing to do, without the place that they came from.

use std::fs;

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Tree};

/// A machine with a project, and with gems in a directory that stands for the network.
fn machine() -> Machine {
    let mut machine = Machine::new();
    machine.set("BUNDLE_PATH", "vendor/bundle");
    machine.set("BUNDLE_SILENCE_ROOT_WARNING", "1");
    let gems = machine.dir().join("index/gems");
    fs::create_dir_all(&gems).unwrap();
    for (name, version) in [("acme-left", "1.0.0"), ("acme-left", "1.1.0"), ("acme-right", "2.0.0")] {
        let source = machine.dir().join("sources").join(format!("{name}-{version}"));
        fs::create_dir_all(source.join("lib")).unwrap();
        fs::write(source.join(format!("lib/{name}.rb")), format!("puts '{name} {version}'\n")).unwrap();
        let gemspec = format!(
            "Gem::Specification.new {{ |it| it.name = '{name}'; it.version = '{version}'; it.summary = 'x'; it.authors = ['x']; it.files = ['lib/{name}.rb'] }}\n"
        );
        fs::write(source.join("x.gemspec"), gemspec).unwrap();
        let mut build = machine.command("gem");
        build.current_dir(&source).args(["build", "--quiet", "x.gemspec", "--output"]);
        finish(build.arg(gems.join(format!("{name}-{version}.gem")))).success();
    }
    let mut index = machine.command("gem");
    finish(index.current_dir(machine.dir()).args(["generate_index", "--quiet", "--directory", "index"])).success();
    let source = machine.dir().join("index");
    machine.write(
        "Gemfile",
        format!("source \"file://{}\"\ngem \"acme-left\", \"1.0.0\"\ngem \"acme-right\"\n", source.display()),
    );
    machine.run("bundle", &["lock"]).success();
    machine.sci(&["init"]);
    machine
}

#[test]
fn gems_come_back_and_bundler_finds_nothing_to_do() {
    let machine = machine();
    machine.sci(&["restore"]).expect_verdict("vendor/bundle", "miss");
    machine.run("bundle", &["install"]).success();
    let bundle = machine.path("vendor/bundle");
    let before = Tree::read_without(&bundle, &["ruby/3.1.0/cache", "cache"]);
    machine.sci(&["save"]).expect_outcome("vendor/bundle", "saved");

    machine.remove("vendor");
    machine.sci(&["restore"]).expect_verdict("vendor/bundle", "exact");
    before.assert_same(&Tree::read_without(&bundle, &["ruby/3.1.0/cache", "cache"]));
    machine.run("bundle", &["check"]).success();
    let install = machine.run("bundle", &["install", "--local"]).success();
    assert!(!install.stdout.contains("Installing "), "{install}");
    let ran = machine.run("bundle", &["exec", "ruby", "-e", "require 'acme-left'; require 'acme-right'"]).success();
    assert_eq!(ran.stdout, "acme-left 1.0.0\nacme-right 2.0.0\n");

    machine.edit("Gemfile", "1.0.0", "1.1.0");
    machine.run("bundle", &["lock", "--update", "acme-left"]).success();
    // What is no longer locked would stay beside what is.
    machine.sci(&["restore"]).expect_verdict("vendor/bundle", "miss");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["acme-left", "1.0.0", "1.1.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("acme-right"), "explain names a gem that did not change:\n{explained}");
}
