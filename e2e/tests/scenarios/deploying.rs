//! `sci deploy` with the real wrangler, in an account that a stand-in of the platform's interface keeps. The Worker that it
//! uploads runs in workerd.

use std::fs;

use sci_e2e::cloudflare::Account;
use sci_e2e::server::run;
use sci_e2e::{Machine, Ran};

/// What a first deployment changes in an account.
const FIRST: [&str; 4] = ["POST /r2/buckets", "POST /d1/database", "PUT /workers/scripts/sci", "schedules"];

fn account() -> Account {
    Account::start(env!("CARGO_TARGET_TMPDIR"))
}

/// What was said of a step.
fn step(ran: &Ran, name: &str) -> String {
    let result = ran.result();
    let steps = result["steps"].as_array().unwrap_or_else(|| panic!("no steps\n{ran}"));
    let found = steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step {name}\n{ran}"));
    found["state"].as_str().unwrap().to_owned()
}

fn text(ran: &Ran, name: &str) -> String {
    ran.result()[name].as_str().unwrap_or_else(|| panic!("no {name}\n{ran}")).to_owned()
}

fn administrator(ran: &Ran) -> String {
    ran.result()["administrator"]["token"].as_str().unwrap_or_else(|| panic!("no token\n{ran}")).to_owned()
}

/// The first deployment, whose address is not on this machine: its owner serves it at another one.
fn deployed(account: &Account, machine: &Machine) -> (Ran, Ran) {
    let first = account.deploy(machine, &[]);
    assert_eq!(first.code, Some(3), "{first}");
    assert!(first.stderr.contains("Error: answer: the Worker is uploaded, but does not answer"), "{first}");
    assert_eq!(text(&first, "url"), "https://sci.stand-in.workers.dev");
    machine.edit("sci-worker/wrangler.toml", "https://sci.stand-in.workers.dev", &account.worker());
    let second = account.deploy(machine, &[]).success();
    assert_eq!(step(&second, "worker"), "done", "the owner changed a variable\n{second}");
    (first, second)
}

#[test]
fn a_worker_is_set_up_and_serves() {
    let (account, machine) = (account(), Machine::new());
    // Somebody else's settings above are no concern of this Worker.
    machine.write("wrangler.toml", "name = \"other\"\naccount_id = \"ffffffffffffffffffffffffffffffff\"\n");
    let bundle = account.bundle();
    let planned = account.deploy(&machine, &["--dry-run", "--worker", bundle.to_str().unwrap()]).success();
    for name in ["bucket", "database", "key", "worker"] {
        assert_eq!(step(&planned, name), "planned", "{planned}");
    }
    assert_eq!(account.shown()["changes"].as_array().unwrap().len(), 0);
    assert!(!machine.path("sci-worker").exists(), "a dry run makes nothing");

    let (first, second) = deployed(&account, &machine);
    let shown = account.shown();
    let changes: Vec<&str> =
        shown["changes"].as_array().unwrap().iter().map(|change| change.as_str().unwrap()).collect();
    for expected in FIRST {
        assert!(changes.iter().any(|change| change.ends_with(expected)), "{expected} is not in {changes:?}");
    }
    assert_eq!(shown["workers"]["sci"]["secrets"], serde_json::json!(["SCI_SIGNING_KEY"]));
    assert!(second.result()["administrator"].is_null(), "a token is shown once\n{second}");

    // Again: nothing changes, here or there.
    let settings = fs::read(machine.path("sci-worker/wrangler.toml")).unwrap();
    let again = account.deploy(&machine, &[]).success();
    for name in ["bucket", "database", "key", "worker"] {
        assert_eq!(step(&again, name), "unchanged", "{again}");
    }
    assert_eq!(account.shown(), shown);
    assert_eq!(fs::read(machine.path("sci-worker/wrangler.toml")).unwrap(), settings);
    let planned = account.deploy(&machine, &["--dry-run"]).success();
    assert_eq!(step(&planned, "worker"), "unchanged", "{planned}");

    // What was printed is what a team needs.
    let (admin, declaration) = (administrator(&first), text(&again, "declaration"));
    let secret = fs::read_to_string(machine.path("sci-worker/wrangler.toml")).unwrap();
    assert!(!secret.contains(&admin), "a token is in no file");
    let runners = [(); 2].map(|()| runner(&declaration));
    run(&runners[0], &admin, &["repo", "add", "1001", "--owner", "77"]);
    let create = ["token", "create", "--repository", "1001", "--scope", "branch:ci"];
    let token = text(&run(&runners[0], &admin, &create), "token");
    run(&runners[0], &token, &["restore"]).expect_verdict("out", "miss");
    runners[0].write("out/file", "built");
    run(&runners[0], &token, &["save"]).expect_outcome("out", "saved");
    run(&runners[1], &token, &["restore"]).expect_verdict("out", "exact");

    // With another key, what the one before signed stays good, for whoever pins what is printed then.
    let rotated = account.deploy(&machine, &["--rotate-key"]).success();
    assert_ne!(administrator(&rotated), admin);
    let runner = runner(&text(&rotated, "declaration"));
    run(&runner, &token, &["restore"]).expect_verdict("out", "exact");
    runner.write("lock", "2");
    runner.write("out/file", "built again");
    run(&runner, &token, &["save"]).expect_outcome("out", "saved");
    run(&runner, &administrator(&rotated), &["repo", "list"]);
    assert_eq!(account.shown()["databases"].as_array().unwrap().len(), 1);
}

