//! Many files as few patterns: what to write into sci.toml.

use std::collections::BTreeMap;

use sci_hasher::InputName;

/// As many files of one directory as are named one by one.
const FEW: usize = 3;
/// What means something in a glob.
const EVERY: &[char] = &['*', '?', '\\', '[', ']', '{', '}'];

/// A pattern, and how many of the files it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The pattern; a plain name when it stands for one file.
    pub pattern: String,
    /// How many files.
    pub files: usize,
}

/// Groups files by directory and, where all have the same, by extension. The files are in order.
pub fn group<'n>(names: impl IntoIterator<Item = &'n InputName>) -> Vec<Group> {
    let mut directories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names {
        let name = String::from_utf8_lossy(name.as_bytes()).into_owned();
        let directory = name.rfind('/').map_or("", |slash| &name[..=slash]).to_owned();
        directories.entry(directory).or_default().push(name);
    }
    directories.into_iter().flat_map(|(directory, names)| of_directory(&directory, &names)).collect()
}

fn of_directory(directory: &str, names: &[String]) -> Vec<Group> {
    let whole = |last: &str| vec![Group { pattern: format!("{}{last}", escape(directory, EVERY)), files: names.len() }];
    match common_extension(names) {
        Some(extension) if names.len() > FEW => whole(&format!("*.{}", escape(extension, EVERY))),
        // At the top everything there is would be meant.
        None if names.len() > FEW && !directory.is_empty() => whole("*"),
        // A name that is there is taken as it stands, whatever brackets it has.
        _ => names.iter().map(|name| Group { pattern: escape(name, &['*', '?', '\\']), files: 1 }).collect(),
    }
}

fn common_extension(names: &[String]) -> Option<&str> {
    let of = |name: &'_ str| {
        let (stem, extension) = name.rsplit('/').next()?.rsplit_once('.')?;
        (!stem.is_empty()).then_some(extension.len())
    };
    let first = names.first()?;
    let extension = &first[first.len() - of(first)?..];
    names
        .iter()
        .all(|name| of(name).is_some_and(|length| &name[name.len() - length..] == extension))
        .then_some(extension)
}

/// A name as a pattern that means it alone: with a backslash before the `special` characters.
fn escape(name: &str, special: &[char]) -> String {
    let escaped = |(index, c): (usize, char)| {
        let is_special = special.contains(&c) || index == 0 && c == '!';
        is_special.then_some('\\').into_iter().chain([c])
    };
    name.char_indices().flat_map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(names: &[&str]) -> Vec<String> {
        let names: Vec<InputName> = names.iter().map(|name| InputName::from(*name)).collect();
        group(&names).into_iter().map(|group| format!("{} {}", group.pattern, group.files)).collect()
    }

    #[test]
    fn few_files_are_named_and_many_are_a_pattern() {
        assert_eq!(grouped(&["a", "d/1.txt", "d/2.txt", "d/3.txt"]), ["a 1", "d/1.txt 1", "d/2.txt 1", "d/3.txt 1"]);
        assert_eq!(grouped(&["d/1.txt", "d/2.txt", "d/3.txt", "d/4.txt", "d/e/5.txt"]), ["d/*.txt 4", "d/e/5.txt 1"]);
        assert_eq!(grouped(&["d/1.txt", "d/2.txt", "d/3.txt", "d/4"]), ["d/* 4"]);
        assert_eq!(grouped(&["d/.a", "d/.b", "d/.c", "d/.d"]), ["d/* 4"]);
    }

    #[test]
    fn everything_at_the_top_is_never_meant() {
        assert_eq!(grouped(&["a", "b", "c", "d"]), ["a 1", "b 1", "c 1", "d 1"]);
        assert_eq!(grouped(&["a.md", "b.md", "c.md", "d.md"]), ["*.md 4"]);
    }

    #[test]
    fn names_that_look_like_patterns_mean_themselves() {
        assert_eq!(grouped(&["!a", "[id].tsx", "what?*"]), ["\\!a 1", "[id].tsx 1", "what\\?\\* 1"]);
        assert_eq!(grouped(&["[id]/a.ts", "[id]/b.ts", "[id]/c.ts", "[id]/d.ts"]), ["\\[id\\]/*.ts 4"]);
    }
}
