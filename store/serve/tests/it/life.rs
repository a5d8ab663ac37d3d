//! How a server begins and ends, and what it does by itself.

use std::time::{Duration, Instant};

use sci_serve::{Collecting, Error, Order, run_until};
use sci_store_api::admin::GcPolicy;

use crate::bench::{Bench, eventually, no_orders, settings};
use crate::raw::{HALF, Raw};

#[test]
fn stopping_lets_an_upload_end() {
    let mut bench = Bench::default();
    let ticket = bench.ticket(1);
    let (mut raw, object) = Raw::half(&bench, &ticket);
    bench.order(Order::Stop);
    eventually("nobody else gets in", || std::net::TcpStream::connect(bench.address).is_err());
    raw.send(&object[HALF..]);
    let answer = raw.rest();
    assert!(answer.starts_with("HTTP/1.1 204 No Content"), "{answer}");
    bench.stopped();
    assert_eq!(bench.files(), (1, 0));
}

#[test]
fn stopping_does_not_wait_for_ever() {
    let mut bench = Bench::with(|settings| settings.limits.shutdown = Duration::from_millis(200));
    let ticket = bench.ticket(1);
    let (_raw, _) = Raw::half(&bench, &ticket);
    let started = Instant::now();
    bench.order(Order::Stop);
    bench.stopped();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(bench.files(), (0, 0));
}

#[test]
fn who_tells_it_twice_does_not_wait() {
    let mut bench = Bench::with(|settings| settings.limits.shutdown = Duration::from_secs(3_600));
    let ticket = bench.ticket(1);
    let (_raw, _) = Raw::half(&bench, &ticket);
    bench.order(Order::Stop);
    eventually("nobody else gets in", || std::net::TcpStream::connect(bench.address).is_err());
    let started = Instant::now();
    bench.order(Order::Stop);
    bench.stopped();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[test]
fn a_connection_that_only_waits_does_not_hold_up_the_end() {
    let mut bench = Bench::default();
    let mut raw = Raw::open(&bench);
    raw.say("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    assert_eq!(raw.status(), "HTTP/1.1 200 OK");
    let started = Instant::now();
    bench.order(Order::Stop);
    bench.stopped();
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
}

#[test]
fn a_directory_has_one_server() {
    let bench = Bench::default();
    let second = run_until(&settings(&bench.store()), no_orders, |_| panic!("it listens"));
    let Err(error) = second else { panic!("two servers") };
    assert!(matches!(error, Error::Store(sci_native::Error::Served { .. })), "{error}");
    assert!(error.hint().is_some());
}

#[test]
fn a_server_collects_by_itself() {
    let collecting = Collecting { pause: Duration::from_millis(20), policy: GcPolicy::default() };
    let bench = Bench::with(|settings| settings.collect = Some(collecting));
    let done = || bench.metric(r#"sci_collections_total{outcome="done"}"#).parse::<u32>().unwrap();
    eventually("it collects", || done() >= 2);
    assert_eq!(bench.metric(r#"sci_collections_total{outcome="failed"}"#), "0");
}

#[test]
fn an_address_that_is_no_audience_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    for url in [
        "http://sci.example",
        "sci.example",
        "https://",
        "https://sci.example/",
        "https://a@b",
        "https://a b",
        "ftp://a",
    ] {
        let mut settings = settings(&directory.path().join("store"));
        settings.url = url.to_owned();
        let refused = run_until(&settings, no_orders, |_| panic!("it listens"));
        assert!(matches!(refused, Err(Error::Settings { .. })), "{url}");
    }
    assert!(!directory.path().join("store").exists(), "nothing was made");
}
