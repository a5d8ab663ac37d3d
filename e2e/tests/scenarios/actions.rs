//! The GitHub Action as GitHub runs it: main, then post, on a fresh machine for each job, over `sci serve` and the Worker.

use std::path::{Path, PathBuf};

use sci_e2e::actions::{Issuer, Job, Releases, Step};
use sci_e2e::event::Event;
use sci_e2e::server::Server;
use sci_e2e::{Backend, Worker};

mod cancelled;
mod log;
mod shell;
mod synthetic;

const RELEASE: [&str; 6] = [
    "--release-environment",
    "production",
    "--release-workflow",
    "o/r/.github/workflows/release.yml@refs/heads/main",
    "--release-reads-trusted",
    "true",
];

/// A repository's life over one backend.
struct Life<'b> {
    issuer: Issuer,
    backend: &'b dyn Backend,
    run: u64,
}

impl<'b> Life<'b> {
    fn begin(&mut self, event: &Event, lock: &str) -> Job {
        self.run += 1;
        let job = Job::begin(&self.issuer, event, self.run);
        job.told().assert_agrees();
        let path = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";
        job.machine().write("sci.toml", format!("{}{path}", self.backend.declaration()));
        job.machine().write("lock", lock);
        job
    }

    /// A job that restores, builds what is missing, and saves. Gives what it restored, and what its end said.
    fn job(&mut self, event: &Event, lock: &str, built: &str) -> Ended {
        let job = self.begin(event, lock);
        let main = job.main().success();
        let restored = std::fs::read_to_string(job.machine().path("out/file")).ok();
        job.machine().write("out/file", built);
        let post = job.post(&main, "success").success();
        Ended { main, restored, post }
    }
}

/// What somebody should act on.
fn annotations(step: &Step) -> Vec<&str> {
    step.ran.stdout.lines().filter(|line| line.starts_with("::warning") || line.starts_with("::error")).collect()
}

struct Ended {
    main: Step,
    restored: Option<String>,
    post: Step,
}

impl Ended {
    fn expect(self, hit: &str, restored: Option<&str>, saved: &str) {
        let Self { main, restored: found, post } = self;
        let main = main.expect_hit(hit);
        assert_eq!(found.as_deref(), restored, "{}", main.ran);
        assert_eq!(main.output("hit-out"), hit);
        assert!(post.summary.contains(&format!("<td>{saved}</td>")), "{saved}: {}\n{}", post.summary, post.ran);
    }
}

/// A week in the life of a repository: each job finds what it may, and nothing else.
fn a_week(issuer: Issuer, backend: &dyn Backend) {
    let mut life = Life { issuer, backend, run: 100 };
    let main = Event::push("main");
    // Monday: main builds, and builds again.
    life.job(&main, "1", "of main, 1").expect("miss", None, "saved");
    life.job(&main, "1", "of main, 1").expect("exact", Some("of main, 1"), "skipped");
    life.job(&Event::schedule(), "1", "of main, 1").expect("exact", Some("of main, 1"), "skipped");

    // Tuesday: two pull requests begin where main is. The second one has read what main will need next.
    let (honest, poisoner) = (Event::pull_request(7), Event::pull_request(8));
    life.job(&honest, "1", "of main, 1").expect("exact", Some("of main, 1"), "skipped");
    life.job(&honest, "2", "of 7").expect("nearest", Some("of main, 1"), "saved");
    life.job(&honest, "2", "of 7").expect("exact", Some("of 7"), "skipped");
    life.job(&poisoner, "2", "poison").expect("nearest", Some("of main, 1"), "saved");
    life.job(&poisoner, "2", "poison").expect("exact", Some("poison"), "skipped");

    // Wednesday: a fork has no identity, which is said in a line, and goes on without a cache.
    let fork = life.job(&Event::fork(9), "1", "of a fork");
    let said = |step: &Step| annotations(step).iter().filter(|line| line.contains("id-token")).count();
    assert_eq!((said(&fork.main), said(&fork.post)), (1, 0), "{}{}", fork.main.ran, fork.post.ran);
    assert_eq!((fork.main.output("hit"), fork.restored), ("miss", None));

    // Thursday: the queue and then main build the same lockfile; neither sees what a pull request has left.
    life.job(&Event::merge_group(7), "2", "of the queue").expect("nearest", Some("of main, 1"), "saved");
    life.job(&main, "2", "of main, 2").expect("nearest", Some("of main, 1"), "saved");
    life.job(&main, "2", "of main, 2").expect("exact", Some("of main, 2"), "skipped");

    // Friday: a release reads what main left, and one outside of its environment nothing.
    life.job(&Event::release("v1", "production"), "2", "of main, 2").expect("exact", Some("of main, 2"), "skipped");
    let outside = life.job(&Event::release("v2", "elsewhere"), "2", "of nobody");
    assert_eq!((outside.main.output("hit"), outside.restored), ("miss", None));
}

