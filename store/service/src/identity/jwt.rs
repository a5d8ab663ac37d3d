//! The token itself: its form, its signature, its audience and its times.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Rejection;
use super::jwks::IssuerKey;

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 60;

/// A token taken apart. Nothing of it is believed yet.
#[derive(Debug)]
pub(super) struct Unverified<'a> {
    signed: &'a str,
    signature: Vec<u8>,
    pub(super) key: String,
    claims: Map<String, Value>,
}

/// What a token says, its signature, audience and times checked.
#[derive(Debug)]
pub(super) struct Claims(pub(super) Map<String, Value>);

/// An object of which no member stands twice: its signer may have read the other one.
struct Once(Map<String, Value>);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Once;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Once, A::Error> {
                let mut found = Map::new();
                while let Some((name, value)) = members.next_entry::<String, Value>()? {
                    if found.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("a member stands twice"));
                    }
                }
                Ok(Once(found))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    /// Extensions that a reader must understand. There are none that this one does.
    crit: Option<Value>,
}

impl<'a> Unverified<'a> {
    pub(super) fn parse(token: &'a str) -> Result<Self, Rejection> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Form)?;
        let (header, claims) = signed.split_once('.').ok_or(Rejection::Form)?;
        let header: Header = part(header)?;
        if header.alg != "RS256" || header.crit.is_some() {
            return Err(Rejection::Algorithm);
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Rejection::Form)?;
        Ok(Self { signed, signature, key: header.kid, claims: part::<Once>(claims)?.0 })
    }

    /// Who says to have issued it: only to choose whose keys to check it with.
    pub(super) fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Checks everything that does not depend on what the claims mean. `now` is in seconds since 1970, `longest_age` in seconds.
    pub(super) fn verify(
        self,
        key: &IssuerKey,
        audience: &str,
        longest_age: i64,
        now: i64,
    ) -> Result<Claims, Rejection> {
        if !key.holds(self.signed.as_bytes(), &self.signature) {
            return Err(Rejection::Signature);
        }
        let claims = Claims(self.claims);
        if !claims.is_for(audience) {
            return Err(Rejection::Audience { expected: audience.to_owned() });
        }
        claims.check_times(longest_age, now)?;
        Ok(claims)
    }
}

impl Claims {
    /// A claim that is a text; numbers are given as they are written.
    pub(super) fn text(&self, claim: &str) -> Option<String> {
        match self.0.get(claim)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A claim that must be there and not empty.
    pub(super) fn required(&self, claim: &str) -> Result<String, Rejection> {
        let found = self.text(claim).filter(|text| !text.is_empty());
        found.ok_or_else(|| Rejection::Claim { claim: claim.to_owned() })
    }

    /// Whether the claim is the text `true`; a boolean, or any other spelling, is not.
    pub(super) fn is_true(&self, claim: &str) -> bool {
        self.0.get(claim).and_then(Value::as_str) == Some("true")
    }

    fn is_for(&self, audience: &str) -> bool {
        match self.0.get("aud") {
            Some(Value::String(found)) => found == audience,
            Some(Value::Array(found)) => matches!(found.as_slice(), [Value::String(found)] if found == audience),
            _ => false,
        }
    }

    fn check_times(&self, longest_age: i64, now: i64) -> Result<(), Rejection> {
        let time = |claim: &str| self.0.get(claim).and_then(Value::as_i64);
        let required = |claim: &str| time(claim).ok_or_else(|| Rejection::Claim { claim: claim.to_owned() });
        let (expires, issued) = (required("exp")?, required("iat")?);
        let begins = if self.0.contains_key("nbf") { required("nbf")? } else { issued };
        let fault = if expires.saturating_add(SKEW) < now {
            "has expired"
        } else if begins.saturating_sub(SKEW) > now || issued.saturating_sub(SKEW) > now {
            "is not valid yet: a clock is wrong"
        } else if issued.saturating_add(longest_age + SKEW) < now {
            "is too old: ask for a fresh one"
        } else {
            return Ok(());
        };
        Err(Rejection::Time { fault })
    }
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Rejection> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Rejection::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| Rejection::Form)
}
