//! What has become of an explained path since it was planned: by now the inputs on disk may give another key.

use sci_hasher::Digest;
use sci_planner::{InputDiff, Outcome, Plan};
use serde::Serialize;

use crate::flow::explained::{Explained, Unkeyed};
use crate::inputs;
use crate::output::Text;
use crate::output::format::safe;
use crate::state::before::{CUT_OFF, LEFT_OVER};
use crate::store::Store;

/// What a path's inputs give now, where that is something else than what is explained.
#[derive(Debug, Serialize)]
pub struct Since {
    /// The key; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Digest>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Which inputs have changed; absent when that could not be known.
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<InputDiff>,
    /// Why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Since {
    /// Compares an explained path with the workspace's present plan. `None` when its key is the same.
    pub fn of(store: &Store, now: &Plan, path: &Explained) -> Option<Self> {
        let keyed = match outcome(now, &path.name, &path.instance) {
            Err(reason) => return Some(Self::without_key(reason)),
            Ok(Outcome::Unkeyed { reason, .. }) => return Some(Self::without_key(reason.clone())),
            Ok(Outcome::Keyed(keyed)) => keyed,
        };
        if keyed.key() == path.key {
            return None;
        }
        let planned = path.derivation.as_ref().ok_or_else(|| "the plan's inputs were not stored".to_owned());
        let (differences, problem) = match planned.and_then(|planned| store.inputs(planned)) {
            Ok(planned) => (Some(sci_planner::diff(&planned, &keyed.record())), None),
            Err(problem) => (None, Some(problem)),
        };
        Some(Self { key: Some(keyed.key()), reason: None, differences, problem })
    }

    /// The same of a path that had no key. One whose key was taken back has none again because its inputs give one.
    pub fn of_unkeyed(now: &Plan, path: &Unkeyed) -> Option<Self> {
        if [CUT_OFF, LEFT_OVER].contains(&path.reason.as_str()) {
            return None;
        }
        match outcome(now, &path.name, &path.instance) {
            Err(reason) => Some(Self::without_key(reason)),
            Ok(Outcome::Unkeyed { reason, .. }) => (*reason != path.reason).then(|| Self::without_key(reason.clone())),
            Ok(Outcome::Keyed(keyed)) => {
                Some(Self { key: Some(keyed.key()), reason: None, differences: None, problem: None })
            }
        }
    }

    const fn without_key(reason: String) -> Self {
        Self { key: None, reason: Some(reason), differences: None, problem: None }
    }

    /// Writes the human lines. Long lists are cut unless `all`.
    pub fn render(&self, text: &mut Text, all: bool) {
        let since = text.style.fair.paint("since then");
        let Some(key) = self.key else {
            let reason = self.reason.as_deref().unwrap_or_default();
            text.indented(1, format_args!("{since} it has no key: {}", safe(reason)));
            return;
        };
        let anew = format!("`sci restore` would decide by key {}", key.short());
        match (&self.differences, &self.problem) {
            (Some(diff), _) => {
                text.indented(1, format_args!("{since} its inputs have changed; {anew}:"));
                inputs::render(text, 2, diff, all);
            }
            (None, Some(problem)) => {
                let problem = safe(problem);
                text.indented(
                    1,
                    format_args!("{since} its inputs have changed; {anew}. Which ones is not known: {problem}"),
                );
            }
            (None, None) => {
                text.indented(1, format_args!("{since} it has got a key; {anew}"));
            }
        }
    }
}

/// What is planned for an instance now, or that there is no such instance any more.
fn outcome<'p>(now: &'p Plan, name: &str, instance: &str) -> Result<&'p Outcome, String> {
    let path = now.paths.iter().find(|path| path.name == name && path.instance == instance);
    path.map(|path| &path.outcome).ok_or_else(|| "the workspace has no such path any more".to_owned())
}
