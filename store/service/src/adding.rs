//! What a commit adds: a record, signed, and the statements that put it into the index.

use sci_store_api::dsse::{self, Envelope, PublicKey, RECORD_TYPE};
use sci_store_api::record::{MAX_PARENTS, VERSION};
use sci_store_api::saves::CommitSave;
use sci_store_api::{ApiError, ErrorCode, Record, Scope, ScopeClass, SnapshotId};

use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::lineage;
use crate::quota;
use crate::saves::Save;
use crate::service::Service;
use crate::sql::{Row, Sql, Statement, Value};

const PARENTS: &str = "SELECT served.snapshot, coalesce(served.scope, records.scope) FROM served \
     LEFT JOIN records ON number = record WHERE served.repository = ?1 AND served.run = ?2 ORDER BY served.snapshot";
pub(crate) const GUARD_OBJECTS: &str = "INSERT INTO guard SELECT 0 WHERE ?2 <> \
     (SELECT count(*) FROM objects WHERE state = 1 AND number IN (SELECT value FROM json_each(?1)))";
const GUARD_NEWEST: &str = "INSERT INTO guard SELECT 0 WHERE EXISTS (SELECT 1 FROM rungs \
     WHERE site = (SELECT number FROM sites WHERE repository = ?1 AND path = ?2 AND instance = ?3) \
     AND digest = ?4 AND scope = ?5 AND settled = ?6 AND record > ?7)";
const SITE: &str = "INSERT INTO sites (repository, path, instance) VALUES (?1, ?2, ?3) \
     ON CONFLICT (repository, path, instance) DO NOTHING";
const RECORD: &str = "INSERT INTO records (repository, snapshot, site, scope, key, tree, sketch, derivation, settled, \
     quarantined, files, bytes, stored, objects, run, sha, created, payload, keyid, signature) \
     SELECT ?1, ?2, number, ?5, ?6, ?7, ?8, ?9, ?10, \
     EXISTS (SELECT 1 FROM quarantined_runs WHERE repository = ?1 AND run = ?14), \
     ?11, ?12, ?13, json_array_length(?15), ?14, ?16, ?17, ?18, ?19, ?20 \
     FROM sites WHERE repository = ?1 AND path = ?3 AND instance = ?4";
const RUNGS: &str = "INSERT INTO rungs (site, digest, scope, settled, record) \
     SELECT site, unhex(value), scope, settled, number FROM records, json_each(?3) \
     WHERE repository = ?1 AND snapshot = ?2";
const RECORD_OBJECTS: &str = "INSERT INTO record_objects (record, object) \
     SELECT number, value FROM records, json_each(?3) WHERE repository = ?1 AND snapshot = ?2";
