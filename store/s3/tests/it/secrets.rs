//! Credentials are in no error and in no line of the log, whatever a server makes of them.

use std::io;
use std::sync::{Arc, Mutex};

use sci_conformance::http::{Heard, Said, Server};
use tracing_subscriber::fmt::MakeWriter;

use super::setting::{KEY, SECRET, SESSION, at, hasty, in_parts, object};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Everything that the request held, as servers repeat it in what they answer.
fn repeated(heard: &Heard) -> String {
    heard.headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

#[test]
fn credentials_are_in_no_error_and_no_log() {
    let log = Log::default();
    // Every line of every level: more than a server ever writes.
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone()).init();
    let heard = Arc::new(Mutex::new(String::new()));
    let hearing = Arc::clone(&heard);
    let answers = [
        (403, "SignatureDoesNotMatch"),
        (403, "InvalidAccessKeyId"),
        (500, "InternalError"),
        (200, "NoError"),
        (301, ""),
        (0, ""),
    ];
    let mut said = String::new();
    for (status, code) in answers {
        let hearing = Arc::clone(&hearing);
        let server = Server::start(Arc::new(move |heard: &Heard| {
            let all = repeated(heard);
            hearing.lock().unwrap().push_str(&all);
            let body = format!("<Error><Code>{code}</Code><AWSAccessKeyId>{KEY}</AWSAccessKeyId>{all}</Error>");
            Said { status, body: body.into(), ..Said::default() }
        }));
        let objects = hasty(&at(&server.url(), "s3://builds"));
        let (blob, body) = object(1_000);
        let check = objects.check().unwrap_err();
        let put = objects.put(&blob, in_parts(&body)).unwrap_err();
        let get = objects.get(&blob.key, 0..10).unwrap_err();
        said.push_str(&format!("{objects:?} {objects} {check} {check:?} {put} {put:?} {get} {get:?}\n"));
    }
    let heard = heard.lock().unwrap();
    assert!(heard.contains(KEY) && heard.contains(SESSION), "the requests are signed");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("retry"), "the log is taken: {log}");
    let signatures = heard.lines().filter_map(|line| line.split_once("Signature=")).map(|(_, signature)| signature);
    for secret in [KEY, SECRET, SESSION].into_iter().chain(signatures) {
        assert!(!said.contains(secret), "{said}");
        assert!(!log.contains(secret), "{log}");
    }
}
