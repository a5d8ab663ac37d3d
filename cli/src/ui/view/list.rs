//! The lists, as tables that fit their area: columns that have no room are left out, names are cut in the middle.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};
use unicode_width::UnicodeWidthStr;

use crate::error::CliError;
use crate::flow::report::Word;
use crate::output::format::{age, bytes, count};
use crate::ui::model::{Model, Pane, View};
use crate::ui::{detail, layout, paint};

/// A column. The first takes the room that the others leave.
struct Column {
    heading: &'static str,
    width: usize,
    right: bool,
}

const fn words(heading: &'static str, width: usize) -> Column {
    Column { heading, width, right: false }
}

const fn numbers(heading: &'static str, width: usize) -> Column {
    Column { heading, width, right: true }
}

type Cell = (String, Style);

struct Table<'a> {
    title: String,
    columns: &'a [Column],
    rows: Vec<Vec<Cell>>,
    chosen: usize,
    has_keys: bool,
    /// What is said instead where there is no row.
    empty: &'static str,
    trouble: Option<&'a CliError>,
}

/// The fewest columns that most names are legible in.
const NARROWEST: usize = 12;

/// The paths of the workspace.
pub(super) fn paths(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let plain = Style::new();
    let columns = [
        words("PATH", 0),
        words("RESTORED", 8),
        words("INPUTS", 7),
        words("TREE", 7),
        words("SNAPSHOT", 12),
        words("KEY", 12),
    ];
    let rows = model.paths().iter().map(|path| {
        vec![
            (path.instance.clone(), plain),
            verdict(model, path.verdict),
            (path.inputs.text().to_owned(), plain),
            (path.tree.text().to_owned(), plain),
            (path.snapshot.map(|snapshot| snapshot.short()).unwrap_or_default(), plain),
            (path.key.map(|key| key.short()).unwrap_or_else(|| "none".to_owned()), plain),
        ]
    });
    let awaited = model.local.value.is_none() && model.local.awaited;
    Table {
        title: " This workspace ".to_owned(),
        columns: &columns,
        rows: rows.collect(),
        chosen: model.path,
        has_keys: model.pane == Pane::Local,
        empty: if awaited { "looking …" } else { "sci.toml declares no path" },
        trouble: model.local.trouble.as_ref(),
    }
    .draw(model, frame, area);
}

/// The runs of the store.
pub(super) fn runs(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let plain = Style::new();
    let columns = [words("RUN", 0), words("WHEN", 11), numbers("PATHS", 5), numbers("SAVED", 5)];
    let rows = model.all_runs().iter().map(|run| {
        let planned = if run.planned == 0 { "-".to_owned() } else { count(run.planned) };
        vec![
            (run.run.to_string(), plain),
            (age(run.created, model.now), plain),
            (planned, plain),
            (count(run.saved), plain),
        ]
    });
    let awaited = model.store.value.is_none() && model.store.awaited;
    Table {
        title: " Published runs ".to_owned(),
        columns: &columns,
        rows: rows.collect(),
        chosen: model.run,
        has_keys: model.pane == Pane::Runs,
        empty: if awaited { "asking the store …" } else { "no runs yet: `sci run -- CMD` publishes one" },
        trouble: model.store.trouble.as_ref(),
    }
    .draw(model, frame, area);
}

/// The paths of the chosen run.
pub(super) fn run_paths(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let plain = Style::new();
    let columns = [words("PATH", 0), words("VERDICT", 8), words("KEY", 12), words("SNAPSHOT", 12)];
    let planned = model.planned().and_then(|planned| planned.as_ref().ok());
    let rows = planned.into_iter().flatten().map(|path| {
        vec![
            (path.instance.clone(), plain),
            verdict(model, Some(path.word())),
            (path.key.short(), plain),
            (path.verdict.snapshot().map(|snapshot| snapshot.short()).unwrap_or_default(), plain),
        ]
    });
    let name = model.chosen_run().map(|run| run.run.to_string()).unwrap_or_default();
    Table {
        title: format!(" Run {} ", paint::fit(&name, usize::from(area.width).saturating_sub(10))),
        columns: &columns,
        rows: rows.collect(),
        chosen: model.run_path,
        has_keys: true,
        empty: if planned.is_none() { "asking the store …" } else { "no plan of this run is kept" },
        trouble: None,
    }
    .draw(model, frame, area);
}

