//! Registration: the repositories that this backend serves, and what their administrators say of them.

use sci_store_api::repositories::{Registration, Repositories};
use sci_store_api::{ApiError, ErrorCode, RepositoryId};

use crate::blobs::Blobs;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Sql, Statement};

const REGISTER: &str = "INSERT INTO repositories (repository, registration, changed) VALUES (?1, ?2, ?3) \
     ON CONFLICT (repository) DO UPDATE SET registration = excluded.registration, changed = excluded.changed";
const GET: &str = "SELECT registration FROM repositories WHERE repository = ?1";
const LIST: &str = "SELECT registration FROM repositories ORDER BY repository";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Registers a repository, or replaces its registration. What was saved stays; what runs may do follows from the new
    /// registration at once.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] when the registration breaks a rule.
    pub async fn register(&self, registration: &Registration) -> Result<(), Error> {
        if let Some(problem) = registration.problem() {
            return Err(Error::refused(ErrorCode::Invalid, problem));
        }
        let params = [
            registration.repository.as_str().into(),
            serde_json::to_string(registration)?.into(),
            self.clock.now().0.into(),
        ];
        self.sql.batch(vec![Statement::new(REGISTER, params)]).await?;
        Ok(())
    }

    /// One repository's registration.
    pub async fn registration(&self, repository: &RepositoryId) -> Result<Option<Registration>, Error> {
        let rows = self.sql.query(Statement::new(GET, [repository.as_str().into()])).await?;
        Ok(rows.first().map(|row| row.text(0)).transpose()?.map(serde_json::from_str).transpose()?)
    }

    /// Every registration, by id.
    pub async fn repositories(&self) -> Result<Repositories, Error> {
        let rows = self.sql.query(Statement::new(LIST, [])).await?;
        let read = |row: &crate::Row| Ok(serde_json::from_str(row.text(0)?)?);
        Ok(Repositories { repositories: rows.iter().map(read).collect::<Result<_, Error>>()? })
    }

    /// The registration that a run's repository must have.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when it has none.
    pub(crate) async fn registered(&self, repository: &RepositoryId) -> Result<Registration, Error> {
        self.registration(repository).await?.ok_or_else(|| {
            let error = ApiError::new(ErrorCode::Forbidden, format!("repository {repository} is not registered here"));
            Error::Refused(error.with_hint("an administrator registers it with `sci repo add`"))
        })
    }
}
