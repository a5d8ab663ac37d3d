//! Collection: what nothing needs is marked, waited for, looked at again, doomed and deleted.
//!
//! An object is needed while a record, a plan, or a hold that shows signs of life cites it; a forgotten record goes when
//! the leases of the runs that it was served to are over. Dooming looks at all that in the very statement that dooms, and
//! a commit's batch fails when an object that it cites is doomed: so no record ever cites what is being deleted.

use std::collections::BTreeMap;

use sci_store_api::admin::{GcObject, GcPlan, GcPolicy, GcReport, Held};
use sci_store_api::{ObjectId, RepositoryId, ScopeClass, SnapshotId, UnixMillis};

use crate::blobs::{Blob, Blobs};
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::lineage;
use crate::quota;
use crate::service::Service;
use crate::sql::{Row, Rows, Sql, SqlError, Statement, Value};

/// How long what was served to a run is remembered after its last lease, in milliseconds: far longer than a run can take.
const SERVED: u64 = 90 * sci_store_api::admin::DAY;

/// SQL: the object of the outer statement is needed by something else than the records in `gone`.
macro_rules! needed {
    ($gone:literal) => {
        concat!(
            "(EXISTS (SELECT 1 FROM record_objects WHERE record_objects.object = objects.number AND record NOT IN (",
            $gone,
            ")) OR EXISTS (SELECT 1 FROM plan_objects WHERE plan_objects.object = objects.number) \
             OR EXISTS (SELECT 1 FROM uploads JOIN holds USING (hold) \
                        WHERE uploads.object = objects.number AND touched >= ?3))"
        )
    };
}

const VICTIMS: &str = "SELECT number, snapshot FROM (SELECT number, snapshot, created, scope, \
     row_number() OVER (PARTITION BY site, scope ORDER BY number DESC) AS place FROM records \
     WHERE forgotten IS NULL AND (?1 IS NULL OR repository = ?1)) WHERE place > ?2 OR created < ?3 \
     OR EXISTS (SELECT 1 FROM json_each(?4) WHERE key = substr(scope, 1, instr(scope, ':') - 1) AND value > \
         max(created, coalesce((SELECT max(until) FROM served WHERE served.record = number), 0))) ORDER BY number";
const IDLE_HOLDS: &str = "SELECT count(*) FROM holds WHERE (?1 IS NULL OR repository = ?1) AND touched < ?2 \
     AND hold IN (SELECT save FROM saves)";
/// Objects that are not needed once the records in ?4 and the forgotten ones without a lease are gone.
const IDLE: &str = concat!(
    "SELECT object, size, idle, state FROM objects WHERE (?1 IS NULL OR repository = ?1) AND (state = 2 OR NOT ",
    needed!(
        "SELECT number FROM records WHERE (forgotten IS NOT NULL OR number IN (SELECT value FROM json_each(?4))) \
         AND NOT EXISTS (SELECT 1 FROM served WHERE served.record = records.number AND until > ?2)"
    ),
    ") ORDER BY object"
);

const PURGED: &str = "SELECT number FROM records WHERE forgotten IS NOT NULL AND (?1 IS NULL OR repository = ?1) \
     AND NOT EXISTS (SELECT 1 FROM served WHERE served.record = records.number AND until > ?2)";
const PURGE_OBJECTS: &str = "DELETE FROM record_objects WHERE record IN (SELECT value FROM json_each(?1))";
const PURGE: &str = "DELETE FROM records WHERE forgotten IS NOT NULL AND number IN (SELECT value FROM json_each(?1))";
const PURGE_SERVED: &str = "DELETE FROM served WHERE (?1 IS NULL OR repository = ?1) AND until < ?2";

const ABANDON_UPLOADS: &str = "DELETE FROM uploads WHERE hold IN \
     (SELECT hold FROM holds WHERE (?1 IS NULL OR repository = ?1) AND touched < ?2)";
const ABANDON_SAVES: &str = "DELETE FROM saves WHERE answer IS NULL AND save IN \
     (SELECT hold FROM holds WHERE (?1 IS NULL OR repository = ?1) AND touched < ?2)";
const ABANDON: &str = "DELETE FROM holds WHERE (?1 IS NULL OR repository = ?1) AND touched < ?2";

const REVIVE: &str = concat!(
    "UPDATE objects SET idle = NULL WHERE idle IS NOT NULL AND state < 2 AND (?1 IS NULL OR repository = ?1) AND ",
    needed!("SELECT 0 WHERE 0")
);
const MARK: &str = concat!(
    "UPDATE objects SET idle = ?2 WHERE idle IS NULL AND state < 2 AND (?1 IS NULL OR repository = ?1) AND NOT ",
    needed!("SELECT 0 WHERE 0")
);
const DOOM: &str = concat!(
    "UPDATE objects SET state = 2 WHERE state < 2 AND idle <= ?2 AND (?1 IS NULL OR repository = ?1) AND NOT ",
    needed!("SELECT 0 WHERE 0")
);
const DOOMED: &str = "SELECT repository, object, number, size FROM objects WHERE state = 2 \
     AND (?1 IS NULL OR repository = ?1) ORDER BY number LIMIT ?2";
