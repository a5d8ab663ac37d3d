//! Quotas: how much a scope and a repository may keep, and what goes when it is too much.
//!
//! A commit makes room by forgetting what was restored least recently, never of a higher class than its own scope: a pull
//! request's saves cannot cost trusted state. What is forgotten still takes up the disk until its grace is over; a scope
//! that fills its quota twice within that time is refused.
//!
//! Every object that is not collected has one owner, which is charged for it: of the scopes whose records cite it that of
//! the highest class; while none does, that of a plan or of a save that holds it; else the one that put it last. So a pull
//! request that builds upon what main saved is charged for what it adds. A record is charged for what it takes up in the
//! index. What others have filled is not held against trusted scopes. Triggers keep the sums (`charges`), so that a put asks
//! for no more than a row for each scope.

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
/// How often room is looked for after one commit, and among how many records each time.
const ROUNDS: usize = 8;
const LOOKED_AT: u64 = 1_024;
/// How many objects from before there were owners one collection finds an owner for.
const OWNERS_FOUND: u64 = 10_000;

/// The class, which no scope has, of who puts objects and writes to no scope.
macro_rules! nowhere {
    () => {
        "none"
    };
}
const NOWHERE: &str = nowhere!();

/// SQL: the rank of a scope's class.
macro_rules! rank {
    ($scope:literal) => {
        concat!(
            "CASE substr(",
            $scope,
            ", 1, 1) WHEN 'b' THEN 1 WHEN 'q' THEN 2 WHEN 't' THEN 3 WHEN 'r' THEN 4 ELSE 0 END"
        )
    };
}

/// SQL: who keeps an object alive beside the records in list ?1; NULL when nobody does.
macro_rules! keeper {
    () => {
        concat!(
            "coalesce((SELECT records.scope FROM record_objects JOIN records ON records.number = record \
             WHERE record_objects.object = objects.number AND record NOT IN (SELECT value FROM json_each(?1)) ORDER BY ",
            rank!("records.scope"),
            " DESC, record LIMIT 1), (SELECT CASE plans.scope WHEN '' THEN '",
            nowhere!(),
            ":' ELSE plans.scope END \
             FROM plan_objects JOIN plans ON plans.number = plan_objects.plan WHERE plan_objects.object = objects.number ORDER BY ",
            rank!("plans.scope"),
            " DESC, plan_objects.plan LIMIT 1), (SELECT coalesce(saves.scope, '",
            nowhere!(),
            ":') FROM uploads LEFT JOIN saves ON save = hold \
             WHERE uploads.object = objects.number ORDER BY ",
            rank!("saves.scope"),
            " DESC, hold LIMIT 1))"
        )
    };
}

/// SQL: the ranges of scopes in list ?2, which do not overlap.
macro_rules! wanted {
    () => {
        "WITH wanted (low, high) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 FROM json_each(?2)) "
    };
}

/// SQL: what is charged to the wanted scopes of repository ?1.
macro_rules! charged {
    () => {
        "(SELECT coalesce(sum(bytes), 0) FROM wanted CROSS JOIN charges \
          ON charges.repository = ?1 AND charges.scope >= low AND charges.scope < high)"
    };
}

/// More than ?3 bytes would be charged to those scopes, were object ?4 of ?5 bytes theirs.
const GUARD_ROOM: &str = concat!(
    "INSERT INTO guard ",
    wanted!(),
    "SELECT 0 WHERE ?3 < ?5 + ",
    charged!(),
    " - (SELECT coalesce(sum(size), 0) FROM objects JOIN wanted ON scope >= low AND scope < high \
        WHERE repository = ?1 AND object = ?4 AND state < 2)"
);
const CHARGED: &str = concat!(wanted!(), "SELECT ", charged!(), " AS bytes");
/// Of what is charged to those scopes, what their records hold that are not forgotten.
const KEPT: &str = concat!(
    wanted!(),
    "SELECT (SELECT coalesce(sum(size), 0) FROM wanted CROSS JOIN objects \
     ON objects.repository = ?1 AND objects.scope >= low AND objects.scope < high AND state < 2 \
     WHERE EXISTS (SELECT 1 FROM record_objects JOIN records ON records.number = record \
         JOIN wanted AS own ON records.scope >= own.low AND records.scope < own.high \
         WHERE record_objects.object = objects.number AND forgotten IS NULL)) \
     + (SELECT coalesce(sum(listed), 0) FROM wanted CROSS JOIN records \
        ON records.repository = ?1 AND records.scope >= low AND records.scope < high AND forgotten IS NULL) AS bytes"
);
/// The records within range ?3 that nobody has restored for the longest time, never ?4, and what the wanted scopes keep less,
/// at least, without each.
const LEAST_USED: &str = concat!(
    wanted!(),
    ", least AS MATERIALIZED (SELECT number, listed FROM records \
       WHERE repository = ?1 AND forgotten IS NULL AND snapshot IS NOT ?4 AND scope >= ?3 ->> 0 AND scope < ?3 ->> 1 \
       ORDER BY max(created, coalesce((SELECT max(until) FROM served WHERE served.record = records.number), 0)), number \
       LIMIT ?5) \
     SELECT least.number, listed + (SELECT coalesce(sum(size), 0) FROM record_objects AS cited \
       JOIN objects ON objects.number = cited.object JOIN wanted ON scope >= low AND scope < high \
       WHERE cited.record = least.number AND NOT EXISTS (SELECT 1 FROM record_objects AS other \
         JOIN records ON records.number = other.record JOIN wanted AS own \
         ON records.scope >= own.low AND records.scope < own.high \
         WHERE other.object = cited.object AND other.record <> cited.record AND forgotten IS NULL)) AS bytes FROM least"
);