#[test]
fn a_week_over_sci_serve() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &RELEASE);
    a_week(issuer, &server);
}

#[test]
fn a_week_over_the_worker() {
    let issuer = Issuer::start();
    let worker = Worker::believing(&issuer.url(), &RELEASE);
    a_week(issuer, &worker);
}

#[test]
fn a_job_that_fails_saves_when_it_is_asked_to_and_never_as_exact() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 200 };
    let main = Event::push("main");
    for (save, status, saved) in [
        ("success", "failure", false),
        ("never", "success", false),
        ("always", "cancelled", false),
        ("always", "failure", true),
    ] {
        let job = life.begin(&main, "1").with("save", save);
        let step = job.main().success().expect_hit("miss");
        job.machine().write("out/file", "half built");
        let post = job.post(&step, status).success();
        assert_eq!(post.summary.contains("saved, not as exact"), saved, "{save} {status}: {}", post.ran);
    }
    let restored = life.begin(&main, "1").main().success().expect_hit("nearest");
    assert!(restored.summary.contains("unsettled"), "{}", restored.summary);
}

/// The runner reads the inputs of a step anew at the end of its job.
#[test]
fn the_end_of_a_job_goes_by_what_the_step_was_told() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 250 };
    let main = Event::push("main");
    for (first, then, outcome) in [("never", "always", ""), ("success", "never", "<td>saved</td>")] {
        let job = life.begin(&main, "1").with("save", first).with("paths", "out").environment("SCI_VARIANT", "mine");
        let step = job.main().success().expect_hit("miss");
        job.machine().write("out/file", "built");
        let job = job.with("save", then).with("paths", "other").with("store", "http://127.0.0.1:9");
        let job = job.with("working-directory", "/nonexistent").with("program", "/nonexistent/sci");
        let job = job.with("command", "nonsense").with("require", "true").with("matrix", "nonsense");
        let job = ["VARIANT", "STORE", "PROJECT", "WORKSPACE", "STATE"]
            .iter()
            .fold(job, |job, name| job.environment(&format!("SCI_{name}"), "/nonexistent"));
        let post = job.post(&step, "success").success();
        assert_eq!(post.summary.is_empty(), outcome.is_empty(), "{}\n{}", post.summary, post.ran);
        assert!(post.summary.contains(outcome), "{}\n{}", post.summary, post.ran);
    }
    life.begin(&main, "1").environment("SCI_VARIANT", "mine").main().success().expect_hit("exact");
}

#[test]
fn what_differs_is_in_the_summary_as_text() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 300 };
    let main = Event::push("main");
    life.job(&main, "1", "built").expect("miss", None, "saved");
    let job = life.begin(&main, "1");
    job.machine().edit("sci.toml", "lockfiles = [\"lock\"]", "lockfiles = [\"lock\", \"<b>|x\"]");
    job.machine().write("<b>|x", "new");
    let step = job.main().success().expect_hit("nearest");
    assert!(step.summary.contains("&lt;b&gt;&#124;x"), "{}", step.summary);
    assert!(!step.summary.contains("<b>"), "{}", step.summary);
    assert!(
        step.output("json").contains("\"verdict\": \"nearest\"")
            || step.output("json").contains("\"verdict\":\"nearest\"")
    );
    assert_eq!(step.output("snapshot"), step.output("snapshot-out"));
}

