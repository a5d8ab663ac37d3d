//! The built-in presets are complete, and detection finds them.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its tree fails")]

use std::fs;
use std::path::Path;

use sci_presets::{Check, PathSpec, Pattern, Preset, Search, detect};
use tempfile::TempDir;

#[test]
fn every_preset_is_complete_and_survives_a_round_trip() {
    let names: Vec<_> = Preset::all().iter().map(|preset| preset.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "cargo",
            "npm",
            "pnpm",
            "yarn",
            "yarn-classic",
            "bun",
            "uv",
            "poetry",
            "pip",
            "go",
            "bundler",
            "composer",
            "turbo",
            "next",
            "vite",
            "nx",
            "ccache",
            "sccache",
            "playwright",
            "buildx",
            "maven",
            "gradle"
        ]
    );
    for preset in Preset::all() {
        assert!(preset.version > 0 && !preset.summary.is_empty() && !preset.detect.is_empty());
        let text = serde_json::to_string(preset).unwrap();
        assert_eq!(&serde_json::from_str::<Preset>(&text).unwrap(), preset);
    }
}

#[test]
fn every_field_that_a_preset_sets_has_its_reason() {
    for preset in Preset::all() {
        let name = &preset.name;
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("data/{name}.toml"));
        let file = fs::read_to_string(path).unwrap();
        let table: toml::Table = file.parse().unwrap();
        for (path, spec) in table["path"].as_table().unwrap() {
            let spec = spec.as_table().unwrap();
            let explained: Vec<_> = spec["because"].as_table().unwrap().keys().cloned().collect();
            let mut set: Vec<_> = spec.keys().cloned().collect();
            set.retain(|field| !["path", "why", "because"].contains(&field.as_str()));
            assert_eq!(sorted(set), sorted(explained), "preset {name}, path {path}");
        }
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn what_the_engine_relies_on_is_declared() {
    let target = path("cargo", "target");
    assert!(target.replay && target.absolute_root && target.check.is_none());
    let registry = path("cargo", "cargo-registry");
    assert!(registry.is_home() && registry.shared.is_some());
    assert_eq!(registry.check, Some(Check::CargoRegistry));
    for name in ["npm", "pnpm", "yarn", "yarn-classic", "bun"] {
        let modules = path(name, "node_modules");
        assert!(modules.is_per_directory());
        assert_eq!(modules.beside.as_ref().map(ToString::to_string).as_deref(), Some("package.json"));
        assert!(modules.lockfiles.iter().all(|lockfile| lockfile.search == Search::Nearest));
    }
    for name in ["uv", "poetry", "pip"] {
        let venv = path(name, "venv");
        assert!(venv.absolute_root && venv.check == Some(Check::Venv), "{name}");
        assert!(venv.tools.iter().any(|tool| tool.contains("python")), "{name}");
    }
    for (name, cache) in [("yarn", "yarn-cache"), ("go", "go-modules")] {
        assert!(path(name, cache).is_home() && path(name, cache).shared.is_some());
    }
}

#[test]
fn what_holds_machine_code_of_one_release_of_the_system_is_of_use_to_that_alone() {
    let paths = Preset::all().iter().flat_map(|preset| {
        let asking = preset.paths.iter().filter(|(_, path)| path.system_release);
        asking.map(move |(path, _)| format!("{} {path}", preset.name))
    });
    assert_eq!(
        paths.collect::<Vec<_>>(),
        [
            "cargo target",
            "npm node_modules",
            "pnpm node_modules",
            "yarn node_modules",
            "yarn yarn-state",
            "yarn yarn-unplugged",
            "yarn-classic node_modules",
            "bun node_modules",
            "uv venv",
            "poetry venv",
            "pip venv",
            "go go-build",
            "bundler bundle",
            "turbo turbo-cache",
            "nx nx",
            "nx nx-home",
            "ccache ccache",
            "sccache sccache",
            "playwright playwright-browsers",
        ]
    );
}

#[test]
fn what_node_gyp_reads_counts_wherever_it_builds() {
    for (name, path) in [
        ("npm", "node_modules"),
        ("pnpm", "node_modules"),
        ("yarn", "node_modules"),
        ("yarn", "yarn-unplugged"),
        ("yarn", "yarn-state"),
        ("yarn-classic", "node_modules"),
        ("bun", "node_modules"),
    ] {
        let shown = |variable: &str| self::path(name, path).env.iter().any(|it| it.name == variable && it.show);
        assert!(["CC", "CXX", "CFLAGS", "CXXFLAGS"].into_iter().all(shown), "{name} {path}");
    }
}

#[test]
fn what_sci_toml_says_of_other_paths_does_not_change_the_key_of_target() {
    let sources: Vec<String> = path("cargo", "target").sources.iter().map(ToString::to_string).collect();
    assert!(sources.contains(&"!/sci.toml".to_owned()), "{sources:?}");
    assert!(!sources.iter().any(|pattern| pattern.contains("README")), "include_str! reads it: {sources:?}");
}

#[test]
fn what_npms_config_reads_in_either_case_is_listed_in_both() {
    for (preset, some) in [
        ("npm", &["cpu", "os", "libc", "install_links", "build_from_source", "arch", "platform"][..]),
        ("pnpm", &["node_linker", "prod", "cpu", "hoist_pattern"]),
        ("yarn-classic", &["production", "build_from_source"]),
    ] {
        let names: Vec<&str> = path(preset, "node_modules").env.iter().map(|variable| variable.name.as_str()).collect();
        let known: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("npm_config_")).collect();
        assert!(some.iter().all(|name| known.contains(name)), "{preset}: {known:?}");
        let upper: Vec<String> = known.iter().map(|name| format!("NPM_CONFIG_{}", name.to_uppercase())).collect();
        assert!(upper.iter().all(|name| names.contains(&name.as_str())), "{preset}: {names:?}");
        assert_eq!(names.iter().filter(|name| name.starts_with("NPM_CONFIG_")).count(), upper.len(), "{preset}");
    }
    let declares = |preset, of, name| path(preset, of).env.iter().any(|variable| variable.name == name);
    assert!(declares("bundler", "bundle", "BUNDLE_GEMFILE") && declares("composer", "vendor", "COMPOSER"));
    let configs: Vec<String> = path("bundler", "bundle").configs.iter().map(ToString::to_string).collect();
    assert!(configs.iter().any(|pattern| pattern.contains("gemfiles/*.gemfile.lock")), "{configs:?}");
}

