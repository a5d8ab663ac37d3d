//! What the Action asks a release for is what the release workflow builds.

use std::path::Path;

use crate::tidy::{Finding, Source};

const ACTION: &str = "action/src/install.ts";
const WORKFLOW: &str = ".github/workflows/release.yml";

pub(super) fn check(files: &[Source]) -> Vec<Finding> {
    let text = |path: &str| files.iter().find(|file| file.path == Path::new(path)).map(|file| file.text.as_str());
    let (Some(action), Some(workflow)) = (text(ACTION), text(WORKFLOW)) else {
        return vec![format!("{WORKFLOW}, {ACTION}: one of them is not there")];
    };
    let mut found = differences(&asked(action), &built(workflow));
    found.extend(unpinned(workflow));
    found
}

/// The same commit makes the same release: its compiler is one whole version.
fn unpinned(workflow: &str) -> Option<Finding> {
    let named = workflow.lines().find_map(|line| line.trim().strip_prefix("RUSTUP_TOOLCHAIN: "));
    let numbers: Vec<&str> = named.map(|name| name.trim_matches('"').split('.').collect()).unwrap_or_default();
    let is_whole = numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok());
    (!is_whole).then(|| format!("{WORKFLOW}: RUSTUP_TOOLCHAIN has to name one whole version, such as 1.95.0"))
}

fn differences(asked: &[&str], built: &[&str]) -> Vec<Finding> {
    let missing = asked.iter().filter(|target| !built.contains(target));
    let missing = missing.map(|target| format!("{WORKFLOW}: {ACTION} asks for {target}, and nothing builds it"));
    let idle = built.iter().filter(|target| !asked.contains(target));
    missing.chain(idle.map(|target| format!("{ACTION}: {target} is built, and never asked for"))).collect()
}

/// The targets in the Action's table.
fn asked(action: &str) -> Vec<&str> {
    let table = action.split_once("TARGETS").map_or("", |(_, after)| after);
    let table = table.split_once("};").map_or("", |(table, _)| table);
    table.lines().filter_map(|line| line.split_once("\": \"")?.1.split('"').next()).collect()
}

/// The targets in the workflow's matrix.
fn built(workflow: &str) -> Vec<&str> {
    let entries = workflow.lines().filter_map(|line| line.trim().strip_prefix("- { target: "));
    entries.filter_map(|entry| entry.split([',', ' ']).next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_names_its_compiler() {
        assert_eq!(unpinned("env:\n  RUSTUP_TOOLCHAIN: \"1.95.0\"\n"), None);
        for workflow in ["env:\n", "  RUSTUP_TOOLCHAIN: stable\n", "  RUSTUP_TOOLCHAIN: \"1.95\"\n"] {
            assert!(unpinned(workflow).is_some(), "{workflow}");
        }
    }

    #[test]
    fn a_target_on_one_side_alone_is_found() {
        let action = "const TARGETS = {\n  \"linux-x64\": \"a-linux\",\n  \"darwin-x64\": \"a-darwin\",\n};\nconst X = \"y\": \"z\"";
        let workflow = "include:\n          - { target: a-linux, on: x }\n          - { target: b-linux, on: y }\n";
        let found = differences(&asked(action), &built(workflow));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("a-darwin") && found[1].contains("b-linux"), "{found:?}");
    }
}
