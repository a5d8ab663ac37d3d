//! The main job: restore, build, save, run; what each says, and what it never does.

use std::process::Stdio;

use crate::sandbox::{Sandbox, assert_screen};

/// A workspace whose `out` was restored (a miss), built and saved.
fn saved() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/built.txt", "built\n");
    sandbox.sci("save").ends_with(0);
    sandbox
}

fn verdict(sandbox: &Sandbox) -> String {
    let document = sandbox.sci("restore --json").ends_with(0).json();
    document["result"]["paths"][0]["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn first_a_miss_then_a_save_then_exact() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    ");
    sandbox.write("out/built.txt", "built\n");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    saved     out  1 file, 6 B; [SIZE] in [SECONDS]
              settled  (key [ID], snapshot [ID])
    ");
    sandbox.remove("out");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    exact     out  1 file, 6 B in [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    ");
    assert_eq!(sandbox.read("out/built.txt"), "built\n");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    exact     out  1 file, 6 B: all in place, [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    ");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    skipped   out  1 file, 6 B: nothing new, [SECONDS]
              nothing changed since it was restored
    ");
}

#[test]
fn what_stands_at_a_path_that_was_not_restored_is_not_taken_for_the_runs_work() {
    let sandbox = Sandbox::new();
    let toml = sandbox.read("sci.toml");
    sandbox.write("sci.toml", &format!("{toml}\n[path.other]\npath = \"other\"\nsources = [\"src/**\"]\n"));
    sandbox.write("other/of-another-commit.txt", "old\n");
    let saved = |sandbox: &Sandbox| {
        let document = sandbox.sci("save other --json").ends_with(0).json();
        document["result"]["paths"][0]["settled"].clone()
    };
    sandbox.sci("restore out").ends_with(0);
    assert_ne!(saved(&sandbox), true);
    // What a run has made since then is.
    sandbox.write("other/built.txt", "new\n");
    sandbox.sci("restore out").ends_with(0);
    assert_eq!(saved(&sandbox), true);
}

#[test]
fn a_changed_source_is_nearest_and_the_old_tree_is_not_saved_under_the_new_key() {
    let sandbox = saved();
    sandbox.write("src/main.txt", "changed\n");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    nearest   out  1 file, 6 B: all in place, [SECONDS]
              equal up to lockfiles, about 90 % of all inputs shared  (key [ID], snapshot [ID])
    ");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    skipped   out  1 file, 6 B: nothing new, [SECONDS]
              nothing changed since the nearest restore, and nothing shows that it is current for the new key: the path has no check
    ");
    assert_eq!(verdict(&sandbox), "nearest");
    sandbox.write("out/built.txt", "built anew\n");
    sandbox.sci("save").ends_with(0);
    assert_eq!(verdict(&sandbox), "exact");
}

#[test]
fn inputs_that_change_during_the_run_unsettle_it() {
    let sandbox = Sandbox::new();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("out/built.txt", "built\n");
    sandbox.write("lock.txt", "one 1.0.1\n");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    saved     out  1 file, 6 B; [SIZE] in [SECONDS]
              unsettled: its inputs changed during the run  (key [ID], snapshot [ID])
              Hint: `sci explain` says which: a lockfile that the tool brought up to date is settled from the next run on; set up tools and variables before `sci restore`; what else the build writes by itself is no input: list it in .gitignore, or leave it out with a pattern that begins with `!`
    ");
    let explained = sandbox.sci("explain").ends_with(0);
    assert!(explained.stdout.contains("since then its inputs have changed"), "{explained}");
    assert!(explained.stdout.contains("~ lock.txt"), "{explained}");
    assert_eq!(verdict(&sandbox), "nearest");
}

#[test]
fn a_save_without_a_restore_is_unsettled_and_says_why() {
    let sandbox = Sandbox::new();
    sandbox.write("out/built.txt", "built\n");
    assert_screen!(sandbox.sci("save"), @r"
    exit code: 0
    ----- stdout -----
    saved     out  1 file, 6 B; [SIZE] in [SECONDS]
              unsettled: nothing was planned before the run: `sci restore` was not called before it  (key [ID], snapshot [ID])
              Hint: `sci restore` before the build, or `sci run -- CMD`, makes the key known
    ");
}

#[test]
fn what_another_build_left_behind_does_not_become_exact() {
    let sandbox = Sandbox::new();
    sandbox.write("out/old.txt", "of who knows which inputs\n");
    assert_eq!(verdict(&sandbox), "miss");
    let ran = sandbox.sci("save").ends_with(0);
    assert!(ran.stdout.contains("unsettled: nothing changed during the run"), "{ran}");
    assert_eq!(verdict(&sandbox), "nearest");
}

#[cfg(unix)]
#[test]
fn a_path_that_is_a_link_is_not_saved() {
    use std::os::unix::fs::symlink;
    let sandbox = Sandbox::new();
    sandbox.sci("restore").ends_with(0);
    sandbox.write("elsewhere/file", "real\n");
    symlink("elsewhere", sandbox.path("out")).unwrap();
    assert_screen!(sandbox.sci("save"), @r#"
    exit code: 0
    ----- stdout -----
    failed    out
              out is a symbolic link to elsewhere
              Hint: declare the directory that it leads to, or make it a directory; `save = "never"` leaves the path alone
    "#);
    sandbox.sci("save --require").ends_with(1);
    // One that leads nowhere is not nothing.
    std::fs::remove_file(sandbox.path("out")).unwrap();
    symlink("nowhere", sandbox.path("out")).unwrap();
    let ran = sandbox.sci("save --require").ends_with(1);
    assert!(ran.stdout.contains("out is a symbolic link to nowhere"), "{ran}");
    assert!(sandbox.sci("ls").stdout.contains("no snapshots"));
    // Links within a tree are kept as they are, wherever they lead.
    std::fs::remove_file(sandbox.path("out")).unwrap();
    std::fs::create_dir(sandbox.path("out")).unwrap();
    symlink("../elsewhere", sandbox.path("out/link")).unwrap();
    symlink("nowhere", sandbox.path("out/dangling")).unwrap();
    sandbox.sci("save").ends_with(0);
    sandbox.remove("out");
    sandbox.sci("restore").ends_with(0);
    let target = |name| std::fs::read_link(sandbox.path(name)).unwrap();
    assert_eq!(
        [target("out/link"), target("out/dangling")].map(|it| it.display().to_string()),
        ["../elsewhere", "nowhere"]
    );
}

#[cfg(unix)]
#[test]
fn a_link_on_the_way_to_a_path_is_named() {
    let sandbox = Sandbox::empty();
    let path = |name: &str, at: &str| format!("[path.{name}]\npath = \"{at}\"\nlockfiles = [\"lock.txt\"]\n");
    sandbox.write("sci.toml", &(path("linked", "link/out") + &path("plain", "plain")));
    sandbox.write("lock.txt", "one 1.0.0\n");
    sandbox.write("real/out/file", "built\n");
    std::os::unix::fs::symlink("real", sandbox.path("link")).unwrap();
    assert_screen!(sandbox.sci_run("", "mkdir plain; echo built > plain/a"), @r"
    exit code: 0
    ----- stderr -----
    miss      link/out
              the store has no snapshot of this path  (key [ID])
    miss      plain
              the store has no snapshot of this path  (key [ID])
    failed    link/out
              cannot use [TOP]/ws/link/out: [TOP]/ws/link is a symbolic link, and none is followed on the way to a path
              Hint: declare the path in the real directory: the link leads to real
    saved     plain  1 file, 6 B; [SIZE] in [SECONDS]
              settled  (key [ID], snapshot [ID])
    ");
}

#[test]
fn run_restores_runs_and_saves() {
    let sandbox = Sandbox::new();
    let build = "mkdir -p out && cat src/main.txt > out/built.txt && echo the build speaks";
    assert_screen!(sandbox.sci_run("", build), @r"
    exit code: 0
    ----- stdout -----
    the build speaks
    ----- stderr -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    saved     out  1 file, 6 B; [SIZE] in [SECONDS]
              settled  (key [ID], snapshot [ID])
    ");
    sandbox.remove("out");
    assert_screen!(sandbox.sci_run("", "cat out/built.txt"), @r"
    exit code: 0
    ----- stdout -----
    hello
    ----- stderr -----
    exact     out  1 file, 6 B in [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    skipped   out  1 file, 6 B: nothing new, [SECONDS]
              nothing changed since it was restored
    ");
}

#[test]
fn run_ends_with_the_code_of_its_command() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci_run("", "mkdir out; echo half > out/part; exit 7"), @r"
    exit code: 7
    ----- stderr -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    saved     out  1 file, 5 B; [SIZE] in [SECONDS]
              unsettled: the run failed  (key [ID], snapshot [ID])
    ");
    assert_eq!(verdict(&sandbox), "nearest");
    sandbox.sci_run("", "kill -9 $$").ends_with(137);
}

#[test]
fn run_of_a_command_that_is_not_there_ends_with_127() {
    let sandbox = Sandbox::new();
    assert_screen!(sandbox.sci("run -- ./no-such-program"), @r"
    exit code: 127
    ----- stderr -----
    miss      out
              the store has no snapshot of this path  (key [ID])
    Warning: cannot run ./no-such-program: No such file or directory (os error 2)
    nothing was saved: the command did not run
    ");
}

#[test]
fn a_command_that_leaves_nothing_to_plan_by_ends_as_it_did_unless_its_save_is_required() {
    let sandbox = Sandbox::new();
    let said = "nothing was saved: `lock.txt` in `lockfiles` matches nothing";
    for (flags, command, code) in
        [("", "rm lock.txt", 0), ("--require", "rm lock.txt", 1), ("--require", "rm lock.txt; exit 7", 7)]
    {
        sandbox.write("lock.txt", "one 1.0.0\n");
        let ran = sandbox.sci_run(flags, command).ends_with(code);
        assert!(ran.stderr.contains(&format!("Warning: {said}")), "{ran}");
        assert_eq!(ran.stderr.contains("Error: 1 path could not be saved"), code == 1, "{ran}");
    }
    sandbox.write("lock.txt", "one 1.0.0\n");
    let document = sandbox.sci_run("--json", "rm lock.txt").ends_with(0).json();
    assert_eq!((&document["ok"], &document["warnings"][0]), (&true.into(), &said.into()), "{document}");
}

#[test]
fn run_under_json_keeps_stdout_for_the_document() {
    let sandbox = Sandbox::new();
    let ran = sandbox.sci_run("--json", "mkdir out; echo spoken; exit 3").ends_with(3);
    assert_eq!(ran.stderr, "spoken\n");
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["error"]["kind"], "command");
    assert_eq!(document["result"]["command"]["code"], 3);
    assert_eq!(document["result"]["restore"]["paths"][0]["verdict"], "miss");
    assert_eq!(document["result"]["save"]["paths"][0]["outcome"], "saved");
    assert_eq!(document["result"]["save"]["paths"][0]["settled"], false);
}

#[test]
fn one_path_is_restored_and_the_plan_of_the_others_is_kept() {
    let sandbox = saved();
    let both = "[path.out]\npath = \"out\"\nlockfiles = [\"lock.txt\"]\nsources = [\"src/**\"]\n\
                [path.other]\npath = \"other\"\nlockfiles = [\"lock.txt\"]\n";
    sandbox.write("sci.toml", both);
    sandbox.write("src/main.txt", "changed\n");
    sandbox.sci("restore").ends_with(0);
    sandbox.sci("restore other").ends_with(0);
    sandbox.write("other/made.txt", "made\n");
    let document = sandbox.sci("save --json").ends_with(0).json();
    let outcome = |index: usize| document["result"]["paths"][index]["outcome"].as_str().unwrap().to_owned();
    // `out` stands as the nearest restore left it: a restore of `other` since must not make that look like a build.
    let of = |name: &str| {
        let paths = document["result"]["paths"].as_array().unwrap();
        outcome(paths.iter().position(|path| path["name"] == name).unwrap())
    };
    assert_eq!((of("out"), of("other")), ("skipped".to_owned(), "saved".to_owned()));
}

#[test]
fn two_variants_share_a_path_and_each_has_its_own_exact_hit() {
    let mut sandbox = Sandbox::new();
    for variant in ["lint", "test"] {
        sandbox.set("SCI_VARIANT", variant);
        sandbox.sci_run("", &format!("mkdir -p out; echo {variant} > out/{variant}.txt")).ends_with(0);
    }
    for variant in ["lint", "test"] {
        sandbox.set("SCI_VARIANT", variant);
        assert_eq!(verdict(&sandbox), "exact", "{variant}");
    }
}

#[test]
fn an_unusable_store_is_a_miss_with_a_reason_unless_required() {
    let mut sandbox = Sandbox::new();
    let file = sandbox.beside("not-a-store");
    std::fs::write(&file, "a file").unwrap();
    sandbox.set("SCI_STORE", file);
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: [TOP]/not-a-store: File exists (os error 17)  (key [ID])
    ");
    sandbox.sci("restore --require").ends_with(1);
    sandbox.sci_run("", "exit 0").ends_with(0);
    sandbox.sci_run("--require", "touch ran").ends_with(1);
    assert!(!sandbox.path("ran").exists(), "what is required comes before the command");
    sandbox.sci("ls").ends_with(3);
}

#[test]
fn the_embedded_store_is_refused_in_ci_unless_allowed() {
    let mut sandbox = Sandbox::new();
    sandbox.set("CI", "true");
    assert_screen!(sandbox.sci("restore"), @r"
    exit code: 2
    ----- stderr -----
    Error: the embedded store is refused in CI: a job's disk is not kept
    Hint: give --allow-embedded (or SCI_ALLOW_EMBEDDED=1) if the store directory outlives the job and only this repository's jobs can write it
    ");
    sandbox.sci("restore --allow-embedded").ends_with(0);
}

#[test]
fn a_signal_reaches_the_command_and_nothing_is_saved() {
    use std::io::{BufRead, BufReader};
    let sandbox = Sandbox::new();
    // That nothing is saved then is no trouble: it was asked for.
    for code in [9, 0] {
        let script = format!("trap 'echo got it; exit {code}' TERM; echo ready; while :; do sleep 0.05; done");
        let mut run = sandbox.command(&["run", "--require", "--", "sh", "-c", &script]);
        let mut child = run.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        let pid = sci_sys::process::Pid::from_child(&child);
        sci_sys::process::kill_process(pid, sci_sys::process::Signal::TERM).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "got it");
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(sandbox.sci("ls").stdout.contains("this project has no snapshots"));
    }
}

#[test]
fn collection_without_grace_harms_neither_restores_nor_what_was_saved() {
    use std::process::Stdio;
    use std::sync::atomic::{AtomicBool, Ordering};
    let sandbox = Sandbox::new();
    sandbox.sci_run("", "mkdir out; seq 20000 > out/big; echo 0 > out/file").ends_with(0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Acquire) {
                let mut gc = sandbox.command(&["gc", "--keep", "1", "--grace", "0s", "--unsafe-grace"]);
                assert!(gc.stdout(Stdio::null()).status().unwrap().success());
                rounds += 1;
            }
            rounds
        });
        let work = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 1..=12 {
                sandbox.write("src/main.txt", &round.to_string());
                std::fs::remove_dir_all(sandbox.path("out")).unwrap();
                // A collection at every moment: what resolve has chosen is restored, and what is built upon it is saved.
                let restored = sandbox.sci("restore --json --require").ends_with(0).json();
                assert_eq!(restored["result"]["paths"][0]["verdict"], "nearest", "{restored}");
                sandbox.write("out/file", &round.to_string());
                let saved = sandbox.sci("save --json").json();
                let path = &saved["result"]["paths"][0];
                // Without grace a save may be given up again and again; what it says of itself must be true.
                if path["outcome"] == "saved" {
                    let shown = sandbox.sci(&format!("show {} --tree", path["snapshot"].as_str().unwrap()));
                    shown.ends_with(0);
                } else {
                    assert_eq!(path["outcome"], "failed", "{saved}");
                }
            }
        }));
        done.store(true, Ordering::Release);
        assert!(collector.join().unwrap() > 0);
        work.unwrap();
    });
    sandbox.sci("verify --read-data").ends_with(0);
}