/// The scopes, with what each holds.
pub(super) fn scopes(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let plain = Style::new();
    let columns = [words("SCOPE", 0), numbers("SNAPSHOTS", 9), numbers("SIZE", 9), numbers("STORED", 9)];
    let rows = model.scopes().into_iter().map(|scope| {
        let (size, stored) = (bytes(scope.bytes), bytes(scope.stored_bytes));
        vec![(scope.scope.to_string(), plain), (count(scope.snapshots), plain), (size, plain), (stored, plain)]
    });
    let more = model.store.value.as_ref().is_some_and(|shared| shared.published.more);
    let newest =
        if more { format!(", of the newest {}", count(model.snapshots().len() as u64)) } else { String::new() };
    let awaited = model.store.value.is_none() && model.store.awaited;
    Table {
        title: format!(" Snapshots by scope{newest} "),
        columns: &columns,
        rows: rows.collect(),
        chosen: model.scope,
        has_keys: model.view == View::Snapshots,
        empty: if awaited { "asking the store …" } else { "no snapshots" },
        trouble: model.store.trouble.as_ref(),
    }
    .draw(model, frame, area);
}

fn verdict(model: &Model, word: Option<Word>) -> Cell {
    match word {
        Some(word) => (word.text().to_owned(), paint::style(word.paint(model.styles))),
        None => ("-".to_owned(), Style::new()),
    }
}

impl Table<'_> {
    fn draw(&self, model: &Model, frame: &mut Frame<'_>, area: Rect) {
        let inside = layout::inside(area);
        let width = usize::from(inside.width);
        let border =
            if self.has_keys { Style::new().add_modifier(Modifier::BOLD) } else { paint::style(model.styles.dim) };
        let block = Block::bordered().title(self.title.clone()).border_style(border);
        let lines = match self.trouble {
            Some(error) => detail::trouble(model, error, width),
            None if self.rows.is_empty() => paint::wrapped(self.empty, width),
            None => self.lines(model, width, usize::from(inside.height)),
        };
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }

    fn lines(&self, model: &Model, width: usize, height: usize) -> Vec<Line<'static>> {
        let widths = self.widths(width);
        let dim = paint::style(model.styles.dim);
        let headings: Vec<Cell> = self.columns.iter().map(|column| (column.heading.to_owned(), dim)).collect();
        let rows = height.saturating_sub(1);
        let first = layout::first_shown(self.chosen, rows, self.rows.len());
        let shown = self.rows.iter().enumerate().skip(first).take(rows);
        let lines = shown.map(|(index, row)| {
            let is_chosen = index == self.chosen;
            let line = self.line(if is_chosen { "> " } else { "  " }, row, &widths);
            let has_keys = is_chosen && self.has_keys;
            if has_keys { line.style(Style::new().add_modifier(Modifier::REVERSED)) } else { line }
        });
        std::iter::once(self.line("  ", &headings, &widths)).chain(lines).collect()
    }

    /// The widths of the columns that have room; the first has at least that of a short name.
    fn widths(&self, width: usize) -> Vec<usize> {
        let mut left = width.saturating_sub(2 + NARROWEST);
        let fitting = self.columns.iter().skip(1).take_while(|column| {
            let fits = left >= column.width + 2;
            left = left.saturating_sub(column.width + 2);
            fits
        });
        let others: Vec<usize> = fitting.map(|column| column.width).collect();
        let taken: usize = others.iter().map(|width| width + 2).sum();
        std::iter::once(width.saturating_sub(2 + taken)).chain(others).collect()
    }

    fn line(&self, mark: &'static str, cells: &[Cell], widths: &[usize]) -> Line<'static> {
        let mut spans = vec![Span::raw(mark)];
        for (index, ((text, style), width)) in cells.iter().zip(widths).enumerate() {
            let text = paint::fit(text, *width);
            let padding = " ".repeat(width.saturating_sub(text.width()));
            let padded = if self.columns[index].right { padding + &text } else { text + &padding };
            spans.push(Span::raw(if index == 0 { "" } else { "  " }));
            spans.push(Span::styled(padded, *style));
        }
        Line::from(spans)
    }
}
