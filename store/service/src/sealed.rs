//! Tickets and tokens as texts: a JSON payload that the store signed, so that nothing in it can be edited and nothing of it
//! has to be looked up to be believed.
//!
//! Form: `<prefix>.<payload>.<signature>.<key id>`, payload and signature in base64url.

use data_encoding::BASE64URL_NOPAD;
use sci_store_api::dsse::{self, Envelope, EnvelopeSignature};
use sci_store_api::session::MAX_BEARER;
use sci_store_api::{ErrorCode, KeyId, Secret, UnixMillis};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::keys::Keys;

/// A kind of sealed text. What was sealed as one kind never opens as another: its name is signed with it.
pub(crate) trait Sealed: Serialize + DeserializeOwned {
    /// What the text begins with, so that people and scanners know it when they see it.
    const PREFIX: &'static str;
    /// The media type that is signed.
    const PAYLOAD_TYPE: &'static str;
    /// The longest that one may count, in milliseconds, where that is short: whoever has a key that was retired could otherwise make
    /// one that was sealed before and never ends.
    const LONGEST_LIFE: Option<u64>;

    /// When it was sealed: the signing key must have been valid then.
    fn sealed_at(&self) -> UnixMillis;
    /// When it ends.
    fn expires(&self) -> UnixMillis;
}

/// Whether a text looks like one of this kind.
pub(crate) fn is<T: Sealed>(text: &str) -> bool {
    text.strip_prefix(T::PREFIX).is_some_and(|rest| rest.starts_with('.'))
}

pub(crate) async fn seal<T: Sealed, K: Keys>(keys: &K, content: &T) -> Result<Secret, Error> {
    let envelope = keys.sign(T::PAYLOAD_TYPE, serde_json::to_vec(content)?).await?;
    let signature = envelope.signatures.first();
    let signature = signature.ok_or_else(|| crate::KeyError("the key made no signature".to_owned()))?;
    let encode = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
    let (payload, sig) = (encode(&envelope.payload), encode(&signature.sig));
    Ok(Secret::new(format!("{}.{payload}.{sig}.{}", T::PREFIX, signature.keyid)))
}

/// Opens a text.
///
/// # Errors
/// [`ErrorCode::Unauthorized`] when it was not sealed by this store, was edited, or has ended.
pub(crate) async fn open<T: Sealed, K: Keys>(keys: &K, text: &str, now: UnixMillis) -> Result<T, Error> {
    let trusted = keys.public_keys().await?;
    let refused = || Error::refused(ErrorCode::Unauthorized, "the ticket or token was not made by this store");
    let envelope = envelope::<T>(text).ok_or_else(refused)?;
    let signers = dsse::signed_by(&envelope, T::PAYLOAD_TYPE, &trusted).map_err(|_| refused())?;
    let content: T = serde_json::from_slice(&envelope.payload).map_err(|_| refused())?;
    if !signers.iter().any(|key| key.covers(content.sealed_at())) {
        return Err(Error::refused(ErrorCode::Unauthorized, "the key that made the ticket or token was retired"));
    }
    let longest = T::LONGEST_LIFE.map(|life| content.sealed_at().plus(life));
    if now >= content.expires() || longest.is_some_and(|end| now >= end) {
        return Err(Error::refused(ErrorCode::Unauthorized, "the ticket or token has expired"));
    }
    Ok(content)
}

fn envelope<T: Sealed>(text: &str) -> Option<Envelope> {
    if text.len() > MAX_BEARER {
        return None;
    }
    let mut parts = text.strip_prefix(T::PREFIX)?.strip_prefix('.')?.splitn(3, '.');
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).ok();
    let (payload, sig) = (decode(parts.next()?)?, decode(parts.next()?)?);
    let signatures = vec![EnvelopeSignature { keyid: KeyId::new(parts.next()?).ok()?, sig }];
    Some(Envelope { payload_type: T::PAYLOAD_TYPE.to_owned(), payload, signatures })
}
