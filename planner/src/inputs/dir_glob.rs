//! A glob over directories, matched component by component.

use globset::{Candidate, GlobSet};

use crate::glob::{self, Separator};

/// A glob whose components are matched one by one, so that it can also tell whether it may match *below* a directory.
///
/// `**` stands for any number of components, none included; every other component matches within itself.
#[derive(Debug, Clone)]
pub struct DirGlob {
    text: String,
    parts: Vec<Part>,
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
    /// When a component is not a valid glob, as a sentence; a `{…}` that spans a `/` is one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split('/').map(Part::parse).collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The glob as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the number of components is open, because of a `**`.
    pub fn any_depth(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::AnyDepth))
    }

    /// Whether the glob matches `path`; the empty path is the workspace itself.
    pub fn matches(&self, path: &[u8]) -> bool {
        matches(&self.parts, &components(path))
    }

    /// Whether the glob could match `directory` or something below it.
    pub fn may_reach(&self, directory: &[u8]) -> bool {
        may_reach(&self.parts, &components(directory))
    }
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
        ];
        for (glob, path, expected) in cases {
            assert_eq!(DirGlob::parse(glob).unwrap().matches(path.as_bytes()), *expected, "{glob} on {path:?}");
        }
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
