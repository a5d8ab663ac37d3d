//! A glob over directories, matched component by component.

use globset::{Candidate, GlobSet};

use crate::glob::{self, Separator};

/// Globs that one with alternatives may stand for: what several braces multiply to has to be bounded.
const MAX_ALTERNATIVES: usize = 1_024;

/// Stands for no component, as an alternative in braces.
const HERE: &str = ".";

/// A glob whose components are matched one by one, so that it can also tell whether it may match *below* a directory.
///
/// `**` stands for any number of components, none included; every other component matches within itself. Alternatives in
/// braces may hold several components, `{apps/web,tools}`, or be `.`, none: `{.,tools}` is the workspace itself and `tools`.
#[derive(Debug, Clone)]
pub struct DirGlob {
    text: String,
    alternatives: Vec<Vec<Part>>,
}

#[derive(Debug, Clone)]
enum Part {
    AnyDepth,
    One(GlobSet),
}

impl DirGlob {
    /// Reads a glob.
    ///
    /// # Errors
    /// When a component is not a valid glob, or there are too many alternatives, as a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        // The empty glob, what is left of a `.` alone, has no component, where `split` would give an empty one.
        let components = |glob: &String| match glob.is_empty() {
            true => Ok(Vec::new()),
            false => glob.split('/').map(Part::parse).collect(),
        };
        let alternatives = alternatives(text)?.iter().map(components).collect::<Result<_, String>>()?;
        Ok(Self { text: text.to_owned(), alternatives })
    }

    /// The glob as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the number of components is open, because of a `**`.
    pub fn any_depth(&self) -> bool {
        self.alternatives.iter().flatten().any(|part| matches!(part, Part::AnyDepth))
    }

    /// Whether the glob matches `path`; the empty path is the workspace itself.
    pub fn matches(&self, path: &[u8]) -> bool {
        let path = components(path);
        self.alternatives.iter().any(|parts| matches(parts, &path))
    }

    /// Whether the glob could match `directory` or something below it.
    pub fn may_reach(&self, directory: &[u8]) -> bool {
        let directory = components(directory);
        self.alternatives.iter().any(|parts| may_reach(parts, &directory))
    }
}

/// The globs that one stands for when its braces that hold a `/` or a `.` alone are written out; the other braces are a
/// component's own.
///
/// # Errors
/// What it has, when there are too many, or braces that are not closed.
pub(crate) fn alternatives(text: &str) -> Result<Vec<String>, String> {
    if depths(text).last().is_some_and(|(_, _, depth)| depth > 0) {
        return Err("a brace that is not closed".to_owned());
    }
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(glob) = open.pop() {
        let Some((before, inner, after)) = braces(&glob) else {
            done.push(glob);
            continue;
        };
        // The first is taken first.
        open.extend(inner.iter().rev().map(|one| with(before, one, after)));
        if open.len() + done.len() > MAX_ALTERNATIVES {
            return Err(format!("more than {MAX_ALTERNATIVES} alternatives"));
        }
    }
    Ok(done)
}

/// A glob with one alternative in the place of its braces.
fn with(before: &str, one: &str, after: &str) -> String {
    let is_component = (before.is_empty() || before.ends_with('/')) && (after.is_empty() || after.starts_with('/'));
    if one != HERE || !is_component {
        return format!("{before}{one}{after}");
    }
    let (above, below) = (before.trim_end_matches('/'), after.trim_start_matches('/'));
    if above.is_empty() || below.is_empty() { format!("{above}{below}") } else { format!("{above}/{below}") }
}

/// The first outermost braces that hold a `/` or a [`HERE`]: what is before, the alternatives, and what is after.
fn braces(glob: &str) -> Option<(&str, Vec<&str>, &str)> {
    let mut cuts = Vec::new();
    for (at, byte, depth) in depths(glob) {
        match (byte, depth) {
            (b'{', 1) => cuts = vec![at],
            (b',', 1) => cuts.push(at),
            (b'}', 0) if !cuts.is_empty() => {
                cuts.push(at);
                let inner: Vec<&str> = cuts.windows(2).map(|pair| &glob[pair[0] + 1..pair[1]]).collect();
                if inner.iter().any(|one| *one == HERE || one.contains('/')) {
                    return Some((&glob[..cuts[0]], inner, &glob[at + 1..]));
                }
                cuts.clear();
            }
            _ => {}
        }
    }
    None
}

/// The components of a glob: braces are not cut.
pub(crate) fn parts(glob: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, ..) in depths(glob).filter(|(_, byte, depth)| (*byte, *depth) == (b'/', 0)) {
        parts.push(&glob[start..at]);
        start = at + 1;
    }
    parts.push(&glob[start..]);
    parts
}

