//! What the requests of an isolate share: the issuer's keys, and nobody's panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sci_conformance::fakes::TestClock;
use sci_conformance::http::{Heard, Said};
use sci_conformance::issuer::KEY_ID;
use sci_conformance::loopback::{Loopback, Manner};
use sci_conformance::threats::registration;
use sci_conformance::traces::BEGINNING;
use sci_miniflare::client::Client;
use sci_miniflare::deployed::{URL, Variables};
use sci_miniflare::gated::Gated;
use sci_miniflare::{Bundle, Miniflare};
use sci_store_api::{ObjectId, routes};
use serde_json::{Value, json};

/// The bundle for suites with one registered repository, in a data centre without a cache: what is fetched once is kept by the
/// isolate itself.
struct Isolate {
    miniflare: Miniflare,
    gated: Gated,
    issuer: Loopback,
}

impl Default for Isolate {
    fn default() -> Self {
        let issuer = Loopback::default();
        let options = json!({ "worlds": 1, "cache": false });
        let miniflare = Miniflare::start(env!("CARGO_TARGET_TMPDIR"), Bundle::Testing, &options);
        let gated = Gated::new(&miniflare.url(), 0, issuer.url());
        let admin = gated.empty(&TestClock::at(BEGINNING));
        assert_eq!(gated.send(BEGINNING, &registering(&issuer, &admin)).status, 200);
        Self { miniflare, gated, issuer }
    }
}

impl Isolate {
    /// Asks for a ticket, `seconds` after the beginning, with an identity of that moment that names a key.
    fn session(&self, seconds: u64, key: &str) -> Said {
        let now = BEGINNING / 1_000 + seconds;
        let header = json!({ "alg": "RS256", "kid": key });
        let identity = self.issuer.issuer.token_with(&header, &claims(&self.issuer, now));
        self.gated.send(now * 1_000, &post(routes::SESSION, &identity, "{}"))
    }
}

fn claims(issuer: &Loopback, now: u64) -> Value {
    let mut claims = issuer.issuer.push(URL, now);
    claims["iss"] = issuer.url().into();
    claims
}

fn registering(issuer: &Loopback, admin: &str) -> Heard {
    let body = serde_json::to_string(&registration(&issuer.url())).unwrap();
    Heard { method: "PUT".to_owned(), ..post(&routes::fill(routes::REPOSITORY, "1001"), admin, &body) }
}

fn post(target: &str, bearer: &str, body: &str) -> Heard {
    let headers = vec![("authorization".to_owned(), format!("Bearer {bearer}"))];
    Heard { method: "POST".to_owned(), target: target.to_owned(), headers, body: body.as_bytes().to_vec() }
}

fn get(target: &str, bearer: &str) -> Heard {
    Heard { method: "GET".to_owned(), ..post(target, bearer, "") }
}

fn ticket(said: &Said) -> String {
    said.read::<Value>()["ticket"].as_str().unwrap().to_owned()
}

#[test]
fn an_isolate_fetches_keys_once_an_hour_and_once_a_minute_for_new_ones() {
    let isolate = Isolate::default();
    let ask = |seconds, key: &str, status, fetches| {
        let said = isolate.session(seconds, key);
        assert_eq!((said.status, isolate.issuer.fetches()), (status, fetches), "after {seconds} s: {}", said.text());
    };
    ask(0, KEY_ID, 200, 1);
    ask(50, KEY_ID, 200, 1);
    // The issuer was asked less than a minute ago.
    ask(59, "new", 401, 1);
    ask(60, "made-up", 401, 2);
    // It takes a new key into use, and keeps the old one.
    isolate.issuer.set(Manner::Named(&[KEY_ID, "new"]));
    for made_up in 0..20 {
        ask(61, &format!("made-up-{made_up}"), 401, 2);
    }
    ask(119, "new", 401, 2);
    ask(120, "new", 200, 3);
    ask(3_719, KEY_ID, 200, 3);
    // It takes the old one back.
    isolate.issuer.set(Manner::Named(&["new"]));
    ask(3_720, KEY_ID, 401, 4);
    ask(3_721, "new", 200, 4);
}

#[test]
fn isolates_of_a_data_centre_share_a_fetch() {
    let (variables, issuer) = (Variables::default(), Loopback::default());
    let bindings = vec![variables.believing(&issuer.url()); 2];
    let miniflare = Miniflare::start_beside(env!("CARGO_TARGET_TMPDIR"), &bindings);
    for number in 0..2 {
        let client = Client::new(miniflare.url_beside(number));
        assert_eq!(client.send(&registering(&issuer, &variables.admin)).status, 200);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let identity = issuer.issuer.token(&claims(&issuer, now));
        for _ in 0..2 {
            assert_eq!(client.send(&post(routes::SESSION, &identity, "{}")).status, 200);
        }
    }
    assert_eq!(issuer.fetches(), 1);
}

#[test]
fn a_request_that_panics_fails_alone() {
    let isolate = Isolate::default();
    let ticket = ticket(&isolate.session(0, KEY_ID));
    let send = |heard: &Heard| isolate.gated.send(BEGINNING, heard);
    let object = vec![b'x'; 300_000];
    let target = routes::fill(routes::OBJECT, ObjectId::of(&object));
    // An upload is under way when its object is announced in the index.
    let before = isolate.gated.doors.kept();
    let upload = isolate.gated.named(BEGINNING, &Heard { method: "PUT".to_owned(), ..get(&target, &ticket) });
    let mut stream = TcpStream::connect(isolate.miniflare.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    write!(stream, "PUT {target} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", object.len()).unwrap();
    for (name, value) in &upload.headers {
        write!(stream, "{name}: {value}\r\n").unwrap();
    }
    stream.write_all(b"\r\n").unwrap();
    stream.write_all(&object[..100_000]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while isolate.gated.doors.kept() == before {
        assert!(Instant::now() < deadline, "the upload does not begin");
    }
    for _ in 0..3 {
        assert_eq!(send(&get("/test/panic", "")).status, 500);
        assert_eq!(send(&get(routes::SNAPSHOTS, &ticket)).status, 200);
    }
    stream.write_all(&object[100_000..]).unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert_eq!(status.trim_end(), "HTTP/1.1 204 No Content");
    assert_eq!(send(&get(&target, &ticket)).body, object);
    // It is the same isolate, which has the keys.
    assert_eq!(isolate.session(1, KEY_ID).status, 200);
    assert_eq!(isolate.issuer.fetches(), 1);
    assert!(isolate.miniflare.stop().contains("the test wants it so"), "the log tells of the panics");
}
