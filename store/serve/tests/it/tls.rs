//! TLS, and HTTP/2 in it.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sci_serve::{Error, Order, Settings, run_until, tls};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::bench::{Bench, bytes, eventually, log, no_orders, settings};

/// A server with a certificate for `localhost`, and the certificate.
fn with_certificate() -> (Bench, CertificateDer<'static>, tempfile::TempDir) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let files = write(directory.path(), &made.cert.pem(), &made.signing_key.serialize_pem());
    let mut bench = Bench::with(|settings| settings.tls = Some(files));
    let trusted = Certificate::from_der(made.cert.der()).to_owned();
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::new_with_certs(&[trusted]))
        .build();
    bench.agent = Agent::config_builder().http_status_as_error(false).proxy(None).tls_config(tls).build().into();
    (bench, made.cert.der().clone(), directory)
}

fn write(directory: &Path, certificate: &str, key: &str) -> tls::Files {
    let files = tls::Files { certificate: directory.join("cert.pem"), key: directory.join("key.pem") };
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
    files
}

#[test]
fn objects_come_and_go_encrypted() {
    let (bench, _, _directory) = with_certificate();
    let ticket = bench.ticket(1);
    let object = bytes(5_000_000, 1);
    assert_eq!(bench.put(&ticket, None, &object).status, 204);
    assert_eq!(bench.object(&ticket, &object).body, object);
    // Who speaks in the clear gets nothing.
    let mut raw = crate::raw::Raw::open(&bench);
    raw.say("GET /health HTTP/1.1\r\nhost: x\r\n\r\n");
    assert!(!raw.rest().contains("HTTP/1.1 200"));
}

#[test]
fn two_requests_share_a_connection_of_http_2() {
    let (bench, certificate, _directory) = with_certificate();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut roots = RootCertStore::empty();
        roots.add(certificate).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(bench.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let ask = |path: &str| {
            hyper::Request::get(format!("https://localhost{path}")).body(axum::body::Body::empty()).unwrap()
        };
        let (first, second) = (sender.send_request(ask("/health")), ask("/v1/nothing"));
        let second = sender.clone().send_request(second);
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert_eq!((first.status().as_u16(), second.status().as_u16()), (200, 404));
        assert_eq!(first.version(), hyper::Version::HTTP_2);
    });
}

/// A connection that stays open, and the certificate that it was given.
struct Open(StreamOwned<ClientConnection, std::net::TcpStream>);

impl Open {
    fn to(bench: &Bench, trusted: &[&CertificateDer<'static>]) -> Self {
        let mut roots = RootCertStore::empty();
        trusted.iter().for_each(|certificate| roots.add((*certificate).clone()).unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        Self(StreamOwned::new(client, std::net::TcpStream::connect(bench.address).unwrap()))
    }

    /// Asks whether the server is up, and gives its answer's first line.
    fn ask(&mut self) -> String {
        self.0.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"}") {
            self.0.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        String::from_utf8(answer).unwrap().lines().next().unwrap().to_owned()
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.conn.peer_certificates().unwrap()[0].clone().into_owned()
    }
}

#[test]
fn a_certificate_is_exchanged_under_open_connections() {
    let (bench, old, directory) = with_certificate();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let new = made.cert.der().clone();
    let given = || {
        let mut open = Open::to(&bench, &[&old, &new]);
        assert_eq!(open.ask(), "HTTP/1.1 200 OK");
        open.certificate()
    };
    let mut before = Open::to(&bench, &[&old, &new]);
    assert_eq!(before.ask(), "HTTP/1.1 200 OK");
    assert_eq!(before.certificate(), old);
    // Half of an exchange is none: the old one stays.
    std::fs::write(directory.path().join("cert.pem"), made.cert.pem()).unwrap();
    bench.order(Order::Reload);
    log().line("cannot be read again");
    assert_eq!(given(), old);
    write(directory.path(), &made.cert.pem(), &made.signing_key.serialize_pem());
    bench.order(Order::Reload);
    eventually("new connections get it", || given() == new);
    assert_eq!(before.ask(), "HTTP/1.1 200 OK");
}

#[test]
fn files_that_are_no_certificate_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().signing_key.serialize_pem();
    for (cert, key) in [("", key.as_str()), (&cert, ""), (&key, &cert), ("x", "y"), (&cert, &other)] {
        let tls = Some(write(directory.path(), cert, key));
        let settings = Settings { tls, ..settings(&directory.path().join("store")) };
        let refused = run_until(&settings, no_orders, |_| panic!("it listens"));
        assert!(matches!(refused, Err(Error::Tls { .. })), "{refused:?}");
    }
}
