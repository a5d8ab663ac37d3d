//! Saves: begin, and the row that a commit ends.

use sci_hasher::Digest;
use sci_store_api::saves::{BeginSave, BegunSave, Committed};
use sci_store_api::{ErrorCode, Instance, PathName, RunId, SaveId, Scope, SnapshotId};

use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::ids;
use crate::keys::{Clock, Keys};
use crate::service::{Service, writer};
use crate::sql::{Row, Sql, Statement, Value};

/// The most bases of one save.
const MAX_BASES: usize = 64;

const BEGIN: &str = "INSERT INTO saves (save, repository, scope, run, path, instance, key, bases, begun) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (save) DO NOTHING";
const HOLD: &str = "INSERT INTO holds (hold, repository, run, touched) \
     SELECT save, repository, run, ?2 FROM saves WHERE save = ?1 AND answer IS NULL \
     ON CONFLICT (hold) DO UPDATE SET touched = excluded.touched";
const SAVING: &str = "SELECT saves.run FROM saves JOIN holds ON hold = save \
     WHERE saves.repository = ?1 AND scope = ?2 AND path = ?3 AND instance = ?4 AND key = ?5 AND answer IS NULL \
     AND save <> ?6 ORDER BY touched DESC, save LIMIT 1";
const SERVED: &str = "SELECT count(*) FROM served WHERE repository = ?1 AND run = ?2 \
     AND snapshot IN (SELECT unhex(value) FROM json_each(?3))";
const SAVE: &str = "SELECT scope, run, path, instance, key, bases, request, answer FROM saves \
     WHERE save = ?1 AND repository = ?2";

/// A save as the index holds it.
#[derive(Debug)]
pub(crate) struct Save {
    pub(crate) id: SaveId,
    pub(crate) scope: Scope,
    pub(crate) run: RunId,
    pub(crate) path: PathName,
    pub(crate) instance: Instance,
    pub(crate) key: Digest,
    pub(crate) bases: Vec<SnapshotId>,
    /// The digest of the request that committed it, and the answer.
    pub(crate) answer: Option<(Digest, Committed)>,
}

impl Save {
    fn from_row(id: SaveId, row: &Row) -> Result<Self, Error> {
        let answer = if row.is_null(6) {
            None
        } else {
            Some((Digest::from_bytes(row.id(6)?), serde_json::from_str(row.text(7)?)?))
        };
        Ok(Self {
            id,
            scope: row.parse(0)?,
            run: row.parse(1)?,
            path: row.parse(2)?,
            instance: row.parse(3)?,
            key: Digest::from_bytes(row.id(4)?),
            bases: serde_json::from_str(row.text(5)?)?,
            answer,
        })
    }
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Begins a save. Safe to repeat with the same nonce. Another save of the same key does not hinder it.
    ///
    /// # Errors
    /// [`ErrorCode::Forbidden`] when the caller may not save; [`ErrorCode::NotFound`] when a base was not served to this
    /// run; [`ErrorCode::Conflict`] when the nonce began another save.
    pub async fn begin_save(&self, caller: &Caller, request: &BeginSave) -> Result<BegunSave, Error> {
        let scope = writer(caller)?;
        let mut bases = request.bases.clone();
        bases.sort_unstable();
        bases.dedup();
        self.check_bases(caller, &bases).await?;
        let id = ids::save(caller, scope, &request.path, &request.instance, &request.nonce);
        let now = self.clock.now().0;
        let text = |text: &str| Value::from(text);
        let begin = Statement::new(
            BEGIN,
            [
                id.as_bytes().into(),
                text(caller.repository.as_str()),
                scope.to_string().into(),
                text(caller.run.as_str()),
                text(request.path.as_str()),
                text(request.instance.as_str()),
                request.key.as_bytes().into(),
                serde_json::to_string(&bases)?.into(),
                now.into(),
            ],
        );
        let saving = Statement::new(
            SAVING,
            [
                text(caller.repository.as_str()),
                scope.to_string().into(),
                text(request.path.as_str()),
                text(request.instance.as_str()),
                request.key.as_bytes().into(),
                id.as_bytes().into(),
            ],
        );
        let hold = Statement::new(HOLD, [id.as_bytes().into(), now.into()]);
        let rows = self.sql.quick(vec![begin, hold, self.select_save(caller, id), saving]).await?;
        let save = rows[2].first().map(|row| Save::from_row(id, row)).transpose()?;
        let save = save.filter(|save| save.key == request.key && save.bases == bases);
        let save = save.ok_or_else(|| Error::refused(ErrorCode::Conflict, "the nonce began another save before"))?;
        let existing = self.newest(&caller.repository, &save, &request.key, true).await?;
        Ok(BegunSave {
            save: id,
            saving: rows[3].first().map(|row| row.parse(0)).transpose()?,
            existing: existing
                .filter(|found| !found.quarantined)
                .map(|found| found.snapshot)
                .filter(|id| !bases.contains(id)),
        })
    }

    async fn check_bases(&self, caller: &Caller, bases: &[SnapshotId]) -> Result<(), Error> {
        if bases.len() > MAX_BASES {
            return Err(Error::refused(ErrorCode::Invalid, format!("a save has at most {MAX_BASES} bases")));
        }
        let params =
            [caller.repository.as_str().into(), caller.run.as_str().into(), serde_json::to_string(bases)?.into()];
        let rows = self.sql.query(Statement::new(SERVED, params)).await?;
        let served = rows.first().map_or(Ok(0), |row| row.unsigned(0))?;
        if served == bases.len() as u64 {
            Ok(())
        } else {
            Err(Error::refused(ErrorCode::NotFound, "a base of the save was not served to this run"))
        }
    }

    fn select_save(&self, caller: &Caller, id: SaveId) -> Statement {
        Statement::new(SAVE, [id.as_bytes().into(), caller.repository.as_str().into()])
    }

    /// The caller's save: its scope and run are compared anew, so an id alone opens nothing.
    pub(crate) async fn save(&self, caller: &Caller, id: SaveId) -> Result<Option<Save>, Error> {
        let rows = self.sql.query(self.select_save(caller, id)).await?;
        let save = rows.first().map(|row| Save::from_row(id, row)).transpose()?;
        Ok(save.filter(|save| save.run == caller.run && Some(&save.scope) == caller.scope_write.as_ref()))
    }
}