/// The bytes of a glob, each with its place and how many braces it is in; a closing one is outside of itself. What is in a
/// class of characters is left out.
fn depths(glob: &str) -> impl Iterator<Item = (usize, u8, usize)> {
    let mut depth = 0_usize;
    let mut class_ends = 0;
    glob.bytes().enumerate().filter_map(move |(at, byte)| {
        if at < class_ends {
            return None;
        }
        match byte {
            b'[' => class_ends = class(glob, at).unwrap_or_default(),
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((at, byte, depth))
    })
}

/// Where the class of characters ends that begins at `at`: the first in it may be its own end.
fn class(glob: &str, at: usize) -> Option<usize> {
    let is_negated = matches!(glob.as_bytes().get(at + 1), Some(b'!' | b'^'));
    let first = at + 1 + usize::from(is_negated);
    let end = glob.as_bytes().iter().skip(first + 1).position(|byte| *byte == b']')?;
    Some(first + 1 + end + 1)
}

impl Part {
    fn parse(component: &str) -> Result<Self, String> {
        if component == "**" {
            return Ok(Self::AnyDepth);
        }
        glob::compile(&[component], Separator::Literal).map(Self::One)
    }

    fn matches(&self, component: &[u8]) -> bool {
        match self {
            Self::AnyDepth => true,
            Self::One(glob) => glob.is_match_candidate(&Candidate::from_bytes(component)),
        }
    }
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    if path.is_empty() { Vec::new() } else { path.split(|byte| *byte == b'/').collect() }
}

/// Goes back to the last `**` only: what an earlier one could take instead, the last one can take as well. So the time is
/// at most the product of both lengths, however many there are.
fn matches(parts: &[Part], path: &[&[u8]]) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut last_any_depth = None;
    loop {
        match (parts.get(part), path.get(at)) {
            (None, None) => return true,
            (Some(Part::AnyDepth), _) => {
                part += 1;
                last_any_depth = Some((part, at));
            }
            (Some(one), Some(component)) if one.matches(component) => (part, at) = (part + 1, at + 1),
            _ => match last_any_depth {
                Some((after, taken)) if taken < path.len() => {
                    (part, at) = (after, taken + 1);
                    last_any_depth = Some((part, at));
                }
                _ => return false,
            },
        }
    }
}

fn may_reach(parts: &[Part], path: &[&[u8]]) -> bool {
    match (parts.split_first(), path.split_first()) {
        (_, None) | (Some((Part::AnyDepth, _)), _) => true,
        (None, Some(_)) => false,
        (Some((part, rest)), Some((component, deeper))) => part.matches(component) && may_reach(rest, deeper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_by_component() {
        let cases: &[(&str, &str, bool)] = &[
            ("packages/*", "packages/a", true),
            ("packages/*", "packages/a/b", false),
            ("packages/*", "packages", false),
            ("**", "", true),
            ("**", "a/b/c", true),
            ("apps/**", "apps", true),
            ("apps/**/web", "apps/web", true),
            ("apps/**/web", "apps/x/y/web", true),
            ("apps/**/web", "apps/x/y/webs", false),
            ("{a,b}-*", "b-1", true),
            ("{apps/web,tools}", "apps/web", true),
            ("{apps/web,tools}", "tools", true),
            ("{apps/web,tools}", "apps", false),
            ("x/{a/{b,c},d/*}/y", "x/a/c/y", true),
            ("x/{a/{b,c},d/*}/y", "x/d/e/y", true),
            ("x/{a/{b,c},d/*}/y", "x/d/y", false),
            ("{.,worker}", "", true),
            ("{.,worker}", "worker", true),
            ("{.,worker}", "worker/worker", false),
            ("x/{.,y/z}/*", "x/a", true),
            ("x/{.,y/z}/*", "x/y/z/a", true),
            ("{.a,b}", ".a", true),
        ];
        for (glob, path, expected) in cases {
            assert_eq!(DirGlob::parse(glob).unwrap().matches(path.as_bytes()), *expected, "{glob} on {path:?}");
        }
    }

    #[test]
    fn alternatives_are_bounded_and_what_is_not_closed_is_no_glob() {
        assert_eq!(alternatives("{a/b,c}/{d,e}").unwrap(), ["a/b/{d,e}", "c/{d,e}"]);
        assert_eq!(alternatives("a/{.,b}/c").unwrap(), ["a/c", "a/b/c"]);
        assert_eq!(alternatives("{.,b}/c").unwrap(), ["c", "b/c"]);
        assert_eq!(alternatives("a{.,b}c").unwrap(), ["a.c", "abc"]);
        assert!(alternatives(&"{a/b,c/d}".repeat(11)).is_err());
        assert!(DirGlob::parse("{a/b").is_err() && DirGlob::parse("a}/b").is_err());
        assert!(DirGlob::parse("[{]/[!]{]").unwrap().matches(b"{/x"));
        assert_eq!(parts("x/{a/b,c}/target"), ["x", "{a/b,c}", "target"]);
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let path = "a/".repeat(3_000);
        assert!(
            !DirGlob::parse(&format!("{}b", "**/a/".repeat(500)))
                .unwrap()
                .matches(path.trim_end_matches('/').as_bytes())
        );
    }

    #[test]
    fn tells_whether_it_may_match_below() {
        let cases: &[(&str, &str, bool)] = &[
            ("vendor/**", "vendor/lib", true),
            ("**/*.rs", "vendor/lib", true),
            ("vendor/lib/src/*.c", "vendor/lib", true),
            ("vendor/other/*.c", "vendor/lib", false),
            ("src/**", "vendor/lib", false),
            ("*.c", "vendor/lib", false),
        ];
        for (glob, directory, expected) in cases {
            assert_eq!(
                DirGlob::parse(glob).unwrap().may_reach(directory.as_bytes()),
                *expected,
                "{glob} on {directory}"
            );
        }
    }
}
