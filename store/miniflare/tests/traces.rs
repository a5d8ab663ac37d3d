//! The same traces on the Worker and on `sci serve`: each answers from its own objects and index, over HTTP, at the same time
//! by the clock that the trace gives both.
//!
//! `cargo xtask traces` plays a thousand; `SCI_SEED=N` plays the one that failed, and says each of its steps.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "whoever asks for more traces, or for one, wants to see how it went")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock};

use pollster::block_on;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::http::Heard;
use sci_conformance::loopback::Loopback;
use sci_conformance::traces::{self, BEGINNING, Played, Setting};
use sci_miniflare::client::Client;
use sci_miniflare::deployed::URL;
use sci_miniflare::gated::{Gated, settings};
use sci_miniflare::{Bundle, Miniflare};
use sci_native::{Disk, Download, Sqlite, Upload};
use sci_serve::Server;
use sci_serve::backend::Backend;
use sci_serve::metrics::Metrics;
use sci_serve::server::Options;
use sci_service::http::{Front, Limits, Request, Response};
use sci_service::identity::{Gate, IssuerKind};
use sci_service::{Clock as _, Error, Service};
use sci_store_api::admin::{GcPolicy, GcReport};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Traces that the suite plays, unless `SCI_TRACES` says otherwise.
const TRACES: u64 = 100;
/// Traces that are played at a time.
const AT_ONCE: usize = 4;

/// Answers that traces must have met, or they do not go everywhere.
const WANTED: [&str; 50] = [
    "POST /v1/session 200",
    "POST /v1/session 400 invalid",
    "POST /v1/session 401 unauthorized",
    "POST /v1/session 403 forbidden",
    "POST /v1/saves 200",
    "POST /v1/saves 400 invalid",
    "POST /v1/saves 401 unauthorized",
    "POST /v1/saves 403 forbidden",
    "POST /v1/saves 404 not-found",
    "POST /v1/saves/{save}/commit 200 saved",
    "POST /v1/saves/{save}/commit 200 already-saved",
    "POST /v1/saves/{save}/commit 400 invalid",
    "POST /v1/saves/{save}/commit 404 not-found",
    "POST /v1/saves/{save}/commit 409 conflict",
    "POST /v1/saves/{save}/commit 422 unknown-object",
    "PUT /v1/objects/{object} 204",
    "PUT /v1/objects/{object} 400 wrong-content",
    "PUT /v1/objects/{object} 404 not-found",
    "PUT /v1/objects/{object} 411 invalid",
    "PUT /v1/objects/{object} 507 quota",
    "GET /v1/objects/{object} 200",
    "GET /v1/objects/{object} 206",
    "GET /v1/objects/{object} 400 invalid",
    "GET /v1/objects/{object} 422 unknown-object",
    "HEAD /v1/objects/{object} 200",
    "HEAD /v1/objects/{object} 206",
    "POST /v1/resolve 200 exact",
    "POST /v1/resolve 200 nearest",
    "POST /v1/resolve 200 miss",
    "POST /v1/resolve 400 invalid",
    "GET /v1/snapshots 200",
    "GET /v1/snapshots 400 invalid",
    "GET /v1/snapshots/{snapshot} 200",
    "GET /v1/snapshots/{snapshot} 404 not-found",
    "DELETE /v1/snapshots/{snapshot} 204",
    "POST /v1/plans 200",
    "GET /v1/plans 200",
    "GET /v1/explain/{plan} 200",
    "PUT /v1/admin/repositories/{repository} 200",
    "PUT /v1/admin/repositories/{repository} 400 invalid",
    "POST /v1/admin/tokens 200",
    "POST /v1/admin/tokens 400 invalid",
    "DELETE /v1/admin/tokens/{token} 200",
    "POST /v1/admin/quarantine 200",
    "POST /v1/admin/forget 204",
    "POST /v1/admin/gc 200",
    "POST /v1/admin/gc 400 invalid",
    "POST /v1/admin/gc/plan 200",
    "GET unknown 404 not-found",
    "GET unknown 426 protocol",
];

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

/// A backend that another one takes the place of.
#[derive(Default)]
struct Exchanged(RwLock<Option<Arc<dyn Backend>>>);

impl Exchanged {
    fn now(&self) -> Arc<dyn Backend> {
        Arc::clone(self.0.read().unwrap().as_ref().unwrap())
    }
}

impl Backend for Exchanged {
    fn handle(&self, request: Request<Upload>) -> Response<Download> {
        self.now().handle(request)
    }

