//! The member of a workspace that a lockfile is narrowed to, as sci.toml names it.

use std::ops::Range;

use super::DirGlob;
use crate::config::Located;

/// The value of `member`: a directory.
///
/// It is relative to the workspace, as patterns are. `.` and what begins with `./` is relative to the instance's directory,
/// and so is what repeats the base of a path with a glob: for `packages/*/node_modules`, `packages/*` is the directory of
/// each instance. So one entry narrows each instance to its own member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    written: Located<String>,
    per_instance: bool,
    /// Without `.` components.
    directory: String,
}

impl Member {
    /// Reads a member; a refusal is a message and a hint.
    pub(crate) fn parse(written: Located<String>) -> Result<Self, (String, &'static str)> {
        let text = written.value.trim_end_matches('/');
        let (per_instance, directory) = match (text, text.strip_prefix("./")) {
            (".", _) => (true, ""),
            (_, Some(rest)) => (true, rest),
            (_, None) => (false, text),
        };
        let directory = directory.to_owned();
        let components: Vec<&str> = directory.split('/').collect();
        let relative = "a member is a directory relative to the workspace; `.` is the instance's own";
        if written.value.starts_with(['/', '~']) {
            return Err((format!("`{}` is not below the workspace", written.value), relative));
        }
        if components.contains(&"..") {
            return Err((format!("`{}` leaves the workspace", written.value), relative));
        }
        if !directory.is_empty() && components.iter().any(|component| matches!(*component, "" | ".")) {
            return Err((format!("`{}` has an empty component or `.`", written.value), "write it without"));
        }
        if directory.contains('\\') {
            return Err((format!("`{}` contains a backslash", written.value), "components are separated by `/`"));
        }
        Ok(Self { written, per_instance, directory })
    }

    /// Where it stands.
    pub(crate) const fn span(&self) -> &Range<usize> {
        &self.written.span
    }

    /// As it was written.
    pub(crate) fn text(&self) -> &str {
        &self.written.value
    }

    /// Binds one that repeats the base of its path to the directory of each instance.
    pub(super) fn bind(&mut self, base: &DirGlob) {
        let rest = if self.per_instance { None } else { self.directory.strip_prefix(base.text()) };
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) {
            (self.directory, self.per_instance) = (rest.trim_start_matches('/').to_owned(), true);
        }
    }

    /// Whether it does not name one directory, though it is bound to all that it may be bound to.
    pub(crate) fn is_glob(&self) -> bool {
        self.directory.contains(['*', '?', '[', '{'])
    }

    /// The directory, relative to the workspace, for an instance in `instance`.
    pub(crate) fn directory(&self, instance: &str) -> String {
        match (self.per_instance, instance, self.directory.as_str()) {
            (false, _, directory) | (true, "", directory) => directory.to_owned(),
            (true, instance, "") => instance.to_owned(),
            (true, instance, directory) => format!("{instance}/{directory}"),
        }
    }
}
