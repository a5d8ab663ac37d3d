//! Which files are inputs: .gitignore, literal names, symlinks, exclusions, what sci itself writes.

mod support;

use std::ffi::OsStr;

use sci_hasher::InputClass;
use sci_hasher::fs::FileKind;
use sci_planner::{Outputs, PlanOptions, find_and_plan};
use sci_sys::ffi::OsStrExt;
use support::{Workspace, files_of, unkeyed};

const EVERYTHING: &str = "[path.out]\npath = \"out\"\nsources = [\"**/*\"]\n";

#[test]
fn only_the_gitignore_files_of_the_workspace_count() {
    let workspace = Workspace::new(EVERYTHING).files(&[
        (".gitignore", "*.log\n/build\n!kept.log\n"),
        ("sub/.gitignore", "local\n"),
        ("a.txt", ""),
        ("a.log", ""),
        ("kept.log", ""),
        ("build/x", ""),
        ("sub/build/x", ""),
        ("sub/local", ""),
        (".hidden/x", ""),
        (".ignore", "a.txt\n"),
        (".git/info/exclude", "a.txt\n"),
        (".git/HEAD", ""),
    ]);
    assert_eq!(
        files_of(&workspace.keyed("out")),
        [
            "sources .gitignore",
            "sources .hidden/x",
            "sources .ignore",
            "sources a.txt",
            "sources kept.log",
            "sources sci.toml",
            "sources sub/.gitignore",
            "sources sub/build/x",
        ]
    );
}

#[test]
#[cfg(unix)]
fn what_a_link_in_the_place_of_a_gitignore_leads_to_is_not_read() {
    let workspace = Workspace::new(EVERYTHING).files(&[("common", "*.log\n"), ("a.log", ""), ("sub/b.log", "")]);
    for name in [".gitignore", "sub/.gitignore", ".gitattributes"] {
        std::os::unix::fs::symlink(workspace.root().join("common"), workspace.root().join(name)).unwrap();
    }
    // It leads nowhere on another machine.
    std::os::unix::fs::symlink("/nowhere/at/all", workspace.root().join("sub/.gitattributes")).unwrap();
    let files = files_of(&workspace.keyed("out"));
    assert!(
        ["sources a.log", "sources sub/b.log", "sources .gitignore"]
            .iter()
            .all(|name| files.iter().any(|file| file == name)),
        "{files:?}"
    );
}

#[test]
fn braces_in_a_gitignore_are_letters_and_a_line_that_is_not_utf8_ends_nothing() {
    let workspace = Workspace::new(EVERYTHING).files(&[("main.c", ""), ("x.{c,h}", ""), ("logs/a", ""), ("kept", "")]);
    workspace.write(".gitignore", b"\xef\xbb\xbf*.{c,h}\r\n\xff\xfe\nlogs/\n");
    let files = files_of(&workspace.keyed("out"));
    assert_eq!(files, ["sources .gitignore", "sources kept", "sources main.c", "sources sci.toml"]);
}

#[test]
fn in_a_repository_within_the_workspace_only_its_own_gitignore_counts() {
    let gitmodules = "[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.com/lib\n";
    let workspace = Workspace::new(EVERYTHING).files(&[
        (".gitmodules", gitmodules),
        (".git/HEAD", ""),
        (".gitignore", "build/\n"),
        ("build/a", ""),
        ("lib/.git", "gitdir: ../.git/modules/lib\n"),
        ("lib/.gitignore", "*.o\n"),
        ("lib/build/a.c", ""),
        ("lib/build/a.o", ""),
        ("nested/.git/HEAD", ""),
        ("nested/deep/build/b.c", ""),
        ("plain/build/c.c", ""),
    ]);
    let files = files_of(&workspace.keyed("out"));
    let expected = [
        "sources .gitignore",
        "sources .gitmodules",
        "sources lib/.gitignore",
        "sources lib/build/a.c",
        "sources nested/deep/build/b.c",
        "sources sci.toml",
    ];
    assert_eq!(files, expected);
}

#[test]
fn a_gitignore_above_the_workspace_does_not_count() {
    let outer = Workspace::new("").files(&[(".gitignore", "*\n"), ("inner/sci.toml", EVERYTHING), ("inner/x", "")]);
    let config = sci_planner::config::load(&outer.path("inner/sci.toml")).unwrap();
    let plan = sci_planner::plan(&config, sci_planner::PlanOptions::new(&outer.host, &|_: &str| true)).unwrap();
    assert_eq!(files_of(plan.paths[0].keyed().unwrap()), ["sources sci.toml", "sources x"]);
}

