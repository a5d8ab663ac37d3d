//! Quotas: how much a scope and a repository may keep, and what goes when it is too much.
//!
//! A commit makes room by forgetting what was restored least recently, never of a higher class than its own scope: a pull
//! request's saves cannot cost trusted state. What is forgotten still takes up the disk until its grace is over; a scope
//! that fills its quota twice within that time is refused.
//!
//! Every object that is not collected has one owner, which is charged for it: the scope of the highest class among those
//! whose records cite it, and while none does, the scope that put it last. So a pull request that builds upon what main
//! saved is charged for what it adds; and what others have filled is not held against trusted scopes.

use sci_store_api::repositories::Quota;
use sci_store_api::{ApiError, ErrorCode, ObjectId, Record, Scope, ScopeClass, SnapshotId};

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

/// The class, which no scope has, of who puts objects and writes to no scope.
const NOWHERE: &str = "none";

/// SQL: the rank of a scope's class, zero for the lowest.
macro_rules! rank {
    ($scope:literal) => {
        concat!("instr('branch: queue: trusted: release:', substr(", $scope, ", 1, instr(", $scope, ", ':')))")
    };
}

/// SQL: bytes of those objects whose owner lies within one of the ranges ?2.
macro_rules! charged {
    ($which:literal) => {
        concat!(
            "(WITH wanted (low, high) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?2)) \
             SELECT coalesce(sum(size), 0) FROM wanted CROSS JOIN objects \
             ON repository = ?1 AND scope >= low AND scope < high AND state < 2 WHERE ",
            $which,
            ")"
        )
    };
}

/// More than ?3 bytes would be charged to those scopes, were object ?4 of ?5 bytes theirs.
const GUARD_ROOM: &str = concat!("INSERT INTO guard SELECT 0 WHERE ?3 < ?5 + ", charged!("objects.object <> ?4"));
/// Bytes of what those scopes own and a snapshot holds that is not forgotten.
const KEPT: &str = concat!(
    "SELECT ",
    charged!(
        "EXISTS (SELECT 1 FROM record_objects JOIN records ON records.number = record \
         WHERE record_objects.object = objects.number AND forgotten IS NULL)"
    )
);
/// The record within a range of scopes that nobody has restored for the longest time; never the one that was just committed.
const LEAST_USED: &str = "SELECT number FROM records WHERE repository = ?1 AND forgotten IS NULL AND snapshot <> ?3 \
     AND scope >= ?2 ->> 0 AND scope < ?2 ->> 1 \
     ORDER BY max(created, coalesce((SELECT max(until) FROM served WHERE served.record = records.number), 0)), number \
     LIMIT 1";

const OWN: &str = "UPDATE objects SET scope = ?3 WHERE repository = ?1 AND object = ?2 AND state < 2 \
     AND NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number)";
const OWN_CITED: &str = concat!(
    "UPDATE objects SET scope = ?3 WHERE number IN (SELECT value FROM json_each(?1)) AND (",
    rank!("?3"),
    " > ",
    rank!("scope"),
    " OR NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number \
      AND record <> (SELECT number FROM records WHERE repository = ?2 AND snapshot = ?4)))"
);
const DISOWN: &str = concat!(
    "UPDATE objects SET scope = coalesce((SELECT records.scope FROM record_objects JOIN records ON records.number = record \
     WHERE record_objects.object = objects.number AND record NOT IN (SELECT value FROM json_each(?1)) ORDER BY ",
    rank!("records.scope"),
    " DESC, record LIMIT 1), scope) \
     WHERE number IN (SELECT object FROM record_objects WHERE record IN (SELECT value FROM json_each(?1)))"
);

/// Scopes from the first text to just before the second.
type Range = (String, String);

/// Every scope.
fn all() -> Range {
    (String::new(), char::MAX.to_string())
}

/// The scopes of a class, which is in front of the colon; a semicolon comes after it.
fn class(name: &str) -> Range {
    (format!("{name}:"), format!("{name};"))
}

