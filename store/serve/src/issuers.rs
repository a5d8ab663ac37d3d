//! The list of issuers: whose identities are believed, from a TOML file. Everything that is wrong in it is told with its place.

use std::ops::Range;
use std::path::Path;

use sci_service::identity::{GenericClaims, Issuer, IssuerKind};
use serde::Deserialize;
use toml::Spanned;

use crate::Error;

/// Something wrong in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The bytes of the file that are wrong.
    pub span: Range<usize>,
    /// The text of them, its first line.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    issuer: Vec<Spanned<Entry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: IssuerKind,
    url: Option<Spanned<String>>,
    keys: Option<Spanned<String>>,
    claims: Option<Spanned<GenericClaims>>,
}

/// Reads the list in a file.
///
/// # Errors
/// [`Error::Read`]; [`Error::Issuers`] with everything that is wrong.
pub fn read(path: &Path) -> Result<Vec<Issuer>, Error> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text).map_err(|problems| Error::Issuers { path: path.to_owned(), problems })
}

/// Reads a list.
///
/// # Errors
/// Everything that is wrong, in the order of the text.
pub fn parse(text: &str) -> Result<Vec<Issuer>, Vec<Problem>> {
    let document: Document = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        vec![problem(text, &span, error.message())]
    })?;
    let mut found = Found { text, issuers: Vec::new(), problems: Vec::new() };
    if document.issuer.is_empty() {
        found.refuse(&(0..0), "there is no [[issuer]] in it, so nobody could be believed");
    }
    document.issuer.into_iter().for_each(|entry| found.entry(entry));
    if found.problems.is_empty() { Ok(found.issuers) } else { Err(found.problems) }
}

struct Found<'a> {
    text: &'a str,
    issuers: Vec<Issuer>,
    problems: Vec<Problem>,
}

impl Found<'_> {
    fn refuse(&mut self, span: &Range<usize>, message: impl AsRef<str>) {
        self.problems.push(problem(self.text, span, message.as_ref()));
    }

    fn entry(&mut self, entry: Spanned<Entry>) {
        let whole = entry.span();
        let Entry { kind, url, keys, claims } = entry.into_inner();
        let place = url.as_ref().map_or_else(|| whole.clone(), Spanned::span);
        for address in [&url, &keys].into_iter().flatten() {
            if !IssuerKind::may_be_at(address.get_ref()) {
                self.refuse(&address.span(), "an issuer's addresses begin with https://");
            }
        }
        if let Some(claims) = claims.as_ref().filter(|_| kind != IssuerKind::Generic) {
            self.refuse(&claims.span(), "only an issuer of kind \"generic\" has claims to be named");
        }
        let [url, keys] = [url, keys].map(|address| address.map(Spanned::into_inner));
        let Some(issuer) = kind.issuer(url, keys, claims.map(Spanned::into_inner)) else {
            return self.refuse(&whole, "an issuer of kind \"generic\" has `url`, `keys` and `claims`");
        };
        if self.issuers.iter().any(|other| other.url == issuer.url) {
            return self.refuse(&place, format!("{} is listed twice", issuer.url));
        }
        self.issuers.push(issuer);
    }
}

fn problem(text: &str, span: &Range<usize>, message: &str) -> Problem {
    let before = text.get(..span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let text = text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default().to_owned();
    Problem { line, column, span: span.clone(), text, message: message.to_owned() }
}
