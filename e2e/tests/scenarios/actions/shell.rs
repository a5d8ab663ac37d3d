//! `command: run` on runners with other shells.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use sci_e2e::actions::{Issuer, Job, Releases};
use sci_e2e::event::Event;
use sci_e2e::server::Server;

use super::{Life, UNASKED, annotations, attested};

/// A directory with these shells alone; each says that it is the one, and how it was called.
fn with_shells(job: Job, shells: &[&str]) -> Job {
    let bin = job.machine().dir().join("shells");
    std::fs::create_dir(&bin).unwrap();
    for name in shells {
        let shell = bin.join(name);
        std::fs::write(&shell, format!("#!/bin/sh\necho \"{name} $1 $2\"\nexec /bin/{name} \"$@\"\n")).unwrap();
        std::fs::set_permissions(&shell, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    job.environment("PATH", bin.to_str().unwrap())
}

#[test]
fn a_command_is_run_by_bash_or_by_sh_or_not_at_all() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1400 };
    let main = Event::push("main");
    let mut run = |shells: &[&str]| {
        let job = with_shells(life.begin(&main, "1"), shells).with("command", "run");
        job.with("run", "false | true; echo went on; false; echo not here").main().failure()
    };
    let by_bash = run(&["bash", "sh"]);
    assert!(by_bash.ran.stdout.contains("bash --noprofile --norc\n"), "{}", by_bash.ran);
    assert!(!by_bash.ran.stdout.contains("went on"), "{}", by_bash.ran);
    let by_sh = run(&["sh"]);
    assert!(by_sh.ran.stdout.contains("sh -e -c\nwent on\n"), "{}", by_sh.ran);
    assert!(!by_sh.ran.stdout.contains("not here"), "{}", by_sh.ran);
    let said = "::error::`command: run` needs bash or sh, and neither is on the PATH";
    assert_eq!(annotations(&run(&[])), [said]);
    // Nor is there a command where there is no sci.
    let releases = Releases::start();
    let job = attested(life.begin(&main, "1"), &releases, UNASKED).with("command", "run").with("run", "true");
    let bin = job.machine().dir().join("bin");
    for name in ["tar", "gzip"] {
        symlink(Path::new("/usr/bin").join(name), bin.join(name)).unwrap();
    }
    let step = job.environment("PATH", bin.to_str().unwrap()).main().failure();
    assert_eq!(annotations(&step).last(), Some(&said), "{}", step.ran);
}
