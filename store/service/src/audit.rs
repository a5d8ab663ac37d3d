//! Audit: whether the index still says of each record what was signed, and what it needs.
//!
//! A snapshot is found by its own row, by its path's row and by what was signed, so that no single change hides it. What
//! was never signed cannot be audited: the sketch, which only orders candidates.

use std::collections::BTreeSet;

use sci_hasher::Digest;
use sci_store_api::dsse::{self, Envelope};
use sci_store_api::{ObjectId, Record, SnapshotId};

use crate::blobs::{Blob, Blobs};
use crate::caller::{Caller, Sight};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::records::envelope;
use crate::service::{Service, visible};
use crate::sql::{Row, Sql, SqlError, Statement};

const NUMBERS: &str = "SELECT number, snapshot FROM records WHERE forgotten IS NULL \
     AND (repository = ?1 OR site IN (SELECT number FROM sites WHERE repository = ?1)) ORDER BY number DESC";
const ROW: &str = "SELECT records.repository, snapshot, scope, sites.repository AS site_repository, sites.path, sites.instance, key, tree, \
     derivation, settled, files, bytes, stored, objects, run, sha, created, payload, keyid, signature, quarantined = EXISTS \
         (SELECT 1 FROM quarantined_runs WHERE quarantined_runs.repository = ?2 AND quarantined_runs.run = records.run) \
     FROM records LEFT JOIN sites ON sites.number = site WHERE records.number = ?1 AND forgotten IS NULL";
const SCOPE: &str = "SELECT ?2 IS NULL OR scope IN (SELECT value FROM json_each(?2)) FROM records WHERE number = ?1";
const RUNGS: &str = "SELECT digest, rungs.scope, rungs.settled FROM rungs JOIN records ON records.number = record \
     AND records.site = rungs.site WHERE record = ?1";
const OBJECTS: &str = "SELECT objects.object FROM record_objects JOIN objects ON number = record_objects.object \
     WHERE record = ?1 AND state = 1";
const LOOSE: &str = "SELECT object, number, size FROM objects WHERE repository = ?1 AND state = 1 AND NOT EXISTS \
     (SELECT 1 FROM record_objects JOIN records ON records.number = record \
      WHERE record_objects.object = objects.number AND forgotten IS NULL) ORDER BY number";

/// A record, and what the index says of it that was not signed.
#[derive(Debug)]
pub struct Audited {
    /// The record's number in the index, by which it can be named whatever else is wrong.
    pub number: i64,
    /// The snapshot, by its row; nothing but zeros when that cannot be read.
    pub snapshot: SnapshotId,
    /// The workspace path: what was signed, else what its row says; a question mark when that cannot be read.
    pub path: String,
    /// The instance, the same.
    pub instance: String,
    /// The signed record, unless its signature does not hold.
    pub record: Option<(Envelope, Record)>,
    /// What is wrong. Nothing heals it: the snapshot is of no use any more.
    pub faults: Vec<String>,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// The records that belong to the caller's repository by any sign, newest first: their numbers, and the snapshots by
    /// their rows.
    pub async fn audit_list(&self, caller: &Caller) -> Result<Vec<(i64, SnapshotId)>, Error> {
        let rows = self.sql.query(Statement::new(NUMBERS, [caller.repository.as_str().into()])).await?;
        Ok(rows.iter().map(|row| Ok((row.integer(0)?, snapshot(row, 1)))).collect::<Result<_, SqlError>>()?)
    }

    /// Compares one record's rows with what was signed. `None` when it was forgotten meanwhile, or neither its row nor its
    /// signature says that the caller may read it.
    pub async fn audit(&self, caller: &Caller, number: i64) -> Result<Option<Audited>, Error> {
        let repository = caller.repository.as_str();
        let rows = self.sql.query(Statement::new(ROW, [number.into(), repository.into()])).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let envelope = envelope(row, 17);
        let verified = match &envelope {
            Ok(envelope) => dsse::verify(envelope, &self.keys.public_keys().await?).map_err(|error| error.to_string()),
            Err(_) => Err("its signature cannot be read".to_owned()),
        };
        let text = |at: usize| row.text(at).unwrap_or("?").to_owned();
        let mut audited = Audited {
            number,
            snapshot: snapshot(row, 1),
            path: text(4),
            instance: text(5),
            record: None,
            faults: Vec::new(),
        };
        match verified {
            Err(fault) => {
                let scope = Statement::new(SCOPE, [number.into(), visible(caller)?.into()]);
                if self.sql.query(scope).await?.first().map_or(Ok(0), |row| row.integer(0))? != 1 {
                    return Ok(None);
                }
                audited.faults.push(fault);
            }
            Ok(verified) => {
                let record = &verified.record;
                let seen = caller.sight == Sight::Repository || caller.scopes_read.contains(&record.scope);
                if record.repository != caller.repository || !seen {
                    return Ok(None);
                }
                audited.faults.extend(self.differences(row, verified.id, record));
                self.audit_needs(number, record, &mut audited.faults).await?;
                (audited.path, audited.instance) = (record.path.to_string(), record.instance.to_string());
                audited.record = envelope.ok().map(|envelope| (envelope, verified.record));
            }
        }
        Ok(Some(audited))
    }

