//! The thread that looks at each request and lets it go on.

use std::io::{self, PipeReader};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ChildStdin;

use rustix::event::{PollFd, PollFlags, poll};

use crate::Reads;

use super::listener::{Listener, Request};
use super::place::Place;
use super::target::{Asked, asked, comes_to_nothing};

/// Errors in a row after which the kernel is not asked again.
const PATIENCE: u32 = 1000;

/// What the thread has. When it ends, however it ends, all of it is dropped: then the process that stands by takes over.
pub(super) struct Supervisor {
    pub(super) listener: Listener,
    pub(super) place: Place,
    /// Ends the thread when its other end is closed.
    pub(super) stop: PipeReader,
    /// Tells the process that stands by that we are here.
    pub(super) here: ChildStdin,
}

impl Supervisor {
    /// Looks at requests until it is told to stop.
    pub(super) fn run(self) -> Reads {
        let Self { mut listener, mut place, stop, here } = self;
        let mut failures = 0;
        while failures < PATIENCE && until_asked(&listener, &stop) {
            match listener.next() {
                Ok(request) => {
                    failures = 0;
                    // Whatever happens to us meanwhile, the process that waits must not notice.
                    let looked = catch_unwind(AssertUnwindSafe(|| look(&listener, &mut place, &request)));
                    listener.let_go(request.id);
                    if looked.is_err() {
                        place.reads.unseen(|| "looking at it failed".to_owned());
                    }
                }
                Err(_) => failures += 1,
            }
        }
        drop(here);
        place.reads
    }
}

/// Waits for a request; false when there will be none, or none is to be looked at any more.
fn until_asked(listener: &Listener, stop: &PipeReader) -> bool {
    loop {
        let mut wanted = [PollFd::new(&listener.descriptor, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) if !wanted[1].revents().is_empty() => return false,
            Ok(_) if wanted[0].revents().contains(PollFlags::IN) => return true,
            // Nobody is left who could ask.
            Ok(_) => return false,
        }
    }
}

fn look(listener: &Listener, place: &mut Place, request: &Request) {
    let asked = asked(request);
    // Another thread may have been given the number meanwhile.
    if !listener.waits(request.id) {
        return;
    }
    match asked {
        Ok(Asked::Path(path)) => place.note(&path),
        Ok(Asked::Nothing) => {}
        Ok(Asked::Unknown) => place.reads.unseen(|| "a file was opened by its handle".to_owned()),
        Err(error) if comes_to_nothing(&error) => {}
        Err(error) => place.reads.unseen(|| format!("the memory of a process could not be read: {error}")),
    }
}

/// Lets every request go on, unseen, until nobody is left who could ask.
pub(super) fn let_all_go(listener: &mut Listener) -> io::Result<()> {
    let mut failures = 0;
    while failures < PATIENCE {
        let mut wanted = [PollFd::new(&listener.descriptor, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Err(rustix::io::Errno::INTR) => continue,
            outcome => outcome?,
        };
        if !wanted[0].revents().contains(PollFlags::IN) {
            return Ok(());
        }
        match listener.next() {
            Ok(request) => {
                failures = 0;
                listener.let_go(request.id);
            }
            Err(_) => failures += 1,
        }
    }
    Ok(())
}

/// Whether the descriptor is one that tells of requests.
pub(super) fn is_listener(descriptor: BorrowedFd<'_>) -> bool {
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&descriptor));
    std::fs::read_link(link).is_ok_and(|link| link.to_string_lossy().contains("seccomp notify"))
}
