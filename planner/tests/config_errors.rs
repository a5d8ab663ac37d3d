//! Every input that is refused, with its place, its words and its hint. The text of each case starts at line 1.

mod support;

use std::path::Path;

use sci_planner::{PlanError, config};
use support::{Workspace, render_all};

/// The errors of a sci.toml in an otherwise empty workspace.
fn refused(sci_toml: &str) -> String {
    Workspace::new(sci_toml.trim_start_matches('\n')).errors()
}

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
      hint: valid keys are `presets`, `variant`, `store`, `path`
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
check = "yarn"
shared = "all"
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
    6:9 "\"yarn\""
      `yarn` is not a value of `check`
      hint: expected one of `npm`, `pnpm`, `cargo-registry`
    7:10 "\"all\""
      `all` is not a value of `shared`
      hint: expected one of `lockfile`
    8:45 "\"everywhere\""
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
      hint: expected one of `cargo`, `npm`, `pnpm`
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
fn names_of_paths() {
    insta::assert_snapshot!(refused(
        r#"
[path."node modules"]
path = "a"
[path."../up"]
path = "b"
[path.".."]
path = "c"
"#
    ), @r#"
    1:7 "\"node modules\""
      `node modules` is not a name for a path
      hint: a name has letters, digits, `.`, `_` and `-`; where the path is belongs into `path`
    3:7 "\"../up\""
      `../up` is not a name for a path
      hint: a name has letters, digits, `.`, `_` and `-`; where the path is belongs into `path`
    5:7 "\"..\""
      `..` is not a name for a path
      hint: a name has letters, digits, `.`, `_` and `-`; where the path is belongs into `path`
    "#);
}

#[test]
fn paths_outside_the_workspace() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "../sibling"
[path.b]
path = "a/../../b"
[path.c]
path = "/var/cache"
[path.d]
path = "~root/cache"
[path.e]
path = "C:/cache"
[path.f]
path = 'a\b'
[path.g]
path = "~/../other"
"#
    ), @r#"
    2:8 "\"../sibling\""
      `../sibling` leaves the workspace
      hint: a path is relative to the workspace, or starts with `~/`
    4:8 "\"a/../../b\""
      `a/../../b` leaves the workspace
      hint: a path is relative to the workspace, or starts with `~/`
    6:8 "\"/var/cache\""
      `/var/cache` is absolute
      hint: a path is relative to the workspace, or starts with `~/`
    8:8 "\"~root/cache\""
      `~root/cache` names another user's home directory
      hint: only `~/` is known
    10:8 "\"C:/cache\""
      `C:/cache` is absolute
      hint: a path is relative to the workspace, or starts with `~/`
    12:8 "'a\\b'"
      `a\b` contains a backslash
      hint: components are separated by `/`
    14:8 "\"~/../other\""
      `~/../other` leaves the workspace
      hint: a path is relative to the workspace, or starts with `~/`
    "#);
}

#[test]
fn paths_that_are_no_paths() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = ""
[path.b]
path = "."
[path.c]
path = "./x"
[path.d]
path = "x//y"
[path.e]
path = "a\u0000b"
[path.f]
sources = ["sci.toml"]
[path.target]
sources = ["sci.toml"]
"#
    ), @r#"
    2:8 "\"\""
      `path` is empty
    4:8 "\".\""
      the whole workspace cannot be a workspace path
      hint: name what the build writes
    6:8 "\"./x\""
      `./x` has an empty component or `.`
      hint: write it without
    8:8 "\"x//y\""
      `x//y` has an empty component or `.`
      hint: write it without
    10:8 "\"a\\u0000b\""
      `path` contains the control character '\0'
    11:7 "f"
      [path.f] has no `path`
      hint: say where it is with `path`
    13:7 "target"
      [path.target] has no `path`
      hint: preset `cargo` declares it: add "cargo" to `presets`, or say where it is with `path`
    "#);
}

