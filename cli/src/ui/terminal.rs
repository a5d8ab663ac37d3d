//! The terminal, taken and given back: at the end, after an error, and when something panics.

use std::io::{self, Write};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

/// Whether the terminal is ours. There is one terminal, so there is one of this.
static OURS: AtomicBool = AtomicBool::new(false);

/// The terminal is ours while this is alive, or until something panics.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the terminal: no echo, no lines, a screen of its own without a cursor.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(give_back_on_panic);
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        // From here on whatever fails gives it back.
        let screen = Self(());
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        Ok(screen)
    }

    /// False once something panicked: then nothing may be drawn any more.
    pub fn is_ours(&self) -> bool {
        OURS.load(Ordering::SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives it back, once: the second time would put the cursor where it was before the message of a panic.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        // A terminal that is gone needs nothing back.
        let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
        let _ = io::stdout().flush();
        let _ = disable_raw_mode();
    }
}

/// The message of a panic is to be read on the screen that stays.
fn give_back_on_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        give_back();
        usual(info);
    }));
}
