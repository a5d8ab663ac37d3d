//! `.gitattributes`: which files are text, as far as the workspace itself says so.
//!
//! In a directory's file later lines count before earlier ones, and the files of deeper directories before those above, each
//! attribute for itself. Attributes of the machine (`info/attributes`, `core.attributesFile`) are not read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use globset::{Candidate, GlobSet};

use super::super::tree::to_path;
use super::Tree;
use crate::glob::{self, Separator};

/// A larger file is refused: each of its lines takes some ten kilobytes when it is compiled. Bytes.
const SIZE_LIMIT: u64 = 256 << 10;

/// What the attributes say of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// It is text.
    Set,
    /// It is not.
    Unset,
    /// Its content tells. So it is without an attribute, too: with `core.autocrlf` git converts such a file.
    Auto,
}

/// What a line does to an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    True,
    False,
    /// As if nothing had been said.
    Unspecified,
    Value(String),
}

type States = Vec<(String, State)>;

/// One line.
#[derive(Debug)]
struct Rule {
    /// Whether the pattern is tried on the name alone.
    on_name: bool,
    pattern: GlobSet,
    states: States,
}

/// The `.gitattributes` files of a workspace.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    /// By directory; the workspace is the empty path.
    files: BTreeMap<Vec<u8>, Vec<Rule>>,
    /// Names that stand for several attributes. Only the file at the top defines any.
    macros: BTreeMap<String, States>,
    /// Whether a directory is a repository of its own, where what is said above does not count.
    repositories: BTreeMap<Vec<u8>, bool>,
}

impl Attributes {
    /// Reads the files that the walk found.
    pub(super) fn of(tree: &Tree) -> std::io::Result<Self> {
        let binary = ["diff", "merge", "text"].map(|name| (name.to_owned(), State::False));
        let macros = BTreeMap::from([("binary".to_owned(), binary.to_vec())]);
        let mut attributes = Self { macros, ..Self::default() };
        for (_, entry) in tree.walked().filter(|(_, entry)| entry.is_file()) {
            let Some(directory) = entry.path.strip_suffix(b".gitattributes") else { continue };
            if !(directory.is_empty() || directory.ends_with(b"/")) {
                continue;
            }
            let mut text = Vec::new();
            let file = File::open(tree.root().join(to_path(entry.path)))?;
            if file.take(SIZE_LIMIT + 1).read_to_end(&mut text)? as u64 > SIZE_LIMIT {
                let path = String::from_utf8_lossy(entry.path);
                return Err(std::io::Error::other(format!("`{path}` is larger than {SIZE_LIMIT} bytes")));
            }
            let directory = directory.strip_suffix(b"/").unwrap_or(directory);
            attributes.add(directory, &String::from_utf8_lossy(&text));
        }
        Ok(attributes)
    }

    fn add(&mut self, directory: &[u8], text: &str) {
        let mut rules = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if let Some(definition) = line.strip_prefix("[attr]") {
                let mut words = definition.split_whitespace();
                if let (Some(name), true) = (words.next(), directory.is_empty()) {
                    self.macros.insert(name.to_owned(), words.map(state).collect());
                }
            } else if !line.is_empty() && !line.starts_with(['#', '!']) {
                rules.extend(rule(line));
            }
        }
        self.files.insert(directory.to_vec(), rules);
    }

    /// What is said of the file at `path`.
    pub(super) fn text(&mut self, tree: &Tree, path: &[u8]) -> Text {
        let mut decided = BTreeMap::new();
        let mut end = path.iter().rposition(|byte| *byte == b'/');
        loop {
            let directory = &path[..end.unwrap_or(0)];
            let below = if directory.is_empty() { path } else { &path[directory.len() + 1..] };
            for rule in self.files.get(directory).into_iter().flatten().rev().filter(|rule| rule.matches(below)) {
                self.decide(&rule.states, &mut decided);
            }
            if directory.is_empty() || self.is_repository(tree, directory) {
                return judged(&decided);
            }
            end = directory.iter().rposition(|byte| *byte == b'/');
        }
    }

    /// Takes over what is not decided yet. A macro that is set stands for its attributes.
    fn decide(&self, states: &States, decided: &mut BTreeMap<String, State>) {
        let mut waiting = vec![states.iter().rev()];
        while let Some(states) = waiting.last_mut() {
            let Some((name, state)) = states.next() else {
                waiting.pop();
                continue;
            };
            // So a macro that names itself ends.
            if decided.contains_key(name) {
                continue;
            }
            decided.insert(name.clone(), state.clone());
            if let (State::True, Some(stands_for)) = (state, self.macros.get(name)) {
                waiting.push(stands_for.iter().rev());
            }
        }
    }

    fn is_repository(&mut self, tree: &Tree, directory: &[u8]) -> bool {
        if let Some(known) = self.repositories.get(directory) {
            return *known;
        }
        let found = tree.root().join(to_path(directory)).join(".git").symlink_metadata().is_ok();
        self.repositories.insert(directory.to_vec(), found);
        found
    }
}