#[test]
fn paths_inside_git() {
    insta::assert_snapshot!(refused(
        r#"
[path.hooks]
path = ".git/hooks"
[path.upper]
path = "vendor/.GIT"
"#
    ), @r#"
    2:8 "\".git/hooks\""
      `.git/hooks` is inside `.git`
      hint: what git keeps is git's to restore; a restored hook or configuration could run anything
    4:8 "\"vendor/.GIT\""
      `vendor/.GIT` is inside `.git`
      hint: what git keeps is git's to restore; a restored hook or configuration could run anything
    "#);
}

#[test]
fn paths_that_hold_credentials() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "~/.ssh"
[path.b]
path = "~/.aws/sso/cache"
[path.c]
path = "~/.netrc"
[path.d]
path = "~/.cargo"
[path.e]
path = "~"
[path.f]
path = "~/.docker/config.json"
[path.g]
path = "~/.config"
[path.h]
path = "secrets/.ssh"
[path.i]
path = "~/.Kube"
[path.j]
path = ".npmrc"
[path.k]
path = "~/.config/gcloud/logs"
[path.l]
path = "~/.cargo/credentials.toml"
"#
    ), @r#"
    2:8 "\"~/.ssh\""
      `~/.ssh` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    4:8 "\"~/.aws/sso/cache\""
      `~/.aws/sso/cache` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    6:8 "\"~/.netrc\""
      `~/.netrc` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    8:8 "\"~/.cargo\""
      `~/.cargo` would contain the credentials in `~/.cargo/credentials`
      hint: a snapshot is read by others; keep only what a build can make again
    10:8 "\"~\""
      the whole home directory holds credentials
      hint: name the one directory to keep
    12:8 "\"~/.docker/config.json\""
      `~/.docker/config.json` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    14:8 "\"~/.config\""
      `~/.config` would contain the credentials in `~/.config/containers/auth.json`
      hint: a snapshot is read by others; keep only what a build can make again
    16:8 "\"secrets/.ssh\""
      `secrets/.ssh` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    18:8 "\"~/.Kube\""
      `~/.Kube` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    20:8 "\".npmrc\""
      `.npmrc` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    22:8 "\"~/.config/gcloud/logs\""
      `~/.config/gcloud/logs` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    24:8 "\"~/.cargo/credentials.toml\""
      `~/.cargo/credentials.toml` holds credentials
      hint: a snapshot is read by others; keep only what a build can make again
    "#);
}

#[test]
fn paths_whose_last_component_is_a_glob() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "packages/*"
[path.b]
path = "**"
[path.c]
path = "~/*/cache"
[path.d]
path = "packages/[/node_modules"
"#
    ), @r#"
    2:8 "\"packages/*\""
      the last component of `packages/*` is a glob
      hint: name what each directory holds, as in `packages/*/node_modules`
    4:8 "\"**\""
      the last component of `**` is a glob
      hint: name what each directory holds, as in `packages/*/node_modules`
    6:8 "\"~/*/cache\""
      `~/*/cache` is a glob below the home directory
      hint: a path below `~/` is one directory that workspaces share: name it
    8:8 "\"packages/[/node_modules\""
      `packages/[/node_modules` is not a valid glob: unclosed character class; missing ']'
    "#);
}

#[test]
fn paths_that_overlap() {
    insta::assert_snapshot!(refused(
        r#"
presets = ["cargo"]

[path.same]
path = "target"
[path.inside]
path = "target/debug"
[path.beside]
path = "target-2"
[path.modules]
path = "**/node_modules"
[path.vite]
path = "web/node_modules/.vite"
[path.home]
path = "~/.cargo/registry/cache"
"#
    ), @r#"
    4:8 "\"target\""
      path `same` (target) overlaps path `target` (target)
      hint: each file belongs to one path: declare the outer one, or name the parts
    6:8 "\"target/debug\""
      path `inside` (target/debug) overlaps path `same` (target)
      hint: each file belongs to one path: declare the outer one, or name the parts
    6:8 "\"target/debug\""
      path `inside` (target/debug) overlaps path `target` (target)
      hint: each file belongs to one path: declare the outer one, or name the parts
    12:8 "\"web/node_modules/.vite\""
      path `vite` (web/node_modules/.vite) overlaps path `modules` (**/node_modules)
      hint: each file belongs to one path: declare the outer one, or name the parts
    14:8 "\"~/.cargo/registry/cache\""
      path `home` (~/.cargo/registry/cache) overlaps path `cargo-registry` (~/.cargo/registry)
      hint: each file belongs to one path: declare the outer one, or name the parts
    "#);
}

#[test]
fn after_an_unknown_path() {
    insta::assert_snapshot!(refused(
        r#"
[path.next-cache]
path = ".next/cache"
after = ["node_module", "x"]
[path.node_modules]
path = "/node_modules"
"#
    ), @r#"
    3:10 "\"node_module\""
      `after` names `node_module`, which is not a declared path
      hint: did you mean `node_modules`?
    3:25 "\"x\""
      `after` names `x`, which is not a declared path
      hint: declared paths are `next-cache`, `node_modules`
    5:8 "\"/node_modules\""
      `/node_modules` is absolute
      hint: a path is relative to the workspace, or starts with `~/`
    "#);
}

#[test]
fn after_in_a_circle() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
after = ["c"]
[path.b]
path = "b"
after = ["a"]
[path.c]
path = "c"
after = ["b"]
[path.d]
path = "d"
after = ["a"]
"#
    ), @r#"
    6:10 "\"a\""
      `after` is a cycle: a → c → b → a
      hint: remove one of its steps
    "#);
}

