//! Playwright: what it downloads comes back so that it downloads nothing, also with a lockfile that names the same Playwright.

use std::fs;
use std::os::unix::fs::symlink;

use sci_e2e::machine::finish;
use sci_e2e::{Downloads, Machine, Manager, Ran, ecosystems};

const PATH: &str = "~/.cache/ms-playwright";

/// The installed package that knows the revisions.
fn core() -> std::path::PathBuf {
    ecosystems::modules(env!("CARGO_TARGET_TMPDIR")).join("playwright-core")
}

/// A machine with a project, and the archive of a stand-in for FFmpeg, the smallest of the downloads.
fn machine() -> (Machine, Downloads) {
    let mut machine = Manager::Playwright.machine(env!("CARGO_TARGET_TMPDIR"));
    let browsers: serde_json::Value = serde_json::from_slice(&fs::read(core().join("browsers.json")).unwrap()).unwrap();
    let ffmpeg = browsers["browsers"].as_array().unwrap().iter().find(|it| it["name"] == "ffmpeg").unwrap();
    let builds = machine.dir().join("downloads/builds/ffmpeg").join(ffmpeg["revision"].as_str().unwrap());
    fs::create_dir_all(&builds).unwrap();
    let script = "import sys, zipfile\nout = zipfile.ZipFile(sys.argv[1] + '/ffmpeg-linux.zip', 'w')\nout.writestr('ffmpeg-linux', '#!/bin/sh\\necho moving pictures\\n')\n";
    finish(machine.command("python3").args(["-c", script]).arg(&builds)).success();
    let downloads = Downloads::serve(&machine.dir().join("downloads"));
    machine.set("PLAYWRIGHT_DOWNLOAD_HOST", downloads.url());
    machine.write("package.json", r#"{ "name": "small", "private": true }"#);
    machine.write("playwright.config.mjs", "export default {};\n");
    machine.write(".gitignore", "node_modules\n");
    lock(&machine, &version(), "1.0.0");
    fs::create_dir(machine.path("node_modules")).unwrap();
    symlink(core(), machine.path("node_modules/playwright-core")).unwrap();
    machine.sci(&["init"]);
    machine.write("sci.toml", "presets = [\"playwright\"]\n");
    (machine, downloads)
}

/// The version that is installed.
fn version() -> String {
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(core().join("package.json")).unwrap()).unwrap();
    manifest["version"].as_str().unwrap().to_owned()
}

fn lock(machine: &Machine, playwright: &str, left: &str) {
    let lock = format!(
        r#"{{ "name": "small", "lockfileVersion": 3, "packages": {{ "": {{ "name": "small" }},
  "node_modules/left": {{ "version": "{left}" }}, "node_modules/playwright-core": {{ "version": "{playwright}" }} }} }}"#
    );
    machine.write("package-lock.json", lock);
}

fn install(machine: &Machine) -> Ran {
    machine.run("playwright", &["install", "ffmpeg"]).success()
}

#[test]
fn downloads_come_back_and_playwright_downloads_nothing() {
    let (machine, _downloads) = machine();
    machine.sci(&["restore"]).expect_verdict(PATH, "miss");
    let first = install(&machine);
    assert!(first.stdout.contains("Downloading FFmpeg"), "{first}");
    let cache = machine.home().join(".cache/ms-playwright");
    // Somebody's profile, with what they are logged in to.
    fs::create_dir(cache.join("mcp-chrome-1")).unwrap();
    machine.sci(&["save"]).expect_outcome(PATH, "saved");

    fs::remove_dir_all(&cache).unwrap();
    machine.sci(&["restore"]).expect_verdict(PATH, "exact");
    assert!(!cache.join("mcp-chrome-1").exists() && !cache.join(".links").exists());
    let second = install(&machine);
    assert!(!second.stdout.contains("Downloading"), "{second}");

    // Another package changes the key; no run changes what is there, and it is proved to be right.
    lock(&machine, &version(), "1.1.0");
    machine.sci(&["restore"]).expect_verdict(PATH, "nearest");
    machine.sci(&["save"]).expect_outcome(PATH, "saved");
    machine.sci(&["restore"]).expect_verdict(PATH, "exact");

    // Another Playwright is another matter: its browsers are not these.
    lock(&machine, "9.9.9", "1.1.0");
    machine.sci(&["restore"]).expect_verdict(PATH, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    for word in ["playwright-core", "9.9.9", &version()] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    machine.sci(&["save"]);
    let next = machine.sci(&["restore"]);
    assert_ne!(next.verdict(PATH), "exact", "{next}");
}