#[test]
fn what_cannot_be_is_said_and_fails_the_step() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 400 };
    let main = Event::push("main");
    let step = life.begin(&main, "1").with("save", "sometimes").main().failure();
    assert!(step.ran.stdout.contains("::error::`save` is `success`, `always`, `never`"), "{}", step.ran);
    let step = life.begin(&main, "1").with("program", "/nonexistent/sci").main().failure();
    assert!(step.ran.stdout.contains("::error::there is no /nonexistent/sci"), "{}", step.ran);
    // A store that is down is a miss, unless it is required.
    let down = |life: &mut Life<'_>| {
        life.begin(&main, "1").with("store", "http://127.0.0.1:9").environment("SCI_TIMEOUT", "1s")
    };
    let step = down(&mut life).main().success().expect_hit("miss");
    assert!(step.ran.stdout.contains("::warning"), "{}", step.ran);
    down(&mut life).with("require", "true").main().failure();
    // The command's own end is the step's.
    let run =
        |life: &mut Life<'_>, script: &str| life.begin(&main, "5").with("command", "run").with("run", script).main();
    let step = run(&mut life, "mkdir out; echo built > out/file; command -v node").success().expect_hit("miss");
    // It finds the machine's programs; the Node that runs the action is the runner's own.
    assert!(step.ran.stdout.contains("/node\n") && !step.ran.stdout.contains("node-linux"), "{}", step.ran);
    let step = run(&mut life, "cat out/file; exit 3").failure().expect_hit("exact");
    assert!(step.ran.stdout.contains("built"), "{}", step.ran);
}

#[test]
fn a_runner_that_can_keep_no_state_runs_the_job_all_the_same() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 850 };
    let main = Event::push("main");
    let mut stateless = |command: &str| {
        let job = life.begin(&main, "1").environment("SCI_STATE", "/dev/null/state");
        if command.is_empty() { job } else { job.with("command", command) }
    };
    let step = stateless("run").with("run", "echo the command ran").main().success().expect_hit("miss");
    assert!(step.ran.stdout.contains("the command ran\n"), "{}", step.ran);
    assert!(
        step.ran.stdout.contains("::warning title=sci::nothing was restored or saved: cannot make"),
        "{}",
        step.ran
    );
    assert!(step.summary.contains("Nothing was restored or saved"), "{}", step.summary);
    let step = stateless("").main().success().expect_hit("miss");
    assert!(step.ran.stdout.contains("::warning title=sci::cannot make /dev/null/state"), "{}", step.ran);
    stateless("").with("require", "true").main().failure();
    // Nothing to explain is nothing to fail for.
    let job = life.begin(&main, "1").with("command", "explain");
    assert!(job.main().success().ran.stdout.contains("::warning title=sci::"), "explained without a restore");
    job.with("require", "true").main().failure();
}

#[test]
fn a_program_may_be_in_a_directory_with_a_space() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 870 };
    let job = life.begin(&Event::push("main"), "1");
    let program = job.machine().dir().join("with a space").join("sci");
    std::fs::create_dir(program.parent().unwrap()).unwrap();
    std::fs::copy(sci_e2e::machine::sci(), &program).unwrap();
    job.with("program", program.to_str().unwrap()).main().success().expect_hit("miss");
}

/// A job that gets sci from these releases, on a machine with a gh that ends so when it is asked for the attestation.
fn attested(job: Job, releases: &Releases, verdict: &str) -> Job {
    let job = job.installing(releases);
    let bin = job.machine().dir().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let gh = bin.join("gh");
    let script = format!("#!/bin/sh\n[ \"$3\" = --help ] || {{ echo \"$GH_TOKEN: $*\" >&2; {verdict}; }}\n");
    std::fs::write(&gh, script).unwrap();
    std::fs::set_permissions(&gh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    job.environment("PATH", &path)
}

/// What such a gh does when GitHub does not answer: sci is not run then, and the job goes on.
const UNASKED: &str = "echo 'HTTP 503: Service Unavailable' >&2; exit 1";

#[test]
fn sci_is_got_from_a_release_whole_and_attested_or_not_at_all() {
    let (issuer, releases) = (Issuer::start(), Releases::start());
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 500 };
    let main = Event::push("main");
    let attesting = |life: &mut Life<'_>, verdict: &str| attested(life.begin(&main, "1"), &releases, verdict);
    let job = attesting(&mut life, "exit 0");
    let step = job.main().success().expect_hit("miss");
    assert!(step.path.trim().ends_with("/bin"), "{}", step.path);
    assert_eq!(step.output("program"), format!("{}/sci", step.path.trim()));
    assert!(step.ran.stdout.contains("Downloading sci "), "{}", step.ran);
    // It is in the tool cache now, from where the end of the job and the next step take it.
    job.machine().write("out/file", "built");
    assert!(job.post(&step, "success").success().summary.contains("<td>saved</td>"));
    assert!(!job.main().success().ran.stdout.contains("Downloading"));

    let refused = attesting(&mut life, "exit 1").main().failure();
    let said = "::error::the attestation of the download does not hold: of-the-job: attestation verify ";
    assert!(refused.ran.stdout.contains(said) && refused.ran.stdout.contains(" --repo o/sci"), "{}", refused.ran);
    assert!(refused.ran.stdout.contains(" --signer-workflow o/sci/.github/workflows/release.yml"), "{}", refused.ran);
    // That GitHub does not answer says nothing of the archive: it is not run, and the job goes on.
    let unasked = attesting(&mut life, UNASKED).main().success().expect_hit("miss");
    assert_eq!(unasked.output("program"), "", "{}", unasked.ran);
    assert!(unasked.ran.stdout.contains("cannot be checked") && unasked.path.is_empty(), "{}", unasked.ran);
    let vague = life.begin(&main, "1").installing(&releases).with("version", "99").main().failure();
    assert!(vague.ran.stdout.contains("`version` is one whole version"), "{}", vague.ran);
    let absent = life.begin(&main, "1").installing(&releases).with("version", "99.0.0").main().failure();
    assert!(absent.ran.stdout.contains("::error::"), "{}", absent.ran);
    releases.tamper();
    let refused = attesting(&mut life, "exit 0").main().failure();
    assert!(refused.ran.stdout.contains("; the release says "), "{}", refused.ran);
    assert!(refused.path.is_empty() && !refused.ran.stdout.contains("sci restore"), "{}", refused.ran);
}

