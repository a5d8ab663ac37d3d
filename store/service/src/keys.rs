//! The signing key and the clock: what the service must be given because it may not reach for it.

use sci_store_api::dsse::{Envelope, PublicKey};
use sci_store_api::{KeyId, UnixMillis};

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

/// The key could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(pub String);

/// Tells the time.
pub trait Clock {
    /// Now. Two calls may give the same time, and a later one an earlier time: nothing relies on more.
    fn now(&self) -> UnixMillis;
}
