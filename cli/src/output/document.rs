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

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use crate::error::CliError;

/// The version of the document's shape.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    schema: u32,
    /// None where the command line names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<&'a str>,
    ok: bool,
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a CliError>,
}

/// The document of a command that did its work.
pub fn success<T: Serialize>(command: &str, warnings: &[String], result: &T) -> Vec<u8> {
    write(&Document { schema: SCHEMA, command: Some(command), ok: true, warnings, result: Some(result), error: None })
}

/// The document of a command that could not.
pub fn failure(command: Option<&str>, warnings: &[String], error: &CliError) -> Vec<u8> {
    write(&Document::<()> { schema: SCHEMA, command, ok: false, warnings, result: None, error: Some(error) })
}

/// The document of a command that did its work and ends with an error all the same.
pub fn refusal<T: Serialize>(command: &str, warnings: &[String], result: &T, error: &CliError) -> Vec<u8> {
    write(&Document {
        schema: SCHEMA,
        command: Some(command),
        ok: false,
        warnings,
        result: Some(result),
        error: Some(error),
    })
}

fn write<T: Serialize>(document: &Document<'_, T>) -> Vec<u8> {
    let mut text = Vec::new();
    if let Err(error) = document.serialize(&mut Serializer::with_formatter(&mut text, Indented::default())) {
        // Only a map with keys that are not text can fail, and no result has one.
        let error = serde_json::json!({"kind": "local", "message": error.to_string()});
        text = serde_json::json!({"schema": SCHEMA, "ok": false, "error": error}).to_string().into_bytes();
    }
    text.push(b'\n');
    text
}

/// Line breaks and indentation as [`serde_json::to_string_pretty`] has them, each in one piece: a plan has tens of thousands
/// of lines, and writing two blanks at a time took longer than the rest.
#[derive(Default)]
struct Indented {
    depth: usize,
    /// Whether the innermost list or map that is being written has anything in it.
    filled: bool,
}

const LINE: &[u8] = b",\n                                                                ";

impl Indented {
    fn line<W: ?Sized + Write>(&self, to: &mut W, first: bool) -> io::Result<()> {
        let blanks = 2 * self.depth;
        let line = LINE.get(..2 + blanks).unwrap_or(LINE);
        to.write_all(&line[usize::from(first)..])?;
        (line.len()..2 + blanks).try_for_each(|_| to.write_all(b" "))
    }

    fn begin<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        to.write_all(bracket)
    }

    fn end<W: ?Sized + Write>(&mut self, to: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled {
            self.line(to, true)?;
        }
        // What is around it holds this.
        self.filled = true;
        to.write_all(bracket)
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin(to, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.line(to, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.begin(to, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        self.end(to, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        self.line(to, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_serde_json() {
        let deep = (0..40).fold(serde_json::json!(["x"]), |inner, _| serde_json::json!([inner, {"in": 1}]));
        let value = serde_json::json!({
            "none": null, "list": [], "map": {}, "lists": [[], [1, 2], {"a": {}, "b": []}], "text": "\n\"", "deep": deep,
        });
        let mut text = Vec::new();
        value.serialize(&mut Serializer::with_formatter(&mut text, Indented::default())).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string_pretty(&value).unwrap());
    }
}
