//! Where a declared path is: its syntax, and the places that are refused.

use std::ops::Range;

use super::error::{Errors, Located};
use crate::inputs::{DirGlob, dir_glob};

/// The checked value of `path`.
///
/// A path without a glob is one instance, relative to the workspace or, with `~/`, to the home directory. In a path with a
/// glob everything up to the last component that has one is the *base*, and every directory of the workspace that the base
/// matches may hold one instance; what follows is the same in each: `packages/*` and `node_modules` in
/// `packages/*/node_modules`. The last component is therefore never a glob: an instance must be known by name on a machine
/// where it does not exist yet.
#[derive(Debug, Clone)]
pub struct DeclaredPath {
    text: String,
    home: bool,
    base: Option<DirGlob>,
    tail: String,
}

impl DeclaredPath {
    /// The path as it was written, without a trailing `/`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is below the home directory.
    pub const fn is_home(&self) -> bool {
        self.home
    }

    /// For a path with a glob: what matches the directories that may hold an instance.
    pub const fn base(&self) -> Option<&DirGlob> {
        self.base.as_ref()
    }

    /// What follows the base; the whole path, without `~/`, when there is no glob.
    pub fn tail(&self) -> &str {
        &self.tail
    }

    /// Whether an entry of the workspace at `path` is an instance of this declaration, were it there.
    pub fn covers(&self, path: &str) -> bool {
        match &self.base {
            None => !self.home && self.tail == path,
            Some(base) => match path.strip_suffix(self.tail.as_str()) {
                Some("") => base.matches(b""),
                Some(directory) => directory.strip_suffix('/').is_some_and(|it| base.matches(it.as_bytes())),
                None => false,
            },
        }
    }

    /// Reads `path`; notes every reason to refuse it.
    pub(super) fn parse(text: &Located<String>, errors: &mut Errors<'_>) -> Option<Self> {
        let span = &text.span;
        let whole = text.value.trim_end_matches('/');
        let (home, inner) = match whole.strip_prefix('~') {
            Some("") => (true, ""),
            Some(rest) if rest.starts_with('/') => (true, &rest[1..]),
            Some(_) => {
                errors.push_with_hint(
                    span,
                    format!("`{whole}` names another user's home directory"),
                    "only `~/` is known",
                );
                return None;
            }
            None => (false, whole),
        };
        let alternatives = match dir_glob::alternatives(inner) {
            Ok(alternatives) => alternatives,
            Err(reason) => {
                errors.push(span, format!("`{whole}` has {reason}"));
                return None;
            }
        };
        for inner in &alternatives {
            let components: Vec<&str> = inner.split('/').collect();
            refuse_syntax(&text.value, inner, &components, home, span, errors)?;
            refuse_git(inner, &components, span, errors)?;
            refuse_credentials(inner, home, span, errors)?;
        }
        let components = dir_glob::parts(inner);
        let globs = components.iter().rposition(|component| component.contains(['*', '?', '[', '{']));
        let split = globs.map_or(0, |last| last + 1);
        if globs.is_some() && home {
            errors.push_with_hint(
                span,
                format!("`{whole}` is a glob below the home directory"),
                "a path below `~/` is one directory that workspaces share: name it",
            );
            return None;
        }
        if split == components.len() {
            errors.push_with_hint(
                span,
                format!("the last component of `{whole}` is a glob"),
                "name what each directory holds, as in `packages/*/node_modules`",
            );
            return None;
        }
        let base = match globs.map(|_| DirGlob::parse(&components[..split].join("/"))).transpose() {
            Ok(base) => base,
            Err(error) => {
                errors.push(span, format!("`{whole}` is not a valid glob: {error}"));
                return None;
            }
        };
        Some(Self { text: whole.to_owned(), home, base, tail: components[split..].join("/") })
    }
}

