//! A terminal with a program in it: a pty, and an emulator that makes of what the program writes what a person would see.

use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pty_process::Size;
use pty_process::blocking::{Pty, open};
use vt100::Parser;

/// How long a screen may take to become what it has to be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal. Its program is killed when it is dropped.
pub struct Terminal {
    pty: Arc<Pty>,
    seen: Arc<Seen>,
    child: Child,
}

fn lines(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

/// What was written so far.
struct Seen {
    state: Mutex<State>,
    news: Condvar,
}

struct State {
    parser: Parser,
    ended: bool,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_all(&self, pty: &Pty) {
        let mut part = [0; 4096];
        let mut pty = pty;
        // That nobody has the other end any more is an error here.
        while let Ok(length @ 1..) = pty.read(&mut part) {
            self.lock().parser.process(&part[..length]);
            self.news.notify_all();
        }
        self.lock().ended = true;
        self.news.notify_all();
    }
}

impl Terminal {
    /// Starts the command in a terminal of its own.
    pub fn start(command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let child = pty_process::blocking::Command::from(command).env("TERM", "xterm-256color").spawn(pts).unwrap();
        let state = Mutex::new(State { parser: Parser::new(lines(rows), lines(columns), 0), ended: false });
        let (pty, seen) = (Arc::new(pty), Arc::new(Seen { state, news: Condvar::new() }));
        let (reader, shared) = (Arc::clone(&pty), Arc::clone(&seen));
        std::thread::spawn(move || shared.read_all(&reader));
        Self { pty, seen, child }
    }

    /// The process in it.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Types.
    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Gives it another size, as when a window is dragged.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen.lock().parser.screen_mut().set_size(lines(rows), lines(columns));
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.seen.lock().parser.screen().contents()
    }

    /// Asks something of the screen.
    pub fn ask<T>(&self, question: impl FnOnce(&vt100::Screen) -> T) -> T {
        question(self.seen.lock().parser.screen())
    }

    /// Waits until the text is on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the text is not on the screen any more.
    #[track_caller]
    pub fn wait_until_gone(&self, text: &str) {
        self.wait_until(&format!("the end of {text}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until the screen is what it has to be.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.seen.lock();
        while !is_so(state.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            let over = left.is_zero() || state.ended;
            assert!(!over, "waiting for {what}; the screen is\n{}", state.parser.screen().contents());
            state = self.seen.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.seen.lock();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "it does not end; the screen is\n{}", state.parser.screen().contents());
            state = self.seen.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(state);
        self.child.wait().unwrap()
    }
}

/// Whether a program has the terminal for itself.
pub fn is_taken(screen: &vt100::Screen) -> bool {
    screen.alternate_screen() && screen.hide_cursor()
}

/// Whether anything has another colour than the terminal's own.
pub fn is_coloured(screen: &vt100::Screen) -> bool {
    let (rows, columns) = screen.size();
    let mut places = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
    let own = vt100::Color::Default;
    places.any(|(row, column)| {
        screen.cell(row, column).is_some_and(|cell| cell.fgcolor() != own || cell.bgcolor() != own)
    })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It has ended by itself, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
