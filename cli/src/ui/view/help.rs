//! The keys: the few that matter on each screen below it, all of them over it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::ui::model::{Model, View};
use crate::ui::paint;

const ALL: [(&str, &str); 11] = [
    ("Tab, ← →, h l", "the other pane"),
    ("↑ ↓, k j", "the entry above, below"),
    ("Home End, g G", "the first, last entry"),
    ("PgUp PgDn, ^U ^D", "scroll what is said"),
    ("Enter", "open the path or the run"),
    ("Esc, Backspace", "back"),
    ("s", "snapshots by scope"),
    ("r", "look and ask again"),
    ("?", "this help"),
    ("q", "quit"),
    ("^C", "quit, exit code 130"),
];

/// The line of keys: as many as there is room for.
pub(super) fn footer(model: &Model, width: usize) -> Line<'static> {
    let here: &[(&'static str, &'static str)] = match model.view {
        View::Overview => &[("Tab", "pane"), ("↑↓", "choose"), ("Enter", "open"), ("s", "snapshots")],
        View::Path => &[("↑↓", "scroll"), ("Esc", "back")],
        View::Run => &[("↑↓", "choose"), ("PgDn", "scroll"), ("Esc", "back")],
        View::Snapshots => &[("↑↓", "choose"), ("PgDn", "scroll"), ("Esc", "back")],
    };
    let everywhere = [("?", "help"), ("q", "quit"), ("r", "refresh")];
    let (bold, mut left) = (Style::new().add_modifier(Modifier::BOLD), width);
    let mut spans = Vec::new();
    for (key, what) in everywhere.into_iter().chain(here.iter().copied()) {
        let taken = key.chars().count() + what.chars().count() + 3;
        let Some(rest) = left.checked_sub(taken) else { break };
        left = rest;
        spans.extend([Span::styled(key, bold), Span::raw(format!(" {what}  "))]);
    }
    Line::from(spans)
}

/// All keys, over whatever is there.
pub(super) fn draw(model: &Model, frame: &mut Frame<'_>, over: Rect) {
    let (width, height) = (44.min(over.width), (ALL.len() as u16 + 2).min(over.height));
    let area = Rect { x: over.x + (over.width - width) / 2, y: over.y + (over.height - height) / 2, width, height };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let lines = ALL.map(|(keys, what)| Line::from(vec![Span::styled(format!(" {keys:<17}"), bold), Span::raw(what)]));
    let block = Block::bordered().title(" Keys ").border_style(paint::style(model.styles.name));
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines.to_vec()).block(block), area);
}
