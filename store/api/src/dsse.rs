//! Signed records: a DSSE envelope around the record's payload, signed with Ed25519.
//!
//! Nothing of a payload is parsed before its signature holds. Where keys are kept is the backend's business; which keys
//! are trusted is the reader's.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::NameError;
use crate::record::{MAX_PAYLOAD, Record, RecordError};
use crate::{KeyId, RepositoryId, SnapshotId, StoreId, UnixMillis};

/// The media type of a record's payload; signed with it.
pub const RECORD_TYPE: &str = "application/vnd.sci.record.v1+json";
/// The most signatures of one envelope.
pub const MAX_SIGNATURES: usize = 8;

/// A payload with its signatures. JSON form: the DSSE envelope, with the payload in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The signed bytes.
    #[serde(with = "base64")]
    pub payload: Vec<u8>,
    /// The signatures; one good signature of a trusted key is enough.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an [`Envelope`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    /// The key that signed.
    pub keyid: KeyId,
    /// 64 bytes of Ed25519.
    #[serde(with = "base64")]
    pub sig: Vec<u8>,
}

impl Envelope {
    /// The snapshot's id: the SHA-256 of the payload, whether or not the signatures hold.
    pub fn snapshot_id(&self) -> SnapshotId {
        SnapshotId::of(&self.payload)
    }
}

/// The bytes that are signed for a payload: DSSE's pre-authentication encoding.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// A signing key. It signs; it is never shown, and its memory is cleared when it is dropped.
pub struct SecretKey {
    id: KeyId,
    key: SigningKey,
}

impl SecretKey {
    /// Takes 32 random bytes as a key's seed.
    pub fn from_seed(id: KeyId, seed: &[u8; 32]) -> Self {
        Self { id, key: SigningKey::from_bytes(seed) }
    }

    /// The name of the key.
    pub const fn id(&self) -> &KeyId {
        &self.id
    }

    /// The public half, valid at any time.
    pub fn public(&self) -> PublicKey {
        PublicKey { id: self.id.clone(), key: self.key.verifying_key(), not_before: None, not_after: None }
    }

    /// Signs a payload. The same payload gives the same envelope.
    pub fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Envelope {
        let signature = self.key.sign(&pae(payload_type, &payload));
        let signature = EnvelopeSignature { keyid: self.id.clone(), sig: signature.to_bytes().to_vec() };
        Envelope { payload_type: payload_type.to_owned(), payload, signatures: vec![signature] }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id)
    }
}

/// A public key and the time in which its signatures count. Text form: `sci-1:<base64>`, followed by
/// `:<not before>:<not after>` in milliseconds when the key has a window (either may be empty).
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// The name of the key.
    pub id: KeyId,
    key: VerifyingKey,
    /// Records created earlier are refused.
    pub not_before: Option<UnixMillis>,
    /// Records created later are refused.
    pub not_after: Option<UnixMillis>,
}

impl PublicKey {
    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a record created at `time` falls into the key's window.
    pub fn covers(&self, time: UnixMillis) -> bool {
        self.not_before.is_none_or(|start| time >= start) && self.not_after.is_none_or(|end| time <= end)
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, BASE64.encode(self.key.as_bytes()))?;
        if self.not_before.is_some() || self.not_after.is_some() {
            let text = |time: Option<UnixMillis>| time.map(|time| time.0.to_string()).unwrap_or_default();
            write!(f, ":{}:{}", text(self.not_before), text(self.not_after))?;
        }
        Ok(())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The text is not a public key.
#[derive(Debug, thiserror::Error)]
pub enum ParseKeyError {
    /// The name is not one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The rest is not a key.
    #[error("not a public key: {found:?}; expected name:base64 of 32 bytes, as `sci-1:…`")]
    Key {
        /// The refused text, cut at 80 characters.
        found: String,
    },
}

impl FromStr for PublicKey {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ParseKeyError::Key { found: text.chars().take(80).collect() };
        let (id, rest) = text.split_once(':').ok_or_else(refuse)?;
        let mut parts = rest.split(':');
        let bytes = BASE64.decode(parts.next().unwrap_or_default().as_bytes()).map_err(|_| refuse())?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| refuse())?;
        let mut time = || match parts.next() {
            None | Some("") => Ok(None),
            Some(text) => text.parse().map(|millis| Some(UnixMillis(millis))).map_err(|_| refuse()),
        };
        let (not_before, not_after) = (time()?, time()?);
        if parts.next().is_some() {
            return Err(refuse());
        }
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| refuse())?;
        Ok(Self { id: KeyId::new(id)?, key, not_before, not_after })
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a record is not believed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The payload is something else than what was expected.
    #[error("the payload is of another type: {found:?}")]
    Type {
        /// The type found, cut at 80 characters.
        found: String,
    },
    /// The envelope breaks a limit.
    #[error("the envelope is too large")]
    TooLarge,
    /// No trusted key made any of the signatures.
    #[error("no trusted key signed the record (signed by {})", names(signers))]
    Untrusted {
        /// The keys that claim to have signed.
        signers: Vec<KeyId>,
    },
    /// A trusted key's name is there, but its signature does not hold.
    #[error("the signature of key {key} does not hold: the record was altered")]
    Forged {
        /// The key.
        key: KeyId,
    },
    /// The key signed outside its window.
    #[error("key {key} was not valid when the record was made")]
    Window {
        /// The key.
        key: KeyId,
    },
    /// The record is good, but for another store or repository.
    #[error("the record was made for another {what}")]
    Foreign {
        /// What differs.
        what: &'static str,
    },
    /// The signature holds, but the record breaks a rule.
    #[error(transparent)]
    Record(#[from] RecordError),
}

