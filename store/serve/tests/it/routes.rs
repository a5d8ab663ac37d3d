//! The protocol over a real connection.

use sci_conformance::state::State;
use sci_store_api::saves::Committed;
use sci_store_api::session::Health;
use sci_store_api::{ObjectId, routes};
use serde_json::{Value, json};

use crate::bench::{Bench, bytes, log};

#[test]
fn what_one_run_saved_another_restores() {
    let bench = Bench::default();
    let (saver, reader) = (bench.ticket(1), bench.ticket(2));
    let state = State::new("lock", "source", "tree");
    let Committed::Saved { snapshot } = bench.save(&saver, &state, 1) else { panic!("not saved") };
    let resolved: Value = bench.post(routes::RESOLVE, &reader, &json!({ "paths": [state.query()] })).read();
    let verdict = &resolved["paths"][0]["verdict"];
    assert_eq!((&verdict["verdict"], &verdict["snapshot"]), (&json!("exact"), &json!(snapshot)));
    for (_, object) in state.objects() {
        let answer = bench.object(&reader, &object);
        assert_eq!((answer.status, &answer.body[..]), (200, &object[..]));
        assert_eq!(answer.header("content-type"), "application/octet-stream");
    }
    assert_eq!(bench.metric("sci_objects_stored_total"), "3");
    assert_eq!(bench.metric("sci_issuer_fetches_total"), "1");
    let commits = r#"sci_requests_total{route="/v1/saves/{save}/commit",method="POST",status="200"}"#;
    assert_eq!(bench.metric(commits), "1");
    let sent = bench.metric("sci_sent_bytes_total").parse::<u64>().unwrap();
    assert!(sent > 500, "{sent}");
    let line = log().line(r#""route":"/v1/saves/{save}/commit""#);
    assert_eq!((&line["repository"], &line["run"], &line["status"]), (&json!("1001"), &json!("1-1"), &json!(200)));
}

#[test]
fn ranges_and_heads_are_exact() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    let object = bytes(1_000_003, 1);
    assert_eq!(bench.put(&ticket, None, &object).status, 204);
    let target = routes::fill(routes::OBJECT, ObjectId::of(&object));
    let bearer = format!("Bearer {ticket}");
    let ask =
        |method: &str, range: &str| bench.send(method, &target, &[("authorization", &bearer), ("range", range)], b"");
    for (first, last) in [(0, 0), (0, 131_071), (131_071, 131_073), (500_000, 999_999), (1_000_002, 1_000_002)] {
        let part = ask("GET", &format!("bytes={first}-{last}"));
        assert_eq!((part.status, &part.body[..]), (206, &object[first..=last]), "{first}-{last}");
        assert_eq!(part.header("content-range"), format!("bytes {first}-{last}/1000003"));
        assert_eq!(part.header("content-length"), (last - first + 1).to_string());
    }
    assert_eq!(ask("GET", "bytes=999999-").body, object[999_999..]);
    assert_eq!(ask("GET", "bytes=2000000-").code(), "invalid");
    let head = ask("HEAD", "bytes=1-3");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (206, "3", 0));
    let head = bench.send("HEAD", &target, &[("authorization", &bearer)], b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "1000003", 0));
    assert_eq!(bench.object(&ticket, &object).body, object);
}

#[test]
fn an_empty_object_is_an_object() {
    let bench = Bench::default();
    let ticket = bench.ticket(1);
    assert_eq!(bench.put(&ticket, None, b"").status, 204);
    let answer = bench.object(&ticket, b"");
    assert_eq!((answer.status, answer.body.len(), answer.header("content-length")), (200, 0, "0"));
}

#[test]
fn the_health_is_anybodys() {
    let bench = Bench::default();
    let health: Health = bench.send("GET", routes::HEALTH, &[], b"").read();
    assert_eq!((health.version.as_str(), health.newest_protocol), ("0.0.0", 1));
    let head = bench.send("HEAD", routes::HEALTH, &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[test]
fn what_is_no_route_is_refused_with_words() {
    let bench = Bench::default();
    let ask = |method, target| {
        let answer = bench.send(method, target, &[], if method == "POST" { b"{}" } else { b"" });
        (answer.status, answer.code())
    };
    assert_eq!(ask("GET", "/v1/nothing"), (404, "not-found".to_owned()));
    assert_eq!(ask("GET", "/"), (404, "not-found".to_owned()));
    assert_eq!(ask("POST", "/v2/resolve"), (426, "protocol".to_owned()));
    assert_eq!(ask("OPTIONS", "/v1/resolve"), (405, "invalid".to_owned()));
    assert_eq!(ask("POST", "/v1/resolve"), (401, "unauthorized".to_owned()));
    assert_eq!(ask("GET", "/v1/objects/../../etc/passwd"), (404, "not-found".to_owned()));
    let id = bench.send("GET", "/v1/nothing", &[], b"").header("x-request-id").to_owned();
    let line = log().line(&format!("\"{id}\""));
    assert_eq!((&line["route"], &line["status"]), (&json!("unknown"), &json!(404)));
}

#[test]
fn a_bearer_that_stands_twice_is_none() {
    let bench = Bench::default();
    let bearer = format!("Bearer {}", bench.ticket(1));
    let ask = |headers: &[(&str, &str)]| bench.send("GET", routes::SNAPSHOTS, headers, b"").status;
    assert_eq!(ask(&[("authorization", &bearer)]), 200);
    assert_eq!(ask(&[("authorization", &bearer), ("authorization", &bearer)]), 401);
    assert_eq!(ask(&[("authorization", &bearer), ("authorization", "Bearer x")]), 401);
}

#[test]
fn the_metrics_may_have_an_address_of_their_own() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bench = Bench::with(|settings| settings.metrics_listen = Some(free));
    assert_eq!(bench.send("GET", "/metrics", &[], b"").status, 404);
    let text = bench.agent.get(format!("http://{free}/metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(text.contains("sci_requests_total") && text.ends_with("# EOF\n"), "{text}");
    assert_eq!(bench.agent.get(format!("http://{free}/health")).call().unwrap().status(), 404);
}