fn refuse_syntax(
    text: &str,
    inner: &str,
    components: &[&str],
    home: bool,
    span: &Range<usize>,
    errors: &mut Errors<'_>,
) -> Option<()> {
    let relative = "a path is relative to the workspace, or starts with `~/`";
    if text.starts_with('/') || text.get(1..3).is_some_and(|drive| drive == ":/" || drive == ":\\") {
        errors.push_with_hint(span, format!("`{text}` is absolute"), relative);
    } else if text.starts_with('$') {
        errors.push_with_hint(
            span,
            format!("`{text}` begins with a variable"),
            "none is expanded; `~/` is the home directory",
        );
    } else if text.contains('\\') {
        errors.push_with_hint(span, format!("`{text}` contains a backslash"), "components are separated by `/`");
    } else if components.contains(&"..") {
        errors.push_with_hint(span, format!("`{text}` leaves the workspace"), relative);
    } else if home && inner.is_empty() {
        errors.push_with_hint(span, "the whole home directory holds credentials", "name the one directory to keep");
    } else if inner.is_empty() || components == ["."] {
        errors.push_with_hint(span, "the whole workspace cannot be a workspace path", "name what the build writes");
    } else if !home && inner.eq_ignore_ascii_case(super::FILE_NAME) {
        errors.push_with_hint(span, format!("`{text}` is where paths are declared"), "name what the build writes");
    } else if components.iter().any(|component| component.is_empty() || *component == ".") {
        errors.push_with_hint(span, format!("`{text}` has an empty component or `.`"), "write it without");
    } else {
        return Some(());
    }
    None
}

fn refuse_git(inner: &str, components: &[&str], span: &Range<usize>, errors: &mut Errors<'_>) -> Option<()> {
    if !components.iter().any(|component| component.eq_ignore_ascii_case(".git")) {
        return Some(());
    }
    errors.push_with_hint(
        span,
        format!("`{inner}` is inside `.git`"),
        "what git keeps is git's to restore; a restored hook or configuration could run anything",
    );
    None
}

/// Where tools keep credentials. A path is refused wherever it ends with one of these, lies inside one, or, below the home
/// directory, contains one.
const CREDENTIALS: &[&str] = &[
    ".ssh",
    ".aws",
    ".azure",
    ".gnupg",
    ".kube",
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".vault-token",
    ".terraformrc",
    ".terraform.d",
    ".git-credentials",
    ".password-store",
    ".1password",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".config/containers/auth.json",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/glab-cli",
    ".config/hub",
    ".config/op",
    ".config/pip",
    ".config/pypoetry",
    ".config/rclone",
    ".config/sops",
    ".composer/auth.json",
    ".docker/config.json",
    ".gem/credentials",
    ".gradle/gradle.properties",
    ".local/share/keyrings",
    ".m2/settings.xml",
    ".m2/settings-security.xml",
    ".nuget/NuGet/NuGet.Config",
    ".oci",
    ".sbt/1.0/credentials",
    ".subversion/auth",
    "Library/Keychains",
];

/// Where credentials are that a path holds, lies inside of, or contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    /// It is that place, or in it.
    Inside,
    /// That place is in it.
    Around(&'static str),
}

/// The credentials that a path has to do with, if any.
///
/// `inner` is relative to the home directory (`home`), or else what of a path is to be judged. Letter case does not matter, as it
/// does not on some file systems.
pub(crate) fn secret_in(inner: &str, home: bool) -> Option<Secret> {
    let lowered = inner.to_lowercase();
    let components: Vec<&str> = lowered.split('/').collect();
    CREDENTIALS.iter().find_map(|place| {
        let lowered_place = place.to_lowercase();
        let secret: Vec<&str> = lowered_place.split('/').collect();
        if components.windows(secret.len()).any(|window| window == secret) {
            return Some(Secret::Inside);
        }
        (home && secret.starts_with(&components)).then_some(Secret::Around(place))
    })
}

/// Refuses a path that has to do with credentials; `inner` is relative to the home directory (`home`) or to the workspace.
pub(crate) fn refuse_credentials(inner: &str, home: bool, span: &Range<usize>, errors: &mut Errors<'_>) -> Option<()> {
    let Some(secret) = secret_in(inner, home) else { return Some(()) };
    let shown = if home { format!("~/{inner}") } else { inner.to_owned() };
    let message = match secret {
        Secret::Inside => format!("`{shown}` holds credentials"),
        Secret::Around(place) => format!("`{shown}` would contain the credentials in `~/{place}`"),
    };
    errors.push_with_hint(span, message, "a snapshot is read by others; keep only what a build can make again");
    None
}