#[test]
fn after_itself() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
after = ["a"]
"#
    ), @r#"
    3:10 "\"a\""
      `after` is a cycle: a → a
      hint: remove one of its steps
    "#);
}

#[test]
fn patterns_that_leave_the_workspace() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
sources = ["../x", "/etc/passwd", "~/.npmrc", ".git/HEAD", "src/[", "", "!", "a//b"]
"#
    ), @r#"
    3:12 "\"../x\""
      `../x` leaves the workspace
      hint: inputs are files of the workspace
    3:20 "\"/etc/passwd\""
      `/etc/passwd` is absolute
      hint: patterns are relative to the workspace
    3:35 "\"~/.npmrc\""
      `~/.npmrc` is below the home directory
      hint: inputs are files of the workspace
    3:47 "\".git/HEAD\""
      `.git/HEAD` looks into `.git`
      hint: inputs are files of the workspace, not of git
    3:60 "\"src/[\""
      `src/[` is not a valid glob: unclosed character class; missing ']'
      hint: globs are `*`, `**`, `?`, `[ab]` and `{a,b}`
    3:69 "\"\""
      an element of `sources` is empty
    3:73 "\"!\""
      `!` is an empty pattern
      hint: name files, or take the entry out
    3:78 "\"a//b\""
      `a//b` has an empty component or `.`
      hint: write it without
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
fn columns_count_characters() {
    insta::assert_snapshot!(refused(
        r#"
[path.a]
path = "a"
sources = [ "sci.toml", "ünïcödé/**", "nothing-here" ]
"#
    ), @r#"
    3:25 "\"ünïcödé/**\""
      `ünïcödé/**` in `sources` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "ünïcödé/**", optional = true }
    3:39 "\"nothing-here\""
      `nothing-here` in `sources` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "nothing-here", optional = true }
    "#);
}

/// The errors of a sci.toml in a workspace that has these files.
fn refused_with(sci_toml: &str, files: &[(&str, &str)]) -> String {
    Workspace::new(sci_toml.trim_start_matches('\n')).files(files).errors()
}

#[test]
fn patterns_that_match_nothing() {
    insta::assert_snapshot!(refused_with(
        r#"
[path.a]
path = "a"
configs = ["missing.json", { pattern = "perhaps.json", optional = true }]
sources = ["src/**/*.ts", "src", "a/inside.txt", "lib/**"]
lockfiles = ["kept.lock", "!*.lock"]
[path.b]
path = "b"
optional = true
sources = ["nothing/**"]
"#,
        &[("src/main.rs", ""), ("a/inside.txt", ""), ("kept.lock", ""), (".gitignore", "lib\n"), ("lib/x", "")]
    ), @r#"
    3:12 "\"missing.json\""
      `missing.json` in `configs` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "missing.json", optional = true }
    4:12 "\"src/**/*.ts\""
      `src/**/*.ts` in `sources` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "src/**/*.ts", optional = true }
    4:27 "\"src\""
      `src` in `sources` is a directory
      hint: write `src/**` for the files in it
    4:34 "\"a/inside.txt\""
      `a/inside.txt` in `sources` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "a/inside.txt", optional = true }
    4:50 "\"lib/**\""
      `lib/**` in `sources` matches nothing
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "lib/**", optional = true }
    5:14 "\"kept.lock\""
      `kept.lock` in `lockfiles` matches only what an exclusion takes out again
      hint: narrow the `!` pattern
    "#);
}

