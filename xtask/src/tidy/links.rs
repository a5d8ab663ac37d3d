//! Relative links in the documentation: the file has to exist, and so has the heading.

use std::path::Path;

use crate::tidy::{Finding, Source};

pub(super) fn check(root: &Path, file: &Source) -> Vec<Finding> {
    if file.path.extension().is_none_or(|extension| extension != "md") {
        return Vec::new();
    }
    let dead = |target: &&str| !resolves(root, file, target);
    links(&file.text)
        .into_iter()
        .filter(dead)
        .map(|target| format!("{}: a dead link: {target}", file.path.display()))
        .collect()
}

fn resolves(root: &Path, file: &Source, target: &str) -> bool {
    let (name, heading) = target.split_once('#').unwrap_or((target, ""));
    if name.is_empty() {
        return anchors(&file.text).contains(&heading.to_owned());
    }
    let path = root.join(&file.path).with_file_name("").join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) if !heading.is_empty() => anchors(&text).contains(&heading.to_owned()),
        _ => path.exists(),
    }
}

/// The relative targets of inline links outside code.
fn links(text: &str) -> Vec<&str> {
    let prose = outside_code(text);
    let targets = prose.flat_map(|line| line.split("](").skip(1).filter_map(|rest| rest.split(')').next()));
    targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// The anchors of the headings, as code hosts make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = outside_code(text).filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .collect::<String>();
    kept.replace(' ', "-")
}

fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dead(text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("OTHER.md"), "# One heading: `code`\n").unwrap();
        check(dir.path(), &Source { path: "A.md".into(), text: text.into() })
    }

    #[test]
    fn links_lead_to_files_and_headings() {
        assert!(
            dead("# Here\n[a](OTHER.md) [b](OTHER.md#one-heading-code) [c](#here) [d](https://example.com/x)\n")
                .is_empty()
        );
        assert_eq!(dead("[a](MISSING.md)\n"), ["A.md: a dead link: MISSING.md"]);
        assert_eq!(dead("[a](OTHER.md#two)\n"), ["A.md: a dead link: OTHER.md#two"]);
    }

    #[test]
    fn code_holds_no_links() {
        assert!(dead("```\nlet a = b[0](missing);\n```\n").is_empty());
    }
}
