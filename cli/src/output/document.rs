//! The JSON document that `--json` prints: one per command, on one line's worth of stdout.
//!
//! ```json
//! {"schema": 1, "command": "plan", "ok": true, "warnings": [], "result": {}}
//! {"schema": 1, "command": "plan", "ok": false, "warnings": [], "error": {"kind": "config", "message": "…", "hint": "…"}}
//! ```
//!
//! A command that did its work and ends with another code than 0 all the same (`verify` that found damage, `--require` with
//! trouble, the failed command of `run`) has both `result` and `error`.
//!
//! Within one schema number fields are added, never renamed, removed or given another meaning.

use serde::Serialize;

use crate::error::CliError;

/// The version of the document's shape.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    schema: u32,
    command: &'a str,
    ok: bool,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a CliError>,
}

/// The document of a command that did its work.
pub fn success<T: Serialize>(command: &str, warnings: &[String], result: &T) -> String {
    write(&Document { schema: SCHEMA, command, ok: true, warnings, result: Some(result), error: None })
}

/// The document of a command that could not.
pub fn failure(command: &str, warnings: &[String], error: &CliError) -> String {
    write(&Document::<()> { schema: SCHEMA, command, ok: false, warnings, result: None, error: Some(error) })
}

/// The document of a command that did its work and ends with an error all the same.
pub fn refusal<T: Serialize>(command: &str, warnings: &[String], result: &T, error: &CliError) -> String {
    write(&Document { schema: SCHEMA, command, ok: false, warnings, result: Some(result), error: Some(error) })
}

fn write<T: Serialize>(document: &Document<'_, T>) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap_or_else(|error| {
        // Only a map with keys that are not text can fail, and no result has one.
        serde_json::json!({"schema": SCHEMA, "ok": false, "error": {"kind": "local", "message": error.to_string()}})
            .to_string()
    });
    text.push('\n');
    text
}
