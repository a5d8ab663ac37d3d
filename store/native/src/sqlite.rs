//! The index in SQLite: WAL, so that readers and one writer, in any number of processes, do not wait for each other.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, params_from_iter};
use sci_faults::Step;
use sci_service::{Row, Rows, Sql, SqlError, Statement, Value};

/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(60);
/// Bytes of the two files beside a database at least: the index of its log, and what begins the log.
const BESIDE: u64 = 64 << 10;
/// Pages in the log after which they are copied to the database. The log outlives a process, and the next one reads it again:
/// at most so many pages, about a millisecond.
const LOGGED: u32 = 250;
/// Prepared statements kept: all that the service has.
const STATEMENTS: usize = 128;
/// Connections that only read, beside the one that does everything: more would wait for the processor instead.
const READERS: usize = 8;

/// An SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
    /// Where reads go while the connection is taken; none for a database in memory, which is its connection's alone.
    readers: Option<Readers>,
    /// The file, for messages.
    name: String,
}

impl Sqlite {
    /// Opens the database in `file`, which is made when it is absent.
    ///
    /// # Errors
    /// [`SqlError::Failed`].
    pub fn open(file: &Path) -> Result<Self, SqlError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let name = file.display().to_string();
        let connection = Connection::open_with_flags(file, flags);
        connection
            .and_then(prepare)
            .map(|connection| Self::new(connection, Some(Readers::of(file)), &name))
            .map_err(|error| failed(&name, &error))
    }

    /// A database in memory.
    ///
    /// # Errors
    /// [`SqlError::Failed`].
    pub fn memory() -> Result<Self, SqlError> {
        let name = "memory";
        let connection = Connection::open_in_memory().and_then(prepare);
        connection.map(|connection| Self::new(connection, None, name)).map_err(|error| failed(name, &error))
    }

    fn new(connection: Connection, readers: Option<Readers>, name: &str) -> Self {
        Self { connection: Mutex::new(connection), readers, name: name.to_owned() }
    }

    fn run(&self, statements: &[Statement], durable: bool) -> Result<Vec<Rows>, SqlError> {
        if let Some(readers) = self.readers.as_ref().filter(|_| only_reads(statements)) {
            return self.read(readers, statements).map_err(|error| failed(&self.name, &error));
        }
        // A transaction that a panic interrupted was rolled back when it was dropped.
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut run = || {
            if !durable {
                return transact(&mut connection, statements);
            }
            connection.pragma_update(None, "synchronous", "FULL")?;
            let result = transact(&mut connection, statements);
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            result
        };
        run().map_err(|error| failed(&self.name, &error))
    }

    /// Reads by the connection that is there anyway, or by another one while that is writing.
    fn read(&self, readers: &Readers, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
        let mut connection = match self.connection.try_lock() {
            Ok(connection) => connection,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return readers.with(|reader| transact(reader, statements)),
        };
        transact(&mut connection, statements)
    }
}

/// Connections that only read. WAL lets them go on while another one writes; each sees what was committed before it began.
#[derive(Debug)]
struct Readers {
    file: PathBuf,
    pool: Mutex<Pool>,
    given_back: Condvar,
}

#[derive(Debug, Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
}

impl Readers {
    fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), pool: Mutex::default(), given_back: Condvar::new() }
    }

    fn with<T>(&self, read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let mut borrowed = Borrowed { readers: self, connection: self.take() };
        match &mut borrowed.connection {
            Some(connection) => read(connection),
            None => read(borrowed.connection.insert(self.open()?)),
        }
    }

    /// An idle connection, or the right to open one.
    fn take(&self) -> Option<Connection> {
        let mut pool = self.pool();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Some(connection);
            }
            if pool.open < READERS {
                pool.open += 1;
                return None;
            }
            pool = self.given_back.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.file, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        Ok(connection)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        // Nothing that could panic happens under the lock.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, or the right to one, that goes back whatever happens.
struct Borrowed<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.open -= 1,
        }
        drop(pool);
        self.readers.given_back.notify_one();
    }
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    // First of all, because a failure below closes it, too.
    // What is committed is in the log. To copy it at each end of a process would make the shortest command sync three times.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOGGED)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

impl Sql for Sqlite {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.run(&statements, true)
    }

    async fn quick(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.run(&statements, false)
    }
}

