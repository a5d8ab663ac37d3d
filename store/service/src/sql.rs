//! The index. One schema and one set of statements serve SQLite and D1, so nothing here needs an interactive
//! transaction: what must be atomic is one batch.

use sci_store_api::{ApiError, ErrorCode};

use crate::Error;

/// Runs statements.
pub trait Sql {
    /// Runs the statements in order as one transaction: all, or, after an error, none. When it returns, the changes
    /// survive a power cut.
    ///
    /// # Errors
    /// [`SqlError::Constraint`] when a constraint refused a change: the way a batch says that the state it was made for
    /// is gone.
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError>;

    /// Like [`Sql::batch`], for changes that a power cut may undo (a crash of the process may not), and for reads.
    async fn quick(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.batch(statements).await
    }

    /// Runs one statement with [`Sql::quick`].
    async fn query(&self, statement: Statement) -> Result<Rows, SqlError> {
        Ok(self.quick(vec![statement]).await?.pop().unwrap_or_default())
    }
}

/// One statement with its bound parameters, `?1` first.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The text. Never made from values. No two columns that it gives have the same name, since D1 gives rows by them.
    pub sql: &'static str,
    /// The parameters; at most 100.
    pub params: Vec<Value>,
}

impl Statement {
    /// A statement.
    pub fn new<const N: usize>(sql: &'static str, params: [Value; N]) -> Self {
        Self { sql, params: params.into() }
    }
}

/// A value bound to a statement or read from a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// TEXT.
    Text(String),
    /// BLOB.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8; 32]> for Value {
    fn from(value: &[u8; 32]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The rows that a statement gave; none for a statement that only changes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    /// The first row.
    pub fn first(&self) -> Option<&Row> {
        self.0.first()
    }

    /// The rows.
    pub fn iter(&self) -> std::slice::Iter<'_, Row> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Rows {
    type Item = &'a Row;
    type IntoIter = std::slice::Iter<'a, Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One row, by position. A value of another type than asked for means that the index is damaged, never a panic.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// An integer.
    pub fn integer(&self, at: usize) -> Result<i64, SqlError> {
        match self.0.get(at) {
            Some(Value::Integer(value)) => Ok(*value),
            other => Err(unexpected(at, other)),
        }
    }

    /// An integer that is not negative.
    pub fn unsigned(&self, at: usize) -> Result<u64, SqlError> {
        u64::try_from(self.integer(at)?).map_err(|_| unexpected(at, self.0.get(at)))
    }

    /// A text.
    pub fn text(&self, at: usize) -> Result<&str, SqlError> {
        match self.0.get(at) {
            Some(Value::Text(value)) => Ok(value),
            other => Err(unexpected(at, other)),
        }
    }

    /// A text that is one of our names.
    pub fn parse<T: std::str::FromStr>(&self, at: usize) -> Result<T, SqlError> {
        self.text(at)?.parse().map_err(|_| unexpected(at, self.0.get(at)))
    }

    /// Bytes.
    pub fn blob(&self, at: usize) -> Result<&[u8], SqlError> {
        match self.0.get(at) {
            Some(Value::Blob(value)) => Ok(value),
            other => Err(unexpected(at, other)),
        }
    }

    /// Exactly 32 bytes.
    pub fn id(&self, at: usize) -> Result<[u8; 32], SqlError> {
        self.blob(at)?.try_into().map_err(|_| unexpected(at, self.0.get(at)))
    }

    /// Whether the value is NULL.
    pub fn is_null(&self, at: usize) -> bool {
        matches!(self.0.get(at), None | Some(Value::Null))
    }
}

fn unexpected(at: usize, found: Option<&Value>) -> SqlError {
    let found = match found {
        None => "nothing",
        Some(Value::Null) => "NULL",
        Some(Value::Integer(_)) => "another integer",
        Some(Value::Text(_)) => "another text",
        Some(Value::Blob(_)) => "another blob",
    };
    SqlError::Failed(format!("column {at} of a row holds {found}"))
}

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// A constraint refused a change.
    #[error("a constraint refused the change")]
    Constraint,
    /// There is no room left for the index.
    #[error("there is no room left: {0}")]
    Full(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// Repeats `attempt` while a constraint says that the state changed under it.
pub(crate) async fn retry<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> Result<T, Error> {
    for _ in 0..8 {
        match attempt().await {
            Err(Error::Sql(SqlError::Constraint)) => {}
            other => return other,
        }
    }
    let busy = ApiError::new(ErrorCode::Retry, "the state kept changing while the request was carried out");
    Err(Error::Refused(busy.with_hint("repeat the request")))
}
