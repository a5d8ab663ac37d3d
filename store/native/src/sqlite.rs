//! The index in SQLite: WAL, so that readers and one writer, in any number of processes, do not wait for each other.

use std::path::Path;
use std::sync::{Mutex, PoisonError};
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

/// An SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    connection: Mutex<Connection>,
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
            .map(|connection| Self::new(connection, &name))
            .map_err(|error| failed(&name, &error))
    }

    /// A database in memory.
    ///
    /// # Errors
    /// [`SqlError::Failed`].
    pub fn memory() -> Result<Self, SqlError> {
        let name = "memory";
        let connection = Connection::open_in_memory().and_then(prepare);
        connection.map(|connection| Self::new(connection, name)).map_err(|error| failed(name, &error))
    }

    fn new(connection: Connection, name: &str) -> Self {
        Self { connection: Mutex::new(connection), name: name.to_owned() }
    }

    fn run(&self, statements: &[Statement], durable: bool) -> Result<Vec<Rows>, SqlError> {
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

fn transact(connection: &mut Connection, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
    let reads = statements.iter().all(|statement| statement.sql.starts_with("SELECT"));
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
    let mut rows = prepared.query(params_from_iter(statement.params.iter().map(bound)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|at| row.get_ref(at).and_then(value));
        found.push(Row(values.collect::<rusqlite::Result<_>>()?));
    }
    Ok(Rows(found))
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
    rustix::fs::statvfs(directory).map_or(true, |stat| {
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