    /// What the row says and the record does not.
    fn differences(&self, row: &Row, snapshot: SnapshotId, record: &Record) -> Vec<String> {
        let same_text = |at: usize, text: &str| row.text(at).is_ok_and(|found| found == text);
        let same_id = |at: usize, id: &[u8; 32]| row.id(at).is_ok_and(|found| found == *id);
        let same_number = |at: usize, number: u64| row.unsigned(at).is_ok_and(|found| found == number);
        let sha = record.claims.get("sha");
        let columns = [
            ("repository", same_text(0, record.repository.as_str()) && same_text(3, record.repository.as_str())),
            ("store", record.store == self.settings.store),
            ("snapshot", same_id(1, snapshot.as_bytes())),
            ("scope", same_text(2, &record.scope.to_string())),
            ("path", same_text(4, record.path.as_str())),
            ("instance", same_text(5, record.instance.as_str())),
            ("key", same_id(6, record.key.as_bytes())),
            ("tree", same_id(7, record.tree.as_bytes())),
            ("derivation", same_id(8, record.derivation.as_bytes())),
            ("settled", same_number(9, record.settled.into())),
            ("files", same_number(10, record.files)),
            ("bytes", same_number(11, record.bytes)),
            ("stored", same_number(12, record.stored_bytes())),
            ("objects", same_number(13, record.objects.len() as u64)),
            ("run", same_text(14, record.run.as_str())),
            ("sha", sha.map_or_else(|| row.is_null(15), |sha| same_text(15, sha))),
            ("created", same_number(16, record.created.0)),
            ("quarantined", same_number(20, 1)),
        ];
        let wrong = columns.into_iter().filter(|(_, same)| !same);
        wrong.map(|(column, _)| format!("the index has another `{column}` than was signed")).collect()
    }

    /// Whether the record is found by its ladder, and the index knows its objects.
    async fn audit_needs(&self, number: i64, record: &Record, faults: &mut Vec<String>) -> Result<(), Error> {
        let scope = record.scope.to_string();
        let rung = |row: &Row| {
            let here = row.text(1).is_ok_and(|found| found == scope)
                && row.integer(2).is_ok_and(|found| found == i64::from(record.settled));
            here.then(|| row.id(0).ok().map(Digest::from_bytes)).flatten()
        };
        let wanted: BTreeSet<Digest> = record.ladder.rungs().iter().copied().collect();
        let rows = self.sql.query(Statement::new(RUNGS, [number.into()])).await?;
        if rows.iter().map(rung).collect::<Option<BTreeSet<Digest>>>() != Some(wanted) {
            faults.push("the index does not find it by its ladder".to_owned());
        }
        let objects = self.sql.query(Statement::new(OBJECTS, [number.into()])).await?;
        let found = objects.iter().map(|row| row.id(0).map(ObjectId::from_bytes)).collect::<Result<BTreeSet<_>, _>>();
        let wanted = record.objects.iter().map(|object| object.id).collect();
        if found.ok() != Some(wanted) {
            faults.push("the index does not have the objects that it lists".to_owned());
        }
        Ok(())
    }

    /// Objects of the repository that no snapshot cites: inputs of plans, what saves in flight have put, what waits to be
    /// collected.
    pub async fn loose_objects(&self, caller: &Caller) -> Result<Vec<Blob>, Error> {
        let rows = self.sql.query(Statement::new(LOOSE, [caller.repository.as_str().into()])).await?;
        let blob = |row| Blob::from_row(caller.repository.clone(), row, 0);
        Ok(rows.iter().map(blob).collect::<Result<_, _>>()?)
    }

    /// Whether an object is in the store, whole.
    pub async fn is_whole(&self, blob: &Blob) -> Result<bool, Error> {
        Ok(self.blobs.is_whole(blob).await?)
    }
}

/// The snapshot that a row names; nothing but zeros when it cannot be read.
fn snapshot(row: &Row, at: usize) -> SnapshotId {
    SnapshotId::from_bytes(row.id(at).unwrap_or_default())
}
