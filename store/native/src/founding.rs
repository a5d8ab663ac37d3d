//! What a store begins with: a name and a key that nobody else has and, where it is on another host, the token of its first
//! administrator.

use data_encoding::HEXLOWER;
use pollster::block_on;
use sci_service::{Clock, HeldKeys};
use sci_store_api::dsse::{PublicKey, SecretKey};
use sci_store_api::tokens::CreatedToken;
use sci_store_api::{KeyId, ObjectId, StoreId, StoredKeys, TokenId, UnixMillis};

use crate::{Error, SystemClock};

/// How long before and after a change of keys on another host both count, in milliseconds: so long instances of the version
/// before may live there, and so far its clock may be from this one's.
const OVERLAP: u64 = 15 * 60 * 1_000;

/// What whoever sets up a store on another host gives it.
#[derive(Debug)]
pub struct Founding {
    /// Its keys, which are a secret.
    pub keys: StoredKeys,
    /// Their public halves, the one that signs first.
    pub public: Vec<PublicKey>,
    /// The first administrator's token. The host lists it before it counts.
    pub administrator: CreatedToken,
}

impl Founding {
    /// Makes a key, and with it an administrator's token that is good for `life` milliseconds. The new key signs from now on;
    /// `before` are the public halves of the keys until now, the one that signed first, which soon sign no more.
    ///
    /// # Errors
    /// [`Error::Random`]; [`Error::Service`] should the key not sign.
    pub fn make(before: Vec<PublicKey>, life: u64) -> Result<Self, Error> {
        let now = SystemClock.now();
        let stored = succeeding(before, now, OVERLAP)?;
        let held = HeldKeys::of(&stored).ok_or_else(|| Error::Random("the seed is none".to_owned()))?;
        let id = TokenId::new(crate::fresh_name()?).map_err(unnameable)?;
        let administrator = block_on(sci_service::first_administrator(&held, id, now, life))?;
        Ok(Self { keys: stored, public: held.public().to_vec(), administrator })
    }
}

/// A new key that takes over from those `before` it at `now`; `overlap` milliseconds before and after both count.
pub(crate) fn succeeding(mut before: Vec<PublicKey>, now: UnixMillis, overlap: u64) -> Result<StoredKeys, Error> {
    let mut stored = new_key()?;
    if let Some(old) = before.first_mut() {
        old.not_after = Some(now.plus(overlap));
        stored.not_before = Some(now.minus(overlap));
    }
    stored.retired = before;
    Ok(stored)
}

/// A new key, named after its public half.
pub(crate) fn new_key() -> Result<StoredKeys, Error> {
    let seed: [u8; 32] = crate::random()?;
    let public = SecretKey::from_seed(KeyId::new("new").map_err(unnameable)?, &seed).public();
    let id = format!("sci-{}", &ObjectId::of(public.as_bytes()).short()[..8]);
    Ok(StoredKeys::new(KeyId::new(id).map_err(unnameable)?, &seed))
}

/// A name for a store that nobody else draws; `kind` says where it is, in a word of lower-case letters.
///
/// # Errors
/// [`Error::Random`].
pub fn new_store(kind: &str) -> Result<StoreId, Error> {
    let random: [u8; 8] = crate::random()?;
    // Digits make a name that every rule allows.
    StoreId::new(format!("{kind}-{}", HEXLOWER.encode(&random))).map_err(unnameable)
}

/// What was drawn is no name after all, which no rule for names should bring about.
fn unnameable(error: impl std::fmt::Display) -> Error {
    Error::Random(error.to_string())
}
