//! The conformance suite over the wire: a real server on loopback, a real HTTP client, whatever keeps objects and rows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Read as _;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use sci_conformance::Harness;
use sci_conformance::door::{Received, Sent, TestFront, Wire};
use sci_native::{Disk, MemoryBlobs, Sqlite};
use sci_serve::Server;
use sci_serve::metrics::Metrics;
use sci_serve::server::Options;
use sci_service::http::Method;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Every server of this process.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// One server and a client of it.
struct Http {
    base: String,
    agent: ureq::Agent,
    _stop: tokio::sync::mpsc::UnboundedSender<sci_serve::Order>,
}

fn serve<H: Harness>(front: Arc<TestFront<H>>) -> Option<Box<dyn Wire>>
where
    TestFront<H>: sci_serve::backend::Backend,
{
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics_listen: None,
        tls: None,
        limits: sci_serve::Limits::default(),
        collect: None,
    };
    let server = RUNTIME.block_on(Server::bind(front, Arc::new(Metrics::default()), options)).unwrap();
    let base = format!("http://{}", server.address().unwrap());
    let (stop, stopped) = tokio::sync::mpsc::unbounded_channel();
    // The world that is dropped drops its sender, and with it the server.
    RUNTIME.spawn(server.run(stopped));
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    Some(Box::new(Http { base, agent, _stop: stop }))
}

impl Wire for Http {
    fn send(&self, sent: Sent) -> Received {
        let url = format!("{}{}", self.base, sent.target);
        let bearer = format!("Bearer {}", sent.ticket);
        let response = match sent.method {
            Method::Get => {
                let request = self.agent.get(url).header("authorization", bearer);
                match sent.range {
                    Some(range) => request.header("range", range),
                    None => request,
                }
                .call()
            }
            Method::Delete => self.agent.delete(url).header("authorization", bearer).call(),
            Method::Post => self.agent.post(url).header("authorization", bearer).send(&sent.body[..]),
            Method::Put => self.agent.put(url).header("authorization", bearer).send(&sent.body[..]),
            Method::Head => self.agent.head(url).header("authorization", bearer).call(),
        };
        let mut response = response.unwrap();
        let mut body = Vec::new();
        response.body_mut().as_reader().read_to_end(&mut body).unwrap();
        Received { status: response.status().as_u16(), body: Bytes::from(body) }
    }
}

mod disk {
    use super::*;

    struct OnDisk(TempDir);

    impl Default for OnDisk {
        fn default() -> Self {
            Self(TempDir::new().unwrap())
        }
    }

    impl Harness for OnDisk {
        type Blobs = Disk;
        type Sql = Sqlite;

        fn open(&self) -> (Disk, Sqlite) {
            (Disk::open(self.0.path()).unwrap(), Sqlite::open(&self.0.path().join("index.sqlite")).unwrap())
        }

        fn wire(&self, front: Arc<TestFront<Self>>) -> Option<Box<dyn Wire>> {
            serve::<Self>(front)
        }
    }

    sci_conformance::suite!(OnDisk);
}

mod memory {
    use super::*;

    #[derive(Default)]
    struct InMemory;

    impl Harness for InMemory {
        type Blobs = MemoryBlobs;
        type Sql = Sqlite;

        fn open(&self) -> (MemoryBlobs, Sqlite) {
            (MemoryBlobs::default(), Sqlite::memory().unwrap())
        }

        fn wire(&self, front: Arc<TestFront<Self>>) -> Option<Box<dyn Wire>> {
            serve::<Self>(front)
        }
    }

    sci_conformance::suite!(InMemory);
}

mod bucket {
    use sci_conformance::moto::Moto;
    use sci_native::{Bucket, Connect as _, Objects, Way};
    use sci_s3::S3Connect;

    use super::*;

    /// One for all cases, so that they are one test.
    static MOTO: LazyLock<Moto> = LazyLock::new(|| Moto::start(env!("CARGO_TARGET_TMPDIR")));

    struct InABucket {
        bucket: String,
        index: TempDir,
    }

    impl Default for InABucket {
        fn default() -> Self {
            Self { bucket: MOTO.bucket(), index: TempDir::new().unwrap() }
        }
    }

    impl Harness for InABucket {
        type Blobs = Objects;
        type Sql = Sqlite;

        fn open(&self) -> (Objects, Sqlite) {
            let way = Way { endpoint: Some(MOTO.url()), ..Way::default() };
            let bucket = Bucket::new(&format!("s3://{}/a/prefix", self.bucket), way).unwrap();
            let credentials =
                |name: &str| matches!(name, "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY").then_some("test");
            let elsewhere = S3Connect::new(credentials).connect(&bucket, &"under-test".parse().unwrap()).unwrap();
            (Objects::Elsewhere(elsewhere), Sqlite::open(&self.index.path().join("index.sqlite")).unwrap())
        }

        fn wire(&self, front: Arc<TestFront<Self>>) -> Option<Box<dyn Wire>> {
            serve::<Self>(front)
        }
    }

    #[test]
    fn every_case_of_the_suite() {
        sci_conformance::run_all(sci_conformance::suite_list!(InABucket));
    }
}
