//! The signing key and the clock: what the service must be given because it may not reach for it.

use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::{KeyId, StoredKeys, UnixMillis};

/// Signs, and says which keys may have signed.
pub trait Keys {
    /// Signs a payload with the current key.
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError>;

    /// Every key whose signatures count, the current one first, retired ones with their windows.
    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError>;

    /// Signs with a new key from `now` on, unless another than `from` signs already. False where keys are not made by the
    /// backend itself.
    async fn rotate(&self, from: &KeyId, now: UnixMillis) -> Result<bool, KeyError>;
}

/// Keys that somebody else made and keeps: they are not changed from here.
#[derive(Debug)]
pub struct HeldKeys {
    key: SecretKey,
    public: Vec<PublicKey>,
}

impl HeldKeys {
    /// A key that signs, and every key whose signatures count.
    pub fn new(key: SecretKey, public: Vec<PublicKey>) -> Self {
        Self { key, public }
    }

    /// Takes keys as they are kept. `None` when they are damaged.
    pub fn of(stored: &StoredKeys) -> Option<Self> {
        let key = stored.secret_key()?;
        let public = stored.public(&key);
        Some(Self::new(key, public))
    }

    /// Every key whose signatures count, the one that signs first.
    pub fn public(&self) -> &[PublicKey] {
        &self.public
    }
}

impl Keys for HeldKeys {
    async fn sign(&self, payload_type: &str, payload: Vec<u8>) -> Result<Envelope, KeyError> {
        Ok(self.key.sign(payload_type, payload))
    }

    async fn public_keys(&self) -> Result<Vec<PublicKey>, KeyError> {
        Ok(self.public.clone())
    }

    async fn rotate(&self, _from: &KeyId, _now: UnixMillis) -> Result<bool, KeyError> {
        Ok(false)
    }
}

/// The key could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// Tells the time.
pub trait Clock {
    /// Now. Two calls may give the same time, and a later one an earlier time: nothing relies on more.
    fn now(&self) -> UnixMillis;
}