pub(crate) const NEEDED: &str =
    "UPDATE objects SET idle = NULL WHERE idle IS NOT NULL AND number IN (SELECT value FROM json_each(?1))";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// The record of a save that is committed now.
    pub(crate) async fn record(&self, caller: &Caller, save: &Save, request: &CommitSave) -> Result<Record, Error> {
        let params = [caller.repository.as_str().into(), caller.run.as_str().into()];
        let rows = self.sql.query(Statement::new(PARENTS, params)).await?;
        let mut parents = rows.iter().map(|row| parent(row, &save.scope)).collect::<Result<Vec<_>, _>>()?;
        parents.truncate(MAX_PARENTS);
        Ok(Record {
            version: VERSION,
            store: self.settings.store.clone(),
            repository: caller.repository.clone(),
            scope: save.scope.clone(),
            path: save.path.clone(),
            instance: save.instance.clone(),
            key: request.ladder.key(),
            ladder: request.ladder,
            derivation: request.derivation,
            manifest: request.manifest,
            objects: request.objects.clone(),
            tree: request.tree,
            files: request.files,
            bytes: request.bytes,
            claims: caller.claims.clone(),
            run: caller.run.clone(),
            parents,
            settled: request.settled,
            created: self.clock.now(),
        })
    }

    /// The statements that add the record, and the guards of what they rely on.
    pub(crate) async fn statements(
        &self,
        record: &Record,
        payload: Vec<u8>,
        request: &CommitSave,
        numbers: &[i64],
        seen: i64,
    ) -> Result<Vec<Statement>, Error> {
        let envelope = self.sign(record, payload).await?;
        let snapshot = envelope.snapshot_id();
        let signature = envelope.signatures.into_iter().next();
        let signature = signature.ok_or_else(|| crate::KeyError("the key made no signature".to_owned()))?;
        let text = |text: &str| Value::from(text);
        let objects = serde_json::to_string(numbers)?;
        let place = || [text(record.repository.as_str()), text(record.path.as_str()), text(record.instance.as_str())];
        let scope = record.scope.to_string();
        let of_record = |list: String| [text(record.repository.as_str()), snapshot.as_bytes().into(), list.into()];
        let [repository, path, instance] = place();
        let newest = [
            repository,
            path,
            instance,
            record.key.as_bytes().into(),
            text(&scope),
            record.settled.into(),
            seen.into(),
        ];
        let [repository, path, instance] = place();
        let row = [
            repository,
            snapshot.as_bytes().into(),
            path,
            instance,
            text(&scope),
            record.key.as_bytes().into(),
            record.tree.as_bytes().into(),
            request.sketch.to_bytes().into(),
            record.derivation.as_bytes().into(),
            record.settled.into(),
            record.files.into(),
            record.bytes.into(),
            record.stored_bytes().into(),
            text(record.run.as_str()),
            text(&objects),
            record.claims.get("sha").cloned().into(),
            record.created.0.into(),
            envelope.payload.into(),
            text(signature.keyid.as_str()),
            signature.sig.into(),
        ];
        let mut statements = vec![
            Statement::new(GUARD_OBJECTS, [text(&objects), (numbers.len() as u64).into()]),
            Statement::new(GUARD_NEWEST, newest),
            Statement::new(SITE, place()),
        ];
        statements.extend(lineage::of(record));
        statements.extend([
            Statement::new(RECORD, row),
            Statement::new(RUNGS, of_record(serde_json::to_string(&record.ladder)?)),
            Statement::new(RECORD_OBJECTS, of_record(objects.clone())),
            quota::own_cited(record, &snapshot, objects.clone()),
            Statement::new(NEEDED, [objects.into()]),
        ]);
        Ok(statements)
    }

    /// Signs a record with a key whose signatures count for the time that the record says. Between the two the keys may
    /// change, and what nobody will believe is not acknowledged.
    async fn sign(&self, record: &Record, payload: Vec<u8>) -> Result<Envelope, Error> {
        let envelope = self.keys.sign(RECORD_TYPE, payload).await?;
        let keys = self.keys.public_keys().await?;
        let counts = |signers: Vec<&PublicKey>| signers.iter().any(|key| key.covers(record.created));
        if dsse::signed_by(&envelope, RECORD_TYPE, &keys).is_ok_and(counts) {
            return Ok(envelope);
        }
        let error = ApiError::new(ErrorCode::Retry, "the store's key changed while the save was signed");
        Err(Error::Refused(error.with_hint("commit again")))
    }
}

/// A snapshot that was served to the run. A state is trusted at most as much as what it grew from; that a release grew from
/// trusted state is the administrator's choice.
fn parent(row: &Row, scope: &Scope) -> Result<SnapshotId, Error> {
    let class = if row.is_null(1) { None } else { Some(row.parse::<Scope>(1)?.class()) };
    let needed = scope.class().min(ScopeClass::Trusted);
    if class.is_some_and(|class| class < needed) {
        let message = format!("this run was served state of a lower class than {scope}, so it cannot save there");
        return Err(Error::refused(ErrorCode::Forbidden, message));
    }
    Ok(SnapshotId::from_bytes(row.id(0)?))
}
