//! Commit: what was uploaded becomes a snapshot, in one atomic batch that is made for a state and fails when it is gone.

use std::collections::BTreeMap;

use sci_hasher::Digest;
use sci_store_api::record::MAX_OBJECTS;
use sci_store_api::saves::{CommitSave, Committed};
use sci_store_api::{ApiError, ErrorCode, ObjectId, ObjectRef, Record, RepositoryId, SaveId, SnapshotId};

use crate::blobs::{Blob, BlobKey, Blobs};
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::objects::{unknown_object, unknown_save};
use crate::records::{Indexed, indexed_columns};
use crate::saves::Save;
use crate::service::{Service, writer};
use crate::sql::{self, Sql, Statement, Value};

const NEWEST: &str = concat!(
    "SELECT ",
    indexed_columns!(),
    " FROM rungs JOIN records ON records.number = rungs.record \
     WHERE rungs.site = (SELECT number FROM sites WHERE repository = ?1 AND path = ?2 AND instance = ?3) \
     AND digest = ?4 AND rungs.scope = ?5 AND rungs.settled = ?6 ORDER BY rungs.record DESC LIMIT 1"
);
const CITABLE: &str = "SELECT object, number, size FROM objects WHERE repository = ?1 AND state < 2 AND state = 1 \
     AND object IN (SELECT unhex(value) FROM json_each(?2)) AND ( \
     EXISTS (SELECT 1 FROM uploads WHERE hold = ?3 AND uploads.object = objects.number AND verified = 1) \
     OR EXISTS (SELECT 1 FROM record_objects JOIN served ON served.record = record_objects.record \
             WHERE record_objects.object = objects.number AND served.repository = ?1 AND run = ?4))";
const GUARD_OPEN: &str = "INSERT INTO guard SELECT 0 WHERE NOT EXISTS \
     (SELECT 1 FROM saves JOIN holds ON hold = save WHERE save = ?1 AND answer IS NULL)";
const GUARD_RECORD: &str = "INSERT INTO guard SELECT 0 WHERE NOT EXISTS \
     (SELECT 1 FROM records WHERE number = ?1 AND forgotten IS NULL AND quarantined = 0)";