/// `crlf` is what `text` was once called; a line ending makes a text of what is not said to be none.
fn judged(decided: &BTreeMap<String, State>) -> Text {
    let said = |name: &str| match decided.get(name)? {
        State::True => Some(Text::Set),
        State::False => Some(Text::Unset),
        State::Value(value) if value == "auto" => Some(Text::Auto),
        State::Value(value) if value == "input" => Some(Text::Set),
        State::Unspecified | State::Value(_) => None,
    };
    let ending = match decided.get("eol") {
        Some(State::Value(value)) if value == "lf" || value == "crlf" => Some(Text::Set),
        _ => None,
    };
    said("text").or_else(|| said("crlf")).or(ending).unwrap_or(Text::Auto)
}

impl Rule {
    fn matches(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        self.pattern.is_match_candidate(&Candidate::from_bytes(if self.on_name { name } else { path }))
    }
}

/// `None` for a line that is about no file.
fn rule(line: &str) -> Option<Rule> {
    let (pattern, rest) = match line.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => {
            let (pattern, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            (pattern.to_owned(), rest)
        }
    };
    if pattern.ends_with('/') {
        return None;
    }
    let on_name = !pattern.contains('/');
    let glob = glob::without_braces(pattern.strip_prefix('/').unwrap_or(&pattern));
    let states = rest.split_whitespace().map(state).collect();
    Some(Rule { on_name, pattern: glob::compile(&[&glob], Separator::Literal).ok()?, states })
}

fn state(word: &str) -> (String, State) {
    if let Some(name) = word.strip_prefix('-') {
        return (name.to_owned(), State::False);
    }
    if let Some(name) = word.strip_prefix('!') {
        return (name.to_owned(), State::Unspecified);
    }
    match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), State::Value(value.to_owned())),
        None => (word.to_owned(), State::True),
    }
}

/// A pattern in quotes, whose first is taken off already, and what follows it. Escapes are those of C; octal ones, which git
/// writes for what is not ASCII, are not read.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let (mut pattern, mut letters) = (String::new(), quoted.char_indices());
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((pattern, &quoted[at + 1..])),
            '\\' => match letters.next()?.1 {
                't' => pattern.push('\t'),
                letter @ ('"' | '\\') => pattern.push(letter),
                _ => return None,
            },
            letter => pattern.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decided_is_not_decided_again() {
        let mut attributes = Attributes::default();
        attributes.add(b"", "[attr]a b -text\n[attr]b a\n*.x a\n*.y a text\n*.z text !a a\n");
        let judge = |name: &str| {
            let mut decided = BTreeMap::new();
            for rule in attributes.files[&b""[..]].iter().rev().filter(|rule| rule.matches(name.as_bytes())) {
                attributes.decide(&rule.states, &mut decided);
            }
            judged(&decided)
        };
        assert_eq!([judge("1.x"), judge("1.y"), judge("1.z")], [Text::Unset, Text::Set, Text::Unset]);
    }
}