/// Every file below a directory, by its name.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    found
}

/// What would open the store is in no log, no output and no file of a job: neither the token that the job was given, nor the
/// identity that it asked for, nor the ticket that it got for one of them.
#[test]
fn what_opens_the_store_is_shown_nowhere() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let token = server.token("trusted:refs/heads/main");
    let mut life = Life { issuer, backend: &server, run: 900 };
    let main = Event::push("main");
    let parts = token.split('.').filter(|part| part.len() >= 40);
    // How every ticket and every identity begins, and what GitHub gives identities for.
    let secrets: Vec<&str> = parts.chain(["sci_ticket", "eyJ0eXAiOiJKV1Qi", "of-the-job"]).collect();
    assert!(secrets.len() > 3, "nothing to look for");
    let assert_without = |text: &[u8], place: &dyn std::fmt::Display| {
        for secret in &secrets {
            let is_there = text.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{secret} in {place}: {}", String::from_utf8_lossy(text));
        }
    };
    let assert_silent = |job: &Job, step: &Step| {
        for text in [&step.ran.stdout, &step.ran.stderr, &step.summary, &step.path] {
            assert_without(text.as_bytes(), &"what a step says");
        }
        // The files of the runner's are among them: outputs, variables, state and summary.
        let files = files(job.machine().dir());
        assert!(files.iter().any(|(path, _)| path.to_string_lossy().contains("OUTPUT")));
        files.iter().for_each(|(path, bytes)| assert_without(bytes, &path.display()));
    };
    for (is_given, hit) in [(true, "miss"), (true, "exact"), (false, "exact")] {
        let begin = |life: &mut Life<'_>| {
            let job = life.begin(&main, "1").environment("RUNNER_DEBUG", "1").environment("SCI_VERBOSE", "true");
            if is_given { job.environment("SCI_TOKEN", &token) } else { job }
        };
        let job = begin(&mut life);
        let step = job.main().success().expect_hit(hit);
        assert_silent(&job, &step);
        job.machine().write("out/file", "built");
        let post = job.post(&step, "success").success();
        assert_silent(&job, &post);
        // Nobody is there to show it to.
        let job = begin(&mut life).with("store", "http://127.0.0.1:9").environment("SCI_TIMEOUT", "1s");
        let job = job.with("require", "true");
        let step = job.main().failure();
        assert_silent(&job, &step);
        let job = begin(&mut life).with("command", "run").with("run", "test -e out/file");
        let step = job.main().success().expect_hit("exact");
        assert_silent(&job, &step);
    }
    // Where the token opens nothing any more, that is said without it.
    let listed = server.administer(&["token", "list"]);
    let id = listed.result()["tokens"][0]["id"].as_str().unwrap().to_owned();
    server.administer(&["token", "revoke", &id]);
    let job = life.begin(&main, "1").environment("SCI_TOKEN", &token);
    let step = job.main().success().expect_hit("miss");
    assert!(step.ran.stdout.contains("revoked"), "{}", step.ran);
    assert_silent(&job, &step);
}