/// A machine whose sci.toml has what was printed.
fn runner(declaration: &str) -> Machine {
    let machine = Machine::new();
    let path = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n";
    machine.write("sci.toml", format!("{declaration}repository = \"1001\"\n{path}"));
    machine.write("lock", "1");
    machine
}

#[test]
fn a_step_that_fails_is_named_and_the_next_run_goes_on() {
    let (account, machine) = (account(), Machine::new());
    for (name, method, path) in [
        ("account", "GET", "^/(accounts|memberships|user)"),
        ("bucket", "GET", "^/r2/buckets/sci$"),
        ("bucket", "POST", "^/r2/buckets$"),
        ("database", "GET", "^/d1/database$"),
        ("database", "POST", "^/d1/database$"),
        ("key", "GET", "/deployments$"),
        ("worker", "PUT", "^/workers/scripts/sci$"),
        ("worker", "PUT", "/schedules$"),
    ] {
        account.refuse(method, path);
        let failed = account.deploy(&machine, &[]);
        assert_eq!(failed.code, Some(3), "{name}: {failed}");
        assert!(failed.stderr.contains(&format!("Error: {name}: `wrangler ")), "{name}: {failed}");
        assert!(failed.stderr.contains("\nHint: "), "{name}: {failed}");
    }
    account.be_well();
    deployed_after_trouble(&account, &machine);
}

fn deployed_after_trouble(account: &Account, machine: &Machine) {
    let (first, second) = deployed(account, machine);
    // The upload before had arrived: what failed came after it.
    assert_eq!(step(&first, "key"), "unchanged", "{first}");
    assert_eq!(text(&second, "url"), account.worker());
    let shown = account.shown();
    assert_eq!((shown["buckets"].as_array().unwrap().len(), shown["databases"].as_array().unwrap().len()), (1, 1));
}

#[test]
fn what_is_not_scis_is_left_alone() {
    let (account, machine) = (account(), Machine::new());
    deployed(&account, &machine);
    let shown = account.shown();
    // Somebody who has not the settings: the Worker has a key that they do not know of.
    let stranger = Machine::new();
    let refused = account.deploy(&stranger, &["--worker", stranger.dir().to_str().unwrap()]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("has no Worker; this is sci "), "{refused}");
    let refused = account.deploy(&stranger, &[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("has a key that"), "{refused}");
    assert_eq!(account.shown()["workers"], shown["workers"]);

    let lock = fs::File::open(machine.path("sci-worker")).unwrap();
    lock.lock().unwrap();
    let refused = account.deploy(&machine, &[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("another `sci deploy` is at work"), "{refused}");
    drop(lock);

    machine.write("sci-worker/wrangler.toml", "name = \"sci\"\nmain = = 1\n");
    let refused = account.deploy(&machine, &[]);
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("wrangler.toml:2:8: "), "{refused}");
}
