//! A server in this process, its issuer, its log, and the requests that tests send.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sci_conformance::loopback::Loopback;
use sci_conformance::state::State;
use sci_native::{LocalAdmin, NoBuckets};
use sci_serve::logging::{self, Format};
use sci_serve::{Error, Limits, Order, Orders, Settings, run_until};
use sci_store_api::admin::DAY;
use sci_store_api::repositories::Quota;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::{CreateToken, TokenPower};
use sci_store_api::{Nonce, ObjectId, Registration, routes};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// What the server calls itself.
pub(crate) const URL: &str = "https://sci.example";

/// A server over a store where repository 1001 is registered.
pub(crate) struct Bench {
    pub(crate) directory: TempDir,
    pub(crate) issuer: Loopback,
    pub(crate) address: SocketAddr,
    pub(crate) agent: Agent,
    /// An administrator's token.
    pub(crate) admin: String,
    scheme: &'static str,
    orders: UnboundedSender<Order>,
    server: Option<JoinHandle<Result<(), Error>>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The stable code of an error.
    pub(crate) fn code(&self) -> String {
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        error["code"].as_str().unwrap().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Default for Bench {
    fn default() -> Self {
        Self::with(|_| {})
    }
}

impl Bench {
    /// A server with other settings.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        log();
        let (directory, issuer) = (TempDir::new().unwrap(), Loopback::default());
        let store = directory.path().join("store");
        let admin = prepare(&store, &issuer.url());
        let issuers = directory.path().join("issuers.toml");
        std::fs::write(&issuers, format!("[[issuer]]\nkind = \"github\"\nurl = \"{}\"\n", issuer.url())).unwrap();
        let mut settings = settings(&store);
        settings.issuers = Some(issuers);
        change(&mut settings);
        let scheme = if settings.tls.is_some() { "https" } else { "http" };
        let (orders, ordered) = unbounded_channel();
        let (tell, told) = channel();
        let server =
            std::thread::spawn(move || run_until(&settings, || Ok(ordered), |address| tell.send(address).unwrap()));
        let address = told.recv_timeout(Duration::from_secs(30)).unwrap();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .build();
        let server = Some(server);
        Self { directory, issuer, address, agent: agent.into(), admin, scheme, orders, server }
    }

    pub(crate) fn store(&self) -> std::path::PathBuf {
        self.directory.path().join("store")
    }

    pub(crate) fn url(&self, target: &str) -> String {
        let host = if self.scheme == "https" { "localhost" } else { "127.0.0.1" };
        format!("{}://{host}:{}{target}", self.scheme, self.address.port())
    }

    /// Tells the server something.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send(order).unwrap();
    }

