//! Keys, types and words of sci.toml that are refused, each with its place and a hint. The text of each case starts at line 1.

mod support;

use std::path::Path;

use proptest::prelude::*;
use sci_planner::{PlanError, config};
use support::{Workspace, refused, render_all};

#[test]
fn unknown_keys_name_the_nearest() {
    insta::assert_snapshot!(refused(
        r#"
presets = []
variants = "a"
zzzzzzzz = 1

[store]
trusted-public-key = []

[path.cache]
path = ".cache"
sorces = ["src/**"]
sources = [{ pattern = "sci.toml", optionl = true }]
env = [{ name = "A", shown = true }]
"#
    ), @r#"
    2:1 "variants"
      unknown key `variants` in sci.toml
      hint: did you mean `variant`?
    3:1 "zzzzzzzz"
      unknown key `zzzzzzzz` in sci.toml
      hint: valid keys are `presets`, `variant`, `text`, `store`, `path`
    6:1 "trusted-public-key"
      unknown key `trusted-public-key` in [store]
      hint: did you mean `trusted-public-keys`?
    10:1 "sorces"
      unknown key `sorces` in [path.cache]
      hint: did you mean `sources`?
    11:36 "optionl"
      unknown key `optionl` in a pattern of `sources`
      hint: did you mean `optional`?
    12:22 "shown"
      unknown key `shown` in an entry of `env`
      hint: did you mean `show`?
    "#);
}

#[test]
fn wrong_types() {
    insta::assert_snapshot!(refused(
        r#"
presets = "npm"
variant = 3

[store]
url = ["https://example.com"]

[path.cache]
path = 1
sources = "src/**"
env = [true]
tools = [["rustc", "-vV"]]
optional = "true"
replay = 1.5
exclude = [{ pattern = "a" }]

[path]
other = "cache"
"#
    ), @r#"
    1:11 "\"npm\""
      `presets` must be a list, not a string
      hint: write it as a list: ["npm"]
    2:11 "3"
      `variant` must be a string, not an integer
    5:7 "[\"https://example.com\"]"
      `url` must be a string, not a list
    8:8 "1"
      `path` must be a string, not an integer
    9:11 "\"src/**\""
      `sources` must be a list, not a string
      hint: write it as a list: ["src/**"]
    10:8 "true"
      an element of `env` must be a string, not a boolean
    11:10 "[\"rustc\", \"-vV\"]"
      an element of `tools` must be a string, not a list
    12:12 "\"true\""
      `optional` must be true or false, not a string
      hint: write true without quotes
    13:10 "1.5"
      `replay` must be true or false, not a float
    14:12 "{ pattern = \"a\" }"
      an element of `exclude` must be a string, not a table
    17:9 "\"cache\""
      `path.other` must be a table, not a string
      hint: write it as [path.other] with a line path = "…" below it
    "#);
}

#[test]
fn wrong_words() {
    insta::assert_snapshot!(refused(
        r#"
[path.cache]
path = ".cache"
restore = "nearst"
match = "lockfile"
save = "sometimes"
check = "maven"
shared = "all"
prune = "always"
sources = [{ pattern = "sci.toml", search = "everywhere" }]
"#
    ), @r#"
    3:11 "\"nearst\""
      `nearst` is not a value of `restore`
      hint: did you mean `nearest`?
    4:9 "\"lockfile\""
      `lockfile` is not a value of `match`
      hint: did you mean `lockfiles`?
    5:8 "\"sometimes\""
      `sometimes` is not a value of `save`
      hint: expected one of `when-changed`, `always`, `on-success`, `never`
    6:9 "\"maven\""
      `maven` is not a value of `check`
      hint: expected one of `npm`, `pnpm`, `yarn`, `yarn-classic`, `bun`, `venv`, `bundler`, `composer`, `cargo-registry`, `yarn-cache`, `playwright`, `go-modules`
    7:10 "\"all\""
      `all` is not a value of `shared`
      hint: expected one of `lockfile`
    8:9 "\"always\""
      `always` is not a value of `prune`
      hint: expected one of `cargo`, `never`
    9:45 "\"everywhere\""
      `everywhere` is not a value of `search`
      hint: expected one of `here`, `nearest`, `ancestors`
    "#);
}

#[test]
fn not_toml() {
    insta::assert_snapshot!(refused(
        r#"
presets = ["npm"
[path.cache]
path = ".cache"
path = ".other"
"#
    ), @r#"
    2:1 ""
      not valid TOML: missing comma between array elements, expected `,`
    "#);
}

#[test]
fn a_key_twice() {
    insta::assert_snapshot!(refused(
        r#"
[path.cache]
path = ".cache"
path = ".other"
"#
    ), @r#"
    3:1 "path"
      not valid TOML: duplicate key
    "#);
}

#[test]
fn unknown_presets() {
    insta::assert_snapshot!(refused(
        r#"
presets = ["pnmp", "bazel"]
"#
    ), @r#"
    1:12 "\"pnmp\""
      unknown preset `pnmp`
      hint: did you mean `pnpm`?
    1:20 "\"bazel\""
      unknown preset `bazel`
      hint: expected one of `cargo`, `npm`, `pnpm`, `yarn`, `yarn-classic`, `bun`, `uv`, `poetry`, `pip`, `go`, `bundler`, `composer`, `turbo`, `next`, `vite`, `nx`, `ccache`, `sccache`, `playwright`, `buildx`, `maven`, `gradle`
    "#);
}

#[test]
fn presets_that_declare_the_same_path() {
    insta::assert_snapshot!(refused(
        r#"
presets = ["npm", "pnpm"]
"#
    ), @r#"
    1:19 "\"pnpm\""
      presets `npm` and `pnpm` both declare the path `node_modules`
      hint: keep the one whose tool installs it
    "#);
}

#[test]
fn repetitions() {
    insta::assert_snapshot!(refused(
        r#"
presets = ["cargo", "cargo"]

[path.cache]
path = ".cache"
sources = ["sci.toml", { pattern = "sci.toml" }]
env = ["A", { name = "A" }]
tools = ["a -V", "a -V"]
exclude = ["x", "x"]
after = ["target", "target"]
"#
    ), @r#"
    1:21 "\"cargo\""
      `cargo` stands twice in `presets`
      hint: remove one of them
    5:36 "\"sci.toml\""
      `sci.toml` stands twice in `sources`
      hint: remove one of them
    6:22 "\"A\""
      `A` stands twice in `env`
      hint: remove one of them
    7:18 "\"a -V\""
      `a -V` stands twice in `tools`
      hint: remove one of them
    8:17 "\"x\""
      `x` stands twice in `exclude`
      hint: remove one of them
    9:20 "\"target\""
      `target` stands twice in `after`
      hint: remove one of them
    "#);
}

#[test]
fn malformed_env_and_tools() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
env = ["A=1", "A[", { show = true }]
tools = ["rustc 'x", "  "]
sources = [{ optional = true }]
exclude = ["../x", "/x", "!x"]
beside = "a/package.json"
"#
    ), @r#"
    3:8 "\"A=1\""
      `A=1` is not the name of a variable
      hint: only the name belongs here; the value is read from the environment
    3:15 "\"A[\""
      `A[` is not a valid glob: unclosed character class; missing ']'
    3:21 "{ show = true }"
      an entry of `env` without `name`
      hint: { name = "…", show = true }
    4:10 "\"rustc 'x\""
      `rustc 'x` cannot be split into words
      hint: a quote is not closed; no shell runs, so only quoting works
    4:22 "\"  \""
      a tool without a program
    5:12 "{ optional = true }"
      a pattern without `pattern`
      hint: { pattern = "…" }
    6:12 "\"../x\""
      `../x` is not a glob below the path
      hint: `exclude` is relative to the workspace path itself
    6:20 "\"/x\""
      `/x` is not a glob below the path
      hint: `exclude` is relative to the workspace path itself
    6:26 "\"!x\""
      `!x` is not a glob below the path
      hint: `exclude` is relative to the workspace path itself
    7:10 "\"a/package.json\""
      `beside` names a file in the instance's directory, not `a/package.json`
    "#);
}

#[test]
fn two_stores() {
    insta::assert_snapshot!(refused(
        r#"
[store]
url = "https://sci.example.com"
path = "/var/sci"
"#
    ), @r#"
    3:8 "\"/var/sci\""
      `url` and `path` name two stores
      hint: keep one of them
    "#);
}

#[test]
fn stores_and_lists_that_say_nothing() {
    insta::assert_snapshot!(refused(
        r#"
[store]
url = "stores/here"

[path.a]
path = "a"
sources = ["!docs/**"]
beside = "package.json"
env = ["$CC", "A B"]
"#
    ), @r#"
    2:7 "\"stores/here\""
      `stores/here` is not the address of a store
      hint: `url` begins with https://; a directory belongs into `path`
    6:11 "[\"!docs/**\"]"
      `sources` takes files out and names none
      hint: a list replaces the preset's, it does not add to it: name what the files are taken out of, as in "**/*"
    7:10 "\"package.json\""
      `beside` has no meaning for `a`, which is one directory
      hint: it marks the directories that have an instance, where `path` has a glob
    8:8 "\"$CC\""
      `$CC` is not the name of a variable
      hint: only the name belongs here; the value is read from the environment
    8:15 "\"A B\""
      `A B` is not the name of a variable
      hint: only the name belongs here; the value is read from the environment
    "#);
}

#[test]
fn tables_written_otherwise() {
    insta::assert_snapshot!(refused("\n[path]\nx = \"out\"\n"), @r#"
    2:5 "\"out\""
      `path.x` must be a table, not a string
      hint: write it as [path.x] with a line path = "…" below it
    "#);
    insta::assert_snapshot!(refused("\n[[path]]\npath = \"x\"\n"), @r#"
    1:1 "[[path]]"
      `path` must be a table, not a list
      hint: write it as [path.NAME], one for each path
    "#);
}

#[test]
fn text_that_is_not_utf8() {
    let workspace = Workspace::new("");
    workspace.write("sci.toml", b"# caf\xe9\n");
    let Err(PlanError::Config(errors)) = workspace.config() else { panic!("accepted") };
    insta::assert_snapshot!(render_all(&errors), @r#"
    1:6 ""
      not UTF-8
      hint: save the file as UTF-8
    "#);
}

#[test]
fn the_error_of_one_finding_names_file_line_and_column() {
    let errors = config::parse(Path::new("/w"), Path::new("sci.toml"), "\npresents = []\n").unwrap_err();
    insta::assert_snapshot!(errors[0], @"sci.toml:2:1: unknown key `presents` in sci.toml");
    assert_eq!(&"\npresents = []\n"[errors[0].span.clone()], "presents");
}

#[test]
fn sci_toml_is_found_upward() {
    let workspace = Workspace::new("").files(&[("a/b/c", "")]);
    assert_eq!(config::find(&workspace.root().join("a/b")).unwrap(), workspace.root().join("sci.toml"));
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(config::find(nowhere.path()), Err(PlanError::NoWorkspace { .. })));
}

/// Text that resembles a sci.toml closely enough to get past its first checks.
fn nearly_sci_toml() -> impl Strategy<Value = String> {
    let key = prop_oneof!["path", "sources", "env", "tools", "after", "exclude", "optional", "presets", "[a-z-]{1,8}"];
    let text = prop_oneof![
        r#"[a-z*?{}\[\]!~./ -]{0,12}"#.prop_map(|text| format!("'{text}'")),
        Just("true".to_owned()),
        Just("{ pattern = 'é', search = 'here' }".to_owned()),
    ];
    let value = prop_oneof![
        text.clone(),
        proptest::collection::vec(text, 0..3).prop_map(|all| format!("[{}]", all.join(", ")))
    ];
    let line = prop_oneof![
        (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        "[a-z.~/]{0,8}".prop_map(|name| format!("[path.'{name}']")),
        ".{0,12}",
    ];
    proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_every_error_has_its_place(text in nearly_sci_toml()) {
        let Err(errors) = config::parse(Path::new("/w"), Path::new("sci.toml"), &text) else { return Ok(()) };
        prop_assert!(!errors.is_empty());
        for error in errors {
            prop_assert_eq!(text.get(error.span.clone()), Some(error.text.as_str()));
            let line = text.split('\n').nth(error.line - 1);
            prop_assert!(line.is_some_and(|line| error.column <= line.chars().count() + 1), "{}", error);
        }
    }
}

/// Each of these took minutes or gigabytes of a reader that had no limits.
#[test]
fn what_is_large_is_refused_soon() {
    let refused = |text: &str| config::parse(Path::new("/workspace"), Path::new("sci.toml"), text).unwrap_err();
    let message = |text: &str| refused(text)[0].message.clone();
    assert_eq!(message(&" ".repeat(70_000)), "sci.toml is larger than 65536 bytes");
    let tables = |form: fn(usize) -> String| (0..1_500).map(form).collect::<String>();
    assert_eq!(
        message(&tables(|number| format!("[path.p{number}]\npath='p{number}'\n"))),
        "there are more than 1000 paths"
    );
    let unknown = tables(|number| format!("k{number} = 1\n"));
    assert_eq!(refused(&unknown).len(), 100);
    let long = "x".repeat(30_000);
    let after = format!("[path.{long}]\npath = 'x'\n[path.a]\npath = 'a'\nafter = ['{}y']\n", &long[..4_000]);
    let errors = refused(&after);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].hint.as_deref().is_some_and(|hint| hint.starts_with("declared paths are")), "{errors:?}");
    assert_eq!(message(&format!("variant = '{long}'")), "`variant` is longer than 4096 bytes");
}

/// Such a glob parses, and compiling it alone is a panic in `globset`.
#[test]
fn a_glob_that_is_nested_too_deeply_is_refused() {
    let nested = format!("{}a{}", "{".repeat(300), "}".repeat(300));
    for line in [
        format!("path = '{nested}/x'"),
        format!("path = 'x'\nsources = ['{nested}']"),
        format!("path = 'x'\nexclude = ['{nested}']"),
        format!("path = 'x'\nenv = ['{nested}']"),
    ] {
        let text = format!("[path.a]\n{line}\n");
        let errors = config::parse(Path::new("/workspace"), Path::new("sci.toml"), &text).unwrap_err();
        assert!(errors[0].message.contains("is not a valid glob"), "{}", errors[0]);
    }
}
