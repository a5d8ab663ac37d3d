//! `sci ui`: a dashboard over what the other commands know of a workspace and its store.
//!
//! - [`model`] is what is known and what is looked at. It changes by [`event`]s alone, and asks for effects.
//! - [`view`] makes a frame of it, and nothing else.
//! - [`loading`] asks the planner and the store, [`watching`] the local state, each in a thread of its own: however slow
//!   they are, the screen answers.
//! - [`terminal`] gives the terminal back, whatever happens.
//!
//! Nothing here decides about keys or verdicts: what is shown comes from `flow`.

pub mod detail;
pub mod event;
pub mod keys;
pub mod layout;
pub mod loading;
pub mod model;
pub mod paint;
pub mod terminal;
pub mod view;
pub mod watching;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::style::force_color_output;

use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use event::{Effect, Event};
use loading::Loaders;
use model::Model;
use terminal::Screen;

/// How long nothing is drawn at most: ages change, and somebody may have asked to stop.
const TICK: Duration = Duration::from_millis(250);

/// Shows the dashboard until it is left.
///
/// # Errors
/// [`Kind::Local`] when the terminal cannot be used, or a part of the dashboard failed.
pub fn run(context: &Context) -> Result<Exit> {
    let _watch = context.interrupts.watch();
    let _shield = context.interrupts.shield();
    // Whether there are colours the styles say already; the library would look at NO_COLOR once more.
    force_color_output(true);
    let screen = Screen::enter().map_err(unusable)?;
    let ended = show(context, &screen);
    drop(screen);
    ended
}

fn show(context: &Context, screen: &Screen) -> Result<Exit> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout())).map_err(unusable)?;
    let (sender, events) = channel();
    let loaders = Loaders::start(context, &sender).map_err(unusable)?;
    watching::start(context, &sender).map_err(unusable)?;
    keys::start(&sender).map_err(unusable)?;
    let size = terminal.size().map_err(unusable)?;
    let mut model = Model::new(context.out.styles(), (size.width, size.height), Timestamp::now());
    loaders.perform(Effect::Refresh);
    while screen.is_ours() {
        terminal.draw(|frame| view::draw(&model, frame)).map_err(unusable)?;
        if let Some(exit) = turn(context, &events, &mut model, &loaders)? {
            return Ok(exit);
        }
    }
    Err(failed("a thread of the dashboard panicked"))
}

/// Takes whatever has happened; gives how to end, when it is time to.
fn turn(context: &Context, events: &Receiver<Event>, model: &mut Model, loaders: &Loaders) -> Result<Option<Exit>> {
    let first = match events.recv_timeout(TICK) {
        Ok(event) => Some(event),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => return Err(failed("the dashboard lost its threads")),
    };
    model.now = Timestamp::now();
    if let Some(signal) = context.interrupts.caught() {
        return Ok(Some(Exit::Interrupted(signal)));
    }
    for event in first.into_iter().chain(std::iter::from_fn(|| events.try_recv().ok())) {
        if let Event::Broken(why) = event {
            return Err(failed(why));
        }
        for effect in model.update(event) {
            match effect {
                Effect::Leave(exit) => return Ok(Some(exit)),
                effect => loaders.perform(effect),
            }
        }
    }
    Ok(None)
}

/// Sends the news that a thread panicked, when it did.
struct Obituary(Sender<Event>);

impl Drop for Obituary {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody is there to hear it when the dashboard has ended already.
            let _ = self.0.send(Event::Broken("a thread of the dashboard panicked".to_owned()));
        }
    }
}

fn failed(why: impl std::fmt::Display) -> CliError {
    CliError::new(Kind::Local, why)
}

fn unusable(error: io::Error) -> CliError {
    failed(format!("the terminal cannot be used: {error}"))
        .hint("`sci ui --json` prints the same state once; `sci ls` and `sci explain` print parts of it")
}

#[cfg(test)]
mod tests;
