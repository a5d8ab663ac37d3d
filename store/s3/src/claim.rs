//! Whose the bucket is. Two stores in one place would take each other's objects for their own, and collect them.

use bytes::Bytes;
use object_store::ObjectStoreExt as _;
use object_store::list::{PaginatedListOptions, PaginatedListStore as _};
use sci_native::Error;
use sci_store_api::StoreId;
use serde::{Deserialize, Serialize};

use crate::store::S3;

/// What says whose it is, beside `objects/`.
const NAME: &str = "sci-store.json";
/// The longest that is read of it.
const MOST: u64 = 4_096;

const FOREIGN: &str = "give each store a prefix of its own: --objects s3://bucket/another. If that store is gone for good, delete \
                       what is under the prefix first";

#[derive(Serialize, Deserialize)]
struct Claim {
    store: StoreId,
}

impl S3 {
    /// Sees whether the bucket is this store's, and makes it so when it is empty.
    pub(crate) fn claim(&self) -> Result<(), Error> {
        if let Some(owner) = self.owner()? {
            return self.must_be_ours(&owner);
        }
        if !self.is_empty()? {
            return Err(self.foreign("objects lie there, and nothing says whose they are"));
        }
        let text = Bytes::from(serde_json::json!(Claim { store: self.store.clone() }).to_string());
        self.create(&self.place(NAME), &text).map_err(|trouble| trouble.of_opening(&self.bucket))?;
        // Another store may have come first; and a server without conditional writes keeps what came last.
        match self.owner()? {
            Some(owner) => self.must_be_ours(&owner),
            None => Err(self.foreign("what was written there is not there")),
        }
    }

    fn must_be_ours(&self, owner: &StoreId) -> Result<(), Error> {
        if *owner == self.store { Ok(()) } else { Err(self.foreign(&format!("it is the place of the store {owner}"))) }
    }

    fn foreign(&self, problem: &str) -> Error {
        Error::Bucket { problem: format!("{}: {problem}", self.bucket), hint: FOREIGN }
    }

    /// The store that the bucket belongs to.
    fn owner(&self) -> Result<Option<StoreId>, Error> {
        let place = self.place(NAME);
        let read = self.ask(|client| async move {
            let found = client.get(&place).await?;
            if found.meta.size > MOST { Ok(Bytes::new()) } else { found.bytes().await }
        });
        match read {
            Ok(text) => match serde_json::from_slice::<Claim>(&text) {
                Ok(claim) => Ok(Some(claim.store)),
                Err(_) => Err(self.foreign(&format!("its {NAME} is none of a store"))),
            },
            Err(trouble) if trouble.is_missing() => Ok(None),
            Err(trouble) => Err(trouble.of_opening(&self.bucket)),
        }
    }

    fn is_empty(&self) -> Result<bool, Error> {
        let prefix = self.bucket.key("objects/");
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        let listed = self.ask(|client| async move { client.list_paginated(Some(&prefix), options).await });
        Ok(listed.map_err(|trouble| trouble.of_opening(&self.bucket))?.result.objects.is_empty())
    }
}
