//! Input patterns that are refused, because they lead astray or match nothing. The text of each case starts at line 1.

mod support;

use support::{refused, refused_with};

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
      `a/inside.txt` in `sources` looks into the workspace path `a`
      hint: what a path holds is no input: name what it is made from
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
      hint: no directory that matches `**` has a package.json and the `{package-lock.json,npm-shrinkwrap.json}` that it needs; if that is right, set optional = true
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
