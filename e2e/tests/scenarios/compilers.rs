//! ccache and sccache: on a fresh machine every compilation is found, and after an edit all but the one that it concerns.

use std::fs;

use sci_e2e::{Machine, Ran};

/// A machine with two sources in C.
fn machine(preset: &str) -> Machine {
    let machine = Machine::new();
    machine.write("left.c", "int left(void) { return 1; }\n");
    machine.write("right.c", "int right(void) { return 2; }\n");
    machine.write(".gitignore", "*.o\n");
    machine.write("CMakeLists.txt", format!("set(CMAKE_C_COMPILER_LAUNCHER {preset})\n"));
    let found = machine.sci(&["init"]).result();
    assert_eq!(found["presets"][0]["preset"], preset, "{found}");
    machine
}

fn compile(machine: &Machine, launcher: &str) {
    for source in ["left", "right"] {
        let (from, to) = (format!("{source}.c"), format!("{source}.o"));
        machine.run(launcher, &["cc", "-g", "-c", &from, "-o", &to]).success();
    }
}

/// Removes what was compiled, the cache, and sci's own state.
fn fresh(machine: &Machine, cache: &str) {
    machine.remove("left.o");
    machine.remove("right.o");
    for dir in [machine.home().join(cache), machine.dir().join("state")] {
        fs::remove_dir_all(dir).unwrap();
    }
}

/// The counter of that name in what the launcher tells of itself.
fn counted(told: &Ran, name: &str) -> String {
    let line = told.stdout.lines().find(|line| line.starts_with(name));
    line.unwrap_or_else(|| panic!("no {name}\n{told}"))[name.len()..].trim().to_owned()
}

#[test]
fn ccache_finds_every_compilation_that_nothing_concerns() {
    let (machine, path) = (machine("ccache"), "~/.cache/ccache");
    let hits = || {
        let told = machine.run("ccache", &["--print-stats"]).success();
        machine.run("ccache", &["--zero-stats"]).success();
        (counted(&told, "direct_cache_hit\t"), counted(&told, "cache_miss\t"))
    };
    machine.sci(&["restore"]).expect_verdict(path, "miss");
    compile(&machine, "ccache");
    assert_eq!(hits(), ("0".into(), "2".into()));
    // It names programs to run.
    let settings = machine.home().join(".cache/ccache/ccache.conf");
    fs::write(&settings, "max_size = 1G\n").unwrap();
    machine.sci(&["save"]).expect_outcome(path, "saved");

    fresh(&machine, ".cache/ccache");
    machine.sci(&["restore"]).expect_verdict(path, "exact");
    assert!(!settings.exists());
    compile(&machine, "ccache");
    assert_eq!(hits(), ("2".into(), "0".into()));

    fresh(&machine, ".cache/ccache");
    machine.write("left.c", "int left(void) { return 3; }\n");
    machine.sci(&["restore"]).expect_verdict(path, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("left.c") && !explained.contains("right.c"), "{explained}");
    compile(&machine, "ccache");
    assert_eq!(hits(), ("1".into(), "1".into()));
    machine.sci(&["save"]).expect_outcome(path, "saved");
}

/// Ends the server in the end, however it ends.
struct Stop<'m>(&'m Machine);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let _ended_already = self.0.command("sccache").arg("--stop-server").output();
    }
}

#[test]
fn sccache_finds_every_compilation_that_nothing_concerns() {
    let (mut machine, path) = (machine("sccache"), "~/.cache/sccache");
    // Servers are found by their port: this machine's own is any that is free.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    machine.set("SCCACHE_SERVER_PORT", port.to_string());
    // A machine with much to do starts the server later than in ten seconds.
    let settings = machine.dir().join("sccache.toml");
    fs::write(&settings, "server_startup_timeout_ms = 300000\n").unwrap();
    machine.set("SCCACHE_CONF", settings);
    let _stop = Stop(&machine);
    let ended = || {
        let told = machine.run("sccache", &["--stop-server"]).success();
        (counted(&told, "Cache hits  "), counted(&told, "Cache misses  "))
    };
    machine.sci(&["restore"]).expect_verdict(path, "miss");
    compile(&machine, "sccache");
    assert_eq!(ended(), ("0".into(), "2".into()));
    machine.sci(&["save"]).expect_outcome(path, "saved");

    fresh(&machine, ".cache/sccache");
    machine.sci(&["restore"]).expect_verdict(path, "exact");
    compile(&machine, "sccache");
    assert_eq!(ended(), ("2".into(), "0".into()));

    fresh(&machine, ".cache/sccache");
    machine.write("left.c", "int left(void) { return 3; }\n");
    machine.sci(&["restore"]).expect_verdict(path, "nearest");
    let explained = machine.sci(&["explain"]).stdout;
    assert!(explained.contains("left.c") && !explained.contains("right.c"), "{explained}");
    compile(&machine, "sccache");
    assert_eq!(ended(), ("1".into(), "1".into()));
    machine.sci(&["save"]).expect_outcome(path, "saved");
}
