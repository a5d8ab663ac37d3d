//! Names that come from outside. Each is checked wherever it is made, deserialisation included.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text is not a valid name of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}: {found:?}; {rule}")]
pub struct NameError {
    /// What was to be named.
    pub kind: &'static str,
    /// The refused text, cut at 80 characters.
    pub found: String,
    /// What a valid name looks like.
    pub rule: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            #[doc = concat!("Takes a ", $kind, ".")]
            ///
            /// # Errors
            #[doc = concat!("[`NameError`] unless the text ", $rule, ".")]
            pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
                let text = text.into();
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(NameError { kind: $kind, found: text.chars().take(80).collect(), rule: concat!("it ", $rule) })
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of a workspace path in sci.toml: `node_modules`.
    PathName, "path name", "has 1 to 100 of A-Z a-z 0-9 . _ - and is neither . nor ..",
    |text| plain(text, 100) && text != "." && text != ".."
}

name! {
    /// One instance of a workspace path: its directory or file, relative to the workspace with `/` (`web/node_modules`),
    /// or beneath the home directory (`~/.cargo/registry`).
    Instance, "path instance",
    "is a relative path of at most 1024 bytes, with / between its components, none of them empty, ., .. or .git, without \
     backslashes, control characters or drive letters",
    |text| text.len() <= 1024 && text.strip_prefix("~/").unwrap_or(text).split('/').all(component)
}

name! {
    /// One run of a job, as the host of the identity names it: every attempt and every job has its own.
    RunId, "run id", "has 1 to 200 printable ASCII characters without spaces",
    |text| (1..=200).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

name! {
    /// A repository, by an id that does not change when it is renamed. Object keys start with it.
    RepositoryId, "repository id", "has 1 to 128 of A-Z a-z 0-9 . _ - and does not start with a dot",
    |text| plain(text, 128) && !text.starts_with('.')
}

name! {
    /// A store, so that a record signed for one is refused by another.
    StoreId, "store id", "has 1 to 128 of A-Z a-z 0-9 . _ - and does not start with a dot",
    |text| plain(text, 128) && !text.starts_with('.')
}

name! {
    /// The name of a signing key: `sci-1`.
    KeyId, "key id", "has 1 to 100 of A-Z a-z 0-9 . _ -", |text| plain(text, 100)
}

name! {
    /// A token made by `sci token`, for lists and revocation; it opens nothing.
    TokenId, "token id", "has 1 to 64 of A-Z a-z 0-9 . _ -", |text| plain(text, 64)
}

fn plain(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

fn component(text: &str) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes()[0].is_ascii_alphabetic();
    // Whoever writes a repository's own files decides what its next command runs.
    let git = text.eq_ignore_ascii_case(".git");
    !matches!(text, "" | "." | ".." | "~") && !git && !drive && !text.contains(|c: char| c.is_control() || c == '\\')
}
