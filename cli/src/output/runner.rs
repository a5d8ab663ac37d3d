//! GitHub's runner reads orders in what a step prints: `::set-output …` where a line begins, `##[set-output …]` anywhere in it.
//! Names come from files of a checkout, which anybody may have written: in what people read here, they order nothing.

use std::borrow::Cow;
use std::sync::OnceLock;

/// The text as it is printed: in a job of GitHub's, what would be an order is parted.
pub(super) fn without_orders(text: &str) -> Cow<'_, str> {
    static IN_A_JOB: OnceLock<bool> = OnceLock::new();
    if *IN_A_JOB.get_or_init(|| std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")) {
        parted(text)
    } else {
        Cow::Borrowed(text)
    }
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
