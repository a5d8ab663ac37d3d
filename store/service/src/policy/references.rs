//! What a reference's name says, where it has exactly the form that the issuer gives it.

/// The number in `refs/pull/<n>/merge`, and in nothing else.
pub fn pull_request(reference: &str) -> Option<u64> {
    between(reference, "refs/pull/", "/merge")
}

/// The number in GitLab's `refs/merge-requests/<n>/head` or `/merge`, and in nothing else.
pub(crate) fn merge_request(reference: &str) -> Option<u64> {
    ["/head", "/merge"].iter().find_map(|after| between(reference, "refs/merge-requests/", after))
}

/// The branch that a merge queue's reference, `refs/heads/gh-readonly-queue/<branch>/pr-<n>-<sha>`, is for.
pub fn queue_base(reference: &str) -> Option<&str> {
    Some(reference.strip_prefix("refs/heads/gh-readonly-queue/")?.rsplit_once("/pr-")?.0)
}

fn between(reference: &str, before: &str, after: &str) -> Option<u64> {
    let number = reference.strip_prefix(before)?.strip_suffix(after)?;
    canonical(number)
}

/// A number, if it is written as it would be here: nobody gets another scope by another spelling.
pub(crate) fn canonical(number: &str) -> Option<u64> {
    number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_form_has_a_number() {
        assert_eq!(pull_request("refs/pull/42/merge"), Some(42));
        for other in ["refs/pull/042/merge", "refs/pull/+1/merge", "refs/pull/42/head", "refs/pull//merge", "42"] {
            assert_eq!(pull_request(other), None, "{other}");
        }
        assert_eq!(merge_request("refs/merge-requests/3/head"), Some(3));
        assert_eq!(queue_base("refs/heads/gh-readonly-queue/a/b/pr-7-abc"), Some("a/b"));
        assert_eq!(queue_base("refs/heads/main"), None);
    }
}
