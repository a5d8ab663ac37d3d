//! A store behind TLS that is not the one that was meant, or none at all: a miss with a reason, in time.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};

use super::backend::{point, served};
use super::key_of;
use crate::sandbox::{Sandbox, assert_screen};

/// An authority that one machine knows and others do not.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let (mut params, key) = (CertificateParams::default(), KeyPair::generate().unwrap());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate for `localhost` and its key beside the workspace.
    fn certify(&self, sandbox: &Sandbox, change: impl FnOnce(&mut CertificateParams)) -> [PathBuf; 2] {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let files = ["server.pem", "server.key"].map(|name| sandbox.beside(name));
        std::fs::write(&files[0], certificate).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }
}

/// `sci serve`, which ends with this.
struct Serving {
    child: Child,
    port: String,
}

impl Serving {
    fn start(sandbox: &Sandbox, tls: Option<&[PathBuf; 2]>) -> Self {
        let mut words = vec!["--json", "serve", "--url", "https://sci.example", "--listen", "127.0.0.1:0"];
        if let Some([certificate, key]) = tls {
            words.extend(["--tls-cert", certificate.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
        }
        let mut serve = sandbox.command(&words);
        let mut child = serve.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut document = String::new();
        while !document.ends_with("\n}\n") {
            assert_ne!(output.read_line(&mut document).unwrap(), 0, "it did not start: {document}");
        }
        std::thread::spawn(move || output.read_to_end(&mut Vec::new()));
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let address = document["result"]["address"].as_str().unwrap();
        Self { child, port: address.rsplit(':').next().unwrap().to_owned() }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A workspace and its store, whose machine knows this authority.
fn knowing(authority: &Authority) -> Sandbox {
    let (mut sandbox, _) = served();
    std::fs::write(sandbox.beside("authority.pem"), &authority.pem).unwrap();
    let file = sandbox.beside("authority.pem");
    sandbox.set("SSL_CERT_FILE", file);
    sandbox.write("out/mine", "mine\n");
    sandbox
}

/// What is said of a store that cannot be trusted, and that nothing else comes of it.
fn told(sandbox: &Sandbox, url: &str) -> String {
    point(sandbox, url, &key_of(sandbox));
    let started = Instant::now();
    let restored = sandbox.sci("restore").ends_with(0);
    assert!(restored.stdout.starts_with("miss      out\n"), "{restored}");
    let reason = restored.stdout.split_once("could not be asked: ").unwrap().1.to_owned();
    let host = url.split("://").nth(1).unwrap();
    assert!(reason.contains(host) && reason.contains("Hint: "), "{restored}");
    sandbox.sci("restore --require").ends_with(1);
    let saved = sandbox.sci("save").ends_with(0);
    assert!(saved.stdout.starts_with("failed    out\n") && saved.stdout.contains(host), "{saved}");
    assert!(!saved.stdout.contains("unknown"), "{saved}");
    sandbox.sci("save --require").ends_with(1);
    let doctor = sandbox.sci("doctor").ends_with(1);
    assert!(doctor.stdout.contains("bad   connection") && doctor.stdout.contains(host), "{doctor}");
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
    assert_eq!(std::fs::read_dir(sandbox.path("out")).unwrap().count(), 1);
    assert_eq!(sandbox.read("out/mine"), "mine\n");
    reason
}

#[test]
fn a_certificate_by_a_private_authority_that_is_known() {
    let authority = Authority::new();
    let sandbox = knowing(&authority);
    let serving = Serving::start(&sandbox, Some(&authority.certify(&sandbox, |_| {})));
    point(&sandbox, &format!("https://localhost:{}", serving.port), &key_of(&sandbox));
    sandbox.sci_run("", "echo built > out/a").ends_with(0);
    sandbox.remove("out");
    let restored = sandbox.sci("restore").ends_with(0);
    assert!(restored.stdout.starts_with("exact     out"), "{restored}");
    assert_eq!(sandbox.read("out/a"), "built\n");
}

#[test]
fn a_certificate_by_an_unknown_authority() {
    let (authority, other) = (Authority::new(), Authority::new());
    let sandbox = knowing(&authority);
    let serving = Serving::start(&sandbox, Some(&other.certify(&sandbox, |_| {})));
    told(&sandbox, &format!("https://localhost:{}", serving.port));
    let mut ran = sandbox.sci("restore");
    ran.stdout = ran.stdout.replace(&serving.port, "PORT");
    assert_screen!(ran, @r"
    exit code: 0
    ----- stdout -----
    miss      out
              the store could not be asked: https://localhost:PORT is not trusted: its certificate is by an authority that this machine does not know  (key [ID])
              Hint: name the authority's certificate, PEM, in SSL_CERT_FILE, or add it to those of this machine
    ");
}

#[test]
fn a_certificate_that_has_expired_or_has_not_begun() {
    let authority = Authority::new();
    let sandbox = knowing(&authority);
    for (from, to, said) in
        [(2001, 2002, "its certificate has expired"), (4000, 4001, "its certificate is not valid yet")]
    {
        let files = authority.certify(&sandbox, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        });
        let serving = Serving::start(&sandbox, Some(&files));
        let reason = told(&sandbox, &format!("https://localhost:{}", serving.port));
        assert!(reason.contains(said) && reason.contains("clock"), "{reason}");
    }
}

#[test]
fn a_certificate_of_another_host() {
    let authority = Authority::new();
    let sandbox = knowing(&authority);
    let serving = Serving::start(&sandbox, Some(&authority.certify(&sandbox, |_| {})));
    let reason = told(&sandbox, &format!("https://127.0.0.1:{}", serving.port));
    assert!(reason.contains("is not trusted: its certificate is for localhost "), "{reason}");
}

#[test]
fn a_server_without_tls_where_tls_is_expected() {
    let sandbox = knowing(&Authority::new());
    let serving = Serving::start(&sandbox, None);
    let reason = told(&sandbox, &format!("https://localhost:{}", serving.port));
    assert!(reason.contains("is not trusted: it does not speak TLS"), "{reason}");
}

#[test]
fn a_server_with_tls_where_none_is_expected() {
    let authority = Authority::new();
    let sandbox = knowing(&authority);
    let serving = Serving::start(&sandbox, Some(&authority.certify(&sandbox, |_| {})));
    let reason = told(&sandbox, &format!("http://localhost:{}", serving.port));
    assert!(reason.contains("does not answer as a store does: no HTTP"), "{reason}");
    assert!(reason.contains("https://"), "{reason}");
}

#[test]
fn a_server_that_closes_in_the_handshake() {
    let sandbox = knowing(&Authority::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Once something has come, so that the end is one, and not a reset.
            let _ = stream.and_then(|mut stream| stream.read(&mut [0; 4096]));
        }
    });
    let reason = told(&sandbox, &format!("https://localhost:{port}"));
    assert!(reason.contains("did not answer: the connection was cut off ("), "{reason}");
}

#[test]
fn a_server_that_is_silent_in_the_handshake() {
    let mut sandbox = knowing(&Authority::new());
    sandbox.set("SCI_TIMEOUT", "1s");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let reason = told(&sandbox, &format!("https://localhost:{}", silent.local_addr().unwrap().port()));
    assert!(reason.contains("did not answer: no "), "{reason}");
}
