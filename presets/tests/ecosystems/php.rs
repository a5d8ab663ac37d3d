//! composer.lock.

use sci_presets::{Check, Proof};

use crate::{assert_malformed, assert_not_current, assert_unknown, prove, told, workspace};

const COMPOSER_LOCK: &str = r#"{
  "content-hash": "0123",
  "packages": [
    {"name": "acme/left", "version": "1.0.0", "dist": {"type": "zip", "url": "https://zip.example/left", "shasum": "", "reference": "89ab"},
     "source": {"type": "git", "url": "https://git.example/left", "reference": "89ab"}}
  ],
  "packages-dev": [{"name": "acme/right", "version": "v2.0.0", "dist": {"type": "zip", "url": "https://zip.example/right", "shasum": "cdef"}}],
  "plugin-api-version": "2.3.0"
}
"#;

#[test]
fn composer_lock_and_the_packages_it_names() {
    let expected =
        ["acme/left 1.0.0 https://git.example/left 89ab", "acme/right v2.0.0 https://zip.example/right cdef"];
    assert_eq!(told("composer.lock", COMPOSER_LOCK), expected);
    assert_malformed("composer.lock", "{}");
    let record = COMPOSER_LOCK
        .replace("\n  ],\n  \"packages-dev\": [", ", ")
        .replace("\"content-hash\": \"0123\"", "\"dev\": true");
    let proof = |record: &str| {
        let project = workspace(&[("composer.lock", COMPOSER_LOCK), ("vendor/composer/installed.json", record)]);
        prove(Check::Composer, &project, "vendor", "composer.lock")
    };
    assert_eq!(proof(&record), Proof::Current);
    assert_not_current(&proof(&record.replace("1.0.0", "0.9.0")), "acme/left 1.0.0 is locked but not installed");
    assert_not_current(&proof(&record.replace("cdef", "4567")), "acme/right v2.0.0 is locked but not installed");
    assert_unknown(&proof(&record.replace("true", "false")), "leave out what only development needs");
    let project = workspace(&[("composer.lock", COMPOSER_LOCK)]);
    assert_not_current(&prove(Check::Composer, &project, "vendor", "composer.lock"), "no install ended");
}
