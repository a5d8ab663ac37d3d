//! What a single file must keep to: length, heads, leftovers, blanks, and the purity of the crates that run as wasm.

use std::path::Path;

use crate::tidy::{Finding, Source};

/// A file longer than this does more than one thing.
const MAX_LINES: usize = 500;

/// Marks of unfinished work. Spelt apart, since this file is checked as well.
const LEFTOVERS: [&str; 6] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("todo", "!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
];

/// What reaches out of a pure crate.
const REACHES_OUT: [&str; 9] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "tokio",
    "SystemTime::now",
    "Instant::now",
    "js_sys",
];

pub(super) fn check(file: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut at = |line: usize, what: String| findings.push(format!("{}:{line}: {what}", file.path.display()));
    let kind = Kind::of(&file.path);
    if kind == Kind::Data {
        return findings;
    }
    let lines = file.text.lines().count();
    if kind == Kind::Code && lines > MAX_LINES {
        at(lines, format!("{lines} lines: at most {MAX_LINES}"));
    }
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        at(lines, "no newline at the end".into());
    }
    if needs_head(&file.path) && !file.text.starts_with("//!") {
        at(1, "no head (`//!`) that says what the module is".into());
    }
    let pure = is_pure(&file.path);
    for (number, line) in file.text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
        if line.ends_with([' ', '\t']) {
            at(number, "trailing blanks".into());
        }
        for mark in LEFTOVERS.into_iter().filter(|mark| kind == Kind::Code && has_word(line, mark)) {
            at(number, format!("a leftover: {mark}"));
        }
        for name in REACHES_OUT.into_iter().filter(|name| pure && !is_comment(line) && line.contains(name)) {
            at(number, format!("a pure crate must not reach {name}"));
        }
    }
    findings
}

/// What a file is, by its name.
#[derive(PartialEq)]
enum Kind {
    Code,
    Text,
    /// Generated, or somebody else's words.
    Data,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if ["LICENSE", "Cargo.lock", "package-lock.json", "pnpm-lock.yaml"].contains(&name.as_ref())
            || name.ends_with(".snap")
            || path.starts_with("action/dist")
        {
            return Self::Data;
        }
        match path.extension().unwrap_or_default().to_str() {
            Some("rs" | "sh" | "sql" | "js" | "mjs" | "ts") => Self::Code,
            Some("toml" | "md" | "yml" | "yaml" | "json") => Self::Text,
            _ => Self::Data,
        }
    }
}

/// Every module of a crate's code has a head; test modules and test programs speak for themselves.
fn needs_head(path: &Path) -> bool {
    let in_src = path.components().any(|part| part.as_os_str() == "src");
    let tests =
        path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "examples")));
    path.extension().is_some_and(|extension| extension == "rs") && in_src && !tests
}

fn is_pure(path: &Path) -> bool {
    let pure = ["hasher/src", "store/api/src", "store/service/src"];
    let tests = path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
    pure.iter().any(|dir| path.starts_with(dir)) && !path.starts_with("hasher/src/fs") && !tests
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

/// Whether `line` has `mark` as a word of its own.
fn has_word(line: &str, mark: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(mark).any(|(start, _)| {
        let before = line[..start].chars().next_back().is_some_and(inside);
        let after = mark.ends_with(inside) && line[start + mark.len()..].chars().next().is_some_and(inside);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&Source { path: path.into(), text: text.into() })
    }

    #[test]
    fn a_tidy_file_has_no_findings() {
        assert!(findings("cli/src/main.rs", "//! The program.\nfn main() {}\n").is_empty());
    }

    #[test]
    fn leftovers_are_words_not_parts_of_words() {
        let text = format!("//! Head.\n// {}: later\n", LEFTOVERS[0]);
        assert_eq!(findings("cli/src/a.rs", &text), [format!("cli/src/a.rs:2: a leftover: {}", LEFTOVERS[0])]);
        assert!(
            findings("cli/src/a.rs", &format!("//! Head.\nconst MASTODON_{}S: u8 = 1;\n", LEFTOVERS[0])).is_empty()
        );
    }

    #[test]
    fn a_pure_crate_has_no_clock_but_may_speak_of_one() {
        let call = "//! Head.\nlet now = SystemTime::now();\n";
        assert_eq!(
            findings("store/service/src/a.rs", call),
            ["store/service/src/a.rs:2: a pure crate must not reach SystemTime::now"]
        );
        assert!(findings("store/native/src/a.rs", call).is_empty());
        assert!(findings("hasher/src/fs/a.rs", "//! Head.\nuse std::fs::File;\n").is_empty());
        assert!(findings("store/service/src/a.rs", "//! Knows no std::fs.\n").is_empty());
    }

    #[test]
    fn length_head_and_ends_are_checked() {
        let long = format!("//! Head.\n{}", "\n".repeat(MAX_LINES));
        assert_eq!(findings("cli/src/a.rs", &long), ["cli/src/a.rs:501: 501 lines: at most 500"]);
        assert_eq!(findings("cli/src/a.rs", "fn a() {} \n").len(), 2);
        assert_eq!(findings("docs/A.md", "text"), ["docs/A.md:1: no newline at the end"]);
        assert!(findings("Cargo.lock", "x ").is_empty());
        assert!(findings("cli/tests/a.rs", "fn a() {}\n").is_empty());
    }
}