fn names(keys: &[KeyId]) -> String {
    if keys.is_empty() { "nobody".to_owned() } else { keys.iter().map(KeyId::as_str).collect::<Vec<_>>().join(", ") }
}

/// A record whose signature held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The snapshot's id.
    pub id: SnapshotId,
    /// What was signed.
    pub record: Record,
    /// The key that signed it.
    pub key: KeyId,
}

/// Verifies an envelope against the keys that the reader trusts, then reads the record.
///
/// # Errors
/// [`VerifyError`]; nothing of the payload is looked at unless a trusted key's signature over it holds.
pub fn verify(envelope: &Envelope, trusted: &[PublicKey]) -> Result<Verified, VerifyError> {
    let signers = signed_by(envelope, RECORD_TYPE, trusted)?;
    let record = Record::decode(&envelope.payload)?;
    match signers.iter().find(|key| key.covers(record.created)) {
        Some(key) => Ok(Verified { id: envelope.snapshot_id(), record, key: key.id.clone() }),
        None => Err(VerifyError::Window { key: signers[0].id.clone() }),
    }
}

/// Verifies an envelope as [`verify`] does, and that the record was made for this store and this repository.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_for(
    envelope: &Envelope,
    trusted: &[PublicKey],
    store: &StoreId,
    repository: &RepositoryId,
) -> Result<Verified, VerifyError> {
    let verified = verify(envelope, trusted)?;
    if verified.record.store != *store {
        return Err(VerifyError::Foreign { what: "store" });
    }
    if verified.record.repository != *repository {
        return Err(VerifyError::Foreign { what: "repository" });
    }
    Ok(verified)
}

/// The trusted keys that signed an envelope of this type: at least one. Whether they were valid at the time that the payload
/// names is for the caller to check, who then may read it.
///
/// # Errors
/// [`VerifyError`].
pub fn signed_by<'a>(
    envelope: &Envelope,
    payload_type: &str,
    trusted: &'a [PublicKey],
) -> Result<Vec<&'a PublicKey>, VerifyError> {
    if envelope.payload.len() > MAX_PAYLOAD || envelope.signatures.len() > MAX_SIGNATURES {
        return Err(VerifyError::TooLarge);
    }
    if envelope.payload_type != payload_type {
        return Err(VerifyError::Type { found: envelope.payload_type.chars().take(80).collect() });
    }
    signers(envelope, trusted)
}

/// The trusted keys whose signatures hold: at least one.
fn signers<'a>(envelope: &Envelope, trusted: &'a [PublicKey]) -> Result<Vec<&'a PublicKey>, VerifyError> {
    let message = pae(&envelope.payload_type, &envelope.payload);
    let claimed = |key: &&PublicKey| envelope.signatures.iter().any(|signature| signature.keyid == key.id);
    let known: Vec<&PublicKey> = trusted.iter().filter(claimed).collect();
    let holds = |key: &&PublicKey| {
        let mut own = envelope.signatures.iter().filter(|signature| signature.keyid == key.id);
        own.any(|signature| key.holds(&message, &signature.sig))
    };
    let holding: Vec<&PublicKey> = known.iter().copied().filter(holds).collect();
    match (holding.is_empty(), known.first()) {
        (false, _) => Ok(holding),
        (true, Some(key)) => Err(VerifyError::Forged { key: key.id.clone() }),
        (true, None) => {
            let signers = envelope.signatures.iter().map(|signature| signature.keyid.clone()).collect();
            Err(VerifyError::Untrusted { signers })
        }
    }
}

mod base64 {
    use data_encoding::BASE64;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64.decode(String::deserialize(deserializer)?.as_bytes()).map_err(serde::de::Error::custom)
    }
}
