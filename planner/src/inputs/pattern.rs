//! One pattern of input files.

use std::ops::Range;

use globset::{Candidate, GlobSet};
use sci_presets::Search;

use super::{DirGlob, Member};
use crate::config::Located;
use crate::glob::{self, Separator};

/// A pattern of input files, as an entry of `configs`, `lockfiles` or `sources`.
///
/// # Where a pattern looks
/// The patterns of a path without a glob are relative to the workspace. Those of a path with a glob are looked for per
/// instance, where the instance's directory is what the path's base matched (`packages/a` for `packages/*/node_modules`):
/// - a pattern that repeats the base (`packages/*/src/**`) or starts with `./` looks there and nowhere else;
/// - any other follows its `search`: `here` (there), `nearest` (there, else in the nearest directory above it, up to the
///   workspace, in which it matches anything) or `ancestors` (there and in all of those). In sci.toml `nearest` is the
///   default, so a lockfile at the root serves every package that has none of its own, and a pattern that is meant from the
///   workspace on (`shared/**`) is found too.
///
/// `!pattern` takes out what it matches, whatever the order; one that matches a directory takes out all that is below. It is
/// tried from the instance's directory and from the workspace (`!/pattern`: from the workspace only).
///
/// A pattern without `*` and `?` may name a file literally, and then finds it even where `.gitignore` excludes it.
#[derive(Debug, Clone)]
pub struct InputPattern {
    written: Located<String>,
    exclude: bool,
    optional: bool,
    search: Search,
    anchor: Anchor,
    glob: String,
    set: GlobSet,
    member: Option<Member>,
}

/// What a pattern is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// Nothing: its search decides.
    Searched,
    /// The directory of the instance.
    Instance,
    /// The workspace.
    Workspace,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedPattern {
    /// Where it stands.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

impl InputPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`RefusedPattern`] for one that leaves the workspace, looks into `.git` or is not a glob.
    pub fn parse(written: Located<String>, optional: bool, search: Search) -> Result<Self, RefusedPattern> {
        let (exclude, rest) = match written.value.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, written.value.as_str()),
        };
        let (anchor, glob) = match (exclude, rest.strip_prefix('/'), rest.strip_prefix("./")) {
            (true, Some(glob), _) => (Anchor::Workspace, glob),
            (_, _, Some(glob)) => (Anchor::Instance, glob),
            _ => (Anchor::Searched, rest),
        };
        let refuse =
            |message: String, hint: &str| RefusedPattern { span: written.span.clone(), message, hint: hint.to_owned() };
        let text = &written.value;
        if let Some((message, hint)) = unsuitable(text, glob) {
            return Err(refuse(message, hint));
        }
        let glob = glob.to_owned();
        let set = compile(&glob, exclude).map_err(|error| {
            refuse(format!("`{text}` is not a valid glob: {error}"), "globs are `*`, `**`, `?`, `[ab]` and `{a,b}`")
        })?;
        Ok(Self { exclude, optional: optional || exclude, search, anchor, glob, set, written, member: None })
    }

    /// Makes it name a lockfile of which only the part of one member counts.
    pub(crate) fn narrow(&mut self, member: Member) {
        self.member = Some(member);
    }

    /// The member whose part of the lockfile counts; `None` when the whole file does.
    pub(crate) const fn member(&self) -> Option<&Member> {
        self.member.as_ref()
    }

    /// The pattern as it was written, `!` included.
    pub fn text(&self) -> &str {
        &self.written.value
    }

    /// Where it stands.
    pub const fn span(&self) -> &Range<usize> {
        &self.written.span
    }

    /// Whether it takes files out.
    pub const fn is_exclusion(&self) -> bool {
        self.exclude
    }

    /// Whether it may match nothing.
    pub const fn is_optional(&self) -> bool {
        self.optional
    }

    pub(crate) const fn search(&self) -> Search {
        self.search
    }

    pub(crate) const fn anchor(&self) -> Anchor {
        self.anchor
    }

    /// The glob, relative to whatever directory it is tried from.
    pub(crate) fn glob(&self) -> &str {
        &self.glob
    }

    pub(crate) fn make_optional(&mut self) {
        self.optional = true;
    }

    /// Binds a pattern that repeats the base of its path to the directory of each instance.
    pub(crate) fn bind(&mut self, base: &DirGlob) {
        if let Some(member) = &mut self.member {
            member.bind(base);
        }
        let rest = self.glob.strip_prefix(base.text()).and_then(|rest| rest.strip_prefix('/'));
        // After `**` the rest may be meant for any depth below the instance, which an unbound pattern says already.
        if let Some(rest) = rest.filter(|rest| base.text() != "**" && !rest.is_empty()).map(str::to_owned)
            && let Ok(set) = compile(&rest, self.exclude)
        {
            (self.glob, self.set, self.anchor) = (rest, set, Anchor::Instance);
        }
    }

    /// The one path that the pattern may name literally.
    pub(crate) fn literal(&self) -> Option<&str> {
        (!self.glob.contains(['*', '?'])).then_some(&self.glob)
    }

    /// Whether nothing but its literal name can match.
    pub(crate) fn only_literal(&self) -> bool {
        !self.glob.contains(['*', '?', '[', '{', '\\'])
    }

    /// Whether a path relative to the directory it is tried from matches.
    pub(crate) fn matches(&self, path: &[u8]) -> bool {
        // Most sources are declared so, and then there is nothing to look for in thousands of paths.
        matches!(self.glob.as_str(), "**" | "**/*") || self.set.is_match_candidate(&Candidate::from_bytes(path))
    }

    /// Whether it could match something below a directory, relative to where it is tried from.
    pub(crate) fn may_reach(&self, directory: &[u8]) -> bool {
        // A `{a/b,c}` cannot be taken apart by component: such a pattern is assumed to reach everywhere.
        DirGlob::parse(&self.glob).map_or(true, |glob| glob.may_reach(directory))
    }
}

fn unsuitable(text: &str, glob: &str) -> Option<(String, &'static str)> {
    let components: Vec<&str> = glob.trim_end_matches('/').split('/').collect();
    if glob.is_empty() {
        Some((format!("`{text}` is an empty pattern"), "name files, or take the entry out"))
    } else if glob.starts_with('/') {
        Some((format!("`{text}` is absolute"), "patterns are relative to the workspace"))
    } else if glob.starts_with('~') {
        Some((format!("`{text}` is below the home directory"), "inputs are files of the workspace"))
    } else if components.iter().any(|component| component.is_empty() || *component == ".") {
        Some((format!("`{text}` has an empty component or `.`"), "write it without"))
    } else if components.contains(&"..") {
        Some((format!("`{text}` leaves the workspace"), "inputs are files of the workspace"))
    } else if components.iter().any(|component| component.eq_ignore_ascii_case(".git")) {
        Some((format!("`{text}` looks into `.git`"), "inputs are files of the workspace, not of git"))
    } else {
        None
    }
}

fn compile(glob: &str, exclude: bool) -> Result<GlobSet, String> {
    let glob = glob.trim_end_matches('/');
    let below = format!("{glob}/**");
    let globs = [glob, &below];
    glob::compile(if exclude { &globs } else { &globs[..1] }, Separator::Literal)
}
