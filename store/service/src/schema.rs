//! The schema, and its migrations.

use crate::sql::{Sql, SqlError, Statement};

/// The migrations, oldest first. One that was released is never edited.
const MIGRATIONS: [&str; 5] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_arrivals.sql"),
    include_str!("../migrations/0003_identity.sql"),
    include_str!("../migrations/0004_owners.sql"),
    include_str!("../migrations/0005_lineage.sql"),
];

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) STRICT";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM migrations";
const APPLIED: &str = "INSERT INTO migrations (version) VALUES (?1)";

/// Brings the index to the newest schema. Safe to repeat, and to run from several processes at once.
///
/// # Errors
/// [`SqlError::Failed`], also when the index was written by a later version.
pub async fn migrate<S: Sql>(sql: &S) -> Result<(), SqlError> {
    let newest = MIGRATIONS.len() as i64;
    loop {
        let version = match version(sql).await {
            Ok(version) => version,
            Err(_) => {
                sql.batch(vec![Statement::new(VERSIONS, [])]).await?;
                version(sql).await?
            }
        };
        if version > newest {
            return Err(SqlError::Failed(format!("the index has schema {version}; this sci knows up to {newest}")));
        }
        let Some(migration) = usize::try_from(version).ok().and_then(|applied| MIGRATIONS.get(applied)) else {
            return Ok(());
        };
        let mut batch = vec![Statement::new(APPLIED, [(version + 1).into()])];
        batch.extend(statements(migration));
        match sql.batch(batch).await {
            // Another process was faster; look again.
            Ok(_) | Err(SqlError::Constraint) => {}
            Err(error) => return Err(error),
        }
    }
}

async fn version<S: Sql>(sql: &S) -> Result<i64, SqlError> {
    sql.query(Statement::new(VERSION, [])).await?.first().map_or(Ok(0), |row| row.integer(0))
}

/// Splits at each semicolon that ends a line.
fn statements(migration: &'static str) -> impl Iterator<Item = Statement> {
    migration.split(";\n").filter(|text| !text.trim().is_empty()).map(|text| Statement::new(text, []))
}