    fn collect(&self, policy: &GcPolicy) -> Result<GcReport, Error> {
        self.now().collect(policy)
    }
}

/// `sci serve`, with an empty store for each trace.
struct Serve {
    backend: Arc<Exchanged>,
    client: Client,
    /// It stops with this.
    _stop: UnboundedSender<sci_serve::Order>,
}

impl Default for Serve {
    fn default() -> Self {
        let options = Options {
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics_listen: None,
            tls: None,
            limits: sci_serve::Limits::default(),
            collect: None,
        };
        let backend = Arc::new(Exchanged::default());
        let bound = Server::bind(Arc::clone(&backend) as Arc<dyn Backend>, Arc::new(Metrics::default()), options);
        let server = RUNTIME.block_on(bound).unwrap();
        let client = Client::new(format!("http://{}", server.address().unwrap()));
        let (stop, stopped) = unbounded_channel();
        RUNTIME.spawn(server.run(stopped));
        Self { backend, client, _stop: stop }
    }
}

impl Serve {
    /// Begins with an empty store; gives its clock, and the token of its administrator.
    fn empty(&self, directory: &TempDir, issuer: &Loopback) -> (TestClock, String) {
        let clock = TestClock::at(BEGINNING);
        let index = Sqlite::open(&directory.path().join("index.sqlite")).unwrap();
        let disk = Disk::open(directory.path()).unwrap();
        let service = block_on(Service::open(disk, index, clock.clone(), TestKeys::default(), settings())).unwrap();
        let admin = block_on(service.create_token(&traces::administrator())).unwrap().token.expose().to_owned();
        let believed = IssuerKind::GitHub.issuer(Some(issuer.url()), None, None).unwrap();
        let gate = Gate::new(URL, vec![believed], issuer.issuer.clone());
        let front = Front::new(service, gate, Limits::default(), "0.0.0");
        *self.backend.0.write().unwrap() = Some(Arc::new(front));
        (clock, admin)
    }
}

/// Both hosts, for one trace after another.
struct Pair<'a> {
    serve: Serve,
    worker: Gated,
    issuer: &'a Loopback,
}

impl Pair<'_> {
    fn play(&self, seed: u64) -> Played {
        let directory = TempDir::new().unwrap();
        let (clock, admin) = self.serve.empty(&directory, self.issuer);
        assert_eq!(self.worker.empty(&clock), admin);
        let (issuer, issuer_url) = (&self.issuer.issuer, self.issuer.url());
        let setting = Setting { audience: URL, issuer, issuer_url: &issuer_url, admin: &admin };
        let serve = |now: u64, heard: &Heard| {
            clock.advance(now - clock.now().0);
            let said = self.serve.client.send(heard);
            if asked("SCI_SEED").is_some() {
                eprintln!("{now} {} {} {} bytes: {}", heard.method, heard.target, heard.body.len(), said.status);
            }
            said
        };
        let worker = |now: u64, heard: &Heard| self.worker.send(now, heard);
        traces::play(seed, &setting, &serve, &worker)
    }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn the_worker_and_sci_serve_answer_alike() {
    let (first, count) = match asked("SCI_SEED") {
        Some(seed) => (seed, 1),
        None => (0, asked("SCI_TRACES").unwrap_or(TRACES)),
    };
    let miniflare = Miniflare::start(env!("CARGO_TARGET_TMPDIR"), Bundle::Testing, &json!({ "worlds": AT_ONCE }));
    let issuer = Loopback::default();
    let (next, played) = (AtomicU64::new(first), Mutex::new(Played::default()));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for world in 0..AT_ONCE {
            let pair = Pair {
                serve: Serve::default(),
                worker: Gated::new(&miniflare.url(), world, issuer.url()),
                issuer: &issuer,
            };
            let (next, played, failed) = (&next, &played, &failed);
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pair.play(seed)));
                    match outcome {
                        Ok(one) => played.lock().unwrap_or_else(PoisonError::into_inner).add(one),
                        Err(_) => failed.lock().unwrap_or_else(PoisonError::into_inner).push(seed),
                    }
                }
            });
        }
    });
    let (played, failed) = (played.into_inner().unwrap(), failed.into_inner().unwrap());
    assert!(failed.is_empty(), "{} of {count} traces were answered differently: SCI_SEED={failed:?}", failed.len());
    if count >= TRACES {
        assert_eq!(played.without(&WANTED), [""; 0], "in {} answers:\n{played}", played.answers());
    }
    if asked("SCI_TRACES").is_some() {
        eprintln!("{count} traces, {} answers\n{played}", played.answers());
    }
}
