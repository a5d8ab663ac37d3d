//! Workspace paths as people type them: by their name in sci.toml, by an instance, or by where they are on disk.

use std::path::{Component, Path, PathBuf};

use sci_planner::Place;
use sci_planner::config::nearest;
use sci_sys::places;

use crate::context::Context;
use crate::workspace::Workspace;

/// Where places are that people type.
#[derive(Debug, Clone, Default)]
pub struct Places {
    start: PathBuf,
    root: Option<PathBuf>,
    home: Option<PathBuf>,
    /// What is elsewhere than it is called by, and its instance.
    elsewhere: Vec<(PathBuf, String)>,
}

impl Places {
    /// Those of a command.
    pub fn of(context: &Context, workspace: Option<&Workspace>) -> Self {
        Self {
            start: context.start().to_owned(),
            root: workspace.map(|workspace| workspace.root.clone()),
            home: context.environment.home().map(|home| places::resolved(&home)),
            elsewhere: workspace.map(|workspace| elsewhere(context, workspace)).unwrap_or_default(),
        }
    }

    /// What a word means. One that begins with `./` or `../`, or is absolute, is a place, and means what is there alone.
    pub fn called(&self, word: &str) -> Called {
        let first = Path::new(word).components().next();
        let is_place =
            matches!(first, Some(Component::CurDir | Component::ParentDir | Component::RootDir | Component::Prefix(_)));
        let instance = if is_place { self.instance(Path::new(word)) } else { None };
        let text = instance.unwrap_or_else(|| word.trim_end_matches('/').to_owned());
        Called { typed: word.to_owned(), text, is_place }
    }

    /// The instance at a place: relative to the workspace, or `~/…`.
    fn instance(&self, place: &Path) -> Option<String> {
        let place = without_dots(&self.start.join(place));
        // A path that is a link itself is meant, not where it leads.
        let place = places::resolved(place.parent()?).join(place.file_name()?);
        let below = |top: &Option<PathBuf>| Some(places::text(place.strip_prefix(top.as_ref()?).ok()?)?.into_owned());
        let elsewhere = self.elsewhere.iter().find(|(root, _)| *root == place).map(|(_, instance)| instance.clone());
        elsewhere.or_else(|| below(&self.root)).or_else(|| below(&self.home).map(|below| format!("~/{below}")))
    }
}

/// A path that was typed.
#[derive(Debug, Clone)]
pub struct Called {
    typed: String,
    text: String,
    is_place: bool,
}

impl Called {
    /// The word as it was typed.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The name or instance that it stands for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it can only be an instance.
    pub const fn is_place(&self) -> bool {
        self.is_place
    }

    /// Whether this instance of this name is meant.
    pub fn means(&self, name: &str, instance: &str) -> bool {
        self.text == instance || (!self.is_place && self.text == name)
    }

    /// "did you mean …?", when something is called nearly so, and nothing just so.
    pub fn suggestion<'k>(&self, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
        let meant = nearest(&self.text, known).filter(|meant| *meant != self.text);
        meant.map(|meant| format!("did you mean `{meant}`?"))
    }
}

fn elsewhere(context: &Context, workspace: &Workspace) -> Vec<(PathBuf, String)> {
    let shared = Place::of_shared(&workspace.config, context.environment.host());
    let moved = shared.filter(|(_, place)| place.elsewhere.is_some());
    moved.map(|(instance, place)| (place.resolved(), instance.to_owned())).collect()
}

/// The path without `.` and `..`, whatever is there.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_place_means_one_instance() {
        let places = Places {
            start: "/no/home/ws/web".into(),
            root: Some("/no/home/ws".into()),
            home: Some("/no/home".into()),
            elsewhere: Vec::new(),
        };
        let means = |word: &str, name: &str, instance: &str| places.called(word).means(name, instance);
        for (word, instance) in [
            ("node_modules", "web/node_modules"),
            ("web/node_modules/", "web/node_modules"),
            ("./node_modules", "web/node_modules"),
            ("../node_modules", "node_modules"),
            ("/no/home/ws/node_modules/", "node_modules"),
            ("/no/home/.cargo/registry", "~/.cargo/registry"),
            ("~/.cargo/registry", "~/.cargo/registry"),
        ] {
            assert!(means(word, "node_modules", instance), "{word}");
        }
        assert!(!means("../node_modules", "node_modules", "web/node_modules"));
        assert!(!means("/elsewhere/node_modules", "node_modules", "node_modules"));
        let known = ["target", "~/.cargo/registry"];
        let suggested = places.called("~/.cargo/registy/").suggestion(known);
        assert_eq!(suggested.as_deref(), Some("did you mean `~/.cargo/registry`?"));
        assert_eq!(places.called("dist").suggestion(known), None);
    }
}