#[test]
fn outputs_and_what_sci_writes_are_no_inputs() {
    let workspace = Workspace::new(
        "[path.out]\npath = \"out\"\nsources = [\"**/*\"]\n[path.modules]\npath = \"**/modules\"\nbeside = \"x\"\n",
    );
    let workspace = workspace.files(&[
        ("out/a", ""),
        ("x", ""),
        ("modules/a", ""),
        ("deep/er/modules/a", ""),
        (".sci-stage.out/a", ""),
        ("deep/.sci-stage.modules/intent", ""),
        (".sci-doctor.x1/a", ""),
        (".sci-notes/a", ""),
        ("deep/.sci-config.json", ""),
    ]);
    // A name that begins as those of sci do is a file like any other.
    let expected = ["sources .sci-notes/a", "sources deep/.sci-config.json", "sources sci.toml", "sources x"];
    assert_eq!(files_of(&workspace.keyed("out")), expected);
}

#[test]
fn an_ignored_file_is_found_by_its_literal_name() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nconfigs = [\".env\", \"gen/[a].json\"]\n").files(&[
        (".gitignore", ".env\ngen\n"),
        (".env", "A=1"),
        ("gen/[a].json", "{}"),
    ]);
    let before = workspace.keyed("out");
    assert_eq!(files_of(&before), ["configs .env", "configs gen/[a].json"]);
    workspace.write(".env", "A=2");
    assert_ne!(workspace.keyed("out").key(), before.key());
}

#[test]
fn nothing_is_found_behind_a_symlink() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "s").unwrap();
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nsources = [\"link/secret\", \"**/*\"]\n");
    workspace.link("link", outside.path().to_str().unwrap());
    assert!(workspace.errors().contains("`link/secret` in `sources` matches nothing"), "{}", workspace.errors());
}

#[test]
fn a_symlink_is_an_input_by_its_target_as_written() {
    let workspace = Workspace::new(EVERYTHING).files(&[("a", "1"), ("b", "1")]);
    workspace.link("link", "a");
    let to_a = workspace.keyed("out");
    workspace.write("c", "1").remove("c");
    assert_eq!(workspace.keyed("out").key(), to_a.key());
    workspace.remove("link").link("link", "b");
    assert_ne!(workspace.keyed("out").key(), to_a.key());
    // A file with the target's name as its content is another input.
    workspace.remove("link").write("link", "a");
    assert_ne!(workspace.keyed("out").key(), to_a.key());
}

#[test]
fn the_executable_bit_counts_and_the_mtime_does_not() {
    let workspace = Workspace::new(EVERYTHING).files(&[("run.sh", "true")]);
    let before = workspace.key("out");
    let file = std::fs::File::options().write(true).open(workspace.path("run.sh")).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(workspace.key("out"), before);
    workspace.executable("run.sh");
    assert_ne!(workspace.key("out"), before);
}

#[test]
fn an_exclusion_counts_whatever_the_order_and_takes_directories_whole() {
    let files = &[("src/a.rs", ""), ("src/gen/b.rs", ""), ("src/gen/deep/c.rs", ""), ("src/x.tmp", "")];
    for sources in [r#"["!src/gen", "src/**", "!**/*.tmp"]"#, r#"["src/**", "!**/*.tmp", "!src/gen/"]"#] {
        let workspace = Workspace::new(&format!("[path.out]\npath = \"out\"\nsources = {sources}\n")).files(files);
        assert_eq!(files_of(&workspace.keyed("out")), ["sources src/a.rs"], "{sources}");
    }
}

#[test]
fn a_star_stays_within_its_directory() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nsources = [\"*.txt\", \"a/*/c\"]\n");
    let workspace = workspace.files(&[("x.txt", ""), ("d/y.txt", ""), ("a/b/c", ""), ("a/b/b/c", "")]);
    assert_eq!(files_of(&workspace.keyed("out")), ["sources a/b/c", "sources x.txt"]);
}

#[test]
fn a_file_counts_in_the_lowest_class_that_names_it() {
    let workspace = Workspace::new(
        "[path.out]\npath = \"out\"\nconfigs = [\"*.toml\"]\nlockfiles = [\"*.lock\"]\nsources = [\"**/*\"]\n",
    );
    let workspace = workspace.files(&[("a.toml", ""), ("a.lock", ""), ("src/a", "")]);
    assert_eq!(
        files_of(&workspace.keyed("out")),
        ["configs a.toml", "configs sci.toml", "lockfiles a.lock", "sources src/a"]
    );
}

