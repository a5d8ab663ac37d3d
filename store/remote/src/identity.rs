//! Who is asking: where a client takes the identity from that it shows for a ticket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sci_store_api::Secret;
use sci_store_api::session::MAX_BEARER;
use serde::Deserialize;
use ureq::http::Uri;

use crate::address::Address;
use crate::attempts::Attempts;
use crate::machine::{Machine, ThisMachine};
use crate::settings::Settings;
use crate::wire::{self, Failure, Outgoing};

/// The longest answer of GitHub's that is read, in bytes.
const LONGEST: u64 = 64 * 1_024;

/// Gives identities. Each is asked for when a ticket is needed, and not kept.
pub trait Identity: fmt::Debug + Send + Sync {
    /// An identity made for `audience`, the store's address; none for somebody who has none and may read only what is public.
    ///
    /// # Errors
    /// [`IdentityError`].
    fn fresh(&self, audience: &str) -> Result<Option<Secret>, IdentityError>;

    /// What kind of identity it is, for a person.
    fn kind(&self) -> &'static str;

    /// What to do where the store does not take it, if anything is known of that.
    fn remedy(&self) -> Option<&'static str> {
        None
    }
}

/// Why there is no identity. It repeats nothing of one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct IdentityError {
    reason: String,
    hint: Option<&'static str>,
}

impl IdentityError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: None }
    }

    /// What to do about it, where that is known.
    pub const fn hint(&self) -> Option<&str> {
        self.hint
    }
}

/// Nobody: what a repository lets everybody read.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Identity for Nobody {
    fn fresh(&self, _: &str) -> Result<Option<Secret>, IdentityError> {
        Ok(None)
    }

    fn kind(&self) -> &'static str {
        "none: what is public"
    }
}

/// A token that somebody was given: one of `sci token create`, or an OIDC token that a CI system put into the environment.
#[derive(Debug, Clone)]
pub struct Token {
    token: Secret,
    kind: &'static str,
    remedy: Option<&'static str>,
}

impl Token {
    /// Takes a token; `kind` says for a person where it comes from.
    pub const fn new(token: Secret, kind: &'static str) -> Self {
        Self { token, kind, remedy: None }
    }

    /// Says what to do where the store does not take it.
    #[must_use]
    pub fn with_remedy(self, remedy: &'static str) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl Identity for Token {
    fn fresh(&self, _: &str) -> Result<Option<Secret>, IdentityError> {
        checked(self.token.clone()).map(Some)
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }
}

/// A job on GitHub, which may ask for an identity as often as it likes.
#[derive(Debug, Clone)]
pub struct GitHub {
    url: String,
    token: Secret,
    settings: Settings,
}

impl GitHub {
    /// Takes what GitHub puts into the environment of a job that has `permissions: id-token: write`:
    /// `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub const fn new(url: String, token: Secret, settings: Settings) -> Self {
        Self { url, token, settings }
    }

    fn place(&self, audience: &str) -> Result<(Address, String), IdentityError> {
        let malformed = || IdentityError::new("ACTIONS_ID_TOKEN_REQUEST_URL is not an https:// address");
        let uri: Uri = self.url.parse().map_err(|_| malformed())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(malformed()) };
        let address = Address::new(&format!("{scheme}://{authority}"), false).map_err(|_| malformed())?;
        let audience: String = form_urlencoded::byte_serialize(audience.as_bytes()).collect();
        let more = uri.query().map(|query| format!("{query}&")).unwrap_or_default();
        Ok((address, format!("{}?{more}audience={audience}", uri.path())))
    }
}

impl Identity for GitHub {
    fn fresh(&self, audience: &str) -> Result<Option<Secret>, IdentityError> {
        #[derive(Deserialize)]
        struct Answer {
            value: Secret,
        }
        let (address, target) = self.place(audience)?;
        let machine: Arc<dyn Machine> = Arc::new(ThisMachine);
        let wire = wire::Wire::new(address, self.settings.clone(), Arc::clone(&machine))
            .map_err(|error| IdentityError::new(error.to_string()))?;
        let mut attempts = Attempts::new(&machine, self.settings.timeout, LONGEST);
        loop {
            let request = Outgoing::get(&target, Some(&self.token));
            let received = wire.send(&request, attempts.left(), Duration::ZERO).and_then(|answer| answer.json(LONGEST));
            let failure = match received {
                Ok(Answer { value }) => return checked(value).map(Some),
                Err(failure) => failure,
            };
            let reason = format!("GitHub gives none: {}", failure.reason());
            match failure {
                Failure::Again { asked, .. } => match attempts.pause(asked, 0) {
                    Some(pause) => machine.pause(pause),
                    None => return Err(IdentityError::new(reason)),
                },
                _ => return Err(IdentityError::new(reason)),
            }
        }
    }

    fn kind(&self) -> &'static str {
        "GitHub's, of this job"
    }
}

/// A bearer that may go into a header.
fn checked(token: Secret) -> Result<Secret, IdentityError> {
    let text = token.expose();
    let hint = Some("is the variable set to the token itself, without quotes or line breaks?");
    if text.is_empty() || text.len() > MAX_BEARER || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(IdentityError {
            reason: "the token is none: it is empty, too long or not one word".to_owned(),
            hint,
        });
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_address_keeps_its_query() {
        let github = |url: &str| GitHub::new(url.to_owned(), Secret::new("t".to_owned()), Settings::default());
        let (address, target) =
            github("https://gh.example/x/y?api-version=2.0").place("https://sci.example:1/a").unwrap();
        assert_eq!(address.as_str(), "https://gh.example");
        assert_eq!(target, "/x/y?api-version=2.0&audience=https%3A%2F%2Fsci.example%3A1%2Fa");
        assert!(github("http://gh.example/").place("a").is_err());
    }

    #[test]
    fn what_is_no_word_is_no_token() {
        let fresh = |text: &str| Token::new(Secret::new(text.to_owned()), "").fresh("");
        assert!(fresh("abc").is_ok());
        for text in ["", "a b", "a\n", "ü", &"a".repeat(MAX_BEARER + 1)] {
            let error = fresh(text).unwrap_err();
            assert!(error.to_string().starts_with("the token is none"));
        }
    }
}