#[test]
fn verbose_says_what_is_read_from_where_and_how_long_it_takes() {
    let sandbox = saved();
    sandbox.remove("out");
    assert_screen!(sandbox.sci("restore -v"), @r"
    exit code: 0
    ----- stdout -----
    exact     out  1 file, 6 B in [SECONDS]
              every input is equal  (key [ID], snapshot [ID])
    ----- stderr -----
    planned 1 path in [SECONDS]
    asked the store [TOP]/state/store as run [RUN] in [SECONDS]
    out: takes [SIZE] of disk, new files and directories: 2
    out: read 15 B in 1 read of 1 object from [TOP]/state/store
    recorded what was decided in [SECONDS]
    ");
    let again = sandbox.sci("restore -v").ends_with(0);
    assert!(again.stderr.contains("out: read nothing from [TOP]/state/store"), "{again}");
    let said = sandbox.sci("save -v").ends_with(0);
    assert!(said.stderr.contains("saving to the store [TOP]/state/store as run local-"), "{said}");
    assert_eq!(sandbox.sci("restore").ends_with(0).stderr, "");
}

/// A run whose command waits until `go` is there, started and at work.
fn waiting_run(sandbox: &Sandbox, script: &str) -> std::process::Child {
    let script =
        format!("{script}; touch ready; while test -e ready -a ! -e go; do sleep 0.01; done; echo 2 > out/part2");
    let run = sandbox.command(&["run", "--json", "--", "sh", "-c", &script]).stderr(Stdio::null()).spawn();
    while !sandbox.path("ready").exists() {
        std::thread::yield_now();
    }
    run.unwrap()
}

#[test]
fn what_two_make_at_once_in_one_workspace_is_never_settled() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "ready\ngo\nfirst\nsecond\n");
    // While a command is at work, others save what it has made so far, if anything, as unsettled.
    let mut run = waiting_run(&sandbox, "mkdir -p out; echo 1 > out/part1");
    let other = sandbox.sci("save --json").ends_with(0).json();
    assert_eq!(other["result"]["paths"][0]["settled"], false, "{other}");
    let reason = other["result"]["paths"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "another `sci run` is at work in this workspace");
    sandbox.write("go", "");
    assert!(run.wait().unwrap().success());
    // Nor is what the run then saves: it does not know what the other has done to its tree.
    let verdict =
        |sandbox: &Sandbox| sandbox.sci("restore --json").ends_with(0).json()["result"]["paths"][0]["verdict"].clone();
    assert_ne!(verdict(&sandbox), "exact");
    // Nor what a run saves that began beside another one, which then ends without a save.
    let begin = |name: &str, script: &str| {
        let script = format!("{script}; touch {name}; while test -e {name}; do sleep 0.01; done");
        let mut run = sandbox.command(&["run", "--json", "--", "sh", "-c", &script]);
        let run = run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        while !sandbox.path(name).exists() {
            std::thread::yield_now();
        }
        run
    };
    let (mut first, second) = (begin("first", "true"), begin("second", "echo 4 > out/part4"));
    first.kill().unwrap();
    first.wait().unwrap();
    for name in ["first", "second"] {
        std::fs::remove_file(sandbox.path(name)).unwrap();
    }
    let saved: serde_json::Value = serde_json::from_slice(&second.wait_with_output().unwrap().stdout).unwrap();
    let path = &saved["result"]["save"]["paths"][0];
    assert_eq!((&path["settled"], &path["reason"]), (&false.into(), &reason.into()), "{saved}");
    // A run that nobody disturbs is.
    std::fs::remove_file(sandbox.path("ready")).unwrap();
    assert!(waiting_run(&sandbox, "echo 3 > out/part3").wait().unwrap().success());
    assert_eq!(verdict(&sandbox), "exact");
}
