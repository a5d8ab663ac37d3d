//! The little of XML that the files of Maven and Gradle need: elements by their path, with attributes and text.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::LockfileError;

/// How deep elements may lie in one another; no file of a build tool comes near.
const MAX_DEPTH: usize = 64;

/// What is told of a file: where it is, by the names of the elements around it.
pub(crate) trait Visitor {
    /// An element begins.
    fn begin(&mut self, path: &[String], attributes: &BytesStart<'_>) -> Result<(), LockfileError>;

    /// An element has this text.
    fn text(&mut self, path: &[String], text: &str);

    /// An element ends.
    fn end(&mut self, path: &[String]);
}

/// Reads a file once, from its beginning to its end. Entities other than the five of XML stand for nothing.
pub(crate) fn walk(text: &str, visitor: &mut impl Visitor) -> Result<(), LockfileError> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    loop {
        match reader.read_event().map_err(LockfileError::malformed)? {
            Event::Start(start) => {
                path.push(name(&start));
                if path.len() > MAX_DEPTH {
                    return Err(LockfileError::malformed("elements lie too deep in one another"));
                }
                visitor.begin(&path, &start)?;
            }
            Event::Empty(start) => {
                path.push(name(&start));
                visitor.begin(&path, &start)?;
                visitor.end(&path);
                path.pop();
            }
            Event::Text(text) => {
                let text = text.decode().map_err(LockfileError::malformed)?;
                visitor.text(&path, text.trim());
            }
            Event::End(_) => {
                visitor.end(&path);
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(LockfileError::malformed("the file ends within an element")),
            _ => {}
        }
    }
}

/// An attribute's value; empty when there is none.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Result<String, LockfileError> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(LockfileError::malformed)?;
        if attribute.key.local_name().as_ref() == name.as_bytes() {
            return Ok(String::from_utf8_lossy(&attribute.value).into_owned());
        }
    }
    Ok(String::new())
}

fn name(element: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(element.local_name().as_ref()).into_owned()
}
