//! A day of work on the example: a first build, the same build on a fresh machine, then an upgrade.

use std::fs;
use std::time::Duration;

use crate::demo::facts::{Facts, compiled};
use crate::demo::scratch::Scratch;
use crate::shell::Failure;

/// The package that the tour upgrades, as the example's lockfile has it and as it becomes.
const PACKAGE: (&str, &str, &str) = ("dayjs", "1.11.19", "1.11.23");

pub(super) fn tell(machine: &Scratch) -> Result<Facts, Failure> {
    let mut facts = Facts::default();
    let times = [
        ("the first run, with nothing saved", first_build(machine, &mut facts)?),
        ("the same on a fresh machine", same_build(machine, &mut facts)?),
        ("an upgrade on a fresh machine", upgrade(machine, &mut facts)?),
    ];
    println!("\n# from clone to build, sci included");
    for (what, time) in times {
        println!("  {:>6.1} s  {what}", time.as_secs_f64());
    }
    Ok(facts)
}

/// Nothing is saved yet: everything is a miss, the build does all the work, and its state is saved.
fn first_build(machine: &Scratch, facts: &mut Facts) -> Result<Duration, Failure> {
    machine.fresh_machine()?;
    machine.run("cat sci.toml")?;
    machine.run("sci plan")?;
    let first = machine.run("sci run -- ./build.sh")?;
    facts.check(
        "the first run finds nothing",
        has(&first.output, "miss") && !has(&first.output, "exact"),
        &first.output,
    );
    facts.check("the first build compiles every crate", compiled(&first.output).len() > 40, &first.output);
    machine.run("sci ls")?;
    Ok(first.took)
}

/// The same inputs on another machine: state comes back exactly, and the tools find nothing to do.
fn same_build(machine: &Scratch, facts: &mut Facts) -> Result<Duration, Failure> {
    machine.fresh_machine()?;
    let restored = machine.run("sci restore")?;
    let all_exact =
        has(&restored.output, "exact") && !has(&restored.output, "miss") && !has(&restored.output, "nearest");
    facts.check("the same inputs are an exact hit for every path", all_exact, &restored.output);
    let build = machine.run("./build.sh")?;
    facts.compiled(
        "after an exact restore cargo compiles nothing, though every source is a fresh checkout",
        &build.output,
        &[],
    );
    facts.check("after an exact restore npm has nothing to install", has(&build.output, "up to date"), &build.output);
    Ok(restored.took + build.took)
}

/// One package is upgraded and one source edited: the nearest state comes back, and the tools do the rest.
fn upgrade(machine: &Scratch, facts: &mut Facts) -> Result<Duration, Failure> {
    let (name, old, new) = PACKAGE;
    println!("\n# a colleague upgrades one npm package and edits one crate");
    machine.run(&format!("npm install --prefix web --package-lock-only --silent {name}@{new}"))?;
    let source = machine.workspace().join("server/src/main.rs");
    fs::write(&source, fs::read_to_string(&source)?.replace("listening on", "serving on"))?;
    machine.run("git --no-pager diff --stat")?;
    machine.push("upgrade")?;
    machine.fresh_machine()?;
    let run = machine.run("sci run -- ./build.sh")?;
    facts.check("changed inputs find the nearest state", has(&run.output, "nearest"), &run.output);
    facts.compiled("after a nearest restore cargo compiles the edited crate only", &run.output, &["notes-server"]);
    facts.check("after a nearest restore npm changes one package", has(&run.output, "changed 1 package"), &run.output);
    let explained = machine.run("sci explain")?;
    let named = explained.output.lines().any(|line| [name, old, new].iter().all(|word| line.contains(word)));
    facts.check(&format!("explain names {name} with {old} and {new}"), named, &explained.output);
    let source_named = has(&explained.output, "server/src/main.rs");
    facts.check("explain names the edited source", source_named, &explained.output);
    Ok(run.took)
}

fn has(output: &str, word: &str) -> bool {
    output.contains(word)
}
