//! What the dashboard knows, and what is looked at. Pure: events change it, and it asks for effects.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ratatui::layout::Rect;
use sci_store_api::RunId;
use sci_store_api::snapshots::SnapshotSummary;

use crate::error::CliError;
use crate::exit::Exit;
use crate::flow::explained::{Explained, Unkeyed};
use crate::flow::local::{Local, LocalPath};
use crate::flow::runs::{Run, ScopeSum, by_scope};
use crate::output::Styles;
use crate::state::activity::Activity;
use crate::ui::event::{Effect, Event, Shared};
use crate::ui::keys::Key;
use crate::ui::{detail, layout};

/// Something that is asked for in the background.
#[derive(Debug)]
pub struct Loaded<T> {
    /// What was answered last.
    pub value: Option<T>,
    /// What went wrong since.
    pub trouble: Option<CliError>,
    /// Whether an answer is awaited.
    pub awaited: bool,
}

impl<T> Loaded<T> {
    /// Nothing is known yet, and everything awaited.
    const fn awaited() -> Self {
        Self { value: None, trouble: None, awaited: true }
    }

    fn answer(&mut self, answer: Result<T, CliError>) {
        self.awaited = false;
        self.trouble = match answer {
            Ok(value) => {
                self.value = Some(value);
                None
            }
            Err(error) => Some(error),
        };
    }
}

/// What is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// The workspace and the runs side by side.
    Overview,
    /// One path of the workspace.
    Path,
    /// One run.
    Run,
    /// Snapshots by scope.
    Snapshots,
}

/// The list of the overview that has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The workspace's paths.
    Local,
    /// The store's runs.
    Runs,
}

/// The dashboard.
#[derive(Debug)]
pub struct Model {
    /// How things are painted.
    pub styles: Styles,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The present time.
    pub now: Timestamp,
    /// The workspace.
    pub local: Loaded<Local>,
    /// The store.
    pub store: Loaded<Shared>,
    /// Runs that the store was asked about.
    pub runs: BTreeMap<RunId, Result<Vec<Explained>, CliError>>,
    /// What goes on in the workspace.
    pub activity: Option<Activity>,
    /// What is on the screen.
    pub view: View,
    /// Whether the keys are shown over it.
    pub help: bool,
    /// The list that has the keys.
    pub pane: Pane,
    /// The chosen path of the workspace.
    pub path: usize,
    /// The chosen run.
    pub run: usize,
    /// The chosen path of the run.
    pub run_path: usize,
    /// The chosen scope.
    pub scope: usize,
    /// Rows of the details that are scrolled past.
    pub scroll: usize,
    asking: u64,
    asked: Option<RunId>,
}

impl Model {
    /// The beginning: everything is awaited.
    pub fn new(styles: Styles, size: (u16, u16), now: Timestamp) -> Self {
        Self {
            styles,
            size,
            now,
            local: Loaded::awaited(),
            store: Loaded::awaited(),
            runs: BTreeMap::new(),
            activity: None,
            view: View::Overview,
            help: false,
            pane: Pane::Local,
            path: 0,
            run: 0,
            run_path: 0,
            scope: 0,
            scroll: 0,
            asking: 0,
            asked: None,
        }
    }

    /// The paths of the workspace.
    pub fn paths(&self) -> &[LocalPath] {
        self.local.value.as_ref().map_or(&[], |local| &local.paths)
    }

    /// The runs of the store.
    pub fn all_runs(&self) -> &[Run] {
        self.store.value.as_ref().map_or(&[], |shared| &shared.published.runs)
    }

    /// The snapshots of the store.
    pub fn snapshots(&self) -> &[SnapshotSummary] {
        self.store.value.as_ref().map_or(&[], |shared| &shared.published.snapshots)
    }

    /// The scopes that they are in.
    pub fn scopes(&self) -> Vec<ScopeSum> {
        by_scope(self.snapshots())
    }

    /// The chosen path of the workspace.
    pub fn chosen_path(&self) -> Option<&LocalPath> {
        self.paths().get(self.path)
    }

    /// The chosen run.
    pub fn chosen_run(&self) -> Option<&Run> {
        self.all_runs().get(self.run)
    }

    /// What the chosen run planned, once it is known.
    pub fn planned(&self) -> Option<&Result<Vec<Explained>, CliError>> {
        self.runs.get(&self.chosen_run()?.run)
    }

    /// What the store says of a path of the workspace.
    pub fn explained(&self, path: &LocalPath) -> Option<&Explained> {
        let explained = &self.store.value.as_ref()?.explained;
        explained.iter().find(|found| found.name == path.name && found.instance == path.instance)
    }

    /// Why a path had no key at the last restore.
    pub fn unkeyed(&self, path: &LocalPath) -> Option<&Unkeyed> {
        let unkeyed = &self.store.value.as_ref()?.unkeyed;
        unkeyed.iter().find(|found| found.name == path.name && found.instance == path.instance)
    }

    /// Entries of the longest list on the screen; where something else is to be read there, as many as there is room for.
    pub fn entries(&self) -> usize {
        let is_known = self.local.value.is_some() && self.store.value.is_some();
        let is_well = self.local.trouble.is_none() && self.store.trouble.is_none();
        match self.view {
            View::Overview if is_known && is_well => self.paths().len().max(self.all_runs().len()),
            View::Run => self.planned().and_then(|planned| planned.as_ref().ok()).map_or(0, Vec::len),
            View::Snapshots if is_well => self.scopes().len(),
            _ => usize::MAX,
        }
    }