const WAITING: &str = "SELECT count(*), coalesce(sum(size), 0), max(idle) FROM objects \
     WHERE state < 2 AND idle IS NOT NULL AND (?1 IS NULL OR repository = ?1)";
/// Objects that leases of the records in ?4 and of the forgotten ones keep, and nothing else.
///
/// In this order: few records are forgotten and leased, and many objects are cited.
const LEASED: &str = concat!(
    "SELECT count(*), coalesce(sum(size), 0), max(lease) FROM ( \
     WITH gone AS (SELECT number FROM records WHERE forgotten IS NOT NULL UNION SELECT value FROM json_each(?4)) \
     SELECT objects.size AS size, max(served.until) AS lease \
     FROM gone CROSS JOIN served ON served.record = gone.number AND served.until > ?2 \
     CROSS JOIN record_objects AS cited ON cited.record = gone.number \
     CROSS JOIN objects ON objects.number = cited.object \
     WHERE (?1 IS NULL OR objects.repository = ?1) AND objects.state < 2 AND NOT ",
    needed!("SELECT number FROM gone"),
    " GROUP BY objects.number)"
);
const DELETED: &str = "DELETE FROM objects WHERE state = 2 AND number IN (SELECT value FROM json_each(?1))";

/// Objects that are deleted at a time: as many as R2 takes in one request.
const AT_A_TIME: usize = 1_000;

/// The times that one collection reckons with.
struct Times {
    now: u64,
    /// What was idle, or last touched, before this has had its grace.
    grace: u64,
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// What a collection would do now: of one repository, or of all.
    pub async fn plan_gc(&self, repository: Option<&RepositoryId>, policy: &GcPolicy) -> Result<GcPlan, Error> {
        let times = self.times(policy);
        let victims = self.victims(repository, policy).await?;
        let numbers: Vec<i64> = victims.iter().map(|(number, _)| *number).collect();
        let numbers = serde_json::to_string(&numbers)?;
        let idle = [extent(repository), times.now.into(), times.grace.into(), numbers.as_str().into()];
        let holds = Statement::new(IDLE_HOLDS, [extent(repository), times.grace.into()]);
        let leased = leased(repository, &times, &numbers);
        let rows = self.sql.quick(vec![holds, Statement::new(IDLE, idle), leased]).await?;
        let mut plan = GcPlan {
            forget: victims.into_iter().map(|(_, snapshot)| snapshot).collect(),
            abandon: rows[0].first().map_or(Ok(0), |row| row.unsigned(0))?,
            leased: held(&rows[2], 0)?,
            ..GcPlan::default()
        };
        for row in &rows[1] {
            let object = GcObject { id: ObjectId::from_bytes(row.id(0)?), size: row.unsigned(1)? };
            let since = if row.is_null(2) { times.now } else { row.unsigned(2)? };
            let due = row.integer(3)? == 2 || since <= times.grace;
            if due {
                plan.delete.push(object);
                continue;
            }
            plan.waiting.add(object.size, UnixMillis(since.saturating_add(policy.grace)));
            if row.is_null(2) {
                plan.mark.push(object);
            }
        }
        Ok(plan)
    }

    /// Collects, of one repository or of all. May be cut off at any point, and run while saves and other collections are
    /// under way.
    pub async fn gc(&self, repository: Option<&RepositoryId>, policy: &GcPolicy) -> Result<GcReport, Error> {
        self.gc_at_most(repository, policy, u32::MAX.into()).await
    }

    /// Collects, and deletes at most so many objects: for a host that must not work for long at a time. What is left is doomed
    /// already, and the next collection deletes it first.
    pub async fn gc_at_most(
        &self,
        repository: Option<&RepositoryId>,
        policy: &GcPolicy,
        most: u64,
    ) -> Result<GcReport, Error> {
        let victims = self.victims(repository, policy).await?;
        let numbers: Vec<i64> = victims.iter().map(|(number, _)| *number).collect();
        if !numbers.is_empty() {
            self.forget_records(&numbers).await?;
        }
        let times = self.times(policy);
        self.purge(repository, &times).await?;
        let rows = self.sweep(repository, &times, most).await?;
        let deleted = self.delete_doomed(&rows).await?;
        let waiting = Statement::new(WAITING, [extent(repository)]);
        let rows = self.sql.quick(vec![waiting, leased(repository, &times, "[]")]).await?;
        let waiting = held(&rows[0], policy.grace)?;
        Ok(GcReport {
            forgotten: victims.into_iter().map(|(_, snapshot)| snapshot).collect(),
            deleted,
            marked: waiting.objects,
            waiting,
            leased: held(&rows[1], 0)?,
        })
    }

