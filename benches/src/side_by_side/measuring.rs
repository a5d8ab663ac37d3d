//! One measurement from the beginning to the end: who takes part, on what, and where.

use std::path::{Path, PathBuf};

use crate::Failure;
use crate::contestant::Contestant;
use crate::files::sum;
use crate::filter::Filter;
use crate::goals;
use crate::limit::{self, Limit};
use crate::peers::{self, Repository};
use crate::phase::Phase;
use crate::place::Place;
use crate::plan;
use crate::report::{Absent, Report, Tree};
use crate::rounds;
use crate::sci::{self, Sci, Sources, Trees};
use crate::stage::Stage;
use crate::tools::{Need, Tools, target};
use crate::workload::{NAMES, PNPM, SOURCES, Workload};

/// What was asked for.
pub(crate) struct Measuring<'a> {
    filter: Filter,
    given: &'a [Workload],
    /// Where the measured files are.
    dir: PathBuf,
    /// Where workloads are made.
    made: PathBuf,
    tools: Tools,
    rounds: u32,
}

/// Takes what is known so far.
pub(crate) type Keep<'a> = &'a dyn Fn(&Report) -> Result<(), Failure>;

/// Sorts the words of `--only`.
///
/// # Errors
/// For an unknown word.
pub(crate) fn filter(only: &[String], given: &[Workload]) -> Result<Filter, Failure> {
    let mut programs: Vec<&str> = [sci::NAME].to_vec();
    programs.extend(peers::ALL.iter().map(|tool| tool.name));
    programs.extend(plan::ALL.iter().map(|planner| planner.name));
    programs.extend(limit::ALL.into_iter().map(Limit::label));
    Filter::parse(only, &workloads(given), &programs)
}

/// The usual workloads, and those that were given under another name.
fn workloads(given: &[Workload]) -> Vec<String> {
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    let own = given.iter().map(|workload| &workload.name).filter(|name| !NAMES.contains(&name.as_str()));
    names.extend(own.cloned());
    names
}

/// Whoever might be measured, with what each needs.
fn needs() -> Vec<(&'static str, &'static [Need])> {
    let peers = peers::ALL.iter().map(|tool| (tool.name, tool.needs));
    peers.chain(plan::ALL.iter().map(|planner| (planner.name, planner.needs))).collect()
}

impl<'a> Measuring<'a> {
    /// Sorts out what was asked for.
    ///
    /// # Errors
    /// For an unknown word in `only`.
    pub(crate) fn new(
        only: &[String],
        given: &'a [Workload],
        dir: Option<&Path>,
        rounds: u32,
    ) -> Result<Self, Failure> {
        let target = target()?;
        let made = target.join("bench");
        let dir = dir.map_or_else(|| made.clone(), Path::to_path_buf);
        let tools = Tools::at(target.join("tools/bench"));
        Ok(Self { filter: filter(only, given)?, given, dir, made, tools, rounds })
    }

    /// Installs what is missing of what is asked for.
    ///
    /// # Errors
    /// When a package manager fails.
    pub(crate) fn install(&self) -> Result<(), Failure> {
        for (_, needs) in needs().into_iter().filter(|(name, _)| self.filter.program(name)) {
            needs.iter().try_for_each(|need| self.tools.install(*need))?;
        }
        if self.filter.workload("pnpm") { self.tools.install(PNPM) } else { Ok(()) }
    }

    /// Measures, and gives what is known after each phase to `keep`: a run takes long, and may be stopped.
    ///
    /// # Errors
    /// When sci fails, the workloads cannot be made, or `keep` fails.
    pub(crate) fn run(&self, keep: Keep<'_>) -> Result<Report, Failure> {
        let sci = Sci::find(&target()?)?;
        let place = Place::of(&self.dir)?;
        if let Some(warning) = place.warning() {
            eprintln!("Warning: {warning}");
        }
        if !self.tools.has(Need::System("rsync", "rsync")) {
            return Err("rsync is missing: it changes the trees between two measurements".into());
        }
        let absent = self.absent();
        for Absent { program, needs } in &absent {
            eprintln!("Warning: {program} is not measured: it needs {needs}; --install installs it");
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut report = Report::new(place, processors, self.rounds, absent);
        for name in workloads(self.given).iter().filter(|name| self.filter.workload(name)) {
            if self.phases(name).next().is_some() {
                self.workload(name, &sci, &mut report, keep)?;
            }
        }
        Ok(report)
    }

    /// Who is asked for and lacks something.
    fn absent(&self) -> Vec<Absent> {
        let asked = needs().into_iter().filter(|(name, _)| self.filter.program(name));
        let lacks = asked.filter_map(|(name, needs)| Some((name, needs.iter().find(|need| !self.tools.has(**need))?)));
        let mut absent: Vec<Absent> =
            lacks.map(|(name, need)| Absent { program: name.to_owned(), needs: need.to_string() }).collect();
        absent.dedup();
        absent
    }

    fn phases(&self, workload: &str) -> impl Iterator<Item = Phase> {
        let plans = workload == SOURCES;
        Phase::ALL.into_iter().filter(move |phase| phase.is_plan() == plans && self.filter.phase(*phase))
    }

    /// Takes one workload through its phases.
    fn workload(&self, name: &str, sci: &Sci, report: &mut Report, keep: Keep<'_>) -> Result<(), Failure> {
        let given = self.given.iter().find(|workload| workload.name == name).cloned();
        let workload = match given {
            Some(workload) => workload,
            None => Workload::made(name, &self.made, &self.tools)?,
        };
        let amount = sum(&workload.first)?;
        let two = workload.next.is_some();
        let stage = Stage::new(&self.dir, workload, &self.tools)?;
        if name == SOURCES {
            plan::ready(&stage.tree())?;
        }
        let mut contestants = self.contestants(name, sci, &stage, &report.absent)?;
        report.workloads.push(Tree { name: name.to_owned(), files: amount.files, bytes: amount.bytes });
        for phase in self.phases(name).filter(|phase| two || !phase.needs_next()) {
            report.rows.extend(rounds::run(phase, &stage, &mut contestants, self.rounds)?);
            report.goals = goals::judge(&report.rows);
            keep(report)?;
        }
        Ok(())
    }

    fn contestants(
        &self,
        workload: &str,
        sci: &Sci,
        stage: &Stage,
        absent: &[Absent],
    ) -> Result<Vec<Box<dyn Contestant>>, Failure> {
        let mut all: Vec<Box<dyn Contestant>> = Vec::new();
        if workload == SOURCES {
            all.push(Box::new(Sources::new(sci.clone(), stage)?));
            all.extend(plan::ALL.into_iter().map(|planner| Box::new(planner) as Box<dyn Contestant>));
        } else {
            all.push(Box::new(Trees::new(sci.clone(), stage)?));
            all.extend(peers::ALL.into_iter().map(|tool| Box::new(Repository::new(tool)) as Box<dyn Contestant>));
        }
        all.extend(limit::ALL.into_iter().map(|limit| Box::new(limit) as Box<dyn Contestant>));
        let there = |name: &str| !absent.iter().any(|absent| absent.program == name);
        all.retain(|contestant| self.filter.program(contestant.name()) && there(contestant.name()));
        Ok(all)
    }
}
