//! What events make of the model.

use super::fixture::{exact, loaded, local, local_path, miss, model, press, run, screen, shared};
use crate::error::{CliError, Kind};
use crate::exit::Exit;
use crate::flow::report::Word;
use crate::flow::runs::Run;
use crate::state::activity::{Activity, Doing};
use crate::ui::event::{Effect, Event};
use crate::ui::keys::Key;
use crate::ui::model::{Pane, View};
use sci_store_api::UnixMillis;

fn activity() -> Activity {
    Activity {
        doing: Doing::Saving,
        process: 7,
        created: UnixMillis(1),
        instance: Some("target".to_owned()),
        done: 3,
        total: 12,
        done_bytes: 1 << 20,
        total_bytes: 4 << 20,
    }
}

#[test]
fn choosing_stays_within_the_list() {
    let mut model = loaded(100, 30);
    press(&mut model, &[Key::Up]);
    assert_eq!(model.path, 0);
    press(&mut model, &[Key::Down, Key::Down, Key::Down, Key::Down]);
    assert_eq!(model.path, 2);
    press(&mut model, &[Key::First]);
    assert_eq!(model.path, 0);
    press(&mut model, &[Key::Last]);
    assert_eq!(model.path, 2);
    // A refresh may find fewer paths.
    let mut fewer = local();
    fewer.paths.truncate(1);
    model.update(Event::Local(Ok(fewer)));
    assert_eq!(model.path, 0);
}

#[test]
fn keys_do_nothing_where_there_is_nothing() {
    let mut model = model(100, 30);
    for key in [Key::Down, Key::Last, Key::Open, Key::PageDown, Key::Snapshots, Key::Last, Key::PageDown, Key::Back] {
        assert_eq!(model.update(Event::Key(key)), []);
        screen(&model);
    }
    assert_eq!((model.view, model.path, model.scroll), (View::Overview, 0, 0));
}

#[test]
fn the_run_that_is_looked_at_is_asked_about_once() {
    let mut model = loaded(100, 30);
    assert_eq!(model.update(Event::Key(Key::Other)), [Effect::Run(run("local-2"))]);
    assert_eq!(model.pane, Pane::Runs);
    assert_eq!(model.update(Event::Resize(90, 30)), []);
    assert_eq!(model.update(Event::Key(Key::Down)), [Effect::Run(run("local-1"))]);
    model.update(Event::Run(1, run("local-1"), Ok(vec![exact(), miss()])));
    // The answer about the other one was given up on the way, so it is asked for again.
    assert_eq!(model.update(Event::Key(Key::Up)), [Effect::Run(run("local-2"))]);
    assert_eq!(model.update(Event::Key(Key::Down)), []);
    press(&mut model, &[Key::Open, Key::Down, Key::Down]);
    assert_eq!((model.view, model.run_path), (View::Run, 1));
    press(&mut model, &[Key::Back]);
    assert_eq!(model.view, View::Overview);
}

#[test]
fn answers_about_runs_of_an_earlier_asking_do_not_count() {
    let mut model = loaded(100, 30);
    press(&mut model, &[Key::Other]);
    assert_eq!(model.update(Event::Store(2, Box::new(Ok(shared())))), [Effect::Run(run("local-2"))]);
    model.update(Event::Run(1, run("local-2"), Ok(vec![exact()])));
    assert!(model.planned().is_none());
    model.update(Event::Run(2, run("local-2"), Ok(vec![exact()])));
    assert!(model.planned().is_some());
}

#[test]
fn the_same_run_stays_chosen_when_new_ones_come() {
    let mut model = loaded(100, 30);
    press(&mut model, &[Key::Other, Key::Down]);
    let mut newer = shared();
    let newest = Run { run: run("local-3"), ..newer.published.runs[0].clone() };
    newer.published.runs.insert(0, newest);
    model.update(Event::Store(2, Box::new(Ok(newer))));
    assert_eq!(model.chosen_run().unwrap().run, run("local-1"));
}

#[test]
fn everything_is_asked_anew_when_a_save_has_ended() {
    let mut model = loaded(100, 30);
    assert_eq!(model.update(Event::Activity(Some(activity()))), []);
    // What it writes meanwhile is not its end.
    assert_eq!(model.update(Event::Changed), []);
    assert_eq!(model.update(Event::Activity(None)), [Effect::Refresh]);
    assert!(model.local.awaited && model.store.awaited);
    // One that was over before anybody looked.
    assert_eq!(model.update(Event::Changed), [Effect::Refresh]);
}

#[test]
fn what_was_known_stays_when_the_store_fails() {
    let mut model = loaded(100, 30);
    model.update(Event::Store(2, Box::new(Err(CliError::store("it is down")))));
    assert_eq!(model.all_runs().len(), 2);
    assert!(model.store.trouble.is_some());
    model.update(Event::Store(3, Box::new(Ok(shared()))));
    assert!(model.store.trouble.is_none());
}

#[test]
fn help_takes_the_keys_until_it_is_closed() {
    let mut model = loaded(100, 30);
    press(&mut model, &[Key::Help, Key::Down, Key::Open]);
    assert_eq!((model.help, model.path, model.view), (true, 0, View::Overview));
    assert_eq!(model.update(Event::Key(Key::Refresh)), []);
    press(&mut model, &[Key::Back]);
    assert!(!model.help);
    press(&mut model, &[Key::Help, Key::Help]);
    assert!(!model.help);
}

#[test]
fn leaving_says_how() {
    let mut model = loaded(100, 30);
    press(&mut model, &[Key::Help]);
    assert_eq!(model.update(Event::Key(Key::Quit)), [Effect::Leave(Exit::Success)]);
    assert_eq!(model.update(Event::Key(Key::Interrupt)), [Effect::Leave(Exit::Interrupted(2))]);
}

#[test]
fn scrolling_ends_where_the_lines_end_and_a_larger_screen_takes_it_back() {
    let mut model = loaded(60, 14);
    press(&mut model, &[Key::Down, Key::PageDown, Key::PageDown, Key::PageDown, Key::PageDown, Key::PageDown]);
    press(&mut model, &[Key::PageDown; 20]);
    let end = model.scroll;
    assert!(end > 0 && screen(&model).contains("serde 1.0.1 → 1.0.2"), "{}", screen(&model));
    press(&mut model, &[Key::PageDown]);
    assert_eq!(model.scroll, end);
    press(&mut model, &[Key::PageUp]);
    assert!(model.scroll < end);
    model.update(Event::Resize(120, 60));
    assert_eq!(model.scroll, 0);
    // Another entry begins at its beginning.
    model.update(Event::Resize(60, 14));
    press(&mut model, &[Key::PageDown, Key::Up]);
    assert_eq!(model.scroll, 0);
}

#[test]
fn a_wrong_sci_toml_does_not_hide_the_runs() {
    let mut model = model(100, 30);
    model.update(Event::Local(Err(CliError::new(Kind::Config, "there is no sci.toml"))));
    model.update(Event::Store(1, Box::new(Ok(shared()))));
    let screen = screen(&model);
    assert!(screen.contains("Error: there is no sci.toml") && screen.contains("local-2"), "{screen}");
}

#[test]
fn a_restored_path_that_the_store_knows_nothing_of_is_told_as_it_is() {
    let mut model = model(100, 30);
    let mut local = local();
    local.paths = vec![local_path("new", Some(Word::Miss))];
    model.update(Event::Local(Ok(local)));
    assert!(screen(&model).contains("asking the store why"));
    model.update(Event::Store(1, Box::new(Ok(shared()))));
    assert!(screen(&model).contains("no plan of this path is kept"));
}