    fn times(&self, policy: &GcPolicy) -> Times {
        let now = self.clock.now();
        Times { now: now.0, grace: now.minus(policy.grace).0 }
    }

    async fn victims(
        &self,
        repository: Option<&RepositoryId>,
        policy: &GcPolicy,
    ) -> Result<Vec<(i64, SnapshotId)>, Error> {
        let oldest = policy.max_age.map_or(0, |age| self.clock.now().minus(age).0);
        let keep = policy.keep_newest.map_or(i64::MAX, i64::from);
        let since = |(class, idle): (&ScopeClass, &u64)| (class.name(), self.clock.now().minus(*idle).0);
        let idle: BTreeMap<&str, u64> = policy.max_idle.iter().map(since).collect();
        let params = [extent(repository), keep.into(), oldest.into(), serde_json::to_string(&idle)?.into()];
        let rows = self.sql.query(Statement::new(VICTIMS, params)).await?;
        let victim = |row: &Row| Ok((row.integer(0)?, SnapshotId::from_bytes(row.id(1)?)));
        Ok(rows.iter().map(victim).collect::<Result<_, SqlError>>()?)
    }

    /// Removes forgotten records whose leases are over.
    async fn purge(&self, repository: Option<&RepositoryId>, times: &Times) -> Result<(), Error> {
        let rows = self.sql.query(Statement::new(PURGED, [extent(repository), times.now.into()])).await?;
        let numbers = rows.iter().map(|row| row.integer(0)).collect::<Result<Vec<_>, _>>()?;
        let list = serde_json::to_string(&numbers)?;
        let remembered = times.now.saturating_sub(SERVED);
        let mut batch = vec![
            quota::disown(&list),
            Statement::new(PURGE_OBJECTS, [list.as_str().into()]),
            Statement::new(PURGE, [list.as_str().into()]),
            Statement::new(PURGE_SERVED, [extent(repository), remembered.into()]),
            lineage::purge(extent(repository)),
        ];
        batch.extend(quota::tidy());
        self.sql.batch(batch).await?;
        Ok(())
    }

    /// Gives up idle saves, marks, and dooms; one batch, so that each step sees what the one before left.
    async fn sweep(&self, repository: Option<&RepositoryId>, times: &Times, most: u64) -> Result<Rows, Error> {
        let abandon = || [extent(repository), times.grace.into()];
        let sweep = |time: u64| [extent(repository), time.into(), times.grace.into()];
        let batch = vec![
            Statement::new(ABANDON_UPLOADS, abandon()),
            Statement::new(ABANDON_SAVES, abandon()),
            Statement::new(ABANDON, abandon()),
            Statement::new(REVIVE, sweep(times.now)),
            Statement::new(MARK, sweep(times.now)),
            Statement::new(DOOM, sweep(times.grace)),
            Statement::new(DOOMED, [extent(repository), most.into()]),
        ];
        Ok(self.sql.batch(batch).await?.pop().unwrap_or_default())
    }

    /// Deletes the doomed: blobs first, rows last, so that what is cut off here is found again.
    async fn delete_doomed(&self, doomed: &Rows) -> Result<Vec<GcObject>, Error> {
        let mut deleted = Vec::with_capacity(doomed.0.len());
        for rows in doomed.0.chunks(AT_A_TIME) {
            let mut keys = Vec::with_capacity(rows.len());
            for row in rows {
                let Blob { key, size } = Blob::from_row(row.parse(0)?, row, 1)?;
                deleted.push(GcObject { id: key.object, size });
                keys.push(key);
            }
            self.blobs.delete_all(&keys).await?;
            let numbers: Vec<i64> = keys.iter().map(|key| key.number).collect();
            self.sql.query(Statement::new(DELETED, [serde_json::to_string(&numbers)?.into()])).await?;
        }
        Ok(deleted)
    }
}

fn leased(repository: Option<&RepositoryId>, times: &Times, records: &str) -> Statement {
    Statement::new(LEASED, [extent(repository), times.now.into(), times.grace.into(), records.into()])
}

/// The one row of [`WAITING`] or [`LEASED`], whose time is over so many milliseconds later.
fn held(rows: &Rows, later: u64) -> Result<Held, SqlError> {
    let Some(row) = rows.first() else { return Ok(Held::default()) };
    let until = if row.is_null(2) { None } else { Some(UnixMillis(row.unsigned(2)?.saturating_add(later))) };
    Ok(Held { objects: row.unsigned(0)?, bytes: row.unsigned(1)?, until })
}

fn extent(repository: Option<&RepositoryId>) -> Value {
    repository.map(|repository| repository.as_str()).into()
}
