//! Frames of the main screens.

use sci_store_api::UnixMillis;

use super::fixture::{ago, exact, loaded, local, local_path, miss, model, press, run, screen, shared, snapshot};
use crate::error::{CliError, Kind};
use crate::flow::report::Word;
use crate::flow::runs::{Published, Run};
use crate::output::{ColorChoice, Styles};
use crate::state::activity::{Activity, Doing};
use crate::ui::event::{Event, Shared};
use crate::ui::keys::Key;
use crate::ui::view;

#[test]
fn the_workspace_and_the_runs_are_side_by_side() {
    let mut model = loaded(100, 26);
    press(&mut model, &[Key::Down]);
    insta::assert_snapshot!(screen(&model), @r#"
    sci /home/me/project  store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ This workspace ────────────────────────────────┐┌ Published runs ────────────────────────────────┐
    │  PATH                RESTORED  INPUTS   TREE   ││  RUN                  WHEN         PATHS  SAVED│
    │  node_modules        exact     changed  stale  ││> local-2              1 min ago        2      0│
    │> target              miss      same     present││  local-1              2 h ago          3      2│
    │  tools               -         -        absent ││                                                │
    └────────────────────────────────────────────────┘└────────────────────────────────────────────────┘
    ┌ Path ────────────────────────────────────────────────────────────────────────────────────────────┐
    │target                                                                                            │
    │  key now      ff2f93d50d44  the same as at the last restore                                      │
    │  restored     miss                                                                               │
    │  tree         present                                                                            │
    │                                                                                                  │
    │target  miss  every candidate was refused                                                         │
    │  key ff2f93d50d44, planned 1 min ago by run local-2                                              │
    │  candidates considered:                                                                          │
    │    refused 34a04005bcaf  the path is declared restore = "exact" (trusted:refs/heads/main, 2 h    │
    │      ago)                                                                                        │
    │  inputs that differ from the nearest candidate, 34a04005bcaf:                                    │
    │    lockfiles (1 changed)                                                                         │
    │      ~ Cargo.lock                                                                                │
    │        ~ serde 1.0.1 → 1.0.2                                                                     │
    │                                                                                                  │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    "#);
}

#[test]
fn a_run_shows_its_verdicts_and_what_it_saved() {
    let mut model = loaded(100, 26);
    press(&mut model, &[Key::Other, Key::Down]);
    model.update(Event::Run(1, run("local-1"), Ok(vec![exact(), miss()])));
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/project  store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ This workspace ────────────────────────────────┐┌ Published runs ────────────────────────────────┐
    │  PATH                RESTORED  INPUTS   TREE   ││  RUN                  WHEN         PATHS  SAVED│
    │> node_modules        exact     changed  stale  ││  local-2              1 min ago        2      0│
    │  target              miss      same     present││> local-1              2 h ago          3      2│
    │  tools               -         -        absent ││                                                │
    └────────────────────────────────────────────────┘└────────────────────────────────────────────────┘
    ┌ Run ─────────────────────────────────────────────────────────────────────────────────────────────┐
    │local-1  2 h ago                                                                                  │
    │  exact     node_modules  snapshot dba27c31aad9 has the very key                                  │
    │  miss      target  every candidate was refused                                                   │
    │  saved     node_modules  snapshot 78f637bf3299: 202 MiB, 50.5 MiB stored                         │
    │  saved     node_modules  snapshot 5067d17b5ee9: 233 MiB, 58.2 MiB stored  unsettled              │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
    press(&mut model, &[Key::Open, Key::Down]);
    insta::assert_snapshot!(screen(&model), @r#"
    sci /home/me/project  store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ Run local-1 ─────────────────────────────────────────────────────────────────────────────────────┐
    │  PATH                                                        VERDICT   KEY           SNAPSHOT    │
    │  node_modules                                                exact     a97df14b8858  dba27c31aad9│
    │> target                                                      miss      ff2f93d50d44              │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ┌ Path ────────────────────────────────────────────────────────────────────────────────────────────┐
    │target  miss  every candidate was refused                                                         │
    │  key ff2f93d50d44, planned 1 min ago by run local-2                                              │
    │  candidates considered:                                                                          │
    │    refused 34a04005bcaf  the path is declared restore = "exact" (trusted:refs/heads/main, 2 h    │
    │      ago)                                                                                        │
    │  inputs that differ from the nearest candidate, 34a04005bcaf:                                    │
    │    lockfiles (1 changed)                                                                         │
    │      ~ Cargo.lock                                                                                │
    │        ~ serde 1.0.1 → 1.0.2                                                                     │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  ↑↓ choose  PgDn scroll  Esc back
    "#);
}

#[test]
fn snapshots_are_shown_by_scope_and_size() {
    let mut model = loaded(80, 18);
    press(&mut model, &[Key::Snapshots]);
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/project  store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ Snapshots by scope ──────────────────────────────────────────────────────────┐
    │  SCOPE                                        SNAPSHOTS       SIZE     STORED│
    │> pr:42                                                1    233 MiB   58.2 MiB│
    │  trusted:refs/heads/main                              1    202 MiB   50.5 MiB│
    └──────────────────────────────────────────────────────────────────────────────┘
    ┌ Snapshots: size, stored ─────────────────────────────────────────────────────┐
    │pr:42  1 snapshot                                                             │
    │  5067d17b5ee9    233 MiB  58.2 MiB  2 h ago      node_modules  unsettled     │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    └──────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  ↑↓ choose  PgDn scroll  Esc back
    ");
}

#[test]
fn everything_is_awaited_at_first() {
    insta::assert_snapshot!(screen(&model(80, 14)), @"
    sci
    looking at the workspace …
    ┌ This workspace ──────────────────────┐┌ Published runs ──────────────────────┐
    │looking …                             ││asking the store …                    │
    │                                      ││                                      │
    │                                      ││                                      │
    └──────────────────────────────────────┘└──────────────────────────────────────┘
    ┌ Path ────────────────────────────────────────────────────────────────────────┐
    │                                                                              │
    │                                                                              │
    │                                                                              │
    │                                                                              │
    └──────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
}

#[test]
fn an_empty_store_says_what_fills_it() {
    let mut model = model(80, 14);
    let published = Published { project: "p".into(), runs: Vec::new(), snapshots: Vec::new(), more: false };
    let mut local = local();
    local.paths = vec![local_path("target", None)];
    model.update(Event::Local(Ok(local)));
    let shared = Shared { place: "/store".into(), published, explained: Vec::new(), unkeyed: Vec::new() };
    model.update(Event::Store(1, Box::new(Ok(shared))));
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/project  store /store
    nothing is saved or restored at the moment
    ┌ This workspace ──────────────────────┐┌ Published runs ──────────────────────┐
    │  PATH               RESTORED  INPUTS ││no runs yet: `sci run -- CMD`         │
    │> target             -         -      ││  publishes one                       │
    │                                      ││                                      │
    └──────────────────────────────────────┘└──────────────────────────────────────┘
    ┌ Path ────────────────────────────────────────────────────────────────────────┐
    │target                                                                        │
    │  key now      ff2f93d50d44                                                   │
    │  restored     not since it was planned                                       │
    │  tree         present                                                        │
    └─────────────────────────────────────────────────────────── 3 more rows: PgDn ┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
}

#[test]
fn without_sci_toml_it_says_so_on_both_sides() {
    let mut model = model(100, 16);
    let missing = CliError::new(Kind::Config, "there is no sci.toml in /tmp or above it");
    model.update(Event::Local(Err(missing.clone().hint("`sci init` writes one"))));
    model.update(Event::Store(1, Box::new(Err(missing.hint("name a project with --project")))));
    insta::assert_snapshot!(screen(&model), @"
    sci
    nothing is saved or restored at the moment
    ┌ This workspace ────────────────────────────────┐┌ Published runs ────────────────────────────────┐
    │Error: there is no sci.toml in /tmp or above it ││Error: there is no sci.toml in /tmp or above it │
    │Hint: `sci init` writes one                     ││Hint: name a project with --project             │
    │                                                ││                                                │
    │                                                ││                                                │
    └────────────────────────────────────────────────┘└────────────────────────────────────────────────┘
    ┌ Path ────────────────────────────────────────────────────────────────────────────────────────────┐
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    │                                                                                                  │
    └──────────────────────────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
}

#[test]
fn a_narrow_terminal_shows_the_list_that_has_the_keys() {
    let mut model = loaded(50, 16);
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/projec… store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ This workspace ────────────────────────────────┐
    │  PATH                RESTORED  INPUTS   TREE   │
    │> node_modules        exact     changed  stale  │
    │  target              miss      same     present│
    │  tools               -         -        absent │
    └────────────────────────────────────────────────┘
    ┌ Path ──────────────────────────────────────────┐
    │node_modules                                    │
    │  key now      a97df14b8858  changed since the  │
    │    last restore                                │
    │  restored     exact                            │
    │  snapshot     dba27c31aad9                     │
    └───────────────────────────── 7 more rows: PgDn ┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose
    ");
    press(&mut model, &[Key::Other]);
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/projec… store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ Published runs ────────────────────────────────┐
    │  RUN                  WHEN         PATHS  SAVED│
    │> local-2              1 min ago        2      0│
    │  local-1              2 h ago          3      2│
    │                                                │
    └────────────────────────────────────────────────┘
    ┌ Run ───────────────────────────────────────────┐
    │local-2  1 min ago                              │
    │  asking the store what it planned              │
    │                                                │
    │                                                │
    │                                                │
    └────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose
    ");
}

#[test]
fn a_terminal_that_is_too_small_says_so() {
    insta::assert_snapshot!(screen(&loaded(30, 6)), @"
    This terminal is too small: 30
      by 6.
    sci ui needs 44 by 14.
    ");
    for (width, height) in [(1, 1), (43, 40), (200, 13), (1, 60)] {
        screen(&loaded(width, height));
    }
}

#[test]
fn long_names_are_cut_and_nothing_in_them_is_obeyed() {
    let mut model = model(90, 20);
    let long = format!("packages/{}/node_modules", "deeper/".repeat(30));
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2Jout\r\n";
    let mut local = local();
    local.paths = vec![local_path(&long, Some(Word::Exact)), local_path(hostile, Some(Word::Nearest))];
    model.update(Event::Local(Ok(local)));
    let mut shared = shared();
    let name = "r".repeat(120);
    shared.published.runs = vec![Run { run: run(&name), created: ago(5), planned: 0, saved: 1 }];
    shared.place = format!("https://{}/\u{1b}[31m", "long.".repeat(40));
    model.update(Event::Store(1, Box::new(Ok(shared))));
    press(&mut model, &[Key::Down]);
    let shown = screen(&model);
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    insta::assert_snapshot!(shown, @r"
    sci /home/me/project  store http….long.long.long.long.long.long.long.long.long./\u{1b}[31m
    nothing is saved or restored at the moment
    ┌ This workspace ───────────────────────────┐┌ Published runs ───────────────────────────┐
    │  PATH           RESTORED  INPUTS   TREE   ││  RUN             WHEN         PATHS  SAVED│
    │  pack…_modules  exact     same     present││> rrrr…rrrrrrrrr  just now         -      1│
    │> \u{1…Jout\r\n  nearest   same     present││                                           │
    └───────────────────────────────────────────┘└───────────────────────────────────────────┘
    ┌ Path ──────────────────────────────────────────────────────────────────────────────────┐
    │\u{1b}]0;owned\u{7}\u{1b}[2Jout\r\n                                                     │
    │  key now      a49449a2e761  the same as at the last restore                            │
    │  restored     nearest                                                                  │
    │  snapshot     1eaea373b57b                                                             │
    │  tree         present                                                                  │
    │                                                                                        │
    │  no plan of this path is kept: `sci restore` and `sci run` record what they planned    │
    │                                                                                        │
    │                                                                                        │
    │                                                                                        │
    └────────────────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
}

#[test]
fn a_save_in_another_process_is_shown_while_it_goes_on() {
    let mut model = loaded(100, 14);
    let activity = |instance: Option<&str>, total| Activity {
        doing: Doing::Saving,
        process: 7,
        created: UnixMillis(1),
        instance: instance.map(str::to_owned),
        done: total / 3,
        total,
        done_bytes: total << 14,
        total_bytes: total << 15,
    };
    let second = |model: &_| screen(model).lines().nth(1).unwrap().to_owned();
    model.update(Event::Activity(Some(activity(None, 0))));
    assert_eq!(second(&model), "saving  …");
    model.update(Event::Activity(Some(activity(Some("node_modules"), 1_800))));
    assert_eq!(second(&model), "saving node_modules  600/1,800 entries  28.1 MiB of 56.2 MiB");
    model.update(Event::Activity(None));
    assert_eq!(second(&model), "looking at the workspace …");
}

#[test]
fn the_keys_are_shown_over_everything() {
    let mut model = loaded(80, 20);
    press(&mut model, &[Key::Help]);
    insta::assert_snapshot!(screen(&model), @"
    sci /home/me/project  store https://sci.example.com
    nothing is saved or restored at the moment
    ┌ This workspace ──────────────────────┐┌ Published runs ──────────────────────┐
    │  PATH               RESTORED  INPUTS ││  RUN               WHEN         PATHS│
    │> node_modules   ┌ Keys ────────────────────────────────────┐ min ago        2│
    │  target         │ Tab, ← →, h l    the other pane          │ h ago          3│
    │  tools          │ ↑ ↓, k j         the entry above, below  │                 │
    └─────────────────│ Home End, g G    the first, last entry   │─────────────────┘
    ┌ Path ───────────│ PgUp PgDn, ^U ^D scroll what is said     │─────────────────┐
    │node_modules     │ Enter            open the path or the run│                 │
    │  key now      a9│ Esc, Backspace   back                    │                 │
    │  restored     ex│ s                snapshots by scope      │                 │
    │  snapshot     db│ r                look and ask again      │                 │
    │  tree         st│ ?                this help               │                 │
    │                 │ q                quit                    │                 │
    │node_modules  exa│ ^C               quit, exit code 130     │                 │
    │  key a97df14b885└──────────────────────────────────────────┘                 │
    │                                                                              │
    └──────────────────────────────────────────────────────────────────────────────┘
    ? help  q quit  r refresh  Tab pane  ↑↓ choose  Enter open  s snapshots
    ");
}

#[test]
fn colours_come_from_the_same_styles_as_those_of_the_commands() {
    use ratatui::style::Color;

    let colours = |styles| {
        let mut model = loaded(100, 26);
        model.styles = styles;
        press(&mut model, &[Key::Other]);
        model.update(Event::Run(1, run("local-2"), Ok(vec![exact(), miss()])));
        let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(100, 26)).unwrap();
        terminal.draw(|frame| view::draw(&model, frame)).unwrap();
        let cells = terminal.backend().buffer().content().to_vec();
        let mut colours: Vec<Color> = cells.iter().flat_map(|cell| [cell.fg, cell.bg]).collect();
        colours.sort_by_key(|colour| colour.to_string());
        colours.dedup();
        colours
    };
    assert_eq!(colours(Styles::default()), [Color::Reset]);
    assert_eq!(colours(Styles::decide(ColorChoice::Always, false)), [Color::Green, Color::Red, Color::Reset]);
}

#[test]
fn a_store_with_more_snapshots_says_how_many_are_counted() {
    let mut model = model(80, 14);
    let mut shared = shared();
    shared.published.more = true;
    shared.published.snapshots = vec![snapshot("pr:7", "target", 5), snapshot("pr:8", "target", 9)];
    model.update(Event::Store(1, Box::new(Ok(shared))));
    press(&mut model, &[Key::Snapshots]);
    let shown = screen(&model);
    assert!(shown.contains("of the newest 2"), "{shown}");
    let at = |what| shown.find(what).unwrap();
    assert!(at("pr:8") < at("pr:7"), "the largest scope is first: {shown}");
}
