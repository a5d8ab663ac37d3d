//! go: modules and compiled packages come back, read-only as they were, so that go compiles and downloads nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use sci_e2e::machine::finish;
use sci_e2e::{Machine, Ran};

const MAIN: &str = "package main\n\nimport (\n\t\"fmt\"\n\n\t\"example.org/Greet\"\n\t\"example.org/words\"\n)\n\nfunc main() { fmt.Println(greet.Hello(), words.World()) }\n";

/// A machine with a module, and with two others in a directory that stands for the network.
fn machine() -> Machine {
    let mut machine = Machine::new();
    let proxy = machine.dir().join("proxy");
    for (module, version, file, content) in [
        ("Greet", "v1.0.0", "greet.go", "package greet\n\nfunc Hello() string { return \"hello\" }\n"),
        ("words", "v1.0.0", "words.go", "package words\n\nfunc World() string { return \"world\" }\n"),
        ("words", "v1.1.0", "words.go", "package words\n\nfunc World() string { return \"all\" }\n"),
    ] {
        publish(&machine, module, version, file, content);
    }
    machine.set("GOPROXY", format!("file://{}", proxy.display()));
    machine.set("GONOSUMDB", "*");
    machine.set("GOFLAGS", "-mod=mod");
    machine.set("GOTOOLCHAIN", "local");
    machine.write("main.go", MAIN);
    machine.write(".gitignore", "/small\n");
    let requires = "require example.org/Greet v1.0.0\n\nrequire example.org/words v1.0.0\n";
    machine.write("go.mod", format!("module example.org/small\n\ngo 1.19\n\n{requires}"));
    machine.run("go", &["mod", "tidy"]).success();
    machine.sci(&["init"]);
    fresh(&machine);
    machine
}

fn publish(machine: &Machine, module: &str, version: &str, file: &str, content: &str) {
    let root = machine.dir().join("sources").join(version);
    let source = root.join(format!("example.org/{module}@{version}"));
    fs::create_dir_all(&source).unwrap();
    let requires = format!("module example.org/{module}\n\ngo 1.19\n");
    fs::write(source.join("go.mod"), &requires).unwrap();
    fs::write(source.join(file), content).unwrap();
    let escaped = module.replace('G', "!g");
    let target = machine.dir().join(format!("proxy/example.org/{escaped}/@v"));
    fs::create_dir_all(&target).unwrap();
    fs::write(target.join(format!("{version}.info")), format!("{{\"Version\":\"{version}\"}}")).unwrap();
    fs::write(target.join(format!("{version}.mod")), requires).unwrap();
    let script = "import os, sys, zipfile\nout = zipfile.ZipFile(sys.argv[1], 'w')\nfor name in sorted(os.listdir(sys.argv[2])): out.write(os.path.join(sys.argv[2], name))\n";
    let mut python = machine.command("python3");
    python.current_dir(&root).args(["-c", script]).arg(target.join(format!("{version}.zip")));
    finish(python.arg(format!("example.org/{module}@{version}"))).success();
}

fn modules(machine: &Machine) -> PathBuf {
    let told = finish(machine.command("go").args(["env", "GOMODCACHE"])).success();
    told.stdout.trim_end().into()
}

fn built(machine: &Machine) -> PathBuf {
    finish(machine.command("go").args(["env", "GOCACHE"])).success().stdout.trim_end().into()
}

/// Removes what go downloaded and compiled, and sci's own state.
fn fresh(machine: &Machine) {
    // Its directories are read-only.
    machine.run("go", &["clean", "-modcache"]).success();
    for dir in [built(machine), machine.dir().join("state")] {
        if dir.exists() {
            fs::remove_dir_all(dir).unwrap();
        }
    }
}

/// Removes the module cache in the end, however it ends: what is read-only would stay behind.
struct Clean<'m>(&'m Machine);

impl Drop for Clean<'_> {
    fn drop(&mut self) {
        let _left_behind = self.0.command("go").args(["clean", "-modcache"]).output();
    }
}

/// Builds, naming each package that is compiled.
fn build(machine: &Machine, proxy: &str) -> Ran {
    let mut go = machine.command("go");
    finish(go.args(["build", "-v", "-o", "small", "."]).env("GOPROXY", proxy)).success()
}

