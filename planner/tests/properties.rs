//! A key changes if and only if an input does.

mod support;

use std::collections::BTreeMap;

use proptest::collection::btree_map;
use proptest::prelude::*;
use sci_planner::Plan;
use support::Workspace;

const DECLARED: &str = r#"
[path.out]
path = "out"
configs = ["*.json"]
lockfiles = [{ pattern = "*.lock", optional = true }]
sources = ["src/**", "!**/*.tmp"]
env = ["MODE", "APP_*"]
"#;

/// What a workspace holds: everything that could be an input, and things that are none.
#[derive(Debug, Clone, PartialEq)]
struct State {
    files: BTreeMap<&'static str, (u8, bool)>,
    variables: BTreeMap<&'static str, u8>,
}

const FILES: &[&str] =
    &["app.json", "x.lock", "src/a", "src/d/b", "src/c.tmp", "readme.md", "out/built", "ignored/a.json", "src/e.log"];
const VARIABLES: &[&str] = &["MODE", "APP_A", "APP_B", "OTHER"];

fn state() -> impl Strategy<Value = State> {
    let files = btree_map(prop::sample::select(FILES.to_vec()), (0..3u8, any::<bool>()), 0..FILES.len());
    let variables = btree_map(prop::sample::select(VARIABLES.to_vec()), 0..2u8, 0..VARIABLES.len());
    (files, variables).prop_map(|(mut files, variables)| {
        // What must be there.
        files.entry("app.json").or_default();
        files.entry("src/a").or_default();
        State { files, variables }
    })
}

impl State {
    /// What of the state the declaration names.
    fn inputs(&self) -> Self {
        let named = |path: &str| {
            matches!(path, "app.json" | "x.lock")
                || (path.starts_with("src/") && !path.ends_with(".tmp") && !path.ends_with(".log"))
        };
        let mut inputs = self.clone();
        inputs.files.retain(|path, _| named(path));
        inputs.variables.retain(|name, _| *name != "OTHER");
        inputs
    }

    fn build(&self, reversed: bool) -> Workspace {
        let workspace = Workspace::new(DECLARED);
        workspace.write(".gitignore", "ignored\n*.log\n");
        let mut files: Vec<_> = self.files.iter().collect();
        if reversed {
            files.reverse();
        }
        for (path, (content, executable)) in files {
            workspace.write(path, [*content]);
            if *executable {
                workspace.executable(path);
            }
        }
        let values: Vec<_> = self.variables.iter().map(|(name, value)| (*name, value.to_string())).collect();
        values.iter().fold(workspace, |workspace, (name, value)| workspace.env(&[(name, value)]))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn a_key_changes_if_and_only_if_an_input_does(before in state(), after in state()) {
        let keys = (before.build(false).key("out"), after.build(false).key("out"));
        prop_assert_eq!(keys.0 == keys.1, before.inputs() == after.inputs());
    }

    #[test]
    fn a_single_edit_is_seen(
        before in state(),
        path in prop::sample::select(FILES.to_vec()),
        change in prop::option::of((0..3u8, any::<bool>())),
    ) {
        let mut after = before.clone();
        match change {
            Some(file) => { after.files.insert(path, file); }
            None if !matches!(path, "app.json" | "src/a") => { after.files.remove(path); }
            None => {}
        }
        let keys = (before.build(false).key("out"), after.build(false).key("out"));
        prop_assert_eq!(keys.0 == keys.1, before.inputs() == after.inputs());
    }

    #[test]
    fn the_order_in_which_files_came_does_not_matter(state in state()) {
        prop_assert_eq!(state.build(false).key("out"), state.build(true).key("out"));
    }

    #[test]
    fn the_order_of_declaration_does_not_matter(order in Just(TABLES.to_vec()).prop_shuffle(), backwards in any::<bool>()) {
        let plan = declared(&order, backwards);
        let expected = declared(TABLES, false);
        prop_assert_eq!(plan.paths, expected.paths);
    }
}

/// A table of a sci.toml: a name, and lists whose elements may stand in any order.
type Table = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const TABLES: &[Table] = &[
    ("a", &[("sources", &["src/**", "*.json"]), ("env", &["MODE", "APP_*"]), ("exclude", &["x", "y"])]),
    (
        "b",
        &[("configs", &["*.json", "!x.json"]), ("after", &["c", "a"]), ("tools", &["no-such-tool -V", "nor-this -V"])],
    ),
    ("c", &[("lockfiles", &["*.lock", "src/a"]), ("after", &["a"])]),
];

fn declared(tables: &[Table], backwards: bool) -> Plan {
    let mut text = String::new();
    for (name, lists) in tables {
        text += &format!("[path.{name}]\npath = \"out-{name}\"\n");
        let mut lists = lists.to_vec();
        if backwards {
            lists.reverse();
        }
        for (key, elements) in lists {
            let mut elements = elements.to_vec();
            if backwards {
                elements.reverse();
            }
            text += &format!("{key} = {elements:?}\n");
        }
    }
    let files = [("src/a", "1"), ("app.json", "{}"), ("x.json", "{}"), ("x.lock", "")];
    let mut plan = Workspace::new(&text).files(&files).env(&[("APP_A", "1")]).plan();
    for path in &mut plan.paths {
        // Each plan is of a workspace of its own, and upstreams are listed as they were declared.
        path.place.root = path.instance.clone().into();
        path.place.anchor.clear();
        path.upstreams.sort();
    }
    plan
}
