//! Notes: a file with a TOML head between `+++` lines and a Markdown body.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The greeting of an empty notebook.
pub const WELCOME: &str = include_str!("welcome.md");

/// One note, ready to be shown.
#[derive(Debug, PartialEq, Serialize)]
pub struct Note {
    pub title: String,
    pub date: String,
    pub html: String,
}

#[derive(Deserialize)]
struct Head {
    title: String,
    date: String,
}

/// Parses one note; `None` when it has no valid head.
pub fn parse(text: &str) -> Option<Note> {
    let (head, body) = text.strip_prefix("+++\n")?.split_once("\n+++\n")?;
    let Head { title, date } = toml::from_str(head).ok()?;
    Some(Note { title, date, html: render(body) })
}

/// Reads every note in `dir`, newest first; files that are no notes are left out.
pub fn read_all(dir: &Path) -> io::Result<Vec<Note>> {
    let mut notes = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        notes.extend(parse(&std::fs::read_to_string(entry?.path())?));
    }
    if notes.is_empty() {
        notes.extend(parse(WELCOME));
    }
    notes.sort_by(|a, b| b.date.cmp(&a.date));
    Ok(notes)
}

fn render(markdown: &str) -> String {
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(markdown));
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_a_head_and_a_body() {
        let note = parse("+++\ntitle = \"A\"\ndate = \"2026-01-02\"\n+++\n# Hello\n").unwrap();
        assert_eq!((note.title.as_str(), note.html.as_str()), ("A", "<h1>Hello</h1>\n"));
        assert_eq!(parse("no head"), None);
        assert!(parse(WELCOME).is_some());
    }
}
