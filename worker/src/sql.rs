//! The index in D1. Each batch is one request and one transaction, of reads and of writes alike.

use js_sys::{Array, JsString, Object, Uint8Array};
use sci_service::{Row, Rows, Sql, SqlError, Statement, Value};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use worker::worker_sys::types::{D1Database, D1PreparedStatement, D1Result};

use crate::fault;

/// The largest integer that a number of JavaScript holds exactly.
const MOST: i64 = (1 << 53) - 1;

/// A D1 database.
#[derive(Debug)]
pub struct D1(D1Database);

impl D1 {
    /// Takes a binding.
    pub fn new(database: worker::D1Database) -> Self {
        Self(JsValue::from(database).unchecked_into())
    }

    fn prepare(&self, statement: &Statement) -> Result<D1PreparedStatement, JsValue> {
        let prepared = self.0.prepare(statement.sql)?;
        if statement.params.is_empty() {
            return Ok(prepared);
        }
        prepared.bind(statement.params.iter().map(bound).collect())
    }

    async fn run(&self, statements: &[Statement]) -> Result<Vec<Rows>, SqlError> {
        let prepared = statements.iter().map(|statement| self.prepare(statement)).collect::<Result<Array, _>>();
        let answer = prepared.and_then(|prepared| self.0.batch(prepared)).map_err(|error| failed(&error))?;
        let results = JsFuture::from(answer).await.map_err(|error| failed(&error))?;
        Array::from(&results).iter().map(|result| rows(&result.unchecked_into())).collect()
    }
}

impl Sql for D1 {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        self.run(&statements).await
    }
}

/// A parameter. D1 takes numbers as REAL; the columns are STRICT, so what is stored is an INTEGER again.
fn bound(value: &Value) -> JsValue {
    match value {
        Value::Null => JsValue::NULL,
        #[expect(clippy::cast_precision_loss, reason = "times and sizes are below 2^53; what is above means: no bound")]
        Value::Integer(integer) => JsValue::from_f64(*integer as f64),
        Value::Text(text) => JsString::from(text.as_str()).into(),
        Value::Blob(blob) => Uint8Array::from(blob.as_slice()).into(),
    }
}

fn rows(result: &D1Result) -> Result<Rows, SqlError> {
    let found = result.results().map_err(|error| failed(&error))?.unwrap_or_default();
    found.iter().map(|row| row_of(&row.unchecked_into())).collect::<Result<_, _>>().map(Rows)
}

/// A row by position: D1 gives an object whose properties are in the order of the columns.
fn row_of(object: &Object) -> Result<Row, SqlError> {
    Object::values(object).iter().map(|found| value(&found)).collect::<Result<_, _>>().map(Row)
}

fn value(found: &JsValue) -> Result<Value, SqlError> {
    if found.is_null() || found.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(number) = found.as_f64() {
        #[expect(clippy::cast_possible_truncation, reason = "what is no integer is refused")]
        let integer = number as i64;
        #[expect(clippy::cast_precision_loss, reason = "the bound is what keeps it exact")]
        let is_exact = integer as f64 == number && (-MOST..=MOST).contains(&integer);
        return if is_exact {
            Ok(Value::Integer(integer))
        } else {
            Err(SqlError::Failed("a number of the index is no integer".to_owned()))
        };
    }
    if let Some(text) = found.as_string() {
        return Ok(Value::Text(text));
    }
    // A blob comes as an array of its bytes.
    Ok(Value::Blob(Uint8Array::new(found).to_vec()))
}

fn failed(error: &JsValue) -> SqlError {
    let text = fault::text(error);
    if text.contains("SQLITE_CONSTRAINT") || text.contains("constraint failed") {
        SqlError::Constraint
    } else if text.contains("SQLITE_FULL") || text.contains("maximum DB size") {
        SqlError::Full(text)
    } else {
        SqlError::Failed(text)
    }
}
