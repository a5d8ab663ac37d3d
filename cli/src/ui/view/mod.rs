//! A frame of the model: nothing is decided here, and nothing changed.

mod help;
mod list;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::output::format::{bytes, count, counted};
use crate::state::activity::Activity;
use crate::ui::model::{Model, Pane, View};
use crate::ui::{detail, layout, paint};

/// Draws the frame.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    if !layout::is_enough(area.width, area.height) {
        return too_small(frame, area);
    }
    let parts = layout::frame(area);
    frame.render_widget(Paragraph::new(header(model, usize::from(area.width))), parts.header);
    match model.view {
        View::Overview => overview(model, frame, parts.body),
        View::Path => details(model, frame, parts.body, " Path "),
        View::Run => run(model, frame, parts.body),
        View::Snapshots => snapshots(model, frame, parts.body),
    }
    frame.render_widget(Paragraph::new(help::footer(model, usize::from(area.width))), parts.footer);
    if model.help {
        help::draw(model, frame, parts.body);
    }
}

fn too_small(frame: &mut Frame<'_>, area: Rect) {
    let (width, height) = (layout::MIN_WIDTH, layout::MIN_HEIGHT);
    let said =
        format!("This terminal is too small: {} by {}.\nsci ui needs {width} by {height}.", area.width, area.height);
    frame.render_widget(Paragraph::new(paint::wrapped(&said, usize::from(area.width))), area);
}

/// Two lines: what is looked at, and what goes on there.
fn header(model: &Model, width: usize) -> Vec<Line<'static>> {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let workspace = model.local.value.as_ref().map(|local| local.workspace.display().to_string());
    let mut place = workspace.unwrap_or_default();
    if let Some(shared) = &model.store.value {
        place = format!("{place}  store {}", shared.place);
    }
    let first = Line::from(vec![Span::styled("sci ", bold), Span::raw(paint::fit(place.trim_start(), width - 4))]);
    let dim = paint::style(model.styles.dim);
    let second = match (&model.activity, model.local.awaited, model.store.awaited) {
        (Some(activity), ..) => at_work(model, activity, width),
        (None, true, _) => Line::styled("looking at the workspace …", dim),
        (None, false, true) => Line::styled("asking the store …", dim),
        (None, false, false) => Line::styled("nothing is saved or restored at the moment", dim),
    };
    vec![first, second]
}

/// How far a save or restore is.
fn at_work(model: &Model, activity: &Activity, width: usize) -> Line<'static> {
    let numbers = match activity.total {
        0 => " …".to_owned(),
        total => {
            let (done, total) = (count(activity.done.min(total)), count(total));
            let [done_bytes, total_bytes] = [activity.done_bytes, activity.total_bytes].map(bytes);
            format!("  {done}/{total} entries  {done_bytes} of {total_bytes}")
        }
    };
    let word = activity.doing.text();
    let room = width.saturating_sub(word.len() + 1 + numbers.chars().count());
    let instance = paint::fit(activity.instance.as_deref().unwrap_or_default(), room);
    Line::styled(format!("{word} {instance}{numbers}"), paint::style(model.styles.fair))
}

fn overview(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let body = layout::body(area, 2, model.entries());
    match body.right {
        Some(right) => {
            list::paths(model, frame, body.left);
            list::runs(model, frame, right);
        }
        // Where there is room for one list, it is the one that has the keys.
        None if model.pane == Pane::Local => list::paths(model, frame, body.left),
        None => list::runs(model, frame, body.left),
    }
    let title = if model.pane == Pane::Local { " Path " } else { " Run " };
    details(model, frame, body.details, title);
}

fn run(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let body = layout::body(area, 1, model.entries());
    list::run_paths(model, frame, body.left);
    details(model, frame, body.details, " Path ");
}

fn snapshots(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let body = layout::body(area, 1, model.entries());
    list::scopes(model, frame, body.left);
    details(model, frame, body.details, " Snapshots: size, stored ");
}

fn details(model: &Model, frame: &mut Frame<'_>, area: Rect, title: &'static str) {
    let inside = layout::inside(area);
    let lines = detail::lines(model, usize::from(inside.width));
    let left = lines.len().saturating_sub(model.scroll + usize::from(inside.height));
    let mut block = Block::bordered().title(title).border_style(paint::style(model.styles.dim));
    if left > 0 {
        block = block.title_bottom(Line::from(format!(" {}: PgDn ", counted(left as u64, "more row"))).right_aligned());
    }
    let shown: Vec<Line<'static>> = lines.into_iter().skip(model.scroll).take(usize::from(inside.height)).collect();
    frame.render_widget(Paragraph::new(shown).block(block), area);
}
