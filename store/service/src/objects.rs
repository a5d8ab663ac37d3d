//! Objects: put, authorise, read.
//!
//! An object is announced in the index before its bytes arrive and counts only when they have arrived and were verified.
//! While a hold is alive collection leaves its objects alone; afterwards a put of the same object gets a new number and
//! so a new blob, and can not meet an old deletion.

use std::ops::Range;

use sci_store_api::record::MAX_OBJECT_SIZE;
use sci_store_api::{ApiError, ErrorCode, ObjectId, SaveId};

use crate::blobs::{Blob, BlobKey, Blobs};
use crate::caller::Caller;
use crate::error::Error;
use crate::ids;
use crate::keys::{Clock, Keys};
use crate::quota;
use crate::service::{Service, visible, visible_runs};
use crate::sql::{Sql, SqlError, Statement, Value};

/// What an uploaded object is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// A save that has begun.
    Save(SaveId),
    /// The caller's run: derivations for its plans.
    Run,
}

const HOLD_RUN: &str = "INSERT INTO holds (hold, repository, run, touched) VALUES (?1, ?2, ?3, ?4) \
     ON CONFLICT (hold) DO UPDATE SET touched = excluded.touched";
const TOUCH: &str = "UPDATE holds SET touched = ?4 WHERE hold = ?1 AND repository = ?2 AND run = ?3";
/// SQL: the caller's hold.
macro_rules! held {
    () => {
        "SELECT 1 FROM holds WHERE hold = ?1 AND repository = ?2 AND run = ?3"
    };
}
const HELD: &str = held!();
const GUARD_HOLD: &str = concat!("INSERT INTO guard SELECT 0 WHERE NOT EXISTS (", held!(), ")");
const ANNOUNCE: &str = "INSERT INTO objects (repository, object, size, state, scope) SELECT ?1, ?2, ?3, 0, ?4 WHERE NOT EXISTS \
     (SELECT 1 FROM objects WHERE repository = ?1 AND object = ?2 AND state < 2)";
const UPLOAD: &str = "INSERT INTO uploads (hold, object, verified) \
     SELECT ?1, number, 0 FROM objects WHERE repository = ?2 AND object = ?3 AND state < 2 \
     ON CONFLICT (hold, object) DO NOTHING";
const NUMBER: &str = "SELECT number FROM objects WHERE repository = ?1 AND object = ?2 AND state < 2";
const GUARD_ANNOUNCED: &str = "INSERT INTO guard SELECT 0 WHERE NOT EXISTS \
     (SELECT 1 FROM objects JOIN uploads ON uploads.object = objects.number \
      WHERE number = ?2 AND state < 2 AND uploads.hold = ?1)";
const STORED: &str = "UPDATE objects SET state = 1, size = ?2, idle = NULL, arrivals = arrivals + 1 WHERE number = ?1";
const ALIVE: &str = "SELECT 1 FROM objects WHERE number = ?1 AND state < 2";
const VERIFIED: &str = "UPDATE uploads SET verified = 1 WHERE hold = ?1 AND object = ?2";
const HELD_OBJECTS: &str = "SELECT repository, object, number, size FROM objects \
     WHERE state = 1 AND number IN (SELECT object FROM uploads WHERE verified = 1)";

/// SQL: those objects that the caller may read; by the records that it sees only where the condition holds.
macro_rules! authorised {
    ($of_record:literal) => {
        concat!(
            // `state < 2` is what the partial index is of; SQLite does not see that `state = 1` implies it.
            "SELECT object, number, size FROM objects WHERE repository = ?1 AND state < 2 AND state = 1 \
             AND object IN (SELECT unhex(value) FROM json_each(?2)) AND ( \
             EXISTS (SELECT 1 FROM record_objects JOIN records ON records.number = record_objects.record \
                     WHERE record_objects.object = objects.number AND ",
            $of_record,
            " AND (?4 IS NULL OR scope IN (SELECT value FROM json_each(?4)) \
                   OR (?5 IS NULL AND records.derivation = objects.object))) \
             OR EXISTS (SELECT 1 FROM uploads JOIN holds USING (hold) \
                     WHERE uploads.object = objects.number AND verified = 1 AND run = ?3) \
             OR EXISTS (SELECT 1 FROM plan_objects JOIN plans ON plans.number = plan_objects.plan \
                     WHERE plan_objects.object = objects.number \
                     AND (?5 IS NULL OR run = ?3 OR scope IN (SELECT value FROM json_each(?5)))))"
        )
    };
}

