//! The store in a directory as its administrator uses it, who needs no token where the files are.

use std::path::Path;

use pollster::block_on;
use sci_store_api::admin::{Collect, Forget, GcPlan, GcReport, PublicKeys, Quarantine, RotateKey};
use sci_store_api::repositories::{Registration, Repositories};
use sci_store_api::tokens::{CreateToken, CreatedToken, TokenSummary, Tokens};
use sci_store_api::{RepositoryId, SnapshotId, TokenId};

use crate::Error;
use crate::objects::Connect;
use crate::open::{self, NativeService};

/// The administration of a store on this machine. A server may be running over the same directory.
#[derive(Debug)]
pub struct LocalAdmin {
    service: NativeService,
}

impl LocalAdmin {
    /// Opens the store, as [`open::service_with`].
    ///
    /// # Errors
    /// As [`open::service_with`].
    pub fn open(directory: &Path, connect: &dyn Connect) -> Result<Self, Error> {
        Ok(Self { service: open::service_with(directory, None, connect)? })
    }

    /// Registers a repository, or replaces its registration.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn register(&self, registration: &Registration) -> Result<(), Error> {
        Ok(block_on(self.service.register(registration))?)
    }

    /// One repository's registration.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn registration(&self, repository: &RepositoryId) -> Result<Option<Registration>, Error> {
        Ok(block_on(self.service.registration(repository))?)
    }

    /// Every registration.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn repositories(&self) -> Result<Repositories, Error> {
        Ok(block_on(self.service.repositories())?)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// [`Error::Service`], with the codes of the service's `create_token`.
    pub fn create_token(&self, request: &CreateToken) -> Result<CreatedToken, Error> {
        Ok(block_on(self.service.create_token(request))?)
    }

    /// Every token, newest first.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn tokens(&self) -> Result<Tokens, Error> {
        Ok(block_on(self.service.tokens())?)
    }

    /// Ends a token.
    ///
    /// # Errors
    /// [`Error::Service`]; `not-found` when there is none.
    pub fn revoke_token(&self, id: &TokenId) -> Result<TokenSummary, Error> {
        Ok(block_on(self.service.revoke_token(id))?)
    }

    /// Refuses a run's snapshots and their descendants from now on; gives every snapshot of the repository that is refused.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn quarantine(&self, request: &Quarantine) -> Result<Vec<SnapshotId>, Error> {
        Ok(block_on(self.service.quarantine(request))?)
    }

    /// Removes a snapshot of whatever scope.
    ///
    /// # Errors
    /// [`Error::Service`]; `not-found` when there is none.
    pub fn forget(&self, request: &Forget) -> Result<(), Error> {
        Ok(block_on(self.service.forget_any(&request.repository, &request.snapshot))?)
    }

    /// The public halves of the store's keys, the current one first.
    ///
    /// # Errors
    /// As [`crate::KeyFile::open`].
    pub fn keys(&self) -> Result<PublicKeys, Error> {
        Ok(PublicKeys { public_keys: self.service.keys().public()? })
    }

    /// Signs with a new key from now on, unless another than the one that is named signs already.
    ///
    /// # Errors
    /// As [`crate::KeyFile::open`].
    pub fn rotate_key(&self, request: &RotateKey) -> Result<PublicKeys, Error> {
        self.service.keys().rotate(&request.from, self.service.now())?;
        self.keys()
    }

    /// What a collection would do now.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn plan_gc(&self, request: &Collect) -> Result<GcPlan, Error> {
        Ok(block_on(self.service.plan_gc(request.repository.as_ref(), &request.policy))?)
    }

    /// Collects.
    ///
    /// # Errors
    /// [`Error::Service`].
    pub fn collect(&self, request: &Collect) -> Result<GcReport, Error> {
        Ok(block_on(self.service.gc(request.repository.as_ref(), &request.policy))?)
    }
}
