//! Gemfile.lock.

use std::fs;

use sci_presets::{Check, Proof};

use crate::{assert_malformed, assert_not_current, assert_unknown, prove, told, workspace};

const GEMFILE_LOCK: &str = "\
GIT
  remote: https://git.example/forked
  revision: 0123
  specs:
    forked (3.0.0)

PATH
  remote: .
  specs:
    app (0.1.0)

GEM
  remote: https://gems.example/
  specs:
    left (1.0.0-x86_64-linux)
      right (~> 2.0)
    left (1.0.0-arm64-darwin)
    right (2.0.0)

PLATFORMS
  x86_64-linux

DEPENDENCIES
  app!
  left (= 1.0.0)

CHECKSUMS
  right (2.0.0) sha256=4567

BUNDLED WITH
   2.3.15
";

#[test]
fn gemfile_lock_and_the_gems_it_names() {
    let expected = [
        "forked 3.0.0 https://git.example/forked#0123 -",
        "left 1.0.0-arm64-darwin - -",
        "left 1.0.0-x86_64-linux - -",
        "right 2.0.0 - sha256=4567",
    ];
    assert_eq!(told("Gemfile.lock", GEMFILE_LOCK), expected);
    for text in ["", "<<<<<<< HEAD\nGEM\n", "GEM\n  specs:\n    no version\n"] {
        assert_malformed("Gemfile.lock", text);
    }
    let project = workspace(&[("Gemfile.lock", GEMFILE_LOCK)]);
    let proof = || prove(Check::Bundler, &project, "bundle", "Gemfile.lock");
    assert_not_current(&proof(), "none of the 2 locked gems");
    let specifications = project.path().join("bundle/ruby/3.1.0/specifications");
    fs::create_dir_all(&specifications).unwrap();
    fs::write(specifications.join("left-1.0.0-x86_64-linux.gemspec"), "").unwrap();
    assert_unknown(&proof(), "1 of 2 locked gems are not installed, such as right");
    fs::write(specifications.join("right-2.0.0.gemspec"), "").unwrap();
    assert_eq!(proof(), Proof::Current);
    fs::write(specifications.join("right-1.0.0.gemspec"), "").unwrap();
    assert_unknown(&proof(), "right-1.0.0 is installed but not locked");
}