#[test]
fn a_fresh_machine_compiles_and_downloads_nothing() {
    let machine = machine();
    let _clean = Clean(&machine);
    let restored = machine.sci(&["restore"]).expect_verdict("~/go/pkg/mod", "miss");
    restored.expect_verdict("~/.cache/go-build", "miss");
    let proxy = format!("file://{}", machine.dir().join("proxy").display());
    let first = build(&machine, &proxy);
    assert!(first.stderr.contains("example.org/words"), "{first}");
    // What another workspace downloads into the same cache is not this one's.
    let another = modules(&machine).join("example.org/private@v1.0.0");
    fs::create_dir_all(&another).unwrap();
    let saved = machine.sci(&["save"]).expect_outcome("~/go/pkg/mod", "saved");
    saved.expect_outcome("~/.cache/go-build", "saved");

    fresh(&machine);
    machine.remove("small");
    let restored = machine.sci(&["restore"]).expect_verdict("~/go/pkg/mod", "exact");
    restored.expect_verdict("~/.cache/go-build", "exact");
    assert!(!another.exists());
    let unpacked = modules(&machine).join("example.org/!greet@v1.0.0");
    assert_eq!(unpacked.metadata().unwrap().permissions().mode() & 0o777, 0o555);
    machine.run("go", &["mod", "verify"]).success();
    let second = build(&machine, "off");
    assert_eq!(second.stderr, "", "{second}");
    assert_eq!(machine.run("./small", &[]).success().stdout, "hello world\n");

    machine.run("go", &["get", "example.org/words@v1.1.0"]).success();
    machine.sci(&["restore"]).expect_verdict("~/go/pkg/mod", "nearest");
    let explained = machine.sci(&["explain", "go-modules"]).stdout;
    for word in ["example.org/words", "v1.0.0", "v1.1.0"] {
        assert!(explained.contains(word), "explain does not name {word}:\n{explained}");
    }
    assert!(!explained.contains("Greet"), "explain names a module that did not change:\n{explained}");
    let third = build(&machine, &proxy);
    assert!(third.stderr.contains("example.org/words") && !third.stderr.contains("Greet"), "{third}");
    machine.sci(&["save"]).expect_outcome("~/go/pkg/mod", "saved");
}

#[test]
fn an_image_may_keep_both_caches_elsewhere() {
    let mut machine = machine();
    // As images of Go do; of several directories go downloads into the first.
    let path = [machine.dir().join("image/go"), machine.dir().join("image/other")];
    machine.set("GOPATH", std::env::join_paths(&path).unwrap());
    machine.set("GOCACHE", machine.dir().join("image/build"));
    let _clean = Clean(&machine);
    machine.sci(&["restore"]).expect_verdict("~/go/pkg/mod", "miss").expect_verdict("~/.cache/go-build", "miss");
    build(&machine, &format!("file://{}", machine.dir().join("proxy").display()));
    machine.sci(&["save"]).expect_outcome("~/go/pkg/mod", "saved").expect_outcome("~/.cache/go-build", "saved");

    fresh(&machine);
    machine.remove("small");
    let restored = machine.sci(&["restore"]).expect_verdict("~/go/pkg/mod", "exact");
    restored.expect_verdict("~/.cache/go-build", "exact");
    assert!(path[0].join("pkg/mod/example.org/!greet@v1.0.0").is_dir());
    let second = build(&machine, "off");
    assert_eq!(second.stderr, "", "{second}");
}

const TEST: &str = "package main\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestReads(t *testing.T) {\n\tif _, err := os.ReadFile(\"testdata/words\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n\tif _, err := os.ReadDir(\"testdata\"); err != nil {\n\t\tt.Fatal(err)\n\t}\n}\n";

#[test]
fn a_test_that_reads_files_is_not_run_again_in_a_fresh_checkout() {
    let machine = machine();
    let _clean = Clean(&machine);
    // A checkout, as git makes one: every file is new. Go believes no file that is younger than two seconds.
    let check_out = |words: &str, age: &str| {
        let files = [("main.go", MAIN), ("main_test.go", TEST), ("testdata/words", words)];
        files.into_iter().for_each(|(name, content)| machine.write(name, content));
        machine.run("sh", &["-c", &format!("find . -exec touch --no-dereference --date '{age}' {{}} +")]).success();
    };
    let tested = || machine.run("go", &["test", "./..."]).success().stdout;
    check_out("some", "1 hour ago");
    machine.sci(&["restore"]).expect_verdict("~/.cache/go-build", "miss");
    assert!(!tested().contains("(cached)"));
    machine.sci(&["save"]).expect_outcome("~/.cache/go-build", "saved");

    fresh(&machine);
    check_out("some", "10 minutes ago");
    machine.sci(&["restore"]).expect_verdict("~/.cache/go-build", "exact");
    assert!(tested().contains("(cached)"));

    fresh(&machine);
    check_out("others", "10 minutes ago");
    machine.sci(&["restore"]).expect_verdict("~/.cache/go-build", "nearest");
    assert!(!tested().contains("(cached)"), "the file has changed");
}