fn path(preset: &str, name: &str) -> &'static PathSpec {
    &Preset::get(preset).unwrap().paths[name]
}

#[test]
fn a_misspelt_field_is_refused() {
    let text = "name = 'x'\nversion = 1\nsummary = 's'\ndetect = []\n[path.p]\npath = 'p'\nwhy = 'w'\nsource = ['a']\n";
    let error = toml::from_str::<Preset>(text).unwrap_err();
    assert!(error.message().contains("unknown field `source`"), "{error}");
}

#[test]
fn a_pattern_is_text_or_a_table() {
    let negated = Pattern::parse("!**/generated/**");
    assert!(negated.negated && negated.optional);
    assert_eq!((negated.glob.as_str(), negated.to_string().as_str()), ("**/generated/**", "!**/generated/**"));
    assert!(!Pattern::parse("src/**").optional);
}

#[test]
fn a_project_at_the_top_is_found_once() {
    let directory = tree(&["Cargo.toml", "crates/a/Cargo.toml", "package-lock.json"]);
    assert_eq!(found(directory.path()), [("cargo", "Cargo.toml"), ("npm", "package-lock.json")].map(owned));
}

#[test]
fn projects_below_the_top_are_found_where_they_begin() {
    let directory = tree(&[
        "backend/Cargo.toml",
        "backend/crates/a/Cargo.toml",
        "apps/team/web/pnpm-lock.yaml",
        "node_modules/x/package-lock.json",
        "tests/fixtures/x/package-lock.json",
        ".hidden/package-lock.json",
        "a/b/c/d/package-lock.json",
    ]);
    let expected = [("cargo", "backend/Cargo.toml"), ("pnpm", "apps/team/web/pnpm-lock.yaml")].map(owned);
    assert_eq!(found(directory.path()), expected);
    assert_eq!(detect(directory.path()).unwrap()[0].directory, Path::new("backend"));
}

