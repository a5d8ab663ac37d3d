//! What is left out: `--only` names phases, workloads and programs.

use crate::Failure;
use crate::phase::Phase;
use crate::sci;

/// What is measured. An empty list is everything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    phases: Vec<Phase>,
    workloads: Vec<String>,
    programs: Vec<String>,
}

impl Filter {
    /// Sorts words into phases, workloads and programs.
    ///
    /// # Errors
    /// For a word that is none of them.
    pub(crate) fn parse(words: &[String], workloads: &[String], programs: &[&str]) -> Result<Self, Failure> {
        let mut filter = Self::default();
        for word in words {
            if let Some(phase) = Phase::ALL.into_iter().find(|phase| phase.word() == word) {
                filter.phases.push(phase);
            } else if workloads.contains(word) {
                filter.workloads.push(word.clone());
            } else if programs.contains(&word.as_str()) {
                filter.programs.push(word.clone());
            } else {
                let phases = Phase::ALL.map(Phase::word).join(", ");
                let (workloads, programs) = (workloads.join(", "), programs.join(", "));
                return Err(format!(
                    "--only: there is no {word}.\nphases: {phases}\nworkloads: {workloads}\nprograms: {programs}"
                )
                .into());
            }
        }
        Ok(filter)
    }

    pub(crate) fn phase(&self, phase: Phase) -> bool {
        self.phases.is_empty() || self.phases.contains(&phase)
    }

    pub(crate) fn workload(&self, name: &str) -> bool {
        self.workloads.is_empty() || self.workloads.iter().any(|known| known == name)
    }

    /// sci is always measured: everything else is compared with it.
    pub(crate) fn program(&self, name: &str) -> bool {
        name == sci::NAME || self.programs.is_empty() || self.programs.iter().any(|known| known == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Filter, Failure> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Filter::parse(&words, &["node".to_owned(), "rust".to_owned()], &["sci", "rsync", "borg"])
    }

    #[test]
    fn words_of_a_kind_add_up_and_kinds_combine() {
        let filter = parse(&["save", "restore", "node", "rsync"]).unwrap();
        assert!(filter.phase(Phase::Save) && filter.phase(Phase::Restore) && !filter.phase(Phase::RestoreNoop));
        assert!(filter.workload("node") && !filter.workload("rust"));
        assert!(filter.program("rsync") && !filter.program("borg") && filter.program("sci"));
        assert!(parse(&[]).unwrap().program("borg"));
    }

    #[test]
    fn an_unknown_word_is_answered_with_the_known_ones() {
        let error = parse(&["save", "gnome"]).unwrap_err().to_string();
        assert!(
            error.contains("no gnome") && error.contains("node, rust") && error.contains("save-incremental"),
            "{error}"
        );
    }
}