/// What is charged until the bytes have arrived is the largest size that the owner announced.
const OWN: &str = "UPDATE objects SET scope = ?3, \
       size = CASE WHEN state <> 0 THEN size WHEN scope <> ?3 THEN ?4 ELSE max(size, ?4) END \
     WHERE repository = ?1 AND object = ?2 AND state < 2 AND (scope <> ?3 OR state = 0 AND size < ?4) \
     AND NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number)";
const OWN_CITED: &str = concat!(
    "UPDATE objects SET scope = ?3 WHERE number IN (SELECT value FROM json_each(?1)) AND scope <> ?3 AND (",
    rank!("?3"),
    " > ",
    rank!("scope"),
    " OR NOT EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number \
      AND record <> (SELECT number FROM records WHERE repository = ?2 AND snapshot = ?4)))"
);
const DISOWN: &str = concat!(
    "UPDATE objects SET scope = coalesce(",
    keeper!(),
    ", scope) WHERE number IN (SELECT object FROM record_objects WHERE record IN (SELECT value FROM json_each(?1)))"
);
const FIND_OWNERS: &str = concat!(
    "UPDATE objects SET scope = coalesce(",
    keeper!(),
    ", '",
    nowhere!(),
    ":') WHERE number IN (SELECT number FROM objects WHERE scope = '' AND state < 2 LIMIT ?2)"
);
const NOTHING_CHARGED: &str = "DELETE FROM charges WHERE bytes = 0";

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
    /// What has it, as the subject of a sentence.
    who: String,
    /// Whose snapshots it limits.
    of: Vec<Range>,
    /// Who is charged for what arrives, up to [`PHYSICAL`] times the limit.
    charged: Vec<Range>,
    /// From which of them a commit may take room, in this order.
    from: Vec<Range>,
}

impl Limit {
    const fn physical(&self) -> u64 {
        self.bytes.saturating_mul(PHYSICAL)
    }
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Forgets until the limits are kept; never `committed`, which was just added.
    pub(crate) async fn make_room(&self, caller: &Caller, committed: Option<&[u8; 32]>) -> Result<(), Error> {
        for limit in limits(caller) {
            for _ in 0..ROUNDS {
                // Mostly what is charged says enough, which a row for each scope tells.
                if self.bytes(CHARGED, caller, &limit.of).await? <= limit.bytes {
                    break;
                }
                let kept = self.bytes(KEPT, caller, &limit.of).await?;
                let least_used = self.least_used(caller, &limit, committed, kept.saturating_sub(limit.bytes)).await?;
                if least_used.is_empty() {
                    break;
                }
                self.forget_records(&least_used).await?;
            }
        }
        Ok(())
    }

    /// Why there is no room for an object of `size` bytes of the caller's. What is kept beyond a limit, as when the limit has
    /// become a smaller one, is forgotten by that, for no commit would come to do it.
    pub(crate) async fn no_room(&self, caller: &Caller, size: u64) -> Result<Error, Error> {
        let mut who = "this".to_owned();
        for limit in limits(caller) {
            if self.bytes(CHARGED, caller, &limit.charged).await?.saturating_add(size) > limit.physical() {
                who = limit.who;
                break;
            }
        }
        self.make_room(caller, None).await?;
        let error = ApiError::new(ErrorCode::Quota, format!("{who} would take up more than twice the quota"));
        let hint = "wait until collections have removed what was forgotten, which takes a day or two, or raise the quota \
                    with `sci repo set`";
        Ok(Error::Refused(error.with_hint(hint)))
    }

