//! Repair: what cannot be served is dropped, so that it is a miss and the next save stores it anew.
//!
//! Nobody's word is taken for an object: it is read here. An object is dropped, and what cites it forgotten, in one batch
//! that fails to do anything when the object was put again since it was read; so what a save has healed, and what was
//! acknowledged because of it, stays. A commit that cites a dropped object fails, as it does after a collection.

use sci_store_api::admin::{GcObject, Repaired};
use sci_store_api::{ObjectId, RepositoryId, SnapshotId};

use crate::blobs::{Blob, BlobKey, Blobs};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Row, Sql, Statement};

/// `state < 2` is what the partial index is of.
const FIND: &str = "SELECT number, size, arrivals FROM objects WHERE repository = ?1 AND object = ?2 \
     AND state < 2 AND state = 1";
/// Asked first: a collection may have doomed the object meanwhile, which is not for a repair to tell.
const OURS: &str = "SELECT 1 FROM objects WHERE number = ?1 AND arrivals = ?2 AND state = 1";
const CONDEMN: &str = "UPDATE objects SET state = 2 WHERE number = ?1 AND arrivals = ?2 AND state = 1";

/// SQL: the records that cite object ?1, once it is condemned.
macro_rules! hurt {
    () => {
        "(SELECT record FROM record_objects JOIN objects ON objects.number = record_objects.object \
          WHERE record_objects.object = ?1 AND state = 2)"
    };
}

const HURT: &str =
    concat!("SELECT snapshot FROM records WHERE forgotten IS NULL AND number IN ", hurt!(), " ORDER BY number");
const UNLIST: &str = concat!("DELETE FROM rungs WHERE record IN ", hurt!());
const FORGET: &str = concat!("UPDATE records SET forgotten = ?2 WHERE forgotten IS NULL AND number IN ", hurt!());
const UNPLAN: &str =
    "DELETE FROM plan_objects WHERE object = (SELECT number FROM objects WHERE number = ?1 AND state = 2)";
const UNHOLD: &str = "DELETE FROM uploads WHERE object = (SELECT number FROM objects WHERE number = ?1 AND state = 2)";
const BURIED: &str = "DELETE FROM objects WHERE number = ?1 AND state = 2";
const NAMES: &str = "SELECT number, snapshot FROM records WHERE forgotten IS NULL \
     AND number IN (SELECT value FROM json_each(?1)) ORDER BY number";

/// How often an object is read again because it was put meanwhile.
const LOOKS: usize = 8;

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Drops those of `objects` that are damaged or missing, with every snapshot that cites one, and forgets `records`,
    /// which an audit or a look at their trees has found to be of no use. May be cut off at any point and repeated, and
    /// run while saves, restores and collections are under way.
    pub async fn repair(
        &self,
        repository: &RepositoryId,
        objects: &[ObjectId],
        records: &[i64],
    ) -> Result<Repaired, Error> {
        let mut repaired = Repaired::default();
        for object in objects {
            self.drop_if_damaged(repository, object, &mut repaired).await?;
        }
        if !records.is_empty() {
            let rows = self.sql.query(Statement::new(NAMES, [serde_json::to_string(records)?.into()])).await?;
            let unreadable = |_| SnapshotId::from_bytes([0; 32]);
            repaired.forgotten.extend(rows.iter().map(|row| row.id(1).map_or_else(unreadable, SnapshotId::from_bytes)));
            self.forget_records(records).await?;
        }
        Ok(repaired)
    }

    async fn drop_if_damaged(
        &self,
        repository: &RepositoryId,
        object: &ObjectId,
        repaired: &mut Repaired,
    ) -> Result<(), Error> {
        for _ in 0..LOOKS {
            let find = Statement::new(FIND, [repository.as_str().into(), object.as_bytes().into()]);
            let rows = self.sql.query(find).await?;
            // Collected, or dropped by another repair: what cited it is gone too.
            let Some(row) = rows.first() else { return Ok(()) };
            let (number, size, arrivals) = (row.integer(0)?, row.unsigned(1)?, row.integer(2)?);
            let blob = Blob { key: BlobKey { repository: repository.clone(), object: *object, number }, size };
            if self.blobs.is_whole(&blob).await? {
                repaired.sound.push(*object);
                return Ok(());
            }
            if let Some(forgotten) = self.condemn(number, arrivals).await? {
                repaired.forgotten.extend(forgotten);
                self.blobs.delete(&blob.key).await?;
                self.sql.query(Statement::new(BURIED, [number.into()])).await?;
                repaired.dropped.push(GcObject { id: *object, size });
                return Ok(());
            }
        }
        Ok(())
    }

    /// Dooms an object and forgets what cites it; `None` when its bytes arrived again since they were counted, or when a
    /// collection has doomed it.
    async fn condemn(&self, number: i64, arrivals: i64) -> Result<Option<Vec<SnapshotId>>, Error> {
        let object = || [number.into()];
        let seen = || [number.into(), arrivals.into()];
        let batch = vec![
            Statement::new(OURS, seen()),
            Statement::new(CONDEMN, seen()),
            Statement::new(HURT, object()),
            Statement::new(UNLIST, object()),
            Statement::new(FORGET, [number.into(), self.clock.now().0.into()]),
            Statement::new(UNPLAN, object()),
            Statement::new(UNHOLD, object()),
        ];
        let rows = self.sql.batch(batch).await?;
        if rows[0].first().is_none() {
            return Ok(None);
        }
        let snapshot = |row: &Row| row.id(0).map(SnapshotId::from_bytes);
        Ok(Some(rows[2].iter().map(snapshot).collect::<Result<_, _>>()?))
    }
}
