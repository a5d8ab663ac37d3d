//! From the lines that commands print to the lines of a frame: the same words and colours, wrapped, and nothing that a
//! terminal would obey.

use anstyle::{AnsiColor, Effects};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::output::format::safe;
use crate::output::style::Paint;

/// A character and how it is painted.
type Painted = (char, Style);

/// What an escape code does to a style.
type Change = fn(Style) -> Style;

/// A style of the commands as one of a frame.
pub fn style(paint: Paint) -> Style {
    let paint = paint.style();
    let color = match paint.get_fg_color() {
        Some(anstyle::Color::Ansi(color)) => Some(of_terminal(color)),
        _ => None,
    };
    let style = color.map_or_else(Style::new, |color| Style::new().fg(color));
    let effects = paint.get_effects();
    let modifiers = [(Effects::BOLD, Modifier::BOLD), (Effects::DIMMED, Modifier::DIM)];
    let set = modifiers.into_iter().filter(|(effect, _)| effects.contains(*effect));
    set.fold(style, |style, (_, modifier)| style.add_modifier(modifier))
}

/// The colours that the commands use.
fn of_terminal(color: AnsiColor) -> Color {
    match color {
        AnsiColor::Green => Color::Green,
        AnsiColor::Yellow => Color::Yellow,
        AnsiColor::Red => Color::Red,
        AnsiColor::Cyan => Color::Cyan,
        _ => Color::Reset,
    }
}

/// Printed lines as lines of a frame, wrapped to a width. Where a line goes on, it is indented a little more.
pub fn wrapped(printed: &str, width: usize) -> Vec<Line<'static>> {
    printed.lines().flat_map(|line| wrap(&styled(line), width.max(8))).collect()
}

/// The characters of a printed line, each with its style.
fn styled(line: &str) -> Vec<Painted> {
    let mut style = Style::new();
    let mut characters = Vec::new();
    let mut rest = line;
    while let Some(at) = rest.find('\u{1b}') {
        characters.extend(safe(&rest[..at]).chars().map(|c| (c, style)));
        match code(&rest[at..]) {
            Some((change, length)) => {
                style = change(style);
                rest = &rest[at + length..];
            }
            // Not one of ours: shown, not obeyed.
            None => {
                characters.extend(safe("\u{1b}").chars().map(|c| (c, style)));
                rest = &rest[at + 1..];
            }
        }
    }
    characters.extend(safe(rest).chars().map(|c| (c, style)));
    characters
}

/// What the escape code at the beginning of the text does, and how many bytes it has.
fn code(text: &str) -> Option<(Change, usize)> {
    const CODES: [(&str, Change); 7] = [
        ("\u{1b}[0m", |_| Style::new()),
        ("\u{1b}[1m", |style| style.add_modifier(Modifier::BOLD)),
        ("\u{1b}[2m", |style| style.add_modifier(Modifier::DIM)),
        ("\u{1b}[31m", |style| style.fg(Color::Red)),
        ("\u{1b}[32m", |style| style.fg(Color::Green)),
        ("\u{1b}[33m", |style| style.fg(Color::Yellow)),
        ("\u{1b}[36m", |style| style.fg(Color::Cyan)),
    ];
    CODES.into_iter().find(|(code, _)| text.starts_with(code)).map(|(code, change)| (change, code.len()))
}

fn wrap(characters: &[Painted], width: usize) -> Vec<Line<'static>> {
    let indent = characters.iter().take_while(|(c, _)| *c == ' ').count();
    // A deep indent on a narrow screen would leave no room for words.
    let hanging = (indent + 2).min(width / 3);
    let (mut lines, mut rest) = (Vec::new(), characters);
    loop {
        let margin = if lines.is_empty() { 0 } else { hanging };
        let (now, later) = split(rest, width - margin);
        lines.push(line(margin, now));
        if later.is_empty() {
            return lines;
        }
        rest = later;
    }
}

/// What fits into a width, up to the last blank if there is one, and what is left.
fn split(characters: &[Painted], width: usize) -> (&[Painted], &[Painted]) {
    let mut used = 0;
    let fits = characters.iter().take_while(|(c, _)| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    let end = fits.count().max(1);
    if end >= characters.len() {
        return (characters, &[]);
    }
    let begins = characters.iter().take_while(|(c, _)| *c == ' ').count();
    let blank = (begins..=end).rev().find(|at| characters[*at].0 == ' ').filter(|at| *at > begins);
    let (now, later) = characters.split_at(blank.unwrap_or(end));
    let blanks = later.iter().take_while(|(c, _)| *c == ' ').count();
    (now, &later[blanks..])
}

fn line(margin: usize, characters: &[Painted]) -> Line<'static> {
    let mut spans = Vec::new();
    if margin > 0 {
        spans.push(Span::raw(" ".repeat(margin)));
    }
    for run in characters.chunk_by(|(_, a), (_, b)| a == b) {
        let text: String = run.iter().map(|(c, _)| *c).collect();
        spans.push(Span::styled(text, run[0].1));
    }
    Line::from(spans)
}

/// A name that fits into a width: the middle is left out, for beginning and end tell most. Safe to show.
pub fn fit(text: &str, width: usize) -> String {
    let text = safe(text);
    if text.width() <= width {
        return text;
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let front = take(text.chars(), room / 3);
    let back: String = take(text.chars().rev(), room - front.width());
    format!("{front}…{}", back.chars().rev().collect::<String>())
}

fn take(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut used = 0;
    characters
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= width
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{ColorChoice, Styles, Text};

    fn texts(lines: &[Line<'_>]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_style_of_the_commands_comes_through() {
        let styles = Styles::decide(ColorChoice::Always, false);
        let all = [styles.good, styles.fair, styles.bad, styles.name, styles.dim];
        for paint in all.into_iter().chain([styles.error, styles.warning, styles.hint]) {
            let mut text = Text::new(styles, false);
            text.line(paint.paint("word"));
            let lines = wrapped(text.as_str(), 80);
            assert_eq!(texts(&lines), ["word"]);
            assert_eq!(lines[0].spans[0].style, style(paint), "{paint:?}");
        }
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        let lines = wrapped("a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}31md\rx", 80);
        assert_eq!(texts(&lines), [r"a\u{1b}]0;title\u{7}b\u{1b}[2Jc\u{9b}31md\rx"]);
        assert_eq!(fit("a\u{1b}[31m\n", 40), r"a\u{1b}[31m\n");
    }

    #[test]
    fn long_lines_go_on_between_words_and_a_little_further_in() {
        let lines = wrapped("  one two three four\nlonglonglonglong", 12);
        assert_eq!(texts(&lines), ["  one two", "    three", "    four", "longlonglong", "  long"]);
        assert_eq!(texts(&wrapped("", 12)), Vec::<String>::new());
        assert_eq!(texts(&wrapped("a\n\nb", 12)), ["a", "", "b"]);
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(texts(&wrapped("日本語日本語", 8)), ["日本語日", "  本語"]);
        assert_eq!(fit("日本語日本語", 7).width(), 7);
    }

    #[test]
    fn names_keep_their_beginning_and_their_end() {
        assert_eq!(fit("packages/some/where/node_modules", 16), "packa…de_modules");
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("short", 0), "");
    }
}
