//! Keys: what each means, and the thread that waits for them.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;

use ratatui::crossterm::event::{self, Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::ui::Obituary;
use crate::ui::event::Event;

/// What a key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To the entry above.
    Up,
    /// To the entry below.
    Down,
    /// To the first entry.
    First,
    /// To the last entry.
    Last,
    /// A page of the details up.
    PageUp,
    /// A page of the details down.
    PageDown,
    /// To the left pane.
    Left,
    /// To the right pane.
    Right,
    /// To the other pane.
    Other,
    /// Open what is chosen.
    Open,
    /// Back to where it was opened.
    Back,
    /// Look and ask again.
    Refresh,
    /// Snapshots by scope.
    Snapshots,
    /// Show the keys.
    Help,
    /// Leave.
    Quit,
    /// Leave, as interrupted.
    Interrupt,
}

/// The meaning of a key, if it has one.
pub fn meaning(key: &KeyEvent) -> Option<Key> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => Some(Key::Interrupt),
            KeyCode::Char('u') => Some(Key::PageUp),
            KeyCode::Char('d') => Some(Key::PageDown),
            _ => None,
        };
    }
    Some(match key.code {
        KeyCode::Up | KeyCode::Char('k') => Key::Up,
        KeyCode::Down | KeyCode::Char('j') => Key::Down,
        KeyCode::Home | KeyCode::Char('g') => Key::First,
        KeyCode::End | KeyCode::Char('G') => Key::Last,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Key::PageDown,
        KeyCode::Left | KeyCode::Char('h') => Key::Left,
        KeyCode::Right | KeyCode::Char('l') => Key::Right,
        KeyCode::Tab | KeyCode::BackTab => Key::Other,
        KeyCode::Enter => Key::Open,
        KeyCode::Esc | KeyCode::Backspace => Key::Back,
        KeyCode::Char('r') => Key::Refresh,
        KeyCode::Char('s') => Key::Snapshots,
        KeyCode::Char('?') => Key::Help,
        KeyCode::Char('q') => Key::Quit,
        _ => return None,
    })
}

/// Starts the thread that waits for keys. It ends with the process: nothing else wakes it.
pub(super) fn start(events: &Sender<Event>) -> io::Result<()> {
    let events = events.clone();
    thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let events = Obituary(events);
        loop {
            let event = match event::read() {
                Ok(Input::Key(key)) => meaning(&key).map(Event::Key),
                Ok(Input::Resize(columns, rows)) => Some(Event::Resize(columns, rows)),
                Ok(_) => None,
                Err(error) => Some(Event::Broken(format!("the terminal cannot be read: {error}"))),
            };
            let is_end = matches!(event, Some(Event::Broken(_)));
            if event.is_some_and(|event| events.0.send(event).is_err()) || is_end {
                return;
            }
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_pressed_once_and_only_control_c_interrupts() {
        let plain = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::NONE);
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!((meaning(&plain), meaning(&control)), (None, Some(Key::Interrupt)));
        let mut released = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
        assert_eq!(meaning(&released), Some(Key::Quit));
        released.kind = KeyEventKind::Release;
        assert_eq!(meaning(&released), None);
    }
}
