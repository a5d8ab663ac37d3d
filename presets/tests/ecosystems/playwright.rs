//! Playwright's browsers.

use sci_presets::{Check, Proof};

use crate::{assert_not_current, assert_unknown, prove, workspace};

const LOCK: &str =
    r#"{ "lockfileVersion": 3, "packages": { "node_modules/playwright-core": { "version": "1.2.0" } } }"#;

const BROWSERS: &str = r#"{ "browsers": [
    { "name": "chromium-headless-shell", "revision": "12", "revisionOverrides": { "mac14": "9" } },
    { "name": "ffmpeg", "revision": "3" }
] }"#;

/// What a project proves whose installed Playwright is of `version`, with these files in the cache.
fn proof(lock: &str, version: &str, present: &[&str]) -> Proof {
    let manifest = format!(r#"{{ "version": "{version}" }}"#);
    let mut files = vec![
        ("package-lock.json", lock),
        ("node_modules/playwright-core/package.json", &manifest),
        ("node_modules/playwright-core/browsers.json", BROWSERS),
    ];
    files.extend(present.iter().map(|file| (*file, "")));
    prove(Check::Playwright, &workspace(&files), "cache", "package-lock.json")
}

#[test]
fn browsers_are_current_in_the_revision_of_the_locked_version() {
    let shell = "cache/chromium_headless_shell-12/INSTALLATION_COMPLETE";
    assert_eq!(proof(LOCK, "1.2.0", &[shell]), Proof::Current);
    assert_eq!(proof(LOCK, "1.2.0", &[shell, "cache/ffmpeg-3/INSTALLATION_COMPLETE"]), Proof::Current);
    assert_eq!(
        proof(LOCK, "1.2.0", &["cache/chromium_headless_shell-9/INSTALLATION_COMPLETE"]),
        Proof::Current,
        "another platform has another revision"
    );
    let old = "cache/ffmpeg-2/INSTALLATION_COMPLETE";
    assert_not_current(&proof(LOCK, "1.2.0", &[shell, old]), "ffmpeg is not there in revision 3");
    assert_not_current(&proof(LOCK, "1.2.0", &["cache/ffmpeg-3/ffmpeg"]), "ffmpeg is not there");
    assert_not_current(&proof(LOCK, "1.2.0", &[]), "no browser is there");
    assert_unknown(&proof(LOCK, "1.1.0", &[shell]), "installed as 1.1.0, locked as 1.2.0");
    assert_unknown(&proof(&LOCK.replace("playwright-core", "other"), "1.2.0", &[shell]), "is not locked");
    assert_unknown(&proof("<", "1.2.0", &[shell]), "not a lockfile");
}