#[test]
fn a_project_within_another_one_is_found_where_it_has_a_lockfile_of_its_own() {
    let directory = tree(&[
        "Cargo.toml",
        "crates/a/Cargo.toml",
        "worker/Cargo.toml",
        "worker/Cargo.lock",
        "worker/crates/b/Cargo.toml",
        "worker/tool/Cargo.toml",
        "worker/tool/Cargo.lock",
        "vendor/c/Cargo.lock",
        "site/Cargo.lock",
        "package-lock.json",
        "site/package-lock.json",
        "php/composer.lock",
        "php/tools/composer.lock",
    ]);
    let cargo = ["Cargo.toml", "worker/Cargo.toml", "worker/tool/Cargo.toml"].map(|file| ("cargo", file));
    let others =
        [("npm", "package-lock.json"), ("composer", "php/composer.lock"), ("composer", "php/tools/composer.lock")];
    assert_eq!(found(directory.path()), [cargo, others].concat().into_iter().map(owned).collect::<Vec<_>>());
}

#[test]
fn a_lockfile_that_two_tools_write_is_told_apart_by_what_it_says() {
    let directory = tree(&["a/yarn.lock", "b/yarn.lock", "c/yarn.lock", "d/uv.lock", "e/go.mod"]);
    fs::write(directory.path().join("a/yarn.lock"), "# comment\n\n__metadata:\n  version: 8\n").unwrap();
    fs::write(directory.path().join("b/yarn.lock"), "# comment\n# yarn lockfile v1\n\n\n").unwrap();
    let expected = [("yarn", "a/yarn.lock"), ("yarn-classic", "b/yarn.lock"), ("uv", "d/uv.lock"), ("go", "e/go.mod")];
    assert_eq!(found(directory.path()), expected.map(owned));
}

#[test]
fn a_file_of_which_only_some_speak_is_told_by_what_it_mentions() {
    let directory = tree(&["a/vite.config.ts", "b/vite.config.ts", "c/vite.config.js.orig", "d/next.config.mjs"]);
    fs::write(directory.path().join("a/vite.config.ts"), "export default {\n  cacheDir: '.vite',\n};\n").unwrap();
    fs::write(directory.path().join("b/vite.config.ts"), "export default { cacheDir: '../cache' };\n").unwrap();
    assert_eq!(found(directory.path()), [("next", "d/next.config.mjs"), ("vite", "a/vite.config.ts")].map(owned));
}

#[test]
fn what_only_a_workflow_or_a_hidden_file_tells_is_found_at_the_top() {
    let directory =
        tree(&[".github/workflows/a.yml", ".github/workflows/ci.yml", ".cargo/config.toml", "x/CMakeLists.txt"]);
    let write = |file: &str, text: &str| fs::write(directory.path().join(file), text).unwrap();
    write(".github/workflows/ci.yml", "with:\n  cache-to: type=local,dest=.buildx-cache-new\n");
    write(".cargo/config.toml", "[build]\nrustc-wrapper = \"sccache\"\n");
    write("x/CMakeLists.txt", "set(CMAKE_C_COMPILER_LAUNCHER ccache)\n");
    let expected =
        [("ccache", "x/CMakeLists.txt"), ("sccache", ".cargo/config.toml"), ("buildx", ".github/workflows/ci.yml")];
    assert_eq!(found(directory.path()), expected.map(owned));
    assert_eq!(detect(directory.path()).unwrap()[2].directory, Path::new(""));
}

#[test]
fn a_lockfile_beside_which_nothing_can_be_installed_is_no_project() {
    let directory = tree(&["kotlin-js-store/yarn.lock"]);
    fs::write(directory.path().join("kotlin-js-store/yarn.lock"), "# yarn lockfile v1\n").unwrap();
    assert_eq!(found(directory.path()), [("yarn-classic", "kotlin-js-store/yarn.lock")].map(owned));
    fs::remove_file(directory.path().join("kotlin-js-store/package.json")).unwrap();
    assert_eq!(found(directory.path()), []);
}

#[test]
fn nothing_is_found_in_an_empty_directory_and_a_missing_one_is_an_error() {
    let directory = tree(&[]);
    assert_eq!(found(directory.path()), []);
    assert!(detect(&directory.path().join("missing")).is_err());
}

fn owned((preset, because): (&str, &str)) -> (String, String) {
    (preset.to_owned(), because.to_owned())
}

fn found(directory: &Path) -> Vec<(String, String)> {
    let because = |found: &sci_presets::Detected| found.because.to_str().unwrap().to_owned();
    detect(directory).unwrap().iter().map(|found| (found.preset.name.clone(), because(found))).collect()
}

fn tree(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in files {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if [".lock", "lock.json", "lock.yaml"].iter().any(|end| file.ends_with(end)) {
            fs::write(path.with_file_name("package.json"), "").unwrap();
        }
        fs::write(path, "").unwrap();
    }
    directory
}
