//! Who is believed: the issuers, and the way from a token to an identity.

use sci_store_api::session::MAX_BEARER;

use super::Rejection;
use super::claims::{ClaimMap, GenericClaims};
use super::jwks;
use super::jwt::Unverified;
use super::keyring::{Keyring, Look};
use crate::policy::Identity;

/// Fetches an issuer's public keys.
pub trait Fetch {
    /// The body at an `https` address, at most 256 KiB, within some seconds, without following it elsewhere.
    ///
    /// # Errors
    /// [`FetchError`] for anything but a success.
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError>;
}

/// The keys could not be fetched; for the operator.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// An issuer that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// What the claim `iss` must be, byte for byte.
    pub url: String,
    /// Where its keys are.
    pub keys: String,
    /// What its claims mean.
    pub claims: ClaimMap,
}

impl Issuer {
    /// GitHub's own.
    pub fn github() -> Self {
        let url = sci_store_api::repositories::GITHUB;
        Self { url: url.to_owned(), keys: format!("{url}/.well-known/jwks"), claims: ClaimMap::GitHub }
    }

    /// A GitLab at `url`.
    pub fn gitlab(url: &str) -> Self {
        Self { url: url.to_owned(), keys: format!("{url}/oauth/discovery/keys"), claims: ClaimMap::GitLab }
    }
}

/// How an issuer speaks, as lists of issuers call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// GitHub, its own or one at an address.
    GitHub,
    /// GitLab, its own or one at an address.
    GitLab,
    /// Any other, with its claims named.
    Generic,
}

impl IssuerKind {
    /// The issuer that an entry of a list means. `None` for a generic one without `url`, `keys` or `claims`.
    pub fn issuer(self, url: Option<String>, keys: Option<String>, claims: Option<GenericClaims>) -> Option<Issuer> {
        let issuer = match (self, url, claims) {
            (Self::GitHub, None, _) => Issuer::github(),
            (Self::GitHub, Some(url), _) => {
                Issuer { keys: format!("{url}/.well-known/jwks"), url, claims: ClaimMap::GitHub }
            }
            (Self::GitLab, url, _) => Issuer::gitlab(url.as_deref().unwrap_or("https://gitlab.com")),
            (Self::Generic, Some(url), Some(claims)) => {
                Issuer { url, keys: keys.clone()?, claims: ClaimMap::Generic(Box::new(claims)) }
            }
            (Self::Generic, ..) => return None,
        };
        Some(Issuer { keys: keys.unwrap_or(issuer.keys), ..issuer })
    }

    /// Whether an issuer may be at an address: what it says there must not be anybody else's word.
    pub fn may_be_at(address: &str) -> bool {
        address.starts_with("https://") || sci_store_api::address::is_local(address)
    }
}

/// The issuers, and what this backend calls itself.
#[derive(Debug)]
pub struct Gate<F> {
    audience: String,
    issuers: Vec<(Issuer, Keyring)>,
    fetch: F,
}

impl<F: Fetch> Gate<F> {
    /// A gate that believes `issuers` about tokens made for `audience`, this backend's URL.
    pub fn new(audience: impl Into<String>, issuers: Vec<Issuer>, fetch: F) -> Self {
        let issuers = issuers.into_iter().map(|issuer| (issuer, Keyring::default())).collect();
        Self { audience: audience.into(), issuers, fetch }
    }

    /// What the tokens' audience must be.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Checks a token. `now` is in milliseconds since 1970.
    ///
    /// Nothing is fetched and nothing is written for a token whose form, algorithm or issuer is wrong.
    ///
    /// # Errors
    /// [`Rejection`].
    pub async fn identify(&self, token: &str, now: u64) -> Result<Identity, Rejection> {
        if token.len() > MAX_BEARER {
            return Err(Rejection::Form);
        }
        let token = Unverified::parse(token)?;
        let is_named = |(issuer, _): &&(Issuer, Keyring)| token.issuer() == Some(issuer.url.as_str());
        let (issuer, keyring) = self.issuers.iter().find(is_named).ok_or(Rejection::Issuer)?;
        let key = match keyring.look(&token.key, now) {
            Look::Fetch => {
                let fetched = self.fetch.fetch(&issuer.keys).await.ok().and_then(|document| jwks::parse(&document));
                if let Some(keys) = fetched {
                    keyring.fetched(keys, now);
                }
                keyring.look(&token.key, now)
            }
            look => look,
        };
        let key = match key {
            Look::Found(key) => key,
            Look::Fetch | Look::NoKeys => return Err(Rejection::NoKeys),
            Look::Unknown => return Err(Rejection::UnknownKey { key: token.key.chars().take(80).collect() }),
        };
        let seconds = i64::try_from(now / 1_000).unwrap_or(i64::MAX);
        let claims = token.verify(&key, &self.audience, issuer.claims.longest_age(), seconds)?;
        issuer.claims.identity(&issuer.url, &claims)
    }
}
