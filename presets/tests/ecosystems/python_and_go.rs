//! The lockfiles of Python and of Go.

use std::fs;
use std::path::Path;

use sci_presets::{Check, Proof};

use crate::{assert_malformed, assert_not_current, assert_unknown, members, prove, told, workspace};

const UV: &str = r#"
version = 1
requires-python = ">=3.10"

[[package]]
name = "app"
version = "0.1.0"
source = { editable = "." }

[[package]]
name = "left-pad"
version = "1.0.0"
source = { registry = "https://registry.example/simple" }
sdist = { url = "https://registry.example/left.tar.gz", hash = "sha256:0123", size = 1 }
wheels = [{ url = "https://registry.example/left.whl", hash = "sha256:4567" }]

[[package]]
name = "right"
version = "2.0.post1"
source = { git = "https://git.example/right?rev=main#89ab" }
"#;

#[test]
fn lockfiles_of_python() {
    let expected = [
        "left-pad 1.0.0 https://registry.example/simple sha256:0123",
        "right 2.0.post1 https://git.example/right?rev=main#89ab -",
    ];
    assert_eq!(told("uv.lock", UV), expected);
    let poetry = r#"
[[package]]
name = "left-pad"
version = "1.0.0"
optional = false
files = [{file = "left_pad-1.0.0.whl", hash = "sha256:0123"}]

[[package]]
name = "right"
version = "2.0"
files = []
[package.source]
type = "git"
url = "https://git.example/right"
resolved_reference = "89ab"

[metadata]
lock-version = "2.1"
"#;
    assert_eq!(
        told("poetry.lock", poetry),
        ["left-pad 1.0.0 - sha256:0123", "right 2.0 https://git.example/right#89ab -"]
    );
    let requirements = "# comment\n-r other.txt\n--index-url https://registry.example/simple\n\n\
        Left_Pad[fast,more]==1.0.0 ; python_version > '3' \\\n    --hash=sha256:0123 \\\n    --hash=sha256:4567\n\
        right >= 2.0, < 3  # a range\nforked @ https://git.example/forked#89ab ; sys_platform == 'linux'\nany\n";
    let expected = [
        "any  - -",
        "forked  https://git.example/forked#89ab -",
        "left-pad 1.0.0 - sha256:0123",
        "right >= 2.0, < 3 - -",
    ];
    for name in ["requirements.txt", "requirements-dev.txt", "requirements/dev.txt", "a/requirements/ci/test.txt"] {
        assert_eq!(told(name, requirements), expected);
    }
    for (name, text) in [("uv.lock", "not toml"), ("poetry.lock", "[[package]]\n"), ("requirements.txt", "./a/path\n")]
    {
        assert_malformed(name, text);
    }
}

