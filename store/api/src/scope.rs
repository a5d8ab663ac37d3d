//! Scopes: where a snapshot may be written and read. Who holds which scope is the backend's policy, not decided here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest reference in a scope, in bytes.
pub const MAX_REFERENCE: usize = 512;

/// How far a scope is trusted, lowest first: what a class wrote must never reach a higher one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScopeClass {
    /// One pull request.
    Pr,
    /// A branch that is not trusted.
    Branch,
    /// A merge queue's entry.
    Queue,
    /// A trusted reference.
    Trusted,
    /// A release, protected by an environment.
    Release,
}

impl ScopeClass {
    /// Every class, lowest first.
    pub const ALL: [Self; 5] = [Self::Pr, Self::Branch, Self::Queue, Self::Trusted, Self::Release];

    /// The word before the colon of a scope's text form.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pr => "pr",
            Self::Branch => "branch",
            Self::Queue => "queue",
            Self::Trusted => "trusted",
            Self::Release => "release",
        }
    }
}

/// A scope. Text form, also in JSON: `trusted:refs/heads/main`, `branch:refs/heads/topic`, `pr:42`, `queue:…`,
/// `release:v1`. References are compared byte for byte, never normalised.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    class: ScopeClass,
    reference: String,
}

impl Scope {
    /// A scope of `class` for `reference`.
    ///
    /// # Errors
    /// [`ParseScopeError`] when the reference is empty, longer than [`MAX_REFERENCE`], holds a control character or a
    /// space, or, for a pull request, is not a decimal number without leading zeros.
    pub fn new(class: ScopeClass, reference: impl Into<String>) -> Result<Self, ParseScopeError> {
        let reference = reference.into();
        let number = |text: &str| text.parse::<u64>().is_ok_and(|number| number.to_string() == text);
        let valid = !reference.is_empty()
            && reference.len() <= MAX_REFERENCE
            && !reference.chars().any(|c| c.is_control() || c.is_whitespace())
            && (class != ScopeClass::Pr || number(&reference));
        if valid {
            Ok(Self { class, reference })
        } else {
            Err(ParseScopeError { found: format!("{}:{reference}", class.name()).chars().take(80).collect() })
        }
    }

    /// The scope of pull request `number`.
    pub fn pr(number: u64) -> Self {
        Self { class: ScopeClass::Pr, reference: number.to_string() }
    }

    /// The scope's class.
    pub const fn class(&self) -> ScopeClass {
        self.class
    }

    /// What follows the colon: a reference, a pull request's number, a tag.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether a run of GitHub's for `reference`, in a pull request to the branch `base`, could be let read the scope by any
    /// policy: what a client can hold against a backend without knowing its policy.
    pub fn is_open_to(&self, reference: &str, base: Option<&str>) -> bool {
        let name = self.reference();
        match self.class {
            ScopeClass::Trusted => true,
            ScopeClass::Pr => reference == format!("refs/pull/{name}/merge"),
            ScopeClass::Branch => {
                name == reference || base.is_some_and(|base| name.strip_prefix("refs/heads/") == Some(base))
            }
            ScopeClass::Queue => name == reference,
            ScopeClass::Release => reference.strip_prefix("refs/tags/") == Some(name),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.class.name(), self.reference)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({self})")
    }
}

/// The text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a scope: {found:?}; expected, for example, trusted:refs/heads/main, branch:refs/heads/topic or pr:42")]
pub struct ParseScopeError {
    /// The refused text, cut at 80 characters.
    pub found: String,
}

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseScopeError { found: text.chars().take(80).collect() };
        let (class, reference) = text.split_once(':').ok_or_else(refuse)?;
        let class = ScopeClass::ALL.into_iter().find(|known| known.name() == class).ok_or_else(refuse)?;
        Self::new(class, reference)
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
