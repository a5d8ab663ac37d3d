//! What is in the log: groups for people, and no orders to the runner but those of the Action and of the job's own commands.

use sci_e2e::actions::{Issuer, Job, Step};
use sci_e2e::event::Event;
use sci_e2e::server::Server;

use super::Life;

/// The lines that the runner takes for orders: `::` where one begins, or `##[` anywhere in it.
fn orders(step: &Step) -> Vec<&str> {
    let is_order = |line: &&str| line.trim_start().starts_with("::") || line.contains("##[");
    step.ran.stdout.lines().filter(is_order).collect()
}

/// The orders that the Action itself gives.
const OWN: [&str; 5] =
    ["::group::sci ", "::endgroup::", "::warning title=sci::", "::debug::", "::error::the command ended with code 3"];

fn assert_orders_nothing(step: &Step) {
    for order in orders(step) {
        assert!(OWN.iter().any(|own| order.starts_with(own)), "{order}\n{}", step.ran);
    }
}

/// A name that orders where a line begins, and one that does wherever it stands: as what is declared it would be a glob.
const NAME: &str = "::set-output name=hit::exact";
const LEFT: &str = "##[set-output name=hit;]exact";

fn with_names(job: Job) -> Job {
    let declared = format!("[path.named]\npath = \"{NAME}\"\nlockfiles = [\"lock\"]\n\n");
    job.machine().edit("sci.toml", "[path.out]", &format!("{declared}[path.out]"));
    job
}

/// What a command leaves: files, and a pipe that is not saved, which is told by its name.
fn build(job: &Job) {
    job.machine().write("out/file", "built");
    job.machine().write(&format!("{NAME}/file"), "built");
    let pipe = job.machine().path("out").join(LEFT);
    job.machine().run("mkfifo", &[pipe.to_str().unwrap()]).success();
}

#[test]
fn names_of_files_order_nothing() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1100 };
    let main = Event::push("main");
    let job = with_names(life.begin(&main, "1")).environment("SCI_VERBOSE", "true");
    let step = job.main().success().expect_hit("miss");
    assert_orders_nothing(&step);
    assert!(step.ran.stdout.contains(": :set-output name=hit::exact: miss"), "{}", step.ran);
    build(&job);
    let post = job.post(&step, "success").success();
    assert_orders_nothing(&post);
    assert!(post.summary.contains("<td>saved</td>"), "{}\n{}", post.summary, post.ran);
    assert!(post.ran.stdout.contains("Warning: ") && post.ran.stdout.contains("# #[set-output"), "{}", post.ran);
    // What the program says is no order either, whichever program it is.
    let said = "::add-mask::e\n  ::error::e\nname ##[error]e\n::set-output name=hit::exact";
    for command in ["restore", "save", "explain"] {
        let job = life.begin(&main, "1").with("command", command);
        let program = job.machine().dir().join("program");
        std::fs::write(&program, format!("#!/bin/sh\nprintf '%s' '{said}' >&2\necho '{{}}'\n")).unwrap();
        job.machine().run("chmod", &["+x", program.to_str().unwrap()]).success();
        let step = job.with("program", program.to_str().unwrap()).main().success();
        assert_orders_nothing(&step);
        assert!(
            step.ran.stdout.contains(": :add-mask::e\n  : :error::e\nname # #[error]e\n: :set-output"),
            "{}",
            step.ran
        );
    }
}

#[test]
fn a_command_orders_what_it_likes_outside_of_groups() {
    let issuer = Issuer::start();
    let server = Server::believing(&issuer.url(), &[]);
    let mut life = Life { issuer, backend: &server, run: 1150 };
    let job = with_names(life.begin(&Event::push("main"), "1"));
    let build = format!("mkdir -p out; mkfifo 'out/{LEFT}'; echo built > out/file");
    let script = format!("{build}; echo '::error::mine'; echo '::notice::mine' >&2; exit 3");
    let step = job.with("command", "run").with("run", &script).main().failure().expect_hit("miss");
    let said = &step.ran.stdout;
    let mine = ["::error::mine", "::notice::mine"].map(|line| said.lines().position(|said| said == line).unwrap());
    let group = |name: &str| said.lines().position(|line| line == format!("::group::sci {name}")).unwrap();
    assert!(mine.iter().all(|mine| *mine < group("restore")) && group("restore") < group("save"), "{}", step.ran);
    for order in orders(&step) {
        let is_own = OWN.iter().any(|own| order.starts_with(own)) || order.ends_with("::mine");
        assert!(is_own, "{order}\n{}", step.ran);
    }
    assert!(
        said.contains("::group::sci save\n") && said.ends_with("::error::the command ended with code 3\n"),
        "{}",
        step.ran
    );
}
