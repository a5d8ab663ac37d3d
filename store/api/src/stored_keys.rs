//! A store's signing keys as they are kept: in a file beside the store, or in a secret of its host.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::dsse::{PublicKey, SecretKey};
use crate::{KeyId, Secret, UnixMillis};

/// The key that signs, with the public halves of those that did before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredKeys {
    /// The name of the key that signs.
    pub id: KeyId,
    /// Its seed, in hexadecimal.
    pub seed: Secret,
    /// Since when the key signs; always, for a store's first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<UnixMillis>,
    /// The public halves of earlier keys, each with the end of its window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retired: Vec<PublicKey>,
}

impl StoredKeys {
    /// Takes a key's seed.
    pub fn new(id: KeyId, seed: &[u8; 32]) -> Self {
        Self { id, seed: Secret::new(HEXLOWER.encode(seed)), not_before: None, retired: Vec::new() }
    }

    /// Reads what was kept. `None` when it is damaged: what is wrong with it is not said, since it holds a secret.
    pub fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The key that signs; `None` when its seed is damaged.
    pub fn secret_key(&self) -> Option<SecretKey> {
        let seed = zeroize::Zeroizing::new(HEXLOWER.decode(self.seed.expose().as_bytes()).ok()?);
        Some(SecretKey::from_seed(self.id.clone(), seed.as_slice().try_into().ok()?))
    }

    /// The public halves of every key, given the one that signs, that one first.
    pub fn public(&self, key: &SecretKey) -> Vec<PublicKey> {
        let mut current = key.public();
        current.not_before = self.not_before;
        std::iter::once(current).chain(self.retired.iter().cloned()).collect()
    }
}