    /// Waits until it has.
    pub(crate) fn stopped(&mut self) {
        self.server.take().unwrap().join().unwrap().unwrap();
    }

    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = Request::builder().method(method).uri(self.url(target));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = if body.is_empty() && matches!(method, "GET" | "HEAD" | "DELETE") {
            self.agent.run(request.body(()).unwrap()).unwrap()
        } else {
            self.agent.run(request.body(body).unwrap()).unwrap()
        };
        let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
        Answer { status: response.status().as_u16(), headers: response.headers().clone(), body }
    }

    pub(crate) fn get(&self, target: &str, bearer: &str) -> Answer {
        self.send("GET", target, &[("authorization", &format!("Bearer {bearer}"))], b"")
    }

    pub(crate) fn post(&self, target: &str, bearer: &str, body: &impl serde::Serialize) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        self.send("POST", target, &[("authorization", &format!("Bearer {bearer}"))], &body)
    }

    /// A ticket for run `run` on main.
    pub(crate) fn ticket(&self, run: u32) -> String {
        self.opened(&self.issuer.identity(URL, now(), |claims| claims["run_id"] = run.to_string().into()))
    }

    /// A ticket for a pull request against main.
    pub(crate) fn pull_request(&self, number: u64) -> String {
        let claims = self.issuer.issuer.pull_request(URL, now(), number);
        self.opened(&self.issuer.identity(URL, now(), |ours| {
            *ours = claims;
            ours["iss"] = self.issuer.url().into();
        }))
    }

    fn opened(&self, identity: &str) -> String {
        let session: SessionResponse = self.post(routes::SESSION, identity, &json!({})).read();
        session.ticket.expose().to_owned()
    }

    /// Sets the quota of repository 1001.
    pub(crate) fn limit(&self, quota: Quota) {
        let registration = Registration { quota, ..registration(&self.issuer.url()) };
        let target = routes::fill(routes::REPOSITORY, &registration.repository);
        let body = serde_json::to_vec(&registration).unwrap();
        let bearer = format!("Bearer {}", self.admin);
        assert_eq!(self.send("PUT", &target, &[("authorization", &bearer)], &body).status, 200);
    }

    pub(crate) fn begin(&self, ticket: &str, state: &State, nonce: u8) -> BegunSave {
        let begin = json!({
            "nonce": Nonce::from_bytes([nonce; 32]), "path": "target", "instance": state.instance,
            "key": state.ladder().key(), "bases": [],
        });
        self.post(routes::SAVES, ticket, &begin).read()
    }

    /// Puts an object, into a save or the run's own.
    pub(crate) fn put(&self, ticket: &str, save: Option<&BegunSave>, bytes: &[u8]) -> Answer {
        let query = save.map_or_else(String::new, |save| format!("?save={}", save.save));
        let target = routes::fill(routes::OBJECT, ObjectId::of(bytes)) + &query;
        self.send("PUT", &target, &[("authorization", &format!("Bearer {ticket}"))], bytes)
    }

    /// Saves a state from beginning to end.
    pub(crate) fn save(&self, ticket: &str, state: &State, nonce: u8) -> Committed {
        let begun = self.begin(ticket, state, nonce);
        for (_, bytes) in state.objects() {
            assert_eq!(self.put(ticket, Some(&begun), &bytes).status, 204);
        }
        self.post(&routes::fill(routes::COMMIT, begun.save), ticket, &state.commit()).read()
    }

    pub(crate) fn object(&self, ticket: &str, bytes: &[u8]) -> Answer {
        self.get(&routes::fill(routes::OBJECT, ObjectId::of(bytes)), ticket)
    }

    pub(crate) fn metric(&self, name: &str) -> String {
        let text = String::from_utf8(self.send("GET", "/metrics", &[], b"").body).unwrap();
        let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}"))[name.len() + 1..].to_owned()
    }

    /// Files of objects, whole and partial.
    pub(crate) fn files(&self) -> (usize, usize) {
        (count(&self.store().join("objects")), count(&self.store().join("incoming")))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // One that has stopped hears nothing.
        let _ = self.orders.send(Order::Stop);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

/// Orders that nobody gives.
pub(crate) fn no_orders() -> Result<Orders, Error> {
    Ok(unbounded_channel().1)
}

pub(crate) fn settings(store: &Path) -> Settings {
    Settings {
        store: store.to_owned(),
        objects: None,
        connect: Arc::new(NoBuckets),
        listen: ([127, 0, 0, 1], 0).into(),
        metrics_listen: None,
        url: URL.to_owned(),
        issuers: None,
        tls: None,
        collect: None,
        limits: Limits { shutdown: Duration::from_secs(10), ..Limits::default() },
        version: "0.0.0".to_owned(),
    }
}

/// Registers repository 1001, and makes an administrator's token.
fn prepare(store: &Path, issuer: &str) -> String {
    let admin = LocalAdmin::open(store, &NoBuckets).unwrap();
    admin.register(&registration(issuer)).unwrap();
    let request = CreateToken {
        id: "root".parse().unwrap(),
        power: TokenPower::Admin,
        life: 300 * DAY,
        note: String::new(),
        allow_trusted: false,
    };
    admin.create_token(&request).unwrap().token.expose().to_owned()
}

fn registration(issuer: &str) -> Registration {
    let registration = Registration::new("1001".parse().unwrap(), "77", "refs/heads/main");
    Registration { issuer: issuer.to_owned(), ..registration }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// So many bytes that no other call gives.
pub(crate) fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at / 251) as u8 ^ (at as u8).wrapping_mul(31) ^ seed).collect()
}

/// Waits until something is so; fails when it does not become so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn count(directory: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(directory) else { return 0 };
    entries.map(|entry| entry.unwrap().path()).map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

/// The log of this process.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The line that says something, as JSON, once it is written.
    pub(crate) fn line(&self, about: &str) -> Value {
        let find = || self.text().lines().find(|line| line.contains(about)).map(str::to_owned);
        eventually(&format!("no line about {about}"), || find().is_some());
        serde_json::from_str(&find().unwrap()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log of every server of this process.
pub(crate) fn log() -> Log {
    static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        logging::install(Format::Json, move || writer.clone());
        log
    });
    log.clone()
}
