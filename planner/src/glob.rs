//! Globs, compiled.
//!
//! A glob that parses may still be too large or too deeply nested to compile, and `globset` panics over a single one: only
//! a set of them says so.

use globset::{GlobBuilder, GlobSet};

/// Whether `*` and `?` match a `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// They do: the text is no path.
    Plain,
    /// They do not.
    Literal,
}

/// Compiles globs into what matches if one of them does.
///
/// # Errors
/// A sentence about the first that is no glob, or about all of them when they are too large.
pub(crate) fn compile(globs: &[&str], separator: Separator) -> Result<GlobSet, String> {
    let build = |glob: &&str| {
        let mut builder = GlobBuilder::new(glob);
        // By itself it reads one sci.toml in two ways: on Windows a backslash would part directories.
        builder.backslash_escape(true).literal_separator(separator == Separator::Literal).build()
    };
    let built = globs.iter().map(build).collect::<Result<Vec<_>, _>>();
    built.and_then(GlobSet::new).map_err(|error| error.kind().to_string())
}

/// A pattern of git's, in which braces stand for themselves, as a glob, in which they would be alternatives.
pub(crate) fn without_braces(pattern: &str) -> String {
    let (mut glob, mut escaped) = (String::new(), false);
    // Where the first member of a class stands that is not closed yet: a `]` there is a member.
    let mut class: Option<usize> = None;
    for (at, letter) in pattern.char_indices() {
        match (letter, class) {
            ('{' | '}', None) if !escaped => {
                glob.extend(['[', letter, ']']);
                continue;
            }
            ('[', None) if !escaped => class = Some(at + 1),
            ('!' | '^', Some(first)) if first == at && pattern[..at].ends_with('[') => class = Some(at + 1),
            (']', Some(first)) if !escaped && at > first => class = None,
            _ => {}
        }
        escaped = letter == '\\' && !escaped;
        glob.push(letter);
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_outside_of_a_class_are_written_as_one() {
        let cases = [
            ("*.{c,h}", "*.[{]c,h[}]"),
            (r"\{a}", r"\{a[}]"),
            (r"\\{", r"\\[{]"),
            ("[{}]{", "[{}][{]"),
            ("[]{]{", "[]{][{]"),
            ("[!]{]{", "[!]{][{]"),
            ("[!{]", "[!{]"),
            (r"\[{", r"\[[{]"),
            (r"[\]{]{", r"[\]{][{]"),
        ];
        for (pattern, glob) in cases {
            assert_eq!(without_braces(pattern), glob, "{pattern}");
        }
    }
}
