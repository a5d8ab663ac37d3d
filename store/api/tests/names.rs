//! Names from outside: what is refused, wherever it comes in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sci_store_api::dsse::PublicKey;
use sci_store_api::{Instance, KeyId, PathName, RepositoryId, RunId, Scope, ScopeClass, StoreId};

fn refused<T: serde::de::DeserializeOwned + std::str::FromStr>(text: &str) -> bool {
    let json = serde_json::to_string(text).unwrap();
    let (parsed, received) = (text.parse::<T>().is_err(), serde_json::from_str::<T>(&json).is_err());
    assert_eq!(parsed, received, "{text:?}");
    parsed
}

#[test]
fn instances_stay_where_they_belong() {
    for good in [
        "target",
        "web/node_modules",
        ".next/cache",
        "~/.cargo/registry",
        "a/..b",
        "a/b~",
        "ünï/cödé",
        "a b",
        ".github",
        "a.git",
    ] {
        assert!(!refused::<Instance>(good), "{good:?}");
    }
    let bad = [
        "",
        ".",
        "..",
        "/x",
        "../x",
        "a/../x",
        "a/..",
        "a//b",
        "a/",
        "/",
        "./a",
        "~",
        "~/",
        "~//x",
        "~/../x",
        "~/~",
        "a\\..\\x",
        "C:x",
        "C:/x",
        "x/C:y",
        "a\0b",
        "a\nb",
        "a\u{7f}b",
        ".git",
        "a/.git/hooks",
        "~/.GIT",
    ];
    for bad in bad {
        assert!(refused::<Instance>(bad), "{bad:?}");
    }
    assert!(refused::<Instance>(&"x".repeat(1025)));
}

#[test]
fn plain_names_are_plain() {
    for bad in ["", "a/b", "a b", "a\0", "ä", "a:b", "a\\b", "a\n", &"x".repeat(200)] {
        assert!(refused::<PathName>(bad), "{bad:?}");
        assert!(refused::<RepositoryId>(bad), "{bad:?}");
        assert!(refused::<StoreId>(bad), "{bad:?}");
        assert!(refused::<KeyId>(bad), "{bad:?}");
    }
    for bad in [".", ".."] {
        assert!(refused::<PathName>(bad) && refused::<RepositoryId>(bad) && refused::<StoreId>(bad));
    }
    assert!(!refused::<PathName>(".next-cache_2"));
    for (run, bad) in [("1.1.build", false), ("a/b:c=d", false), ("", true), ("a b", true), ("é", true), ("a\n", true)]
    {
        assert_eq!(refused::<RunId>(run), bad, "{run:?}");
    }
}

#[test]
fn scopes_have_one_text_form() {
    let cases = [
        ("trusted:refs/heads/main", ScopeClass::Trusted, "refs/heads/main"),
        ("branch:refs/heads/a:b", ScopeClass::Branch, "refs/heads/a:b"),
        ("pr:42", ScopeClass::Pr, "42"),
        (
            "queue:refs/heads/gh-readonly-queue/main/pr-1-abc",
            ScopeClass::Queue,
            "refs/heads/gh-readonly-queue/main/pr-1-abc",
        ),
        ("release:v1", ScopeClass::Release, "v1"),
    ];
    for (text, class, reference) in cases {
        let scope: Scope = text.parse().unwrap();
        assert_eq!((scope.class(), scope.reference(), scope.to_string().as_str()), (class, reference, text));
    }
    for bad in [
        "",
        "main",
        "trusted:",
        "Trusted:x",
        "pr:",
        "pr:x",
        "pr:042",
        "pr:-1",
        "pr:+1",
        "other:x",
        "trusted:a b",
        "trusted:a\n",
        " pr:1",
    ] {
        assert!(refused::<Scope>(bad), "{bad:?}");
    }
    assert_ne!(
        "trusted:refs/heads/main".parse::<Scope>().unwrap(),
        "trusted:refs/heads/refs/heads/main".parse().unwrap()
    );
    assert!(ScopeClass::Pr < ScopeClass::Branch && ScopeClass::Branch < ScopeClass::Trusted);
}

#[test]
fn public_keys_are_checked() {
    for bad in ["", "sci-1", "sci-1:", "sci-1:AAAA", ":AAAA", "sci 1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        assert!(refused::<PublicKey>(bad), "{bad:?}");
    }
}

#[test]
fn a_reference_tells_what_could_be_read_whatever_is_registered() {
    let (main, pull) = ("refs/heads/main", "refs/pull/42/merge");
    for (scope, reference, base, could) in [
        ("pr:42", pull, None, true),
        ("pr:42", "refs/pull/43/merge", None, false),
        ("pr:42", "refs/pull/042/merge", None, false),
        ("pr:42", main, None, false),
        ("pr:42", "", None, false),
        ("branch:refs/heads/next", "", None, false),
        ("branch:refs/heads/next", pull, Some("next"), true),
        ("branch:refs/heads/next", pull, Some("refs/heads/next"), false),
        ("branch:refs/heads/next", main, None, false),
        ("queue:refs/heads/gh-readonly-queue/main/pr-7-abc", main, None, false),
        ("release:v1", "refs/tags/v1", None, true),
        ("release:v1", "refs/heads/v1", None, false),
        ("trusted:refs/heads/main", pull, None, true),
    ] {
        assert_eq!(scope.parse::<Scope>().unwrap().is_open_to(reference, base), could, "{scope} by {reference}");
    }
}
