//! Quotas: how much a scope and a repository may keep, and what goes when it is too much.
//!
//! A commit makes room by forgetting what was restored least recently, never of a higher class than its own scope: a pull
//! request's saves cannot cost trusted state. What is forgotten still takes up the disk until its grace is over; a scope
//! that fills its quota twice within that time is refused.
//!
//! Everything that is not collected is charged to somebody: an object to the scopes whose records cite it, and while none
//! does, to the scope that put it last. What trusted scopes put is not held against what untrusted ones keep.

use sci_store_api::repositories::Quota;
use sci_store_api::{ApiError, ErrorCode, ObjectId, Scope, ScopeClass};

use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::service::Service;
use crate::sql::{Sql, Statement};

/// How often a quota may be taken up on disk, counting what is forgotten and waits for its grace.
const PHYSICAL: u64 = 2;
/// The most records that one commit forgets to make room.
const MOST_FORGOTTEN: usize = 256;

/// Who is charged for what a caller puts that writes to no scope, in the place of one: the class of no scope.
const NOWHERE: &str = "none:";
/// Stands for every scope.
const ALL: &str = "";

/// SQL: the scope is one of those in ?2. A text that ends with a colon stands for all of a class, an empty one for all.
macro_rules! of_scopes {
    ($scope:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM json_each(?2) WHERE value = ",
            $scope,
            " OR value = '' OR substr(value, -1) = ':' AND substr(",
            $scope,
            ", 1, length(value)) = value)"
        )
    };
}

/// Bytes of the distinct objects of those scopes' records, without the forgotten ones.
const KEPT: &str = concat!(
    "SELECT coalesce(sum(size), 0) FROM objects WHERE state < 2 AND number IN ( \
     SELECT record_objects.object FROM records JOIN record_objects ON record = number \
     WHERE repository = ?1 AND forgotten IS NULL AND ",
    of_scopes!("records.scope"),
    ")"
);
/// More than ?3 bytes would be charged to those scopes, were object ?4 of ?5 bytes theirs.
const GUARD_ROOM: &str = concat!(
    "INSERT INTO guard SELECT 0 WHERE ?3 < ?5 + (SELECT coalesce(sum(size), 0) FROM objects \
     WHERE repository = ?1 AND state < 2 AND objects.object <> ?4 AND (number IN ( \
     SELECT record_objects.object FROM records JOIN record_objects ON record = number WHERE repository = ?1 AND ",
    of_scopes!("records.scope"),
    ") OR ",
    of_scopes!("objects.scope"),
    " AND NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number)))"
);
/// The record of those scopes that nobody has restored for the longest time; never the one that was just committed.
const LEAST_USED: &str = concat!(
    "SELECT number FROM records WHERE repository = ?1 AND forgotten IS NULL AND snapshot <> ?3 AND ",
    of_scopes!("records.scope"),
    " ORDER BY max(created, coalesce((SELECT max(until) FROM served WHERE served.record = records.number), 0)), number \
     LIMIT 1"
);

/// A limit and the scopes that it is for, as [`of_scopes`] takes them.
struct Limit {
    bytes: u64,
    /// Whose snapshots it limits.
    of: Vec<String>,
    /// Who is charged for what arrives, up to [`PHYSICAL`] times the limit.
    charged: Vec<String>,
    /// From which of them a commit may take room, in this order.
    from: Vec<String>,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Forgets until the limits are kept, after `committed` was added.
    pub(crate) async fn make_room(&self, caller: &Caller, committed: &[u8; 32]) -> Result<(), Error> {
        for limit in limits(caller) {
            let mut from = limit.from.as_slice();
            for _ in 0..MOST_FORGOTTEN {
                if self.kept(caller, &limit.of).await? <= limit.bytes {
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

    async fn kept(&self, caller: &Caller, of: &[String]) -> Result<u64, Error> {
        let params = [caller.repository.as_str().into(), serde_json::to_string(of)?.into()];
        let rows = self.sql.query(Statement::new(KEPT, params)).await?;
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

/// Whom an object is charged to that the caller puts.
pub(crate) fn owner(caller: &Caller) -> String {
    caller.scope_write.as_ref().map_or_else(|| NOWHERE.to_owned(), ToString::to_string)
}

/// Guards of a batch that adds an object: they fail when the caller's scope or repository has no room for it.
pub(crate) fn guards(caller: &Caller, object: ObjectId, size: u64) -> Result<Vec<Statement>, Error> {
    let guard = |limit: Limit| {
        let most = limit.bytes.saturating_mul(PHYSICAL);
        let charged = serde_json::to_string(&limit.charged)?;
        let repository = caller.repository.as_str().into();
        let params = [repository, charged.into(), most.into(), object.as_bytes().into(), size.into()];
        Ok(Statement::new(GUARD_ROOM, params))
    };
    limits(caller).into_iter().map(guard).collect()
}

/// What a guard says of the caller when it fails.
pub(crate) fn no_room(caller: &Caller) -> Error {
    let who = caller.scope_write.as_ref().map_or_else(|| "what writes to no scope".to_owned(), ToString::to_string);
    let error = ApiError::new(ErrorCode::Quota, format!("{who} has used up what it may keep"));
    let hint = "wait until a collection has removed what was forgotten, or raise the quota with `sci repo set`";
    Error::Refused(error.with_hint(hint))
}

/// The limits that the caller's objects come under.
fn limits(caller: &Caller) -> Vec<Limit> {
    let prefix = |class: ScopeClass| format!("{}:", class.name());
    let class = caller.scope_write.as_ref().map(Scope::class);
    let is_trusted = |class: &ScopeClass| *class >= ScopeClass::Trusted;
    let untrusted = || ScopeClass::ALL.into_iter().filter(|class| !is_trusted(class)).map(prefix);
    let from: Vec<String> = ScopeClass::ALL.into_iter().filter(|other| Some(*other) <= class).map(prefix).collect();
    let Quota { repository, untrusted_scope, untrusted: together } = caller.quota;
    let mut limits = Vec::new();
    if class.is_some_and(|class| is_trusted(&class)) {
        let charged = ScopeClass::ALL.into_iter().filter(is_trusted).map(prefix).collect();
        limits.extend(repository.map(|bytes| Limit { bytes, of: vec![ALL.to_owned()], charged, from }));
        return limits;
    }
    let mut limit = |bytes: Option<u64>, of: Vec<String>, from: Vec<String>| {
        limits.extend(bytes.map(|bytes| Limit { bytes, charged: of.clone(), of, from }));
    };
    let own = vec![owner(caller)];
    limit(untrusted_scope, own.clone(), own);
    limit(together, untrusted().chain([NOWHERE.to_owned()]).collect(), from.clone());
    limit(repository, vec![ALL.to_owned()], from);
    limits
}