const ANSWER: &str = "UPDATE saves SET request = ?2, answer = ?3 WHERE save = ?1";
const RELEASE_UPLOADS: &str = "DELETE FROM uploads WHERE hold = ?1";
const RELEASE: &str = "DELETE FROM holds WHERE hold = ?1";

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Commits a save. The same save and request get the same answer for ever; a settled save of a key that the scope
    /// already holds adds nothing, unless that snapshot is a base of the save and the tree changed since.
    ///
    /// # Errors
    /// [`ErrorCode::Conflict`] when the save was committed with another request; [`ErrorCode::UnknownObject`] when a cited
    /// object was neither uploaded by this save nor part of a snapshot served to this run; [`ErrorCode::Retry`] when an
    /// object has gone and must be put again, or the store's key changed meanwhile; [`ErrorCode::Invalid`] when the record would break a rule.
    pub async fn commit_save(&self, caller: &Caller, id: SaveId, request: &CommitSave) -> Result<Committed, Error> {
        let mut request = request.clone();
        request.objects.sort_unstable();
        let digest = Digest::of(&serde_json::to_vec(&request)?);
        match sql::retry(async || self.try_commit(caller, id, &request, digest).await).await {
            Err(Error::Refused(refusal)) => self.answered(caller, id, digest).await?.ok_or(Error::Refused(refusal)),
            done => done,
        }
    }

    /// The answer that the save got meanwhile: what a commit relies on is let go by its twin that comes first, so that a
    /// client's repetition may be refused for what the first request used.
    async fn answered(&self, caller: &Caller, id: SaveId, digest: Digest) -> Result<Option<Committed>, Error> {
        let answer = self.save(caller, id).await?.and_then(|save| save.answer);
        Ok(answer.filter(|(committed, _)| *committed == digest).map(|(_, answer)| answer))
    }

    async fn try_commit(
        &self,
        caller: &Caller,
        id: SaveId,
        request: &CommitSave,
        digest: Digest,
    ) -> Result<Committed, Error> {
        writer(caller)?;
        let save = self.save(caller, id).await?.ok_or_else(unknown_save)?;
        match &save.answer {
            Some((committed, answer)) if *committed == digest => return Ok(answer.clone()),
            Some(_) => return Err(Error::refused(ErrorCode::Conflict, "the save was committed with another request")),
            None => {}
        }
        if request.settled && request.ladder.key() != save.key {
            return Err(Error::refused(ErrorCode::Invalid, "a settled save must have the key that it began with"));
        }
        let numbers = self.cited(caller, &save, &request.objects).await?;
        let newest = self.newest(&caller.repository, &save, &request.ladder.key(), request.settled).await?;
        if let Some((found, answer)) = self.converge(caller, &save, request, newest.as_ref()).await? {
            let still = Statement::new(GUARD_RECORD, [found.number.into()]);
            return self.conclude(&save, digest, vec![still], answer).await;
        }
        let record = self.record(caller, &save, request).await?;
        let payload = record.encode().map_err(|error| Error::refused(ErrorCode::Invalid, error.to_string()))?;
        let snapshot = SnapshotId::of(&payload);
        let seen = newest.map_or(0, |found| found.number);
        let statements = self.statements(&record, payload, request, &numbers, seen).await?;
        self.blobs.flush().await?;
        let committed = self.conclude(&save, digest, statements, Committed::Saved { snapshot }).await?;
        // The save is acknowledged whatever becomes of this: room that is not made now is made after the next commit.
        let _ = self.make_room(caller, Some(snapshot.as_bytes())).await;
        Ok(committed)
    }

    /// The newest record of the save's place with the key.
    pub(crate) async fn newest(
        &self,
        repository: &RepositoryId,
        save: &Save,
        key: &Digest,
        settled: bool,
    ) -> Result<Option<Indexed>, Error> {
        let params = [
            repository.as_str().into(),
            save.path.as_str().into(),
            save.instance.as_str().into(),
            key.as_bytes().into(),
            save.scope.to_string().into(),
            settled.into(),
        ];
        let rows = self.sql.query(Statement::new(NEWEST, params)).await?;
        Ok(rows.first().map(Indexed::from_row).transpose()?)
    }

    /// The snapshot that makes this save superfluous. One that cannot be restored does not count, so that it is healed by
    /// the next save.
    async fn converge(
        &self,
        caller: &Caller,
        save: &Save,
        request: &CommitSave,
        newest: Option<&Indexed>,
    ) -> Result<Option<(Indexed, Committed)>, Error> {
        let settled = if request.settled {
            newest.cloned()
        } else {
            self.newest(&caller.repository, save, &request.ladder.key(), true).await?
        };
        let unsettled = newest.filter(|_| !request.settled).cloned();
        let keys = self.keys.public_keys().await?;
        for found in settled.into_iter().chain(unsettled) {
            let same = found.tree == request.tree;
            if !same && (!request.settled || save.bases.contains(&found.snapshot)) {
                continue;
            }
            let of_place = |record: &Record| {
                record.key == request.ladder.key()
                    && record.path == save.path
                    && record.instance == save.instance
                    && record.scope == save.scope
            };
            if self.check(&found, &keys, of_place).await?.is_ok() {
                let answer = Committed::AlreadySaved { snapshot: found.snapshot, nondeterministic: !same };
                return Ok(Some((found, answer)));
            }
        }
        Ok(None)
    }

    /// The numbers of the cited objects, each of which this save may cite and which is there in full.
    async fn cited(&self, caller: &Caller, save: &Save, objects: &[ObjectRef]) -> Result<Vec<i64>, Error> {
        if objects.len() > MAX_OBJECTS {
            return Err(Error::refused(ErrorCode::Invalid, format!("a snapshot has at most {MAX_OBJECTS} objects")));
        }
        let ids: Vec<ObjectId> = objects.iter().map(|object| object.id).collect();
        let params = [
            caller.repository.as_str().into(),
            serde_json::to_string(&ids)?.into(),
            save.id.as_bytes().into(),
            caller.run.as_str().into(),
        ];
        let mut known = BTreeMap::new();
        for row in &self.sql.query(Statement::new(CITABLE, params)).await? {
            known.insert(ObjectId::from_bytes(row.id(0)?), (row.integer(1)?, row.unsigned(2)?));
        }
        let mut blobs = Vec::with_capacity(objects.len());
        for object in objects {
            let (number, size) = *known.get(&object.id).ok_or_else(unknown_object)?;
            if size != object.size {
                return Err(Error::refused(ErrorCode::Invalid, "an object is cited with another size than it has"));
            }
            let key = BlobKey { repository: caller.repository.clone(), object: object.id, number };
            blobs.push(Blob { key, size });
        }
        if self.blobs.first_missing(&blobs).await?.is_some() {
            let error = ApiError::new(ErrorCode::Retry, "an object that is cited has gone from the store");
            return Err(Error::Refused(error.with_hint("put the objects again, then commit")));
        }
        Ok(blobs.into_iter().map(|blob| blob.key.number).collect())
    }

    /// Ends the save with its answer, in one batch with the given statements.
    async fn conclude(
        &self,
        save: &Save,
        request: Digest,
        statements: Vec<Statement>,
        answer: Committed,
    ) -> Result<Committed, Error> {
        let id = || Value::from(save.id.as_bytes());
        let stored = serde_json::to_string(&answer)?;
        let mut batch = vec![Statement::new(GUARD_OPEN, [id()])];
        batch.extend(statements);
        batch.push(Statement::new(ANSWER, [id(), request.as_bytes().into(), stored.into()]));
        batch.push(Statement::new(RELEASE_UPLOADS, [id()]));
        batch.push(Statement::new(RELEASE, [id()]));
        self.sql.batch(batch).await?;
        Ok(answer)
    }
}