#[test]
fn names_that_are_not_utf8_are_inputs() {
    let workspace = Workspace::new(EVERYTHING);
    let before = workspace.key("out");
    workspace.write(OsStr::from_bytes(b"caf\xe9"), "1");
    let with = workspace.keyed("out");
    assert!(with.derivation.get(InputClass::Sources, b"caf\xe9").is_some());
    assert_ne!(with.key().to_string(), before);
}

#[test]
fn a_checked_out_submodule_is_walked_by_its_own_rules() {
    let gitmodules = "[submodule \"lib\"]\n\tpath = lib\n\turl = https://example.com/lib\n";
    let workspace = Workspace::new(EVERYTHING).files(&[
        (".gitmodules", gitmodules),
        (".gitignore", "*.o\n"),
        ("lib/.git", "gitdir: ../.git/modules/lib\n"),
        ("lib/.gitignore", "*.a\n"),
        ("lib/x.c", ""),
        ("lib/x.a", ""),
    ]);
    let files = files_of(&workspace.keyed("out"));
    assert!(files.contains(&"sources lib/x.c".to_owned()), "{files:?}");
    assert!(!files.iter().any(|file| file.ends_with(".a") || file.ends_with(".git")), "{files:?}");
}

#[test]
fn what_the_walk_found_is_told_by_its_path_and_what_is_no_input_is_known() {
    let workspace = Workspace::new("[path.m]\npath = \"**/node_modules\"\nbeside = \"package.json\"\n").files(&[
        (".gitignore", "*.log\n"),
        ("package.json", ""),
        ("sub/file", ""),
        ("a.log", ""),
        ("node_modules/x/y", ""),
    ]);
    workspace.link("link", "sub");
    let config = workspace.config().unwrap();
    let (_, found) = find_and_plan(&config, PlanOptions::new(&workspace.host, &|_: &str| true)).unwrap();
    let kinds = ["package.json", "sub/file", "link", "a.log", "sub", "node_modules/x/y", "missing"];
    let kinds = kinds.map(|path| found.kind(path.as_bytes()));
    let (file, link) = (Some(FileKind::File), Some(FileKind::Symlink));
    assert_eq!(kinds, [file, file, link, None, None, None, None]);

    let outputs = Outputs::of(&config);
    for held in
        ["node_modules", "node_modules/x/y", "sub/node_modules/x", ".git/HEAD", "sub/.git/x", "sub/.sci-stage.x/new/x"]
    {
        assert!(outputs.hold(held.as_bytes()), "{held}");
    }
    for path in ["package.json", "sub/file", "xnode_modules/y", "sub/.gitignore", "sub/.sci-1/x"] {
        assert!(!outputs.hold(path.as_bytes()), "{path}");
    }
}

#[test]
fn a_gitmodules_file_of_a_vendored_package_names_no_submodule() {
    let gitmodules = "[submodule \"suite\"]\n\tpath = suite\n\turl = https://example.com/suite\n";
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nsources = [\"**/*\", \"!sci.toml\"]\n")
        .files(&[("vendor/x/.gitmodules", gitmodules), ("a", "")]);
    assert_eq!(files_of(&workspace.keyed("out")), ["sources a", "sources vendor/x/.gitmodules"]);
}

#[test]
fn what_a_lockfile_has_copied_from_a_directory_counts() {
    let pnpm = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      v:\n        specifier: file:./vendor/v\n        \
        version: file:vendor/v\n\npackages:\n\n  v@file:vendor/v:\n    resolution: {directory: vendor/v, type: directory}\n\n\
        snapshots:\n\n  v@file:vendor/v: {}\n";
    let yarn = "# yarn lockfile v1\n\n\n\"o@file:../../o\":\n  version \"1.0.0\"\n\n\"v@file:./vendor/v\":\n  version \"1.0.0\"\n";
    let npm = r#"{"lockfileVersion": 3, "packages": {"": {}, "node_modules/v": {"resolved": "file:vendor/v"}}}"#;
    for (preset, lockfile, text) in
        [("pnpm", "pnpm-lock.yaml", pnpm), ("yarn-classic", "yarn.lock", yarn), ("npm", "package-lock.json", npm)]
    {
        let workspace = Workspace::new(&format!("presets = [\"{preset}\"]\n")).files(&[
            (".gitignore", "*.log\n"),
            ("package.json", "{}"),
            (lockfile, text),
            ("vendor/v/index.js", "1"),
            ("vendor/v/deep/a.js", ""),
            ("vendor/v/deep/a.log", ""),
            ("vendor/w/index.js", ""),
        ]);
        let before = workspace.keyed("node_modules");
        let files = files_of(&before);
        let expected = ["sources vendor/v/deep/a.js", "sources vendor/v/index.js"];
        assert_eq!(files.iter().filter(|file| file.contains("vendor")).collect::<Vec<_>>(), expected, "{preset}");
        workspace.write("vendor/v/index.js", "2");
        assert_ne!(workspace.keyed("node_modules").key(), before.key(), "{preset}");
        // What exclusions of `sources` take out does not count.
        let excluded = "[path.node_modules]\nsources = [\"package.json\", \"!vendor/v/deep\"]\n";
        workspace.write("sci.toml", format!("presets = [\"{preset}\"]\n{excluded}"));
        let files = files_of(&workspace.keyed("node_modules"));
        assert!(!files.iter().any(|file| file.contains("deep")), "{preset}: {files:?}");
        assert!(files.contains(&"sources vendor/v/index.js".to_owned()), "{preset}: {files:?}");
    }
}

