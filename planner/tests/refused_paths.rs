//! Workspace paths that are refused: where they are, how they overlap, what they come after. The text of each case starts at line 1.

mod support;

use support::{Workspace, refused, refused_with};

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
[path.g]
path = "$HOME/.cache/x"
[path.h]
path = "sci.toml"
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
    16:8 "\"$HOME/.cache/x\""
      `$HOME/.cache/x` begins with a variable
      hint: none is expanded; `~/` is the home directory
    18:8 "\"sci.toml\""
      `sci.toml` is where paths are declared
      hint: name what the build writes
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
fn a_workspace_that_is_the_home_directory() {
    let mut workspace = Workspace::new("[path.a]\npath = \".cargo\"\n[path.b]\npath = \"x\"\n");
    workspace.host.home = Some(workspace.root());
    insta::assert_snapshot!(workspace.errors(), @r#"
    2:8 "\".cargo\""
      `~/.cargo` would contain the credentials in `~/.cargo/credentials`
      hint: a snapshot is read by others; keep only what a build can make again
    "#);
}
