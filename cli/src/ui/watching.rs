//! The thread that watches the local state: whether a save or restore of the workspace goes on, and whether one has ended.

use std::io;
use std::path::Path;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crate::context::Context;
use crate::state::WorkspaceState;
use crate::state::activity;
use crate::ui::Obituary;
use crate::ui::event::Event;
use crate::ui::loading::silent;
use crate::workspace::Workspace;

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Starts the thread. It ends when nobody listens any more.
pub(super) fn start(context: &Context, events: &Sender<Event>) -> io::Result<()> {
    let (context, events) = (silent(context), Obituary(events.clone()));
    thread::Builder::new().name("watch".to_owned()).spawn(move || watch(&context, &events))?;
    Ok(())
}

fn watch(context: &Context, events: &Obituary) {
    let mut workspace: Option<WorkspaceState> = None;
    let (mut told, mut known) = (None, None);
    loop {
        // sci.toml may come, or become readable, later.
        if workspace.is_none() {
            workspace = Workspace::look(context).ok().flatten().map(|workspace| workspace.state);
            known = workspace.as_ref().map(|state| version(&state.before()));
        }
        if let Some(state) = &workspace {
            let now = activity::read(&state.activity());
            let version = version(&state.before());
            let changed = known.as_ref() != Some(&version);
            known = Some(version);
            let news = (now != told).then(|| Event::Activity(now.clone())).into_iter();
            let news = news.chain(changed.then_some(Event::Changed));
            for event in news {
                if events.0.send(event).is_err() {
                    return;
                }
            }
            told = now;
        }
        thread::sleep(PAUSE);
    }
}

/// By what a file that is replaced tells that it was.
#[allow(clippy::unnecessary_cast, reason = "the fields' types differ between platforms")]
fn version(file: &Path) -> Option<(u64, i64, i64)> {
    let found = sci_sys::fs::lstat(file).ok()?;
    Some((found.st_ino as u64, found.st_mtime as i64, found.st_mtime_nsec as i64))
}