    /// Takes an event.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) => return self.key(key),
            Event::Resize(columns, rows) => self.size = (columns, rows),
            Event::Local(answer) => self.local.answer(answer),
            Event::Store(asking, answer) => self.published(asking, *answer),
            Event::Run(asking, run, answer) if asking == self.asking => {
                self.runs.insert(run, answer);
            }
            Event::Activity(now) => {
                let ended = self.activity.is_some() && now.is_none();
                self.activity = now;
                if ended {
                    return self.refresh();
                }
            }
            Event::Changed if self.activity.is_none() => return self.refresh(),
            Event::Run(..) | Event::Changed | Event::Broken(_) => {}
        }
        self.settle()
    }

    fn published(&mut self, asking: u64, answer: Result<Shared, CliError>) {
        let chosen = self.chosen_run().map(|run| run.run.clone());
        self.store.answer(answer);
        self.asking = asking;
        self.asked = None;
        if self.store.trouble.is_none() {
            self.runs.clear();
        }
        // New runs come before the one that is looked at.
        let same = self.all_runs().iter().position(|run| Some(&run.run) == chosen.as_ref());
        self.run = same.unwrap_or(self.run);
    }

    fn refresh(&mut self) -> Vec<Effect> {
        self.local.awaited = true;
        self.store.awaited = true;
        vec![Effect::Refresh]
    }

    fn key(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Quit => return vec![Effect::Leave(Exit::Success)],
            Key::Interrupt => return vec![Effect::Leave(Exit::Interrupted(2))],
            Key::Help => self.help = !self.help,
            Key::Back if self.help => self.help = false,
            _ if self.help => {}
            Key::Refresh => return self.refresh(),
            Key::Back => self.show(View::Overview),
            Key::Snapshots if self.view == View::Snapshots => self.show(View::Overview),
            Key::Snapshots => self.show(View::Snapshots),
            Key::Open => self.open(),
            Key::Left | Key::Right | Key::Other => self.turn(key),
            Key::PageUp => self.scroll = self.scroll.saturating_sub(self.page()),
            Key::PageDown => self.scroll = self.scroll.saturating_add(self.page()),
            Key::Up | Key::Down | Key::First | Key::Last => self.choose(key),
        }
        self.settle()
    }

    fn show(&mut self, view: View) {
        if self.view != view {
            (self.view, self.scroll) = (view, 0);
        }
    }

    fn open(&mut self) {
        match (self.view, self.pane) {
            (View::Overview, Pane::Local) if self.chosen_path().is_some() => self.show(View::Path),
            (View::Overview, Pane::Runs) if self.chosen_run().is_some() => {
                self.run_path = 0;
                self.show(View::Run);
            }
            _ => {}
        }
    }

    fn turn(&mut self, key: Key) {
        let pane = match (key, self.pane) {
            (Key::Left, _) | (Key::Other, Pane::Runs) => Pane::Local,
            _ => Pane::Runs,
        };
        if self.view == View::Overview && pane != self.pane {
            (self.pane, self.scroll) = (pane, 0);
        }
    }

    /// Moves in the list that has the keys; where there is none, in the details.
    fn choose(&mut self, key: Key) {
        if self.view == View::Path {
            self.scroll = moved(self.scroll, key);
            return;
        }
        let chosen = match (self.view, self.pane) {
            (View::Overview, Pane::Local) | (View::Path, _) => &mut self.path,
            (View::Overview, Pane::Runs) => &mut self.run,
            (View::Run, _) => &mut self.run_path,
            (View::Snapshots, _) => &mut self.scope,
        };
        *chosen = moved(*chosen, key);
        self.scroll = 0;
    }

    /// Keeps what is chosen and scrolled within what there is, and asks for the run that is looked at.
    fn settle(&mut self) -> Vec<Effect> {
        let within = |at: usize, length: usize| at.min(length.saturating_sub(1));
        self.path = within(self.path, self.paths().len());
        self.run = within(self.run, self.all_runs().len());
        let planned = self.planned().and_then(|planned| planned.as_ref().ok()).map_or(0, Vec::len);
        self.run_path = within(self.run_path, planned);
        self.scope = within(self.scope, self.scopes().len());
        if self.scroll > 0 {
            let area = self.details();
            let rows = detail::lines(self, usize::from(area.width)).len();
            self.scroll = self.scroll.min(rows.saturating_sub(usize::from(area.height)));
        }
        self.wanted_run().map(Effect::Run).into_iter().collect()
    }

    /// The run that is looked at, unless the store was asked about it already.
    fn wanted_run(&mut self) -> Option<RunId> {
        let looked_at = self.view == View::Run || self.view == View::Overview && self.pane == Pane::Runs;
        let run = self.chosen_run().filter(|_| looked_at).map(|run| run.run.clone())?;
        if self.runs.contains_key(&run) || self.asked.as_ref() == Some(&run) {
            return None;
        }
        self.asked = Some(run.clone());
        Some(run)
    }

    /// Where the details are.
    fn details(&self) -> Rect {
        let (width, height) = self.size;
        let body = layout::frame(Rect::new(0, 0, width, height)).body;
        layout::inside(match self.view {
            View::Path => body,
            View::Overview => layout::body(body, 2, self.entries()).details,
            View::Run | View::Snapshots => layout::body(body, 1, self.entries()).details,
        })
    }

    fn page(&self) -> usize {
        usize::from(self.details().height.saturating_sub(1)).max(1)
    }
}

const fn moved(from: usize, key: Key) -> usize {
    match key {
        Key::Up => from.saturating_sub(1),
        Key::Down => from.saturating_add(1),
        Key::First => 0,
        _ => usize::MAX,
    }
}
