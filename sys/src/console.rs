//! What Windows tells a console's programs: an interrupt from the keyboard, that the window closes.
#![allow(unsafe_code, reason = "the standard library takes none of it")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, CTRL_C_EVENT, SetConsoleCtrlHandler};
use windows_sys::core::BOOL;

/// What an interrupt from the keyboard counts as: SIGINT, as shells number it.
pub const INTERRUPT: usize = 2;
/// What the end of the session counts as: SIGTERM.
pub const TERMINATE: usize = 15;

/// Who is told.
#[derive(Debug, Clone)]
struct Listener {
    caught: Arc<AtomicUsize>,
    fatal: Option<Arc<AtomicBool>>,
}

/// Those who listen; the last one is told.
static LISTENERS: Mutex<Vec<Listener>> = Mutex::new(Vec::new());
/// Whether the system calls [`handle`]. It does so to the end: to take it back, while it is being called, could wait for ever.
static HANDLED: AtomicBool = AtomicBool::new(false);

/// Listens until it is dropped.
#[derive(Debug)]
pub struct Listening(());

impl Listening {
    /// Puts what comes into `caught`. Where `fatal` is given and set, what comes ends the program; otherwise it is set.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(caught: &Arc<AtomicUsize>, fatal: Option<&Arc<AtomicBool>>) -> io::Result<Self> {
        let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        if !HANDLED.load(Ordering::Relaxed) {
            // SAFETY: the handler is a function of this program, and is there as long as it is.
            let set = unsafe { SetConsoleCtrlHandler(Some(handle), 1) };
            if set == 0 {
                return Err(io::Error::last_os_error());
            }
            HANDLED.store(true, Ordering::Relaxed);
        }
        listeners.push(Listener { caught: Arc::clone(caught), fatal: fatal.cloned() });
        Ok(Self(()))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        LISTENERS.lock().unwrap_or_else(PoisonError::into_inner).pop();
    }
}

/// Called on a thread of the system's own. 0 says that the event is to do what it does by itself: to end the program.
unsafe extern "system" fn handle(event: u32) -> BOOL {
    let listener = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner).last().cloned();
    let Some(Listener { caught, fatal }) = listener else { return 0 };
    if fatal.is_some_and(|fatal| fatal.swap(true, Ordering::Relaxed)) {
        return 0;
    }
    let is_keyboard = matches!(event, CTRL_C_EVENT | CTRL_BREAK_EVENT);
    caught.store(if is_keyboard { INTERRUPT } else { TERMINATE }, Ordering::Relaxed);
    if !is_keyboard {
        // The program is ended when this returns, or some seconds from now: these are for what is under way.
        loop {
            thread::park();
        }
    }
    1
}
