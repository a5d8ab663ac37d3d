//! A glob over directories, matched component by component.

use globset::{GlobBuilder, GlobMatcher};

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
    One(GlobMatcher),
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
        let glob = GlobBuilder::new(component).literal_separator(true).build();
        glob.map(|glob| Self::One(glob.compile_matcher())).map_err(|error| error.kind().to_string())
    }

    fn matches(&self, component: &[u8]) -> bool {
        match self {
            Self::AnyDepth => true,
            Self::One(glob) => glob.is_match_candidate(&globset::Candidate::from_bytes(component)),
        }
    }
}

fn components(path: &[u8]) -> Vec<&[u8]> {
    if path.is_empty() { Vec::new() } else { path.split(|byte| *byte == b'/').collect() }
}

fn matches(parts: &[Part], path: &[&[u8]]) -> bool {
    match (parts.split_first(), path.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((Part::AnyDepth, rest)), None) => matches(rest, path),
        (Some((Part::AnyDepth, rest)), Some((_, deeper))) => matches(rest, path) || matches(parts, deeper),
        (Some((Part::One(_), _)), None) => false,
        (Some((part, rest)), Some((component, deeper))) => part.matches(component) && matches(rest, deeper),
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