fn only_reads(statements: &[Statement]) -> bool {
    statements.iter().all(|statement| statement.sql.starts_with("SELECT"))
}

fn transact(connection: &mut Connection, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
    let reads = only_reads(statements);
    let behavior = if reads { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
    let transaction = connection.transaction_with_behavior(behavior)?;
    let mut results = Vec::with_capacity(statements.len());
    for statement in statements {
        results.push(execute(&transaction, statement)?);
    }
    if !reads {
        sci_faults::at(Step::BatchRun);
    }
    transaction.commit()?;
    if !reads {
        sci_faults::at(Step::BatchCommitted);
    }
    Ok(results)
}

fn execute(connection: &Connection, statement: &Statement) -> rusqlite::Result<Rows> {
    let mut prepared = connection.prepare_cached(statement.sql)?;
    let columns = prepared.column_count();
    debug_assert!(
        has_distinct_columns(&prepared),
        "two columns of one name, which D1 cannot tell apart: {}",
        statement.sql
    );
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(bound)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|at| row.get_ref(at).and_then(value));
        found.push(Row(values.collect::<rusqlite::Result<_>>()?));
    }
    Ok(Rows(found))
}

fn has_distinct_columns(statement: &rusqlite::Statement<'_>) -> bool {
    statement.column_names().collect::<std::collections::BTreeSet<_>>().len() == statement.column_count()
}

fn bound(value: &Value) -> rusqlite::types::ToSqlOutput<'_> {
    rusqlite::types::ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(integer) => ValueRef::Integer(*integer),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(blob) => ValueRef::Blob(blob),
    })
}

fn value(found: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match found {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        // A text that is none any more is given as the bytes it is: whoever asks the row for a text finds it damaged.
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(bytes.to_vec()),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_vec()),
        // No column holds one: STRICT tables refuse it.
        ValueRef::Real(_) => return Err(rusqlite::Error::InvalidQuery),
    })
}

/// Whether the file system of `file` could take what SQLite makes beside a database. One that does not tell could.
fn has_room(file: &str) -> bool {
    let directory = Path::new(file).parent().unwrap_or(Path::new(""));
    sci_sys::fs::statvfs(directory).map_or(true, |stat| {
        let has_inodes = stat.f_files == 0 || stat.f_favail > 0;
        has_inodes && stat.f_bavail.saturating_mul(stat.f_frsize) >= BESIDE
    })
}

fn failed(name: &str, error: &rusqlite::Error) -> SqlError {
    match error.sqlite_error_code() {
        Some(ErrorCode::ConstraintViolation) => SqlError::Constraint,
        Some(ErrorCode::DiskFull) => SqlError::Full(format!("{name}: {error}")),
        // What it cannot make beside the database, for want of room or of inodes, it does not call so.
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) if !has_room(name) => {
            SqlError::Full(format!("{name}: {error}"))
        }
        _ => SqlError::Failed(format!("{name}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_on_while_a_write_is_under_way() {
        let directory = tempfile::tempdir().unwrap();
        let index = Sqlite::open(&directory.path().join("index.sqlite")).unwrap();
        let run = |sql| index.run(&[Statement::new(sql, [])], true);
        run("CREATE TABLE t (x INTEGER NOT NULL)").unwrap();
        run("INSERT INTO t VALUES (1)").unwrap();
        let count = || run("SELECT count(*) FROM t").unwrap()[0].first().unwrap().integer(0).unwrap();
        {
            // Whoever writes holds the connection, with a transaction that has not ended.
            let mut connection = index.connection.lock().unwrap();
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
            transaction.execute("INSERT INTO t VALUES (2)", []).unwrap();
            std::thread::scope(|scope| {
                let readers: Vec<_> = (0..4 * READERS).map(|_| scope.spawn(count)).collect();
                readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 1));
            });
            transaction.commit().unwrap();
            assert_eq!(std::thread::scope(|scope| scope.spawn(count).join().unwrap()), 2);
        }
        let pool = index.readers.as_ref().unwrap().pool();
        assert!((1..=READERS).contains(&pool.open) && pool.open == pool.idle.len(), "{pool:?}");
        drop(pool);
        assert!(run("SELECT y FROM t").is_err());
        assert_eq!(count(), 2);
    }
}
