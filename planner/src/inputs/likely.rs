//! Which files are likely inputs: the walk reads them where it finds them, which spares looking for them again.
//!
//! Nothing depends on it but time: an input that the walk did not read is read later, and what it read in vain is not used.

use sci_hasher::InputClass;

use super::InputPattern;
use crate::config::{Config, Declaration};

/// The patterns of the paths without a glob. Those of the others depend on where the walk finds instances.
#[derive(Debug)]
pub(crate) struct Likely<'c> {
    /// Whether replay wants to know every file.
    all: bool,
    paths: Vec<Patterns<'c>>,
}

#[derive(Debug)]
struct Patterns<'c> {
    exclusions: Vec<&'c InputPattern>,
    inclusions: Vec<&'c InputPattern>,
}

impl<'c> Likely<'c> {
    /// Of everything that is declared.
    pub(crate) fn of(config: &'c Config) -> Self {
        let patterns = |declaration: &'c Declaration| {
            let patterns = InputClass::ALL.into_iter().flat_map(|class| declaration.patterns(class));
            let (exclusions, inclusions) = patterns.partition(|pattern| pattern.is_exclusion());
            Patterns { exclusions, inclusions }
        };
        let single = config.paths.iter().filter(|declaration| declaration.path.value.base().is_none());
        let all = config.paths.iter().any(|declaration| declaration.replay);
        Self { all, paths: single.map(patterns).collect() }
    }

    /// Whether the file's content will probably be asked for.
    pub(crate) fn is_input(&self, path: &[u8]) -> bool {
        let matches = |patterns: &[&InputPattern]| patterns.iter().any(|pattern| pattern.matches(path));
        let names = |path: &Patterns<'_>| matches(&path.inclusions) && !matches(&path.exclusions);
        self.all || self.paths.iter().any(names)
    }
}