    async fn bytes(&self, sql: &'static str, caller: &Caller, of: &[Range]) -> Result<u64, Error> {
        let params = [caller.repository.as_str().into(), serde_json::to_string(of)?.into()];
        let rows = self.sql.query(Statement::new(sql, params)).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.unsigned(0))?)
    }

    /// The records to forget, in their order, for `excess` bytes less; or as many as are looked at.
    async fn least_used(
        &self,
        caller: &Caller,
        limit: &Limit,
        committed: Option<&[u8; 32]>,
        excess: u64,
    ) -> Result<Vec<i64>, Error> {
        let (mut found, mut freed) = (Vec::new(), 0);
        for range in &limit.from {
            if freed >= excess {
                break;
            }
            let (of, from) = (serde_json::to_string(&limit.of)?, serde_json::to_string(range)?);
            let repository = caller.repository.as_str().into();
            let params = [repository, of.into(), from.into(), committed.into(), LOOKED_AT.into()];
            for row in &self.sql.query(Statement::new(LEAST_USED, params)).await? {
                if freed >= excess {
                    break;
                }
                found.push(row.integer(0)?);
                freed = freed.saturating_add(row.unsigned(1)?);
            }
        }
        Ok(found)
    }
}

/// Makes an object that is put, and has `size` bytes, the caller's, unless a record cites it.
pub(crate) fn own(caller: &Caller, object: ObjectId, size: u64) -> Statement {
    let repository = caller.repository.as_str().into();
    Statement::new(OWN, [repository, object.as_bytes().into(), owner(caller).into(), size.into()])
}

/// Makes the objects with these numbers the scope's that a record cites which was just added, unless they are another's by
/// the rule of this module.
pub(crate) fn own_cited(record: &Record, snapshot: &SnapshotId, numbers: String) -> Statement {
    let (repository, scope) = (record.repository.as_str().into(), record.scope.to_string().into());
    Statement::new(OWN_CITED, [numbers.into(), repository, scope, snapshot.as_bytes().into()])
}

/// Gives what these records cite to who keeps it beside them.
pub(crate) fn disown(records: &str) -> Statement {
    Statement::new(DISOWN, [records.into()])
}

/// Finds owners for objects that have none, and leaves no row for scopes that are charged for nothing.
pub(crate) fn tidy() -> [Statement; 2] {
    [Statement::new(FIND_OWNERS, ["[]".into(), OWNERS_FOUND.into()]), Statement::new(NOTHING_CHARGED, [])]
}

/// Whom an object is charged to that the caller puts.
pub(crate) fn owner(caller: &Caller) -> String {
    caller.scope_write.as_ref().map_or_else(|| format!("{NOWHERE}:"), ToString::to_string)
}

/// Guards of a batch that adds an object: they fail when the caller's scope or repository has no room for it.
pub(crate) fn guards(caller: &Caller, object: ObjectId, size: u64) -> Result<Vec<Statement>, Error> {
    let guard = |limit: Limit| {
        let charged = serde_json::to_string(&limit.charged)?;
        let repository = caller.repository.as_str().into();
        let params = [repository, charged.into(), limit.physical().into(), object.as_bytes().into(), size.into()];
        Ok(Statement::new(GUARD_ROOM, params))
    };
    limits(caller).into_iter().map(guard).collect()
}

/// Whether an object of `size` bytes is more than the caller may have on its way at once, beside what these owners have.
pub(crate) fn is_too_much_at_once<'a>(
    caller: &Caller,
    size: u64,
    others: impl Iterator<Item = (&'a str, u64)> + Clone,
) -> bool {
    let is_of = |owner: &str, limit: &Limit| {
        limit.charged.iter().any(|(first, end)| (first.as_str()..end.as_str()).contains(&owner))
    };
    let is_over = |limit: &Limit| {
        let beside = others.clone().filter(|(owner, _)| is_of(owner, limit)).map(|(_, bytes)| bytes);
        beside.fold(size, u64::saturating_add) > limit.physical()
    };
    let limits = limits(caller);
    // What is too much by itself is refused for good, by the guards.
    limits.iter().all(|limit| size <= limit.physical()) && limits.iter().any(is_over)
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
        let who = "what the repository's trusted scopes and releases hold".to_owned();
        let limit = repository.map(|bytes| Limit { bytes, who, of: vec![all()], charged, from });
        return limit.into_iter().collect();
    }
    let limit = |bytes: Option<u64>, who: String, of: Vec<Range>, from: &[Range]| {
        bytes.map(|bytes| Limit { bytes, who, charged: of.clone(), of, from: from.to_vec() })
    };
    let own = vec![only(owner(caller))];
    let who = caller.scope_write.as_ref().map_or_else(|| "no scope".to_owned(), ToString::to_string);
    let together = ScopeClass::ALL.into_iter().filter(|other| !is_trusted(other)).map(of_class);
    let together = together.chain([class(NOWHERE)]).collect();
    let limits = [
        limit(untrusted_scope, format!("what {who} holds"), own.clone(), &own),
        limit(untrusted, "what the repository's untrusted scopes hold together".to_owned(), together, &from),
        limit(repository, "what the repository holds".to_owned(), vec![all()], &from),
    ];
    limits.into_iter().flatten().collect()
}
