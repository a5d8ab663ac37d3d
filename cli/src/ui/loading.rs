//! The threads that ask: one the planner, one the store. What is asked while they are busy is asked once.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use sci_store_api::RunId;

use crate::context::Context;
use crate::error::{CliError, Result};
use crate::flow::explaining::{self, Wanted};
use crate::flow::{local, runs};
use crate::output::Output;
use crate::state::before::Before;
use crate::store::{Store, remote};
use crate::ui::Obituary;
use crate::ui::event::{Effect, Event, Shared};
use crate::workspace::Workspace;

/// The threads, as those see them who ask.
#[derive(Debug)]
pub(super) struct Loaders {
    local: Sender<()>,
    store: Sender<Request>,
}

/// What the store is asked.
#[derive(Debug)]
enum Request {
    Everything,
    Run(RunId),
}

impl Loaders {
    /// Starts the threads. They end with the process, since a store may let them wait for long.
    pub(super) fn start(context: &Context, events: &Sender<Event>) -> io::Result<Self> {
        let (local, looks) = channel();
        let (store, requests) = channel();
        let (mut ours, told) = (silent(context), events.clone());
        thread::Builder::new().name("workspace".to_owned()).spawn(move || look(&mut ours, &looks, &Obituary(told)))?;
        let (ours, told) = (silent(context), events.clone());
        thread::Builder::new().name("store".to_owned()).spawn(move || ask(&ours, &requests, &Obituary(told)))?;
        Ok(Self { local, store })
    }

    /// Has something done. Leaving is not a thing of theirs.
    pub(super) fn perform(&self, effect: Effect) {
        // A thread that is gone has said so.
        let _ = match effect {
            Effect::Refresh => {
                self.local.send(()).map_err(drop).and(self.store.send(Request::Everything).map_err(drop))
            }
            Effect::Run(run) => self.store.send(Request::Run(run)).map_err(drop),
            Effect::Leave(_) => Ok(()),
        };
    }
}

/// A context that prints nothing.
pub fn silent(context: &Context) -> Context {
    let start = context.start().to_owned();
    Context::new(context.globals.clone(), context.environment.clone(), Output::silent(), start)
}

fn look(context: &mut Context, requests: &Receiver<()>, events: &Obituary) {
    while requests.recv().is_ok() {
        while requests.try_recv().is_ok() {}
        if events.0.send(Event::Local(look_once(context))).is_err() {
            return;
        }
    }
}

/// Looks at the workspace once.
///
/// # Errors
/// When there is none, or it is not in order.
pub fn look_once(context: &mut Context) -> Result<local::Local> {
    let workspace = Workspace::look(context)?.ok_or_else(|| Workspace::missing(context))?;
    local::look(context, &workspace)
}

fn ask(context: &Context, requests: &Receiver<Request>, events: &Obituary) {
    let mut open: Option<Store> = None;
    let mut asked = 0;
    while let Ok(first) = requests.recv() {
        // Of the runs that were passed by on the way to another, nobody wants to know any more.
        let (mut everything, mut run) = (false, None);
        for request in std::iter::once(first).chain(requests.try_iter()) {
            match request {
                Request::Everything => everything = true,
                Request::Run(wanted) => run = Some(wanted),
            }
        }
        if everything {
            asked += 1;
            let answer = ask_once(context).map(|(store, shared)| {
                open = Some(store);
                shared
            });
            if events.0.send(Event::Store(asked, Box::new(answer))).is_err() {
                return;
            }
        }
        if let (Some(store), Some(run)) = (&open, run) {
            let wanted = Wanted { run: Some(run.clone()), ..Wanted::default() };
            let answer = explaining::latest(store, &wanted, None);
            if events.0.send(Event::Run(asked, run, answer)).is_err() {
                return;
            }
        }
    }
}

/// Opens the store and asks it for everything that is shown at once.
///
/// # Errors
/// When it cannot be opened or asked.
pub fn ask_once(context: &Context) -> Result<(Store, Shared), CliError> {
    let workspace = Workspace::look(context)?;
    let store = Store::open_to_list(context, workspace.as_ref())?;
    let place = match (store.directory(), remote::place(context, workspace.as_ref())) {
        (Some(directory), _) => directory.display().to_string(),
        (None, Some(place)) => place.url().to_owned(),
        (None, None) => String::new(),
    };
    let published = runs::published(&store)?;
    let before = workspace.and_then(|workspace| Before::read(&workspace.state.before()));
    let explained = match &before {
        Some(before) => explaining::latest(&store, &Wanted::default(), Some(before))?,
        None => Vec::new(),
    };
    let unkeyed = explaining::unkeyed(before.as_ref(), &Wanted::default());
    Ok((store, Shared { place, published, explained, unkeyed }))
}
