//! Snapshots: list, show, forget.

use sci_store_api::snapshots::{MAX_PAGE, SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{ErrorCode, RepositoryId, SnapshotId};

use crate::blobs::Blobs;
use crate::caller::{Caller, Sight};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::records::{envelope, summary, summary_columns};
use crate::service::{Service, visible, writer};
use crate::sql::{Sql, Statement, Value};

/// The plus keeps SQLite on the index by repository and number, which gives the order asked for.
const LIST: &str = concat!(
    "SELECT ",
    summary_columns!(),
    " FROM records JOIN sites ON sites.number = records.site WHERE records.repository = ?1 AND forgotten IS NULL \
     AND (?2 IS NULL OR +scope IN (SELECT value FROM json_each(?2))) AND (?3 IS NULL OR sites.path = ?3) \
     AND (?4 IS NULL OR sites.instance = ?4) AND (?7 IS NULL OR +scope = ?7) AND (?8 IS NULL OR +run = ?8) \
     AND records.number < ?5 ORDER BY records.number DESC LIMIT ?6"
);
const GET: &str = concat!(
    "SELECT ",
    summary_columns!(),
    ", payload, keyid, signature FROM records JOIN sites ON sites.number = records.site \
     WHERE records.repository = ?1 AND forgotten IS NULL AND (?2 IS NULL OR scope IN (SELECT value FROM json_each(?2))) \
     AND snapshot = ?3"
);
const FORGETTABLE: &str = "SELECT number FROM records WHERE repository = ?1 AND scope = ?2 AND snapshot = ?3 \
     AND forgotten IS NULL";
const ANYWHERE: &str = "SELECT number FROM records WHERE repository = ?1 AND snapshot = ?2 AND forgotten IS NULL";
const FORGET: &str = "UPDATE records SET forgotten = ?2 WHERE forgotten IS NULL \
     AND number IN (SELECT value FROM json_each(?1))";
const UNLIST: &str = "DELETE FROM rungs WHERE record IN (SELECT value FROM json_each(?1))";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// A page of the snapshots that the caller sees, newest first.
    pub async fn snapshots(&self, caller: &Caller, query: &SnapshotQuery) -> Result<SnapshotPage, Error> {
        let limit = query.limit.map_or(MAX_PAGE, |limit| limit.clamp(1, MAX_PAGE));
        let params = [
            caller.repository.as_str().into(),
            visible(caller)?.into(),
            query.path.as_ref().map(|path| path.as_str()).into(),
            query.instance.as_ref().map(|instance| instance.as_str()).into(),
            Value::from(query.before.unwrap_or(u64::MAX)),
            i64::from(limit).into(),
            query.scope.as_ref().map(ToString::to_string).into(),
            query.run.as_ref().map(|run| run.as_str()).into(),
        ];
        let rows = self.sql.query(Statement::new(LIST, params)).await?;
        let snapshots = rows.iter().map(summary).collect::<Result<Vec<_>, _>>()?;
        let full = snapshots.len() == limit as usize;
        let next = rows.0.last().filter(|_| full).map(|row| row.unsigned(0)).transpose()?;
        Ok(SnapshotPage { snapshots, next })
    }

    /// One snapshot with its signed record, as it is stored: the reader verifies it.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none for this caller.
    pub async fn snapshot(&self, caller: &Caller, id: &SnapshotId) -> Result<SnapshotDetail, Error> {
        let params = [caller.repository.as_str().into(), visible(caller)?.into(), id.as_bytes().into()];
        let rows = self.sql.query(Statement::new(GET, params)).await?;
        let row = rows.first().ok_or_else(unknown_snapshot)?;
        Ok(SnapshotDetail { summary: summary(row)?, envelope: envelope(row, 13)? })
    }

    /// Removes a snapshot of the scope that the caller writes; an administrator, of whatever scope. Its objects stay for the
    /// runs that it was served to, and go with a later collection.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none.
    pub async fn forget(&self, caller: &Caller, id: &SnapshotId) -> Result<(), Error> {
        if caller.sight == Sight::Repository {
            return self.forget_any(&caller.repository, id).await;
        }
        let scope = writer(caller)?.to_string();
        let params = [caller.repository.as_str().into(), scope.into(), id.as_bytes().into()];
        let rows = self.sql.query(Statement::new(FORGETTABLE, params)).await?;
        let number = rows.first().ok_or_else(unknown_snapshot)?.integer(0)?;
        self.forget_records(&[number]).await
    }

    /// Removes a snapshot of whatever scope, for an administrator.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none.
    pub async fn forget_any(&self, repository: &RepositoryId, id: &SnapshotId) -> Result<(), Error> {
        let params = [repository.as_str().into(), id.as_bytes().into()];
        let rows = self.sql.query(Statement::new(ANYWHERE, params)).await?;
        let number = rows.first().ok_or_else(unknown_snapshot)?.integer(0)?;
        self.forget_records(&[number]).await
    }

    pub(crate) async fn forget_records(&self, numbers: &[i64]) -> Result<(), Error> {
        let list = serde_json::to_string(numbers)?;
        let now = self.clock.now().0;
        let batch = vec![
            Statement::new(FORGET, [list.as_str().into(), now.into()]),
            Statement::new(UNLIST, [list.as_str().into()]),
        ];
        self.sql.batch(batch).await?;
        Ok(())
    }
}

fn unknown_snapshot() -> Error {
    Error::refused(ErrorCode::NotFound, "there is no such snapshot")
}
