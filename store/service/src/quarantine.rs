//! Quarantine: a run's snapshots and all that descends from them are refused, also what is saved later.

use sci_store_api::SnapshotId;
use sci_store_api::admin::Quarantine;

use crate::blobs::Blobs;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Sql, Statement};

const RUN: &str =
    "INSERT INTO quarantined_runs (repository, run) VALUES (?1, ?2) ON CONFLICT (repository, run) DO NOTHING";
const DESCENDANTS: &str = "WITH RECURSIVE descendant (snapshot) AS ( \
     SELECT snapshot FROM ancestry WHERE repository = ?1 AND run = ?2 \
     UNION SELECT ancestry.snapshot FROM ancestry JOIN descendant ON ancestry.parent = descendant.snapshot \
     WHERE repository = ?1) \
     UPDATE ancestry SET quarantined = 1 WHERE repository = ?1 AND quarantined = 0 \
     AND snapshot IN (SELECT snapshot FROM descendant)";
const RECORDS: &str = "UPDATE records SET quarantined = 1 WHERE repository = ?1 AND quarantined = 0 \
     AND EXISTS (SELECT 1 FROM ancestry WHERE ancestry.repository = ?1 AND ancestry.snapshot = records.snapshot \
                 AND ancestry.quarantined = 1)";
const LIST: &str = "SELECT DISTINCT snapshot FROM ancestry WHERE repository = ?1 AND quarantined = 1 ORDER BY snapshot";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Quarantines a run of the repository. Gives every snapshot that is quarantined now, by this or an earlier call.
    pub async fn quarantine(&self, request: &Quarantine) -> Result<Vec<SnapshotId>, Error> {
        let repository = &request.repository;
        let run = || [repository.as_str().into(), request.run.as_str().into()];
        let batch = vec![
            Statement::new(RUN, run()),
            Statement::new(DESCENDANTS, run()),
            Statement::new(RECORDS, [repository.as_str().into()]),
            Statement::new(LIST, [repository.as_str().into()]),
        ];
        let rows = self.sql.batch(batch).await?;
        let snapshots = rows.last().into_iter().flatten().map(|row| row.id(0).map(SnapshotId::from_bytes));
        Ok(snapshots.collect::<Result<_, _>>()?)
    }
}
