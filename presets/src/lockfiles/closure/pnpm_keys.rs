//! The words of pnpm's lockfiles: which package a reference means, and whom an override concerns.

/// The key in `snapshots` (in `packages`, before version 9) that a dependency's reference means, which is no link.
pub(super) fn key_of(name: &str, reference: &str, version: u64) -> String {
    let peers = reference.find('(').unwrap_or(reference.len());
    let before_peers = &reference[..peers];
    let whole = if version < 9 {
        reference.starts_with("file:") || before_peers.contains('/')
    } else {
        // `other@1.0.0` is an alias, `https://user@host/…` and `file:…@…` are not.
        let at = before_peers.find('@');
        reference.starts_with('@') || at.is_some_and(|at| !before_peers[..at].contains(':'))
    };
    match (whole, version) {
        (true, _) => reference.to_owned(),
        (false, ..9) => format!("/{name}@{reference}"),
        (false, _) => format!("{name}@{reference}"),
    }
}

/// The key, then what is left when the peers and the patch at its end are taken off one by one.
pub(super) fn without_peers(key: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(key), |key| {
        let mut open = 0_usize;
        for (at, byte) in key.bytes().enumerate().rev() {
            match byte {
                b')' => open += 1,
                b'(' => open = open.checked_sub(1)?,
                _ => {}
            }
            if open == 0 {
                return (byte == b'(').then(|| &key[..at]);
            }
        }
        None
    })
}

/// The name of the package that a selector (`foo`, `foo@1`, `bar@2>foo@<3`) is about; `None` when that is not plain.
pub(super) fn selected(selector: &str) -> Option<&str> {
    let bytes = selector.as_bytes();
    // A `>` behind one of these belongs to a range of versions.
    let arrow = (1..bytes.len()).rev().find(|at| bytes[*at] == b'>' && !matches!(bytes[at - 1], b' ' | b'|' | b'@'));
    let last = arrow.map_or(selector, |at| &selector[at + 1..]).trim();
    let name = match last.char_indices().skip(1).find(|(_, letter)| *letter == '@') {
        Some((at, _)) => &last[..at],
        None => last,
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '/' | '@' | '~');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// The directory that a link leads to, relative to the lockfile; `None` when it leads out of the workspace.
pub(in crate::lockfiles) fn linked(from: &str, link: &str) -> Option<String> {
    let mut components: Vec<&str> = from.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    for component in link.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            name => components.push(name),
        }
    }
    if components.is_empty() { Some(".".to_owned()) } else { Some(components.join("/")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_mean_what_pnpm_takes_them_for() {
        let cases = [
            (9, "1.0.0", "a@1.0.0"),
            (9, "1.0.0(b@2.0.0)", "a@1.0.0(b@2.0.0)"),
            (9, "other@1.0.0", "other@1.0.0"),
            (9, "other@1.0.0(b@2.0.0)", "other@1.0.0(b@2.0.0)"),
            (9, "@s/other@1.0.0", "@s/other@1.0.0"),
            (9, "file:packages/b(c@1.0.0)", "a@file:packages/b(c@1.0.0)"),
            (9, "https://user@host/a.tgz", "a@https://user@host/a.tgz"),
            (6, "1.0.0", "/a@1.0.0"),
            (6, "1.0.0(@s/b@2.0.0)", "/a@1.0.0(@s/b@2.0.0)"),
            (6, "/other@1.0.0", "/other@1.0.0"),
            (6, "/@s/other@1.0.0(b@2.0.0)", "/@s/other@1.0.0(b@2.0.0)"),
            (6, "file:packages/b", "file:packages/b"),
            (6, "github.com/user/repo/abc", "github.com/user/repo/abc"),
        ];
        for (version, reference, key) in cases {
            assert_eq!(key_of("a", reference, version), key, "{version} {reference}");
        }
    }

    #[test]
    fn peers_come_off_one_by_one() {
        let parts = |key| without_peers(key).collect::<Vec<_>>();
        assert_eq!(parts("a@1"), ["a@1"]);
        assert_eq!(parts("a@1(b@2(c@3))(d@4)"), ["a@1(b@2(c@3))(d@4)", "a@1(b@2(c@3))", "a@1"]);
        assert_eq!(parts("a@file:x(y)z"), ["a@file:x(y)z"]);
        assert_eq!(parts("a)("), ["a)("]);
        assert_eq!(parts("a))"), ["a))"]);
        assert_eq!(parts(""), [""]);
    }

    #[test]
    fn selectors_are_about_the_last_package() {
        for selector in ["a", "a@1", "a@>2", "a@<1 || >2", "b>a", "b@1>a@2", "@s/b@^1>a"] {
            assert_eq!(selected(selector), Some("a"), "{selector}");
        }
        assert_eq!(selected("b>@s/a@1"), Some("@s/a"));
        assert_eq!(selected("what is this?"), None);
        assert_eq!(selected(""), None);
    }

    #[test]
    fn links_stay_in_the_workspace_or_are_none() {
        assert_eq!(linked("packages/a", "../b").as_deref(), Some("packages/b"));
        assert_eq!(linked("packages/a", "../..").as_deref(), Some("."));
        assert_eq!(linked(".", "packages/b").as_deref(), Some("packages/b"));
        assert_eq!(linked("a", "../../b"), None);
    }
}
