//! GitHub's runner reads orders in what a step prints: `::set-output …` where a line begins, `##[set-output …]` anywhere in it.
//! Names come from files of a checkout, which anybody may have written: in what is printed here, they order nothing.

use std::borrow::Cow;
use std::sync::OnceLock;

/// The text as it is printed: in a job of GitHub's, what would be an order is parted.
pub(super) fn without_orders(text: &str) -> Cow<'_, str> {
    if is_in_a_job() { parted(text) } else { Cow::Borrowed(text) }
}

/// A document as it is printed: the same one, which has no order either. In its texts alone `##[` can be.
pub(super) fn document_without_orders(document: Vec<u8>) -> Vec<u8> {
    if is_in_a_job() { escaped(&document) } else { document }
}

fn escaped(document: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(document).replace("##[", r"##\u005b").into_bytes()
}

fn is_in_a_job() -> bool {
    static IN_A_JOB: OnceLock<bool> = OnceLock::new();
    *IN_A_JOB.get_or_init(|| std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true"))
}

fn parted(text: &str) -> Cow<'_, str> {
    let is_order = |line: &str| line.contains("##[") || line.trim_start().starts_with("::");
    if !text.split(['\n', '\r']).any(is_order) {
        return Cow::Borrowed(text);
    }
    let part = |line: &str| {
        let line = line.replace("##[", "# #[");
        let begins = line.len() - line.trim_start().len();
        let (blanks, rest) = line.split_at(begins);
        rest.strip_prefix("::").map_or_else(|| line.clone(), |order| format!("{blanks}: :{order}"))
    };
    Cow::Owned(text.split_inclusive(['\n', '\r']).map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_the_same_without_an_order() {
        let value = serde_json::json!({"name": "a##[error]b", "more": ["###[x]"]});
        let printed = escaped(serde_json::to_string_pretty(&value).unwrap().as_bytes());
        assert!(!String::from_utf8_lossy(&printed).contains("##["));
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&printed).unwrap(), value);
    }

    #[test]
    fn what_would_be_an_order_is_parted_and_nothing_else_is() {
        for (said, printed) in [
            ("restored a::b and ##, [x]\n", "restored a::b and ##, [x]\n"),
            ("::add-mask::x\n  ::error::y\nz ::w\n", ": :add-mask::x\n  : :error::y\nz ::w\n"),
            ("a\r::error::b", "a\r: :error::b"),
            ("the file ##[set-output name=hit;]exact", "the file # #[set-output name=hit;]exact"),
            ("###[x] ##[##[y]", "## #[x] # #[# #[y]"),
        ] {
            assert_eq!(parted(said), printed);
        }
    }
}