#[test]
fn what_is_copied_from_a_directory_that_cannot_be_read_leaves_the_path_without_a_key() {
    let lock = "# yarn lockfile v1\n\n\n\"v@file:./vendor/v\":\n  version \"1.0.0\"\n";
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nlockfiles = [\"yarn.lock\"]\n").files(&[
        ("yarn.lock", lock),
        ("vendor/v/index.js", "1"),
        ("vendor/v/private/x", ""),
    ]);
    workspace.lock("vendor/v/private");
    let plan = workspace.plan_unprivileged();
    assert!(unkeyed(&plan, "out").0.contains("vendor/v/private"), "{:?}", unkeyed(&plan, "out"));
}

#[test]
fn a_lockfile_or_config_that_is_a_link_counts_with_the_file_it_leads_to() {
    let sci_toml = "[path.out]\npath = \"out\"\nconfigs = [\"conf/*\"]\nlockfiles = [\"package-lock.json\"]\n";
    let workspace = Workspace::new(sci_toml).files(&[
        (".gitignore", "hidden\n"),
        ("conf/plain", ""),
        ("shared/lock", "1"),
        ("hidden/x.toml", "1"),
        ("out/built", ""),
        ("sub/a", ""),
    ]);
    workspace.link("package-lock.json", "conf/../shared/again").link("shared/again", "./lock");
    workspace
        .link("conf/ignored", "../hidden/x.toml")
        .link("conf/out", "../out/built")
        .link("conf/directory", "../sub");
    workspace.link("conf/outside", "../../elsewhere").link("conf/absolute", "/etc/passwd").link("conf/loop", "loop");
    let before = workspace.keyed("out");
    let expected = [
        "configs conf/absolute",
        "configs conf/directory",
        "configs conf/ignored",
        "configs conf/loop",
        "configs conf/out",
        "configs conf/outside",
        "configs conf/plain",
        "configs hidden/x.toml",
        "lockfiles package-lock.json",
        "lockfiles shared/lock",
    ];
    assert_eq!(files_of(&before), expected);
    let plan = workspace.plan();
    assert_eq!(plan.paths[0].policy.lockfiles, [std::path::Path::new("package-lock.json")]);
    workspace.write("shared/lock", "2");
    assert_ne!(workspace.keyed("out").key(), before.key());
    workspace.write("shared/lock", "1").write("hidden/x.toml", "2");
    assert_ne!(workspace.keyed("out").key(), before.key());
    // An exclusion takes it out, and leaves the link.
    workspace.write("sci.toml", sci_toml.replace("\"conf/*\"", "\"conf/*\", \"!hidden\""));
    let files = files_of(&workspace.keyed("out"));
    assert!(files.contains(&expected[2].to_owned()) && !files.contains(&expected[7].to_owned()), "{files:?}");
}

#[test]
fn a_chain_of_links_is_followed_eight_times() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nconfigs = [\"1\"]\n").files(&[("end", "")]);
    for link in 1..8 {
        workspace.link(&link.to_string(), &(link + 1).to_string());
    }
    workspace.link("8", "end");
    assert_eq!(files_of(&workspace.keyed("out")), ["configs 1", "configs end"]);
    workspace.remove("8").link("8", "9").link("9", "end");
    assert_eq!(files_of(&workspace.keyed("out")), ["configs 1"]);
}

#[test]
fn a_source_that_is_a_link_counts_by_its_target_alone() {
    let workspace = Workspace::new("[path.out]\npath = \"out\"\nsources = [\"link\"]\n").files(&[("a", "1")]);
    workspace.link("link", "a");
    assert_eq!(files_of(&workspace.keyed("out")), ["sources link"]);
}
