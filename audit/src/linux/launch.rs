//! Starting a command with the filter upon it.

use std::fs::File;
use std::io::{self, PipeWriter, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::{Reads, Scope, Unavailable};

use super::filter;
use super::listener::{self, Listener};
use super::place::Place;
use super::supervise::Supervisor;

/// A command that is being watched, with all processes that it starts.
#[derive(Debug)]
pub struct Watch {
    stop: PipeWriter,
    thread: JoinHandle<Reads>,
}

impl Watch {
    /// Ends the watch. Processes that the command has left behind go on unseen.
    pub fn stop(self) -> Reads {
        drop(self.stop);
        self.thread.join().unwrap_or_default()
    }
}

/// Starts `command` and watches what it reads; when that is not possible it is started all the same, and it is said why.
///
/// `standby` is [`standby`](super::standby()), started from a program that begins with [`stand_by`](super::stand_by). The
/// command and what it starts cannot gain privileges: `sudo` fails in it.
///
/// # Errors
/// One of the command, when it cannot be started; and one of the watch, when there is none.
pub fn spawn(command: &mut Command, scope: Scope, standby: Command) -> (io::Result<Child>, Result<Watch, Unavailable>) {
    let root = scope.root.clone();
    let place = match Place::new(scope) {
        Ok(place) => place,
        Err(error) => return (command.spawn(), Err(Unavailable::Root(error))),
    };
    let (started, watch) = thread::scope(|threads| {
        let (offer, offered) = channel();
        let (answered, is_answered) = channel();
        // A thread of its own, since a filter is never taken off again: whoever has it hands it on to what he starts.
        let starter = threads.spawn(|| start(command, &root, offer, is_answered));
        let offered = offered.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
        let watch = offered.map_err(refused).and_then(|listener| supervise(listener, place, standby));
        if watch.is_ok() {
            let _gone = answered.send(());
        }
        // Dropped, it says that nobody will answer: the thread ends then, and opens nothing.
        drop(answered);
        (starter.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into())), watch)
    });
    match (started, watch) {
        (Ok(child), Ok(watch)) => (child, Ok(watch)),
        (Err(error), Ok(_)) => (command.spawn(), Err(refused(error))),
        (_, Err(unavailable)) => (command.spawn(), Err(unavailable)),
    }
}

/// Takes the filter upon this thread and starts the command, once requests are answered.
///
/// # Errors
/// Why the command was not even tried.
fn start(
    command: &mut Command,
    root: &Path,
    offer: Sender<io::Result<OwnedFd>>,
    is_answered: Receiver<()>,
) -> io::Result<io::Result<Child>> {
    let installed = listener::install(&mut filter::program());
    let _gone = offer.send(installed);
    is_answered.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
    // A request of our own: an old kernel cannot let it go on, and then no command must depend on that.
    File::open(root)?;
    Ok(command.spawn())
}

fn supervise(listener: OwnedFd, place: Place, standby: Command) -> Result<Watch, Unavailable> {
    let listener = Listener::new(listener).map_err(refused)?;
    let here = stand_by(standby, &listener).map_err(Unavailable::Standby)?;
    let (stopped, stop) = pipe().map_err(Unavailable::Standby)?;
    let supervisor = Supervisor { listener, place, stop: stopped, here };
    let thread = thread::Builder::new().name("audit".to_owned()).spawn(|| supervisor.run());
    Ok(Watch { stop, thread: thread.map_err(Unavailable::Standby)? })
}

/// Starts the process that stands by. What the terminal sends to the command does not reach it.
fn stand_by(mut standby: Command, listener: &Listener) -> io::Result<ChildStdin> {
    standby.stdin(Stdio::piped()).stdout(listener.descriptor.try_clone()?).stderr(Stdio::null());
    standby.env_clear().current_dir("/").process_group(0);
    standby.spawn()?.stdin.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
}

fn refused(error: io::Error) -> Unavailable {
    // Only one filter of a process can have somebody who listens.
    if error.kind() == io::ErrorKind::ResourceBusy { Unavailable::Watched } else { Unavailable::Refused(error) }
}
