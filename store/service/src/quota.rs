//! Quotas: how much a scope and a repository may keep, and what goes when it is too much.
//!
//! A commit makes room by forgetting what was restored least recently, never of a higher class than its own scope: a pull
//! request's saves cannot cost trusted state. What is forgotten still takes up the disk until its grace is over; a scope
//! that fills its quota twice within that time is refused.

use sci_store_api::repositories::Quota;
use sci_store_api::{ApiError, ErrorCode, Scope, ScopeClass};

use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Sql, Statement, Value};

/// How often a quota may be taken up on disk, counting what is forgotten and waits for its grace.
const PHYSICAL: u64 = 2;
/// The most records that one commit forgets to make room.
const MOST_FORGOTTEN: usize = 256;

/// SQL: the scope is one of those in ?2. A text that ends with a colon stands for all of a class, an empty one for all.
macro_rules! of_scopes {
    () => {
        "EXISTS (SELECT 1 FROM json_each(?2) WHERE value = scope OR value = '' \
         OR substr(value, -1) = ':' AND substr(scope, 1, length(value)) = value)"
    };
}

/// Bytes of the distinct objects of records in those scopes; with ?3 of the forgotten ones too.
const USED: &str = concat!(
    "SELECT coalesce(sum(size), 0) FROM objects WHERE state < 2 AND number IN ( \
     SELECT object FROM records JOIN record_objects ON record = number \
     WHERE repository = ?1 AND (forgotten IS NULL OR ?3) AND ",
    of_scopes!(),
    ")"
);
/// Bytes that arrived, or are arriving, for saves in flight in those scopes, and that no record cites yet.
const ARRIVING: &str = concat!(
    "SELECT coalesce(sum(size), 0) FROM objects WHERE state < 2 AND number IN ( \
     SELECT uploads.object FROM uploads JOIN saves ON save = hold WHERE saves.repository = ?1 AND answer IS NULL AND ",
    of_scopes!(),
    ") AND NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number)"
);
/// The record of those scopes that nobody has restored for the longest time; never the one that was just committed.
const LEAST_USED: &str = concat!(
    "SELECT number FROM records WHERE repository = ?1 AND forgotten IS NULL AND snapshot <> ?3 AND ",
    of_scopes!(),
    " ORDER BY max(created, coalesce((SELECT max(until) FROM served WHERE served.record = records.number), 0)), number \
     LIMIT 1"
);

/// A limit and the scopes that it is for, as [`of_scopes`] takes them.
struct Limit {
    bytes: u64,
    of: Vec<String>,
    /// From which of them a commit may take room, in this order.
    from: Vec<String>,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Refuses an object for which the caller's scope or repository has no room.
    ///
    /// # Errors
    /// [`ErrorCode::Quota`].
    pub(crate) async fn admit(&self, caller: &Caller, size: u64) -> Result<(), Error> {
        let Some(scope) = &caller.scope_write else { return Ok(()) };
        for limit in limits(&caller.quota, scope) {
            let taken = self.used(caller, &limit.of, true).await? + self.arriving(caller, &limit.of).await?;
            if taken.saturating_add(size) > limit.bytes.saturating_mul(PHYSICAL) {
                let message = format!("{scope} has used up what it may keep");
                let hint =
                    "wait until a collection has removed what was forgotten, or raise the quota with `sci repo set`";
                return Err(Error::Refused(ApiError::new(ErrorCode::Quota, message).with_hint(hint)));
            }
        }
        Ok(())
    }

    /// Forgets until the limits are kept, after `committed` was added.
    pub(crate) async fn make_room(&self, caller: &Caller, committed: &[u8; 32]) -> Result<(), Error> {
        let Some(scope) = &caller.scope_write else { return Ok(()) };
        for limit in limits(&caller.quota, scope) {
            let mut from = limit.from.as_slice();
            for _ in 0..MOST_FORGOTTEN {
                if self.used(caller, &limit.of, false).await? <= limit.bytes {
                    break;
                }
                match self.least_used(caller, &mut from, committed).await? {
                    Some(number) => self.forget_records(&[number]).await?,
                    None => break,
                }
            }
        }
        Ok(())
    }

    async fn used(&self, caller: &Caller, of: &[String], with_forgotten: bool) -> Result<u64, Error> {
        self.sum(USED, caller, of, Some(with_forgotten)).await
    }

    async fn arriving(&self, caller: &Caller, of: &[String]) -> Result<u64, Error> {
        self.sum(ARRIVING, caller, of, None).await
    }

    async fn sum(&self, sql: &'static str, caller: &Caller, of: &[String], flag: Option<bool>) -> Result<u64, Error> {
        let mut params: Vec<Value> = vec![caller.repository.as_str().into(), serde_json::to_string(of)?.into()];
        params.extend(flag.map(Value::from));
        let rows = self.sql.query(Statement { sql, params }).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.unsigned(0))?)
    }

    /// The next record to go; moves on to the next scopes when some have none left.
    async fn least_used(
        &self,
        caller: &Caller,
        from: &mut &[String],
        committed: &[u8; 32],
    ) -> Result<Option<i64>, Error> {
        while let Some((scopes, rest)) = from.split_first() {
            let list = serde_json::to_string(&[scopes])?;
            let params = [caller.repository.as_str().into(), list.into(), committed.into()];
            if let Some(row) = self.sql.query(Statement::new(LEAST_USED, params)).await?.first() {
                return Ok(Some(row.integer(0)?));
            }
            *from = rest;
        }
        Ok(None)
    }
}

/// The limits that a save in this scope comes under.
fn limits(quota: &Quota, scope: &Scope) -> Vec<Limit> {
    let prefix = |class: ScopeClass| format!("{}:", class.name());
    let untrusted = [ScopeClass::Pr, ScopeClass::Branch, ScopeClass::Queue];
    let up_to = |highest| ScopeClass::ALL.into_iter().filter(move |class| *class <= highest).map(prefix);
    let mut limits = Vec::new();
    if untrusted.contains(&scope.class()) {
        if let Some(bytes) = quota.untrusted_scope {
            let own = vec![scope.to_string()];
            limits.push(Limit { bytes, of: own.clone(), from: own });
        }
        if let Some(bytes) = quota.untrusted {
            limits.push(Limit { bytes, of: untrusted.map(prefix).into(), from: up_to(scope.class()).collect() });
        }
    }
    if let Some(bytes) = quota.repository {
        limits.push(Limit { bytes, of: vec![String::new()], from: up_to(scope.class()).collect() });
    }
    limits
}