#[test]
fn an_environment_is_current_when_every_package_has_its_version() {
    let site = ".venv/lib/python3.11/site-packages";
    let project = workspace(&[("uv.lock", UV), (".venv/pyvenv.cfg", "")]);
    let put = |name: &str| fs::create_dir_all(project.path().join(site).join(name)).unwrap();
    let proof = || prove(Check::Venv, &project, ".venv", "uv.lock");
    assert_not_current(&proof(), "none of the 2 locked packages");
    put("Left_Pad-1.0.0.dist-info");
    put("pip-24.0.dist-info");
    assert_unknown(&proof(), "1 of 2 locked packages are not installed, such as right");
    put("right-2.0.post1.dist-info");
    put("app-0.1.0.dist-info");
    let address = project.path().join(site).join("app-0.1.0.dist-info/direct_url.json");
    fs::write(&address, r#"{"dir_info": {"editable": true}, "url": "file:///work"}"#).unwrap();
    assert_eq!(proof(), Proof::Current);
    put("stray-1.0.dist-info");
    assert_unknown(&proof(), "stray is installed but not locked");
    fs::write(project.path().join("uv.lock"), UV.replace("\"1.0.0\"", "\"1.0.1\"")).unwrap();
    assert_not_current(&proof(), "left-pad is installed as 1.0.0, which is not the locked version");

    fs::remove_dir(project.path().join(site).join("stray-1.0.dist-info")).unwrap();
    fs::write(project.path().join("requirements.txt"), "left-pad >= 1.0\nright==2.0.post1\n").unwrap();
    assert_unknown(&prove(Check::Venv, &project, ".venv", "requirements.txt"), "is not locked to one version");
}

const GO_SUM: &str = "\
example.org/Left v1.0.0 h1:left=
example.org/Left v1.0.0/go.mod h1:leftmod=
example.org/right/v2 v2.1.0 h1:right=
example.org/right/v2 v2.1.0/go.mod h1:rightmod=
example.org/right/v2 v2.0.0/go.mod h1:oldermod=
";

#[test]
fn lockfiles_of_go() {
    let expected = [
        "example.org/Left v1.0.0 - h1:left=",
        "example.org/right/v2 v2.0.0 go.mod h1:oldermod=",
        "example.org/right/v2 v2.1.0 - h1:right=",
    ];
    assert_eq!(told("go.sum", GO_SUM), expected);
    let requires = "module example.org/app // it\n\ngo 1.22\n\nrequire example.org/Left v1.0.0\n\nrequire (\n\
        \texample.org/right/v2 v2.1.0 // indirect\n)\n\nreplace (\n\texample.org/a => ../a\n)\n";
    assert_eq!(told("go.mod", requires), ["example.org/Left v1.0.0 - -", "example.org/right/v2 v2.1.0 - -"]);
    assert_malformed("go.sum", "two words\n");
    assert_malformed("go.mod", "require a v1\n");
}

#[test]
fn a_module_cache_is_current_when_every_archive_is_there() {
    let project = workspace(&[("go.sum", GO_SUM), ("go.mod", "module example.org/app\n")]);
    let proof = || prove(Check::GoModules, &project, "mod", "go.sum");
    assert_eq!(prove(Check::GoModules, &project, "mod", "go.mod"), Proof::Current);
    assert_not_current(&proof(), "none of the 2 locked modules");
    let put = |path: &str| {
        let path = project.path().join("mod/cache/download").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    };
    put("example.org/!left/@v/v1.0.0.zip");
    assert_unknown(&proof(), "1 of 2 locked modules are not there, such as example.org/right/v2 v2.1.0");
    put("example.org/right/v2/@v/v2.1.0.zip");
    assert_eq!(proof(), Proof::Current);

    let members = members("go.sum", GO_SUM);
    for member in [
        "",
        "cache",
        "cache/download",
        "cache/download/example.org/!left/@v",
        "cache/download/example.org/!left/@v/v1.0.0.zip",
        "cache/download/example.org/right/v2/@v/v2.0.0.mod",
        "example.org",
        "example.org/!left@v1.0.0",
        "example.org/!left@v1.0.0/left.go",
        "example.org/right/v2@v2.1.0/sub/right.go",
    ] {
        assert!(members.contains(Path::new(member)), "{member}");
    }
    for other in [
        "cache/lock",
        "cache/download/example.org/!left/@v/v1.0.1.zip",
        "cache/download/example.org/private/@v/v1.0.0.zip",
        "cache/download/sumdb",
        "example.org/private@v1.0.0",
        "example.org/Left@v1.0.0",
    ] {
        assert!(!members.contains(Path::new(other)), "{other}");
    }
}

#[test]
fn a_module_with_a_hostile_name_takes_no_more_memory_than_its_name() {
    let name = "a/".repeat(1 << 20);
    let members = members("go.sum", &format!("{name}x v1.0.0 h1:x=\n"));
    assert!(members.contains(Path::new(&name[..1000])) && !members.contains(Path::new("b")));
}

#[test]
fn a_module_that_is_called_as_a_part_of_the_cache_is_none() {
    let members = members("go.sum", "cache/lock//x v1.0.0 h1:x=\ncache/vcs v1.0.0 h1:x=\na/../b v1.0.0 h1:x=\n");
    assert!(members.contains(Path::new("")));
    for path in ["cache", "cache/lock", "cache/vcs@v1.0.0", "a", "a/.."] {
        assert!(!members.contains(Path::new(path)), "{path}");
    }
}
