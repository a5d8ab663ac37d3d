//! What is said of the chosen entry, in the words of the commands.

use ratatui::text::Line;

use crate::error::CliError;
use crate::flow::runs::remarks;
use crate::output::format::{age, bytes, counted, safe};
use crate::output::{Text, text};
use crate::ui::model::{Model, Pane, View};
use crate::ui::paint;

/// The lines, wrapped to a width.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut text = Text::new(model.styles, false);
    match (model.view, model.pane) {
        (View::Path, _) | (View::Overview, Pane::Local) => path(model, &mut text),
        (View::Overview, Pane::Runs) => run(model, &mut text),
        (View::Run, _) => run_path(model, &mut text),
        (View::Snapshots, _) => scope(model, &mut text),
    }
    paint::wrapped(text.as_str(), width)
}

/// What is wrong, in the form in which commands say it.
pub fn trouble(model: &Model, error: &CliError, width: usize) -> Vec<Line<'static>> {
    paint::wrapped(&text::error(model.styles, error), width)
}

fn path(model: &Model, text: &mut Text) {
    let Some(path) = model.chosen_path() else { return };
    path.render(text);
    text.gap();
    match (model.explained(path), model.unkeyed(path)) {
        (Some(explained), _) => explained.render(text, false, model.now),
        (None, Some(unkeyed)) => unkeyed.render(text),
        (None, None) if model.store.awaited => unknown(text, "asking the store why"),
        (None, None) if model.store.trouble.is_some() => {
            unknown(text, "why is not known: the store could not be asked")
        }
        (None, None) => {
            unknown(text, "no plan of this path is kept: `sci restore` and `sci run` record what they planned")
        }
    }
}

fn run(model: &Model, text: &mut Text) {
    let Some(run) = model.chosen_run() else { return };
    let name = text.style.name.paint(safe(run.run.as_str())).to_string();
    text.line(format_args!("{name}  {}", age(run.created, model.now)));
    match model.planned() {
        None => unknown(text, "asking the store what it planned"),
        Some(Err(error)) => {
            error_lines(model, text, error);
        }
        Some(Ok(planned)) if planned.is_empty() => unknown(text, "no plan of this run is kept"),
        Some(Ok(planned)) => {
            for path in planned {
                let word = path.word();
                let painted = word.paint(text.style).paint(format!("{:<8}", word.text())).to_string();
                text.indented(1, format_args!("{painted}  {}  {}", safe(&path.instance), path.why()));
            }
        }
    }
    let saved = model.snapshots().iter().filter(|snapshot| snapshot.run == run.run);
    for snapshot in saved {
        let (size, stored) = (bytes(snapshot.bytes), bytes(snapshot.stored_bytes));
        let painted = text.style.good.paint(format!("{:<8}", "saved")).to_string();
        let instance = safe(snapshot.instance.as_str());
        let remarks = text.style.fair.paint(remarks(snapshot)).to_string();
        let id = snapshot.snapshot.short();
        text.indented(1, format_args!("{painted}  {instance}  snapshot {id}: {size}, {stored} stored  {remarks}"));
    }
}

fn run_path(model: &Model, text: &mut Text) {
    match model.planned() {
        Some(Ok(planned)) => match planned.get(model.run_path) {
            Some(path) => path.render(text, false, model.now),
            None => run(model, text),
        },
        _ => run(model, text),
    }
}

fn scope(model: &Model, text: &mut Text) {
    let Some(scope) = model.scopes().into_iter().nth(model.scope) else { return };
    let name = text.style.name.paint(safe(&scope.scope.to_string())).to_string();
    text.line(format_args!("{name}  {}", counted(scope.snapshots, "snapshot")));
    for snapshot in model.snapshots().iter().filter(|snapshot| snapshot.scope == scope.scope) {
        let (size, stored) = (bytes(snapshot.bytes), bytes(snapshot.stored_bytes));
        let (id, instance) = (snapshot.snapshot.short(), safe(snapshot.instance.as_str()));
        let remarks = text.style.fair.paint(remarks(snapshot)).to_string();
        let saved = age(snapshot.created, model.now);
        text.indented(1, format_args!("{id}  {size:>9} {stored:>9}  {saved:<11}  {instance}  {remarks}"));
    }
}

fn unknown(text: &mut Text, what: &str) {
    let line = text.style.dim.paint(what).to_string();
    text.indented(1, line);
}

fn error_lines(model: &Model, text: &mut Text, error: &CliError) {
    text::error(model.styles, error).lines().for_each(|line| {
        text.indented(1, line);
    });
}