/// One scope: no name goes on with a control character.
fn only(scope: String) -> Range {
    let end = format!("{scope}\u{1}");
    (scope, end)
}

/// A limit, and what it is for.
struct Limit {
    bytes: u64,
    /// Whose snapshots it limits.
    of: Vec<Range>,
    /// Who is charged for what arrives, up to [`PHYSICAL`] times the limit.
    charged: Vec<Range>,
    /// From which of them a commit may take room, in this order.
    from: Vec<Range>,
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

    async fn kept(&self, caller: &Caller, of: &[Range]) -> Result<u64, Error> {
        let params = [caller.repository.as_str().into(), serde_json::to_string(of)?.into()];
        let rows = self.sql.query(Statement::new(KEPT, params)).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.unsigned(0))?)
    }

    /// The next record to go; moves on to the next scopes when some have none left.
    async fn least_used(
        &self,
        caller: &Caller,
        from: &mut &[Range],
        committed: &[u8; 32],
    ) -> Result<Option<i64>, Error> {
        while let Some((scopes, rest)) = from.split_first() {
            let list = serde_json::to_string(scopes)?;
            let params = [caller.repository.as_str().into(), list.into(), committed.into()];
            if let Some(row) = self.sql.query(Statement::new(LEAST_USED, params)).await?.first() {
                return Ok(Some(row.integer(0)?));
            }
            *from = rest;
        }
        Ok(None)
    }
}

/// Makes an object that is put the caller's, unless a record cites it.
pub(crate) fn own(caller: &Caller, object: ObjectId) -> Statement {
    Statement::new(OWN, [caller.repository.as_str().into(), object.as_bytes().into(), owner(caller).into()])
}

/// Makes the objects with these numbers the scope's that a record cites which was just added, unless they are another's by
/// the rule of this module.
pub(crate) fn own_cited(record: &Record, snapshot: &SnapshotId, numbers: String) -> Statement {
    let (repository, scope) = (record.repository.as_str().into(), record.scope.to_string().into());
    Statement::new(OWN_CITED, [numbers.into(), repository, scope, snapshot.as_bytes().into()])
}

/// Gives what these records cite to who cites it beside them.
pub(crate) fn disown(records: &str) -> Statement {
    Statement::new(DISOWN, [records.into()])
}

fn owner(caller: &Caller) -> String {
    caller.scope_write.as_ref().map_or_else(|| format!("{NOWHERE}:"), ToString::to_string)
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
    let own_class = caller.scope_write.as_ref().map(Scope::class);
    let of_class = |other: ScopeClass| class(other.name());
    let is_trusted = |other: &ScopeClass| *other >= ScopeClass::Trusted;
    let from: Vec<Range> =
        ScopeClass::ALL.into_iter().filter(|other| Some(*other) <= own_class).map(of_class).collect();
    let Quota { repository, untrusted_scope, untrusted } = caller.quota;
    if own_class.is_some_and(|own| is_trusted(&own)) {
        let charged = ScopeClass::ALL.into_iter().filter(is_trusted).map(of_class).collect();
        let limit = repository.map(|bytes| Limit { bytes, of: vec![all()], charged, from });
        return limit.into_iter().collect();
    }
    let limit = |bytes: Option<u64>, of: Vec<Range>, from: &[Range]| {
        bytes.map(|bytes| Limit { bytes, charged: of.clone(), of, from: from.to_vec() })
    };
    let own = vec![only(owner(caller))];
    let together = ScopeClass::ALL.into_iter().filter(|other| !is_trusted(other)).map(of_class);
    let together = together.chain([class(NOWHERE)]).collect();
    let limits = [
        limit(untrusted_scope, own.clone(), &own),
        limit(untrusted, together, &from),
        limit(repository, vec![all()], &from),
    ];
    limits.into_iter().flatten().collect()
}
