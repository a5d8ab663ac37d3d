//! Records in the index: what a row says, and whether it is true.

use std::collections::BTreeMap;

use sci_hasher::{Digest, Sketch};
use sci_store_api::dsse::{self, Envelope, EnvelopeSignature, PublicKey, RECORD_TYPE, Verified};
use sci_store_api::snapshots::SnapshotSummary;
use sci_store_api::verdict::Refusal;
use sci_store_api::{ObjectId, Record, RunId, Scope, SnapshotId, StoreId, UnixMillis};

use crate::blobs::{Blob, BlobKey, Blobs};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Row, Sql, SqlError, Statement};

/// What resolve reads of a record before it looks at the record itself. None of it is signed; see [`Service::check`].
#[derive(Debug, Clone)]
pub(crate) struct Indexed {
    pub(crate) number: i64,
    pub(crate) snapshot: SnapshotId,
    pub(crate) scope: Scope,
    pub(crate) settled: bool,
    pub(crate) quarantined: bool,
    pub(crate) tree: Digest,
    pub(crate) sketch: Sketch,
    pub(crate) sha: Option<String>,
    pub(crate) run: RunId,
    pub(crate) created: UnixMillis,
}

/// The columns of an [`Indexed`], in its order, from `records`.
macro_rules! indexed_columns {
    () => {
        "records.number, snapshot, records.scope, records.settled, quarantined, tree, sketch, sha, run, created"
    };
}
pub(crate) use indexed_columns;

impl Indexed {
    pub(crate) fn from_row(row: &Row) -> Result<Self, SqlError> {
        let sketch = Sketch::from_bytes(row.blob(6)?);
        Ok(Self {
            number: row.integer(0)?,
            snapshot: SnapshotId::from_bytes(row.id(1)?),
            scope: row.parse(2)?,
            settled: row.integer(3)? == 1,
            quarantined: row.integer(4)? == 1,
            tree: Digest::from_bytes(row.id(5)?),
            sketch: sketch.ok_or_else(|| SqlError::Failed("a stored sketch is damaged".to_owned()))?,
            sha: if row.is_null(7) { None } else { Some(row.text(7)?.to_owned()) },
            run: row.parse(8)?,
            created: UnixMillis(row.unsigned(9)?),
        })
    }
}

/// The columns of a [`SnapshotSummary`], from `records` joined with `sites`.
macro_rules! summary_columns {
    () => {
        "records.number, snapshot, scope, sites.path, sites.instance, key, settled, quarantined, files, bytes, stored, run, \
         created"
    };
}
pub(crate) use summary_columns;

pub(crate) fn summary(row: &Row) -> Result<SnapshotSummary, SqlError> {
    Ok(SnapshotSummary {
        snapshot: SnapshotId::from_bytes(row.id(1)?),
        scope: row.parse(2)?,
        path: row.parse(3)?,
        instance: row.parse(4)?,
        key: Digest::from_bytes(row.id(5)?),
        settled: row.integer(6)? == 1,
        quarantined: row.integer(7)? == 1,
        files: row.unsigned(8)?,
        bytes: row.unsigned(9)?,
        stored_bytes: row.unsigned(10)?,
        run: row.parse(11)?,
        created: UnixMillis(row.unsigned(12)?),
    })
}

/// The envelope in the columns `payload, keyid, signature` that begin at `at`.
pub(crate) fn envelope(row: &Row, at: usize) -> Result<Envelope, SqlError> {
    let signature = EnvelopeSignature { keyid: row.parse(at + 1)?, sig: row.blob(at + 2)?.to_vec() };
    Ok(Envelope { payload_type: RECORD_TYPE.to_owned(), payload: row.blob(at)?.to_vec(), signatures: vec![signature] })
}

const ENVELOPE: &str = "SELECT payload, keyid, signature FROM records WHERE number = ?1";
const OBJECTS: &str = "SELECT objects.object, size, number FROM record_objects JOIN objects ON number = record_objects.object \
     WHERE record = ?1 AND state = 1";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Checks a candidate before anything is made of it: that it is not quarantined, that a key which counts signed it for
    /// this store, that the row says what was signed as far as `expected` can tell, and that every object is there.
    pub(crate) async fn check(
        &self,
        indexed: &Indexed,
        keys: &[PublicKey],
        expected: impl Fn(&Record) -> bool,
    ) -> Result<Result<(Envelope, Record), Refusal>, Error> {
        if indexed.quarantined {
            return Ok(Err(Refusal::Quarantined));
        }
        let number = || [indexed.number.into()];
        let rows = self.sql.quick(vec![Statement::new(ENVELOPE, number()), Statement::new(OBJECTS, number())]).await?;
        let Some(row) = rows[0].first() else { return Ok(Err(Refusal::Incomplete)) };
        let Ok(envelope) = envelope(row, 0) else { return Ok(Err(Refusal::Signature)) };
        let record = match dsse::verify(&envelope, keys) {
            Ok(verified) if agrees(&verified, indexed, &self.settings.store) && expected(&verified.record) => {
                verified.record
            }
            Ok(_) | Err(_) => return Ok(Err(Refusal::Signature)),
        };
        let mut present = BTreeMap::new();
        for row in &rows[1] {
            present.insert(ObjectId::from_bytes(row.id(0)?), (row.unsigned(1)?, row.integer(2)?));
        }
        let complete = self.complete(&record, &present).await?;
        Ok(if complete { Ok((envelope, record)) } else { Err(Refusal::Incomplete) })
    }

    /// Whether every object of the record is in the index, by `present`, and in the store of objects.
    async fn complete(&self, record: &Record, present: &BTreeMap<ObjectId, (u64, i64)>) -> Result<bool, Error> {
        let blob = |object: &sci_store_api::ObjectRef| {
            let (size, number) = present.get(&object.id)?;
            let key = BlobKey { repository: record.repository.clone(), object: object.id, number: *number };
            (*size == object.size).then_some(Blob { key, size: *size })
        };
        match record.objects.iter().map(blob).collect::<Option<Vec<_>>>() {
            Some(blobs) => Ok(self.blobs.first_missing(&blobs).await?.is_none()),
            None => Ok(false),
        }
    }
}

/// Whether the row's own words are the signed ones: a row that was edited, or pointed at another record, is refused.
fn agrees(verified: &Verified, indexed: &Indexed, store: &StoreId) -> bool {
    let record = &verified.record;
    verified.id == indexed.snapshot
        && record.store == *store
        && record.scope == indexed.scope
        && record.settled == indexed.settled
        && record.tree == indexed.tree
        && record.run == indexed.run
        && record.created == indexed.created
}
