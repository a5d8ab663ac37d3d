//! Something that parses.

use serde::{Deserialize, Serialize};

/// The words of a text.
#[derive(Debug, Serialize, Deserialize)]
pub struct Words {
    /// How many there are.
    pub count: usize,
}

/// Counts the words of `text`, as JSON.
///
/// # Errors
/// When the pattern or the number is not accepted.
pub fn count(text: &str) -> Result<String, Box<dyn std::error::Error>> {
    let count = regex::Regex::new("[a-z]+")?.find_iter(text).count();
    Ok(serde_json::to_string(&Words { count })?)
}
