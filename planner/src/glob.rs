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
