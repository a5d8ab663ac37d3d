//! An issuer's keys as it publishes them (RFC 7517), as far as RS256 needs them.

use data_encoding::BASE64URL_NOPAD;
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::signature::Verifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, PublicKey};
use serde::Deserialize;
use sha2::Sha256;

/// The longest list of keys that is read, in bytes.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// The most keys that are kept.
const MAX_KEYS: usize = 64;
/// The shortest modulus that is believed, in bits.
const MIN_BITS: u32 = 2_048;

/// One RSA key of an issuer.
#[derive(Debug, Clone)]
pub(super) struct IssuerKey {
    pub(super) id: String,
    key: VerifyingKey<Sha256>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl IssuerKey {
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::try_from(signature).is_ok_and(|signature| self.key.verify(message, &signature).is_ok())
    }
}

/// The keys of a document that can check RS256; keys of other kinds are passed over. `None` when it is no such document.
pub(super) fn parse(document: &[u8]) -> Option<Vec<IssuerKey>> {
    if document.len() > MAX_BYTES {
        return None;
    }
    let document: Document = serde_json::from_slice(document).ok()?;
    Some(document.keys.into_iter().filter_map(key).take(MAX_KEYS).collect())
}

fn key(jwk: Jwk) -> Option<IssuerKey> {
    let is_meant = jwk.kty == "RSA"
        && jwk.alg.as_deref().is_none_or(|alg| alg == "RS256")
        && jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
    if !is_meant {
        return None;
    }
    let number = |text: &str| {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        Some(BoxedUint::from_be_slice_vartime(&bytes))
    };
    let key = PublicKey::new(number(&jwk.n?)?, number(&jwk.e?)?).ok()?;
    if key.n().bit_width() < MIN_BITS {
        return None;
    }
    Some(IssuerKey { id: jwk.kid?, key: VerifyingKey::new(key) })
}