#[test]
fn presets_whose_files_are_not_there() {
    insta::assert_snapshot!(refused("presets = [\"npm\"]\n"), @r#"
    1:12 "\"npm\""
      `**/node_modules` matches nothing (path `node_modules` of preset `npm`)
      hint: no directory that matches `**` has a package.json; if that is right, set optional = true
    "#);
}

#[test]
fn directories_without_what_must_be_there() {
    insta::assert_snapshot!(refused_with(
        r#"
[path.dist]
path = "packages/*/dist"
configs = ["./package.json"]
sources = ["./src/**"]
[path.out]
path = "apps/*/out"
"#,
        &[("packages/a/package.json", ""), ("packages/a/src/x", ""), ("packages/b/package.json", ""), ("packages/c/x", "")]
    ), @r#"
    4:12 "\"./src/**\""
      `./src/**` in `sources` matches nothing for `packages/b/dist`
      hint: patterns match files that .gitignore does not exclude; if there may be none, write { pattern = "./src/**", optional = true }
    6:8 "\"apps/*/out\""
      `apps/*/out` matches nothing
      hint: no directory matches `apps/*` and has the inputs that must be there; if that is right, set optional = true
    "#);
}

#[test]
fn instances_that_overlap() {
    insta::assert_snapshot!(refused_with(
        r#"
[path.outer]
path = "packages/*/build"
[path.inner]
path = "**/build/cache"
sources = ["./x"]
beside = "x"
[path.deep]
path = "packages/{a,b}/build/deep"
"#,
        &[("packages/a/x", "")]
    ), @r#"
    4:8 "\"**/build/cache\""
      path `inner` (packages/a/build/cache) overlaps path `outer` (packages/a/build)
      hint: each file belongs to one path: declare the outer one, or name the parts
    8:8 "\"packages/{a,b}/build/deep\""
      path `deep` (packages/a/build/deep) overlaps path `outer` (packages/a/build)
      hint: each file belongs to one path: declare the outer one, or name the parts
    "#);
}

#[test]
fn an_upstream_that_is_only_further_down() {
    insta::assert_snapshot!(refused_with(
        r#"
[path.node_modules]
path = "packages/*/node_modules"
[path.turbo]
path = ".turbo"
after = ["node_modules"]
"#,
        &[("packages/a/package.json", "")]
    ), @r#"
    5:10 "\"node_modules\""
      `.turbo` comes after `node_modules`, which has no instance in the same directory or above
      hint: an upstream is the instance in the same or the nearest directory above: give both paths the same base
    "#);
}

#[test]
fn a_submodule_that_is_not_checked_out() {
    let gitmodules = "[submodule \"lib\"]\n\tpath = vendor/lib\n\turl = https://example.com/lib\n";
    insta::assert_snapshot!(refused_with(
        r#"
[path.a]
path = "a"
sources = ["**/*.c", "src/*.c"]
[path.b]
path = "b"
sources = ["vendor/lib/src/x.c", { pattern = "vendor/**", optional = true }]
[path.c]
path = "c"
sources = ["**/*.c", "!vendor/lib"]
"#,
        &[(".gitmodules", gitmodules), ("src/a.c", ""), ("x.c", "")]
    ), @r#"
    3:12 "\"**/*.c\""
      `**/*.c` in `sources` looks into the submodule `vendor/lib`, which is not checked out
      hint: run `git submodule update --init vendor/lib`, or exclude it with "!vendor/lib"
    6:12 "\"vendor/lib/src/x.c\""
      `vendor/lib/src/x.c` in `sources` looks into the submodule `vendor/lib`, which is not checked out
      hint: run `git submodule update --init vendor/lib`, or exclude it with "!vendor/lib"
    "#);
}

#[test]
fn a_git_lfs_pointer() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n";
    insta::assert_snapshot!(refused_with(
        r#"
[path.a]
path = "a"
sources = ["assets/*.png"]
[path.b]
path = "b"
sources = [{ pattern = "assets/*.png", optional = true }, "assets/*.txt"]
"#,
        &[
            (".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n*.txt text\n"),
            ("assets/fetched.png", "PNG"),
            ("assets/pointer.png", pointer),
            ("assets/pointer.txt", pointer),
        ]
    ), @r#"
    3:12 "\"assets/*.png\""
      `assets/*.png` in `sources` matches `assets/pointer.png`, a Git LFS pointer whose content was not fetched
      hint: run `git lfs pull`, or exclude it with "!assets/pointer.png"
    "#);
}

#[test]
fn a_workspace_that_is_the_home_directory() {
    let mut workspace = Workspace::new("[path.a]\npath = \".cargo\"\n[path.b]\npath = \"x\"\n");
    workspace.host.home = Some(workspace.root());
    insta::assert_snapshot!(workspace.errors(), @r#"
    2:8 "\".cargo\""
      `~/.cargo` would contain the credentials in `~/.cargo/credentials`
      hint: a snapshot is read by others; keep only what a build can make again
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
