//! Issuers: their keys are fetched within limits, and their list is checked.

use sci_conformance::loopback::Manner;
use sci_serve::{Error, issuers, run_until};
use sci_store_api::routes;
use serde_json::json;

use crate::bench::{Bench, URL, log, no_orders, now, settings};

/// What a session with a good identity is answered, when the issuer answers so for the first time.
fn session(manner: Manner) -> (u16, String, u32) {
    let bench = Bench::default();
    bench.issuer.set(manner);
    let identity = bench.issuer.identity(URL, now(), |_| {});
    let answer = bench.post(routes::SESSION, &identity, &json!({}));
    assert_eq!(bench.metric("sci_issuer_fetches_total"), "1");
    let failures = bench.metric("sci_issuer_fetch_failures_total");
    assert_eq!(failures, if answer.status == 200 { "0" } else { "1" });
    let code = if answer.status == 200 { String::new() } else { answer.code() };
    (answer.status, code, bench.issuer.fetches())
}

#[test]
fn keys_are_believed_only_when_they_come_from_where_they_are() {
    assert_eq!(session(Manner::Keys), (200, String::new(), 1));
    assert_eq!(session(Manner::Padded(100_000)), (200, String::new(), 1));
    let unavailable = (503, "unavailable".to_owned(), 1);
    assert_eq!(session(Manner::Status(500)), unavailable);
    assert_eq!(session(Manner::Status(404)), unavailable);
    assert_eq!(session(Manner::Elsewhere), unavailable, "a redirect is not followed");
    assert_eq!(session(Manner::Padded(300_000)), unavailable, "a list of keys is not that long");
    let line = log().line("an issuer's keys cannot be fetched");
    assert!(line["error"].as_str().unwrap().contains("/.well-known/jwks"), "{line}");
}

#[test]
fn the_list_says_where_it_is_wrong() {
    let generic = "[[issuer]]\nkind = \"generic\"\nurl = \"https://ci.example\"\n";
    for (text, line, column, part) in [
        ("", 1, 1, "no [[issuer]]"),
        ("[[issuer]]\nkind = \"github\"\nurl = \"http://ghe.example\"\n", 3, 7, "begin with https://"),
        ("[[issuer]]\nkind = \"gitlub\"\n", 2, 8, "unknown variant"),
        ("[[issuer]]\nkind = \"github\"\nkey = \"x\"\n", 3, 1, "unknown field"),
        ("[[issuer]]\nkind = \"github\"\n\n[[issuer]]\nkind = \"github\"\n", 4, 1, "twice"),
        ("[[issuer]]\nurl = \"https://x.example\"\n", 1, 1, "missing field"),
        (generic, 1, 1, "`url`, `keys` and `claims`"),
        ("[[issuer]\n", 1, 10, ""),
    ] {
        let problems = issuers::parse(text).unwrap_err();
        let problem = &problems[0];
        assert_eq!((problem.line, problem.column), (line, column), "{text}: {problem:?}");
        assert!(problem.message.contains(part), "{problem:?}");
    }
    let two =
        "[[issuer]]\nkind = \"github\"\nurl = \"http://a.example\"\n[[issuer]]\nkind = \"gitlab\"\nurl = \"ftp://b\"\n";
    assert_eq!(issuers::parse(two).unwrap_err().len(), 2, "everything is told at once");
    let claims = "keys = \"https://ci.example/keys\"\n[issuer.claims]\nrepository = \"r\"\nowner = \"o\"\nreference = \"ref\"\n\
                  event = \"e\"\nevents = { push = \"push\" }\nrun = [\"id\"]\n";
    let found = issuers::parse(&format!("{generic}{claims}[[issuer]]\nkind = \"gitlab\"\n")).unwrap();
    assert_eq!((found[0].keys.as_str(), found[1].url.as_str()), ("https://ci.example/keys", "https://gitlab.com"));
    let typo = issuers::parse(&format!("{generic}{}", claims.replace("\"push\" }", "\"psuh\" }"))).unwrap_err();
    assert_eq!((typo[0].line, typo[0].column), (10, 19), "{typo:?}");
}

#[test]
fn a_wrong_list_keeps_the_server_from_starting() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(&directory.path().join("store"));
    settings.issuers = Some(directory.path().join("issuers.toml"));
    let start = || run_until(&settings, no_orders, |_| panic!("it listens"));
    assert!(matches!(start(), Err(Error::Read { .. })));
    std::fs::write(directory.path().join("issuers.toml"), "[[issuer]]\n").unwrap();
    assert!(matches!(start(), Err(Error::Issuers { problems, .. }) if problems.len() == 1));
}
