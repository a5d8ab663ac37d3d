//! Keys, tools, environment, variant, notes, replay: what a plan says of each path.

mod support;

use std::fs::{self, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sci_hasher::fs::StatCache;
use sci_hasher::{Digest, InputClass};
use sci_planner::{Note, Outcome, Plan, PlanOptions, diff, find_and_plan, plan};
use support::{Workspace, find, unkeyed};

/// A command whose output is a version, without any program of the machine but its shell.
const VERSION: (&str, &str) = ("version.sh", "#!/bin/sh\necho tool 1.2.3\necho more\n");

const LOCK: &str = r#"version = 4

[[package]]
name = "app"
version = "0.1.0"

[[package]]
name = "serde"
version = "1.0.200"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "ddc6f9cc94d67c0e21aaf7eda3a010fd3af78ebf6e096aa6e2e13c79749cce4f"
"#;

fn fixture() -> Workspace {
    let workspace = Workspace::new(
        r#"
variant = "lint"

[path.deps]
path = "deps"
lockfiles = ["Cargo.lock"]
restore = "exact"
exclude = ["b", "a"]

[path.out]
path = "out"
configs = ["app.json"]
lockfiles = ["Cargo.lock"]
sources = ["src/**", "link"]
env = ["TOKEN", { name = "MODE", show = true }, { name = "APP_*", show = true }, { name = "UNSET", show = true }]
tools = ["./version.sh", "no-such-program --version"]
after = ["deps"]
match = "configs"
save = "on-success"
"#,
    );
    let workspace = workspace.files(&[
        VERSION,
        ("app.json", "{}"),
        ("Cargo.lock", LOCK),
        ("src/main.c", "int main(void) { return 0; }\n"),
        ("src/run", "#!/bin/sh\n"),
    ]);
    workspace.executable("version.sh").executable("src/run").link("link", "src/main.c");
    workspace.env(&[("TOKEN", "canary"), ("MODE", "release"), ("APP_A", "1"), ("OTHER", "x")])
}

/// These digests are the format: when one changes, every key that users have is lost, so it changes on purpose or not at all.
#[test]
fn golden_keys() {
    let plan = fixture().plan();
    let rungs = |instance: &str| {
        let keyed = find(&plan, instance).keyed().unwrap();
        let rungs = InputClass::ALL.map(|class| format!("{class} {}", keyed.ladder.rung(class))).join("\n");
        format!("{rungs}\nsketch {}", Digest::of(&keyed.sketch().to_bytes()))
    };
    insta::assert_snapshot!(rungs("deps"), @r"
    system 55fb92f5f2a2cd848a6879ea37aab65060768c07faf22acf7f8614cb0997daa3
    tools 1cb0ba5d458ef1bec0e866caac975ba53cd0d9f0b0a826105925de171ccdb4a8
    env 5a177cae1156059366f8ef9ec0a65c81b2c9c4ccb580be98e545e69101d36e8e
    configs fce500e546b1630986e58f611a534593f3df317f9bcc34b59359dd51023cb128
    lockfiles d0ba0bacaa1703506464e97c84dabae813b36b3ba8ab3a2cd29e885a33ebf698
    sources 28e538b178d9ad353344452a6939e4d22ba97eed570a1324480ba653746c0567
    variant 74e5c1b770d1107e6dcb2d782480c7eb4eaa8567eca1d8674e2380df8eff8a90
    sketch 405e054e58798ed695438afab044661bfad9419fe2e6e2d5bfbdcfca019f0d56
    ");
    insta::assert_snapshot!(rungs("out"), @r"
    system 7068b7f7656acf5890d9329cd2e6ce75f9f3c64d560ac40eba88f53f5c81fa82
    tools 149f94ced6a13a6df202b2ba9b73cb5f1e4a4daa6b603e18ee59e78e2259b3c0
    env 7f083891e1a8277b16899e75ba6647879e58fa0ef1f4ab0ca415f3162e4bfb46
    configs 1aaf7287e45607e8ae519385a97392449faa48308aeb09b9f14ffca1922306d9
    lockfiles 5a62b1845799967e6cb3e7a52dc7836059cad05030df7e9b12e122a65d565af6
    sources 7d84d30ae80d144a8813c9c2860529215cfde9dd7deb4c00b082dc059e61b0f6
    variant dbcd621f296e61b613c3c9d931efc0e5c0a107a87891b328af34dec5b8ae73e4
    sketch 242d40487ddf139016ad6e864d57b9d6554fa774a3afc0d416204359680ca2fb
    ");
}

#[test]
fn the_notes_show_what_may_be_shown() {
    let keyed = fixture().keyed("out");
    let notes: Vec<String> =
        keyed.notes.iter().map(|(class, name, note)| format!("{class} {name}: {note:?}")).collect();
    insta::assert_snapshot!(notes.join("\n"), @r#"
    system arch: Text("x86_64")
    system check: Text("none")
    system exclude: Text("")
    system instance: Text("out")
    system libc: Text("gnu")
    system match: Text("configs")
    system os: Text("linux")
    system path: Text("out")
    system preset: Text("none")
    system replay: Text("false")
    system restore: Text("nearest")
    system save: Text("on-success")
    system shared: Text("none")
    tools ./version.sh: Text("tool 1.2.3")
    tools no-such-program --version: Absent
    env APP_A: Text("1")
    env MODE: Text("release")
    env UNSET: Absent
    lockfiles Cargo.lock: Packages([NotedPackage { name: "app", version: "0.1.0", source: None }, NotedPackage { name: "serde", version: "1.0.200", source: Some("registry+https://github.com/rust-lang/crates.io-index") }])
    variant variant: Text("lint")
    "#);
    assert!(!format!("{:?}", keyed.notes).contains("canary"), "a variable that is not shown");
}

#[test]
fn the_cargo_presets_target_counts_every_file_but_what_sci_toml_says_of_others() {
    let workspace = Workspace::new("presets = [\"cargo\"]\n").files(&[
        ("Cargo.toml", "[package]\nname = \"a\"\n"),
        ("src/lib.rs", ""),
        ("README.md", "one"),
    ]);
    let before = workspace.key("target");
    workspace.write("sci.toml", "# a remark\npresets = [\"cargo\"]\n[path.dist]\npath = \"dist\"\n");
    assert_eq!(workspace.key("target"), before);
    workspace.write("README.md", "two");
    let edited = workspace.key("target");
    assert_ne!(edited, before);
    workspace.write("sci.toml", "presets = [\"cargo\"]\n[path.target]\nrestore = \"exact\"\n");
    assert_ne!(workspace.key("target"), edited);
}

#[test]
fn policies_are_those_declared() {
    let plan = fixture().plan();
    let policy = &find(&plan, "out").policy;
    assert_eq!(policy.matching, InputClass::Configs);
    assert_eq!(policy.save.name(), "on-success");
    assert_eq!(policy.lockfiles, [std::path::Path::new("Cargo.lock")]);
    assert_eq!(find(&plan, "deps").policy.restore.name(), "exact");
    assert_eq!(find(&plan, "deps").policy.exclude, ["a", "b"], "sorted: their order means nothing");
}

#[test]
fn a_table_overrides_a_preset_key_by_key() {
    let workspace = Workspace::new(
        "presets = [\"cargo\"]\n[path.target]\nsources = [\"src/**\"]\ntools = []\nreplay = false\n[path.cargo-registry]\nsave = \"never\"\n",
    );
    let workspace = workspace.files(&[("src/main.rs", ""), ("Cargo.toml", ""), ("Cargo.lock", LOCK)]);
    let plan = workspace.plan();
    let target = find(&plan, "target");
    assert_eq!(
        support::files_of(target.keyed().unwrap()),
        ["configs Cargo.toml", "lockfiles Cargo.lock", "sources src/main.rs"]
    );
    assert_eq!((target.policy.replay, target.policy.save.name()), (false, "when-changed"));
    assert_eq!(target.policy.exclude, ["**/incremental"]);
    assert_eq!(find(&plan, "~/.cargo/registry").policy.save.name(), "never");
    assert!(plan.tracked.is_empty(), "no path has replay");
}

#[test]
fn pruning_is_the_presets_and_can_be_switched_off() {
    let cargo =
        |rest: &str| Workspace::new(&format!("presets = [\"cargo\"]\n{rest}")).files(&[("src/lib.rs", "")]).plan();
    let prune = |plan: &Plan, instance: &str| find(plan, instance).policy.prune.name();
    let preset = cargo("");
    assert_eq!((prune(&preset, "target"), prune(&preset, "~/.cargo/registry")), ("cargo", "never"));
    let off = cargo("[path.target]\nprune = \"never\"\n");
    assert_eq!(prune(&off, "target"), "never");
}

#[test]
fn the_absolute_root_counts_only_where_it_is_asked_for() {
    let at = |absolute: bool| {
        let declare = format!("[path.out]\npath = \"out\"\nabsolute-root = {absolute}\n");
        (Workspace::new(&declare).key("out"), Workspace::new(&declare).key("out"))
    };
    let (one, other) = at(false);
    assert_eq!(one, other);
    let (one, other) = at(true);
    assert_ne!(one, other);
}

#[test]
fn the_systems_release_counts_only_where_it_is_asked_for() {
    let on = |declare: &str, release: &str| {
        Workspace::new(&format!("[path.out]\npath = \"out\"\n{declare}")).release(release).keyed("out")
    };
    let keys = |declare: &str| ["ubuntu 22.04", "ubuntu 24.04"].map(|release| on(declare, release).key().to_string());
    let [one, other] = keys("");
    assert_eq!(one, other);
    assert_eq!(keys("system-release = false\n"), [one.clone(), other], "nothing else changes the key");
    let asked = "system-release = true\n";
    let [old, new] = keys(asked);
    assert!(old != new && old != one);
    let [old, new] = ["ubuntu 22.04", "ubuntu 24.04"].map(|release| on(asked, release));
    assert_eq!(old.ladder.shared(&new.ladder), None, "no nearest either: not even `system` is equal");
    let difference = diff(&old.record(), &new.record());
    insta::assert_snapshot!(serde_json::to_string(&difference).unwrap(), @r#"{"classes":[{"class":"system","inputs":[{"name":"release","change":"changed","before":"ubuntu 22.04","after":"ubuntu 24.04"}]}],"upstreams":[]}"#);
}

#[test]
fn a_preset_asks_for_the_release_where_it_keeps_machine_code_and_can_be_told_not_to() {
    let on = |rest: &str, release: &str| {
        let workspace = Workspace::new(&format!("presets = [\"cargo\"]\n{rest}")).files(&[("src/lib.rs", "")]);
        let workspace = workspace.release(release);
        ["target", "~/.cargo/registry"].map(|instance| workspace.key(instance))
    };
    let (old, new) = (on("", "debian 11"), on("", "debian 12"));
    assert!(old[0] != new[0] && old[1] == new[1], "crates' archives are the same for all");
    let off = "[path.target]\nsystem-release = false\nabsolute-root = false\n";
    assert_eq!(on(off, "debian 11"), on(off, "debian 12"));
}

#[test]
fn the_variant_is_the_jobs_and_touches_only_the_top_rung() {
    let declared = |variant: &str| Workspace::new(&format!("{variant}[path.out]\npath = \"out\"\n"));
    let actions = [("GITHUB_ACTIONS", "true"), ("GITHUB_JOB", "test")];
    let none = declared("").keyed("out");
    let variant = |workspace: Workspace| {
        let keyed = workspace.keyed("out");
        let Some(Note::Text(text)) = keyed.notes.get(InputClass::Variant, b"variant") else { panic!("not noted") };
        if !text.is_empty() {
            assert_eq!(keyed.ladder.shared(&none.ladder), Some(InputClass::Sources));
        }
        text.clone()
    };
    assert_eq!(variant(declared("")), "");
    assert_eq!(variant(declared("").env(&[("GITHUB_JOB", "test")])), "");
    assert_eq!(variant(declared("").env(&actions)), "test");
    let matrix = [("SCI_MATRIX", r#"{"node":20}"#)];
    assert_eq!(variant(declared("").env(&actions).env(&matrix)), r#"test {"node":20}"#);
    assert_eq!(variant(declared("").env(&matrix)), "", "outside of Actions nobody has a matrix");
    assert_eq!(variant(declared("variant = \"lint\"\n").env(&actions).env(&matrix)), "lint");
    let gitlab = [("GITLAB_CI", "true"), ("CI_JOB_NAME", "test: [20, amd64]")];
    assert_eq!(variant(declared("").env(&gitlab)), "test: [20, amd64]");
    assert_eq!(variant(declared("").env(&gitlab[1..])), "");
    assert_eq!(
        variant(declared("variant = \"lint\"\n").env(&actions).env(&[("SCI_VARIANT", "test (20)")])),
        "test (20)"
    );
}

#[test]
fn unset_differs_from_empty_and_both_from_a_value() {
    let declare = "[path.out]\npath = \"out\"\nenv = [\"MODE\", \"APP_*\"]\n";
    let key = |variables: &[(&str, &str)]| Workspace::new(declare).env(variables).key("out");
    let keys = [key(&[]), key(&[("MODE", "")]), key(&[("MODE", "1")]), key(&[("APP_A", "")]), key(&[("APP_B", "")])];
    let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
    assert_eq!(distinct.len(), keys.len());
    assert_eq!(key(&[("OTHER", "1")]), keys[0], "a variable that is not declared does not count");
}

#[test]
fn an_entry_that_hides_a_variable_wins() {
    let declare = "[path.out]\npath = \"out\"\nenv = [{ name = \"npm_*\", show = true }, \"npm_token\"]\n";
    let keyed = Workspace::new(declare).env(&[("npm_token", "canary"), ("npm_arch", "x64")]).keyed("out");
    assert_eq!(keyed.notes.get(InputClass::Env, b"npm_token"), None);
    assert_eq!(keyed.notes.get(InputClass::Env, b"npm_arch"), Some(&Note::Text("x64".into())));
}

fn with_tool(command: &str, script: &str) -> Workspace {
    let workspace =
        Workspace::new(&format!("[path.out]\npath = \"out\"\ntools = [{command:?}]\n[path.other]\npath = \"other\"\n"));
    workspace.write("tool.sh", format!("#!/bin/sh\n{script}\n")).executable("tool.sh");
    workspace
}

#[test]
fn a_tool_counts_by_its_whole_output() {
    let key = |script: &str| with_tool("./tool.sh", script).key("out");
    assert_eq!(key("echo 1; echo 2"), key("echo 1\necho 2"));
    assert_ne!(key("echo 1; echo 2"), key("echo 1; echo 3"));
    assert_eq!(key("echo 1; echo a >&2"), key("echo 1; echo b >&2"), "standard error does not count");
}

#[test]
fn arguments_reach_a_tool_without_a_shell() {
    let keyed = with_tool("./tool.sh 'a b' '$HOME' *", "echo \"$#:$1:$2:$3\"").keyed("out");
    let note = keyed.notes.get(InputClass::Tools, b"./tool.sh 'a b' '$HOME' *");
    assert_eq!(note, Some(&Note::Text("3:a b:$HOME:*".into())));
}

#[test]
fn a_tool_sees_the_hosts_environment_and_the_workspace() {
    let workspace = with_tool("./tool.sh", "echo \"$MODE:$HOME:$(pwd)\"").env(&[("MODE", "1")]);
    let note = format!("1::{}", workspace.root().display());
    assert_eq!(workspace.keyed("out").notes.get(InputClass::Tools, b"./tool.sh"), Some(&Note::Text(note)));
}

#[test]
fn a_missing_tool_is_a_value() {
    let keyed = with_tool("no-such-program -V", "").keyed("out");
    assert_eq!(keyed.notes.get(InputClass::Tools, b"no-such-program -V"), Some(&Note::Absent));
}

#[test]
fn a_tool_that_fails_leaves_its_path_without_a_key_and_no_other() {
    for (script, reason) in [
        ("echo; echo 'no toolchain' >&2; exit 3", "`./tool.sh` failed with exit code 3: no toolchain"),
        ("kill -9 $$", "`./tool.sh` was killed by signal 9"),
        ("i=0; while [ $i -lt 7000 ]; do echo 0123456789; i=$((i+1)); done", "`./tool.sh` prints more than 64 KiB"),
    ] {
        let plan = with_tool("./tool.sh", script).plan();
        assert_eq!(unkeyed(&plan, "out").0, reason);
        assert!(find(&plan, "other").keyed().is_some());
    }
}

#[test]
fn a_tool_that_does_not_end_is_stopped_with_its_children() {
    let workspace = with_tool("./tool.sh", "sleep 600 & echo $! > child; wait").with_system_path();
    let mut options = PlanOptions::new(&workspace.host, &|_: &str| true);
    options.tool_timeout = Duration::from_millis(500);
    let plan = plan(&workspace.config().unwrap(), options).unwrap();
    assert_eq!(unkeyed(&plan, "out").0, "`./tool.sh` did not end within 0.5 s and was stopped");
    let child: i32 = std::fs::read_to_string(workspace.path("child")).unwrap().trim().parse().unwrap();
    let child = sci_sys::process::Pid::from_raw(child).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", child.as_raw_nonzero())).unwrap_or_default();
    // Killed, and perhaps not yet reaped by whoever adopted it.
    while cfg!(target_os = "linux") && !state().is_empty() && !state().contains(") Z ") {
        std::thread::yield_now();
    }
}

#[test]
fn a_command_runs_once_per_plan_however_many_paths_declare_it() {
    let workspace = Workspace::new(
        "[path.a]\npath = \"a\"\ntools = [\"./tool.sh x\"]\n[path.b]\npath = \"b\"\ntools = [\"./tool.sh  x\"]\n",
    );
    workspace.write("tool.sh", "#!/bin/sh\necho run >> runs\n").executable("tool.sh");
    workspace.plan();
    assert_eq!(std::fs::read_to_string(workspace.path("runs")).unwrap(), "run\n");
}

#[test]
fn a_command_that_is_not_approved_does_not_run() {
    let mut workspace = with_tool("./tool.sh", "echo run >> runs");
    workspace.approve = false;
    let plan = workspace.plan();
    let (reason, hint) = unkeyed(&plan, "out");
    assert_eq!(reason, "the command `./tool.sh` is not approved on this machine");
    assert_eq!(hint, Some("approve it on this machine, or run in CI"));
    assert!(!workspace.path("runs").exists());
}

#[test]
fn a_presets_own_command_needs_no_approval() {
    let mut workspace = Workspace::new("[path.out]\npath = \"out\"\ntools = [\"rustc -vV\"]\n");
    workspace.approve = false;
    // There is no PATH on this host, so that the command is approved and missing.
    assert!(workspace.plan().paths.iter().all(|path| matches!(path.outcome, Outcome::Keyed(_))));
}

#[test]
fn an_unreadable_input_leaves_its_path_without_a_key() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nsources = [\"f\"]\n").files(&[("f", "")]);
    let plan = workspace.lock("f").plan_unprivileged();
    let (reason, hint) = unkeyed(&plan, "out");
    assert_eq!(reason, "an input could not be read: cannot read f: Permission denied (os error 13)");
    assert!(hint.is_some_and(|hint| hint.contains("`!` pattern")), "{hint:?}");
}

#[test]
fn an_unreadable_directory_concerns_only_the_paths_that_look_into_it() {
    let workspace = Workspace::new(
        "[path.a]\npath = \"a\"\nsources = [\"**/*\"]\n[path.b]\npath = \"b\"\nsources = [\"src/**\"]\nreplay = true\n",
    );
    let workspace = workspace.files(&[("data/x", ""), ("src/y", "")]);
    let plan = workspace.lock("data").plan_unprivileged();
    workspace.executable("data");
    let (reason, _) = unkeyed(&plan, "a");
    assert!(reason.starts_with("an input could not be read: ") && reason.contains("data"), "{reason}");
    assert!(find(&plan, "b").keyed().is_some());
}

#[test]
fn a_directory_whose_files_cannot_be_looked_at_is_not_empty() {
    let workspace = Workspace::new("[path.a]\npath = \"a\"\nsources = [\"**\"]\n").files(&[("data/x", "")]);
    let mode = |mode| fs::set_permissions(workspace.path("data"), Permissions::from_mode(mode)).unwrap();
    // Names can be listed, and nothing more.
    mode(0o744);
    let plan = workspace.plan_unprivileged();
    mode(0o755);
    let (reason, _) = unkeyed(&plan, "a");
    assert!(reason.starts_with("an input could not be read: ") && reason.contains("data"), "{reason}");
}

#[test]
fn replay_tracks_files_and_directories_outside_workspace_paths() {
    let declare = "[path.out]\npath = \"out\"\nreplay = true\n";
    let workspace = Workspace::new(declare).files(&[
        (".gitignore", "*.log\n"),
        ("src/a/x.rs", "x"),
        ("src/y.log", ""),
        ("out/z", ""),
    ]);
    workspace.link("link", "src");
    let tracked = || {
        let plan = workspace.plan();
        let describe = |file: &sci_planner::TrackedFile| {
            (String::from_utf8_lossy(&file.path).into_owned(), file.is_dir, file.digest)
        };
        plan.tracked.iter().map(describe).collect::<Vec<_>>()
    };
    let before = tracked();
    let names: Vec<(&str, bool)> = before.iter().map(|(path, is_dir, _)| (path.as_str(), *is_dir)).collect();
    assert_eq!(
        names,
        [
            (".gitignore", false),
            ("link", false),
            ("sci.toml", false),
            ("src", true),
            ("src/a", true),
            ("src/a/x.rs", false)
        ]
    );
    assert_eq!(before[5].2, Digest::of(b"x"));
    workspace.write("src/a/x.rs", "y");
    workspace.write("src/y.log", "ignored");
    let edited = tracked();
    let changed = |after: &[(String, bool, _)]| {
        before.iter().filter(|file| !after.contains(file)).map(|(path, ..)| path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(changed(&edited), ["src/a/x.rs"], "an edit changes no listing");
    workspace.write("src/a/x.rs", "x").write("src/a/new.rs", "");
    assert_eq!(changed(&tracked()), ["src/a"], "a new file changes the listing of its directory only");
}

#[test]
fn tracked_mtimes_are_those_on_disk() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nreplay = true\n").files(&[("d/f", "")]);
    let time = std::time::UNIX_EPOCH + Duration::new(1_500_000_000, 123_456_789);
    for path in ["d/f", "d"] {
        std::fs::File::open(workspace.path(path)).unwrap().set_modified(time).unwrap();
    }
    let plan = workspace.plan();
    for path in ["d", "d/f"] {
        let file = plan.tracked.iter().find(|file| file.path == path.as_bytes()).unwrap();
        assert_eq!(file.mtime, (1_500_000_000, 123_456_789), "{path}");
    }
}

#[test]
fn a_stat_cache_and_the_number_of_threads_change_no_key() {
    let workspace = fixture();
    let expected = workspace.plan();
    let mut cache = StatCache::load(workspace.path("cache"));
    for threads in [1, 2, 7] {
        let mut options = PlanOptions::new(&workspace.host, &|_: &str| true);
        options.stat_cache = Some(&cache);
        options.threads = NonZeroUsize::new(threads).unwrap();
        let (made, findings) = find_and_plan(&workspace.config().unwrap(), options).unwrap();
        assert_eq!(made, expected);
        findings.remember(&mut cache);
    }
}