const AUTHORISE: &str = authorised!("TRUE");
const AUTHORISE_DERIVATIONS: &str = authorised!("records.derivation = objects.object");

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Stores an object of `size` bytes. Idempotent; the bytes are verified whether or not the object is there already,
    /// so who does not have them cannot claim them.
    ///
    /// # Errors
    /// [`ErrorCode::Quota`] when the caller's scope or repository has no room for it; [`ErrorCode::Busy`] when too much of it is
    /// on its way already; [`ErrorCode::WrongContent`] when the body
    /// is not the object; [`ErrorCode::NotFound`] when the save is unknown or was given up; [`ErrorCode::Retry`] when it was
    /// given up meanwhile.
    pub async fn put_object(
        &self,
        caller: &Caller,
        hold: Hold,
        object: ObjectId,
        size: u64,
        body: B::Upload,
    ) -> Result<(), Error> {
        if !caller.leaves_traces() {
            return Err(Error::refused(ErrorCode::Forbidden, "objects are taken only from a run that has an identity"));
        }
        if size > MAX_OBJECT_SIZE {
            return Err(Error::refused(ErrorCode::Invalid, format!("an object has at most {MAX_OBJECT_SIZE} bytes")));
        }
        let id = match hold {
            Hold::Save(save) => *save.as_bytes(),
            Hold::Run => ids::run_hold(caller),
        };
        // Before it is announced: what has to come again is charged for nothing meanwhile.
        let _counted = B::UNFINISHED_TAKES_ROOM.then(|| self.unfinished.count(caller, size)).transpose()?;
        let number = self.announce(caller, hold, &id, object, size).await?;
        let key = BlobKey { repository: caller.repository.clone(), object, number };
        let blob = Blob { key, size };
        self.blobs.put(&blob, body).await?;
        self.arrived(&id, &blob).await
    }

    async fn announce(
        &self,
        caller: &Caller,
        hold: Hold,
        id: &[u8; 32],
        object: ObjectId,
        size: u64,
    ) -> Result<i64, Error> {
        let repository = || Value::from(caller.repository.as_str());
        let holder = || [id.into(), repository(), caller.run.as_str().into()];
        let [hold_id, _, run] = holder();
        let touched = [hold_id, repository(), run, self.clock.now().0.into()];
        let touch = if hold == Hold::Run { HOLD_RUN } else { TOUCH };
        let mut batch = quota::guards(caller, object, size)?;
        batch.extend([
            Statement::new(touch, touched),
            Statement::new(GUARD_HOLD, holder()),
            Statement::new(
                ANNOUNCE,
                [repository(), object.as_bytes().into(), size.into(), quota::owner(caller).into()],
            ),
            quota::own(caller, object, size),
            Statement::new(UPLOAD, [id.into(), repository(), object.as_bytes().into()]),
            Statement::new(NUMBER, [repository(), object.as_bytes().into()]),
        ]);
        match self.sql.quick(batch).await {
            Ok(rows) => match rows.last().and_then(|rows| rows.first()) {
                Some(row) => Ok(row.integer(0)?),
                None => Err(SqlError::Failed("an announced object is not in the index".to_owned()).into()),
            },
            Err(SqlError::Constraint) => {
                let is_held = hold == Hold::Run || {
                    let rows = self.sql.query(Statement::new(HELD, holder())).await?;
                    rows.first().is_some()
                };
                Err(if is_held { self.no_room(caller, size).await? } else { unknown_save() })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn arrived(&self, hold: &[u8; 32], blob: &Blob) -> Result<(), Error> {
        let number = blob.key.number;
        let batch = vec![
            Statement::new(GUARD_ANNOUNCED, [hold.into(), number.into()]),
            Statement::new(STORED, [number.into(), blob.size.into()]),
            Statement::new(VERIFIED, [hold.into(), number.into()]),
        ];
        match self.sql.quick(batch).await {
            Ok(_) => Ok(()),
            Err(SqlError::Constraint) => {
                // The number is doomed or gone, and never comes back: what was just written would stay for ever.
                if self.sql.query(Statement::new(ALIVE, [number.into()])).await?.first().is_none() {
                    self.blobs.delete(&blob.key).await?;
                }
                let error = ApiError::new(ErrorCode::Retry, "the save was given up while the object arrived");
                Err(Error::Refused(error.with_hint("begin the save again")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What has arrived for saves and plans that may still cite it, in every repository.
    ///
    /// # Errors
    /// [`Error::Sql`].
    pub async fn held_objects(&self) -> Result<Vec<Blob>, Error> {
        let rows = self.sql.query(Statement::new(HELD_OBJECTS, [])).await?;
        Ok(rows.iter().map(|row| Blob::from_row(row.parse(0)?, row, 1)).collect::<Result<_, _>>()?)
    }

    /// Finds an object that the caller may read: one of a snapshot it sees, of a plan it sees, or of its own; and the inputs
    /// of every snapshot, where it sees what every run planned.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownObject`], whether the object does not exist or is another's.
    pub async fn authorise(&self, caller: &Caller, object: &ObjectId) -> Result<Blob, Error> {
        self.authorised(AUTHORISE, caller, &[*object]).await?.pop().ok_or_else(unknown_object)
    }

    /// Those of the objects, in no order, that the caller may read and plan with: of a snapshot its inputs only. A plan keeps
    /// what it names, and what it keeps must not be another's packs.
    pub(crate) async fn authorise_derivations(
        &self,
        caller: &Caller,
        objects: &[ObjectId],
    ) -> Result<Vec<Blob>, Error> {
        self.authorised(AUTHORISE_DERIVATIONS, caller, objects).await
    }

    async fn authorised(&self, sql: &'static str, caller: &Caller, objects: &[ObjectId]) -> Result<Vec<Blob>, Error> {
        let repository = caller.repository.as_str();
        let objects = serde_json::to_string(objects)?;
        let (scopes, runs) = (visible(caller)?, visible_runs(caller)?);
        let params = [repository.into(), objects.into(), caller.run.as_str().into(), scopes.into(), runs.into()];
        let rows = self.sql.query(Statement::new(sql, params)).await?;
        let blob = |row| Blob::from_row(caller.repository.clone(), row, 0);
        Ok(rows.iter().map(blob).collect::<Result<_, _>>()?)
    }

    /// Reads a range of an object.
    ///
    /// # Errors
    /// As [`Service::authorise`]; [`ErrorCode::Invalid`] when the range goes beyond the object.
    pub async fn get_object(
        &self,
        caller: &Caller,
        object: &ObjectId,
        range: Range<u64>,
    ) -> Result<B::Download, Error> {
        let blob = self.authorise(caller, object).await?;
        self.open_blob(&blob, range).await
    }

    /// Reads a range of an object that was found before.
    pub(crate) async fn open_blob(&self, blob: &Blob, range: Range<u64>) -> Result<B::Download, Error> {
        if range.start > range.end || range.end > blob.size {
            return Err(Error::refused(ErrorCode::Invalid, "the range goes beyond the object"));
        }
        Ok(self.blobs.get(&blob.key, range).await?)
    }
}

pub(crate) fn unknown_object() -> Error {
    let error = ApiError::new(ErrorCode::UnknownObject, "an object that is cited does not exist");
    Error::Refused(error.with_hint("begin again and put every object; what a snapshot held may have been collected"))
}

pub(crate) fn unknown_save() -> Error {
    let error = ApiError::new(ErrorCode::NotFound, "there is no such save, or it was given up");
    Error::Refused(error.with_hint("begin the save again"))
}
