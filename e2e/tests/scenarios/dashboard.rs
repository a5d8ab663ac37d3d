//! `sci ui` in a real terminal: what it shows of a workspace and a store, a save that goes on meanwhile, other sizes, and the
//! terminal as it was when it ends.

use std::process::{Child, Command, Stdio};

use sci_e2e::backend::declaration;
use sci_e2e::gate::{Gate, Moment, Point};
use sci_e2e::machine::sci;
use sci_e2e::server::{Server, command, run};
use sci_e2e::terminal::{Terminal, is_coloured, is_taken};
use sci_e2e::{Backend as _, Machine, Ran};

/// A workspace with two paths, of which `out` is restored and `kept` is a miss; the store is behind a gate.
struct Place {
    gate: Gate,
    token: String,
    machine: Machine,
    _server: Server,
}

impl Place {
    fn new() -> Self {
        let server = Server::start();
        let port = server.url().rsplit(':').next().unwrap().parse().unwrap();
        let (gate, token) = (Gate::before(port), server.token("branch:ci"));
        let machine = Machine::new();
        let declared = "[path.out]\npath = \"out\"\nlockfiles = [\"lock\"]\n\n\
                        [path.kept]\npath = \"kept\"\nlockfiles = [\"Cargo.lock\"]\nrestore = \"exact\"\n";
        machine.write("sci.toml", declaration(&gate.url(), server.key()) + declared);
        machine.write("lock", "1");
        machine.write("Cargo.lock", lockfile("1.0.1"));
        let place = Self { gate, token, machine, _server: server };
        place.run(&["restore"]);
        place.machine.write("out/file", "one");
        place.machine.write("kept/file", "one");
        place.run(&["save"]).expect_outcome("out", "saved").expect_outcome("kept", "saved");
        place.machine.write("Cargo.lock", lockfile("1.0.2"));
        place.run(&["restore"]).expect_verdict("out", "exact").expect_verdict("kept", "miss");
        place
    }

    fn run(&self, args: &[&str]) -> Ran {
        run(&self.machine, &self.token, args)
    }

    /// `sci` for people.
    fn human(&self, words: &[&str]) -> Command {
        let mut human = self.machine.command(sci());
        human.env("SCI_TOKEN", &self.token).env_remove("SCI_STORE").env_remove("NO_COLOR").args(words);
        human
    }

    fn start(&self, args: &[&str]) -> Child {
        command(&self.machine, &self.token, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }
}

fn lockfile(version: &str) -> String {
    format!(
        "version = 4\n\n[[package]]\nname = \"serde\"\nversion = \"{version}\"\n\
         source = \"registry+https://example.com/index\"\n"
    )
}

const QUIET: &str = "nothing is saved or restored at the moment";

#[test]
fn it_says_why_a_path_missed_and_shows_a_save_while_it_goes_on() {
    let place = Place::new();
    let mut terminal = Terminal::start(place.human(&["ui"]), 140, 40);
    terminal.wait_for(QUIET);
    assert!(terminal.ask(is_taken));
    terminal.wait_until("a colour", is_coloured);

    // `kept` is the first of the paths: what `explain` says of it is on the screen, but for the ages.
    let explained = place.human(&["explain", "kept"]).output().unwrap();
    let explained = String::from_utf8(explained.stdout).unwrap();
    let lines = explained.lines().filter(|line| !line.contains("ago") && !line.contains("just now"));
    assert!(explained.contains("~ serde 1.0.1 → 1.0.2"), "{explained}");
    lines.for_each(|line| terminal.wait_for(line));
    terminal.press("j");
    terminal.wait_for("has the very key");

    // The first run saved both; `l` goes to the runs, `j` to it.
    terminal.press("lj");
    terminal.wait_for("saved     kept  snapshot");
    terminal.press("\r");
    terminal.wait_for("the store has no snapshot of this path");
    terminal.press("s");
    terminal.wait_for("branch:ci  2 snapshots");
    terminal.press("\u{1b}");
    terminal.wait_for("This workspace");

    // A save is held back at its last request, and seen in the dashboard.
    place.machine.write("out/file", "two, and longer");
    let held = place.gate.hold(Point { line: "POST /v1/saves/", nth: 1, moment: Moment::Come });
    let mut save = place.start(&["save", "out"]);
    let held = held.recv().unwrap();
    terminal.wait_for("saving out");
    terminal.wait_for("15 B of 15 B");
    drop(held);
    assert!(save.wait().unwrap().success());
    terminal.wait_for(QUIET);
    terminal.press("s");
    terminal.wait_for("branch:ci  3 snapshots");
    terminal.press("s");

    // Other sizes.
    terminal.resize(60, 20);
    terminal.wait_until_gone("This workspace");
    terminal.wait_for("Published runs");
    terminal.resize(30, 8);
    terminal.wait_for("too small");
    terminal.resize(140, 40);
    terminal.wait_for("This workspace");

    terminal.press("q");
    assert!(terminal.end().success());
    assert!(!terminal.ask(is_taken), "{}", terminal.text());
    assert!(!terminal.text().contains("This workspace"), "{}", terminal.text());
}

#[test]
fn the_terminal_is_as_it_was_after_an_interrupt_and_without_colours_when_they_are_not_wanted() {
    let place = Place::new();
    let script = "before=$(stty -g); \"$0\" ui; echo \"ended with $?\"; \
                  [ \"$before\" = \"$(stty -g)\" ] && echo 'as it was'";
    let mut shell = place.human(&[]);
    let envs: Vec<_> = shell.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    shell = Command::new("sh");
    shell.args(["-c", script]).arg(sci()).current_dir(place.machine.workspace()).env_clear();
    shell.envs(envs.into_iter().filter_map(|(name, value)| Some((name, value?)))).env("NO_COLOR", "1");
    let mut terminal = Terminal::start(shell, 120, 30);
    terminal.wait_for(QUIET);
    terminal.wait_for("~ serde 1.0.1 → 1.0.2");
    assert!(!terminal.ask(is_coloured), "{}", terminal.text());
    terminal.press("\u{3}");
    terminal.wait_for("ended with 130");
    terminal.wait_for("as it was");
    assert!(!terminal.ask(is_taken));
    assert!(terminal.end().success());
}

#[test]
fn a_signal_from_outside_ends_it_in_order() {
    let place = Place::new();
    let mut terminal = Terminal::start(place.human(&["ui"]), 100, 30);
    terminal.wait_for(QUIET);
    let kill = Command::new("kill").args(["-TERM", &terminal.process().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(terminal.end().code(), Some(143));
    assert!(!terminal.ask(is_taken));
}

#[test]
fn a_store_that_does_not_answer_holds_nothing_up() {
    let place = Place::new();
    let held = place.gate.hold(Point { line: "GET /v1/snapshots", nth: 1, moment: Moment::Come });
    let mut terminal = Terminal::start(place.human(&["ui"]), 100, 30);
    let held = held.recv().unwrap();
    // What is known of this machine is there meanwhile.
    terminal.wait_for("> kept");
    terminal.wait_for("asking the store why");
    terminal.press("?");
    terminal.wait_for("look and ask again");
    terminal.press("?j");
    terminal.wait_for("> out");
    drop(held);
    terminal.wait_for("has the very key");
    let again = place.gate.hold(Point { line: "GET /v1/snapshots", nth: 1, moment: Moment::Come });
    terminal.press("r");
    let _again = again.recv().unwrap();
    terminal.wait_for("asking the store …");
    terminal.press("q");
    assert!(terminal.end().success());
}