#[test]
fn legs_of_a_matrix_have_a_state_each() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 700 };
    let main = Event::push("main");
    // The second leg finds what the first one left as the nearest, and does not take its place.
    let expected =
        [("a", "miss", None), ("b", "nearest", Some("a")), ("a", "exact", Some("a")), ("b", "exact", Some("b"))];
    for (number, (leg, hit, found)) in expected.into_iter().enumerate() {
        // The legs of a run have its number.
        life.run = 700 + number as u64 / 2;
        let job = life.begin(&main, "1").leg(&format!("{{\n  \"feature\": \"{leg}\"\n}}"));
        let step = job.main().success().expect_hit(hit);
        let restored = std::fs::read_to_string(job.machine().path("out/file")).ok();
        assert_eq!(restored.as_deref(), found, "{leg}: {}", step.ran);
        job.machine().write("out/file", leg);
        let post = job.post(&step, "success").success();
        let outcome = if hit == "exact" { "skipped" } else { "saved" };
        assert!(post.summary.contains(&format!("<td>{outcome}</td>")), "{leg}: {}\n{}", post.summary, post.ran);
        assert!(post.ran.stdout.contains(&format!("::group::sci save\nout: {outcome}, ")), "{}", post.ran);
    }
}

#[test]
fn each_command_is_a_step_of_its_own() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 800 };
    let main = Event::push("main");
    let exact = |job: Job| {
        job.machine().edit("sci.toml", "lockfiles", "restore = \"exact\"\nlockfiles");
        job.with("command", "restore")
    };
    let job = exact(life.begin(&main, "1")).with("paths", "out");
    let restored = job.main().success().expect_hit("miss");
    assert!(restored.ran.stdout.contains("::group::sci restore out\nout: miss, "), "{}", restored.ran);
    job.machine().write("out/file", "built");
    // No step but the one that does both acts at the end of the job.
    assert!(job.post(&restored, "success").success().summary.is_empty());
    let job = job.with("command", "save");
    let saved = job.main().success();
    assert_eq!((saved.output("key"), saved.output("snapshot").len()), (restored.output("key"), 64), "{}", saved.ran);
    assert!(saved.output("json").contains("\"saved\""), "{}", saved.output("json"));
    // Where nothing is as before, the reasons are those that sci gives in a terminal.
    let job = exact(life.begin(&main, "2"));
    let missed = job.main().success().expect_hit("miss");
    let explained = job.with("command", "explain").main().success();
    for step in [&missed, &explained] {
        assert!(step.summary.contains("<code>lock</code> changed"), "{}\n{}", step.summary, step.ran);
        assert!(step.summary.contains("the path is declared restore"), "{}\n{}", step.summary, step.ran);
        assert!(!step.summary.contains("no reason was given"), "{}", step.summary);
    }
}

#[test]
fn saves_of_one_key_converge_and_a_dirty_workspace_is_repaired() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 600 };
    let main = Event::push("main");
    // Two jobs that nothing tells apart: both find nothing, both build the same.
    let legs = [(); 2].map(|()| life.begin(&main, "1"));
    let steps = legs.each_ref().map(|job| job.main().success().expect_hit("miss"));
    let ends: Vec<Step> = legs
        .iter()
        .zip(&steps)
        .map(|(job, step)| {
            job.machine().write("out/file", "built");
            job.post(step, "success").success()
        })
        .collect();
    assert!(ends[0].summary.contains("<td>saved</td>"), "{}", ends[0].summary);
    assert!(ends[1].summary.contains("<td>already-saved</td>"), "{}", ends[1].summary);

    // A runner that keeps its disk: what somebody left there is not taken for what the key says.
    let dirty = life.begin(&main, "1");
    dirty.machine().write("out/file", "left over");
    dirty.machine().write("out/more", "left over");
    dirty.main().success().expect_hit("exact");
    assert_eq!(std::fs::read_to_string(dirty.machine().path("out/file")).unwrap(), "built");
    assert!(!dirty.machine().path("out/more").exists());

    // Nor is it built upon where there is no snapshot to compare it with.
    let dirty = life.begin(&main, "2");
    dirty.machine().edit("sci.toml", "lockfiles", "restore = \"exact\"\nlockfiles");
    let git = dirty.machine().command("git").args(["init", "--quiet"]).output().unwrap();
    assert!(git.status.success(), "{git:?}");
    dirty.finds("out/file", "left over");
    let missed = dirty.main().success().expect_hit("miss");
    assert!(missed.ran.stdout.contains("what another job had left there was removed"), "{}", missed.ran);
    assert!(!dirty.machine().path("out").exists());
}
