//! The clock, and the signing key from a secret.

use sci_service::{Clock, KeyError, Keys};
use sci_store_api::dsse::{Envelope, PublicKey, SecretKey};
use sci_store_api::{KeyId, StoredKeys, UnixMillis};

/// The platform's clock, which stands still between two requests to something outside.
#[derive(Debug)]
pub(crate) struct DateClock;

impl Clock for DateClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(worker::Date::now().as_millis())
    }
}

/// A key that whoever set the Worker up made: it is not changed from here.
#[derive(Debug)]
pub struct SecretKeys {
    key: SecretKey,
    public: Vec<PublicKey>,
}

impl SecretKeys {
    /// A key that signs, and every key whose signatures count.
    pub fn new(key: SecretKey, public: Vec<PublicKey>) -> Self {
        Self { key, public }
    }

    /// Takes keys as `signing-key.json` of a store holds them. `None` when they are damaged.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let stored = StoredKeys::parse(text.as_bytes())?;
        let key = stored.secret_key()?;
        let public = stored.public(&key);
        Some(Self::new(key, public))
    }
}

impl Keys for SecretKeys {
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
