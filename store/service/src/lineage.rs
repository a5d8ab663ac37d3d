//! Lineage: which runs grew from what other runs saved, and the quarantine that follows it.
//!
//! It is kept by run: what was served to a run may be in everything that the run saves. A run that is quarantined, by name
//! or as a descendant, has all its snapshots refused, also later ones. The edges of a run stay when its snapshots have gone,
//! for as long as another run descends from it, or may yet.

use sci_store_api::admin::Quarantine;
use sci_store_api::{Record, RepositoryId, SnapshotId};

use crate::blobs::Blobs;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Sql, Statement, Value};

/// What was served before it was noted whose it is, or by a server from before that, has it of the record.
const EDGES: &str = "INSERT INTO lineage (repository, run, parent) \
     SELECT DISTINCT served.repository, served.run, coalesce(origin, records.run) AS parent \
     FROM served LEFT JOIN records ON number = record WHERE served.repository = ?1 AND served.run = ?2 AND parent <> ?2 \
     ON CONFLICT (repository, run, parent) DO NOTHING";
const NAME: &str =
    "INSERT INTO quarantined_runs (repository, run) VALUES (?1, ?2) ON CONFLICT (repository, run) DO NOTHING";

/// SQL: run ?2 and its descendants, if it or a parent of it is quarantined; else nothing.
macro_rules! tainted {
    () => {
        "WITH RECURSIVE tainted (run) AS ( \
         SELECT ?2 WHERE EXISTS (SELECT 1 FROM quarantined_runs WHERE repository = ?1 AND run = ?2) \
             OR EXISTS (SELECT 1 FROM lineage JOIN quarantined_runs \
                 ON quarantined_runs.repository = ?1 AND quarantined_runs.run = lineage.parent \
                 WHERE lineage.repository = ?1 AND lineage.run = ?2) \
         UNION SELECT lineage.run FROM tainted JOIN lineage \
             ON lineage.repository = ?1 AND lineage.parent = tainted.run) "
    };
}

const SPREAD: &str = concat!(
    tainted!(),
    "INSERT INTO quarantined_runs (repository, run) SELECT ?1, run FROM tainted WHERE TRUE \
     ON CONFLICT (repository, run) DO NOTHING"
);
const REFUSE: &str = concat!(
    "UPDATE records SET quarantined = 1 WHERE repository = ?1 AND quarantined = 0 AND run IN (",
    tainted!(),
    "SELECT run FROM tainted)"
);
const REFUSED: &str = "SELECT snapshot FROM records WHERE repository = ?1 AND quarantined = 1 ORDER BY snapshot";
/// Of runs from which nothing descends that is there or may yet be saved.
const PURGE: &str = "WITH RECURSIVE live (repository, run) AS ( \
     SELECT repository, run FROM records \
     UNION SELECT repository, origin FROM served WHERE origin IS NOT NULL \
     UNION SELECT lineage.repository, lineage.parent FROM live JOIN lineage \
         ON lineage.repository = live.repository AND lineage.run = live.run) \
     DELETE FROM lineage WHERE (?1 IS NULL OR repository = ?1) \
     AND (repository, run) NOT IN (SELECT repository, run FROM live)";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Quarantines a run of the repository and all that descends from it. Gives every snapshot that is refused now, by this or
    /// an earlier call.
    ///
    /// # Errors
    /// [`Error::Sql`].
    pub async fn quarantine(&self, request: &Quarantine) -> Result<Vec<SnapshotId>, Error> {
        let repository = request.repository.as_str();
        let mut batch = vec![Statement::new(NAME, [repository.into(), request.run.as_str().into()])];
        batch.extend(spread(&request.repository, request.run.as_str()));
        batch.push(Statement::new(REFUSED, [repository.into()]));
        let rows = self.sql.batch(batch).await?;
        let snapshots = rows.last().into_iter().flatten().map(|row| row.id(0).map(SnapshotId::from_bytes));
        Ok(snapshots.collect::<Result<_, _>>()?)
    }
}

/// Notes what the record's run was served, before the record is added.
pub(crate) fn of(record: &Record) -> Vec<Statement> {
    let run = record.run.as_str();
    let mut statements = vec![Statement::new(EDGES, [record.repository.as_str().into(), run.into()])];
    statements.extend(spread(&record.repository, run));
    statements
}

/// Removes the edges that lead to nothing any more.
pub(crate) fn purge(extent: Value) -> Statement {
    Statement::new(PURGE, [extent])
}

fn spread(repository: &RepositoryId, run: &str) -> [Statement; 2] {
    let repository = repository.as_str();
    [SPREAD, REFUSE].map(|sql| Statement::new(sql, [repository.into(), run.into()]))
}
