//! A backend behind its front, and the requests that tests send.

use bytes::Bytes;
use pollster::block_on;
use sci_conformance::fakes::{TestClock, TestKeys};
use sci_conformance::issuer::TestIssuer;
use sci_conformance::state::State;
use sci_native::{MemoryBlobs, Sqlite};
use sci_service::http::{Body, Front, Limits, Method, Reply, Request};
use sci_service::identity::{Gate, Issuer};
use sci_service::{Service, Settings, Sql, Statement};
use sci_store_api::admin::DAY;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::{CreateToken, TokenPower};
use sci_store_api::{Nonce, Registration, Secret, StoreId, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What the backend calls itself.
pub(crate) const URL: &str = "https://sci.example";

/// A backend, its clock and its issuer.
pub(crate) struct Bench {
    pub(crate) front: Front<MemoryBlobs, Sqlite, TestClock, TestKeys, Gate<TestIssuer>>,
    pub(crate) clock: TestClock,
    pub(crate) keys: TestKeys,
    pub(crate) issuer: TestIssuer,
    /// The administrator's token.
    pub(crate) admin: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
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

    pub(crate) fn message(&self) -> String {
        let error: Value = serde_json::from_slice(&self.body).unwrap();
        error["message"].as_str().unwrap().to_owned()
    }
}

impl Default for Bench {
    /// A backend where repository 1001 is registered.
    fn default() -> Self {
        let (clock, keys, issuer) = (TestClock::at(20_000 * DAY), TestKeys::default(), TestIssuer::default());
        let settings = Settings { store: StoreId::new("under-test").unwrap(), lease: DAY };
        let index = Sqlite::memory().unwrap();
        let service =
            block_on(Service::open(MemoryBlobs::default(), index, clock.clone(), keys.clone(), settings)).unwrap();
        let power = TokenPower::Admin;
        let request = CreateToken {
            id: "root".parse().unwrap(),
            power,
            life: 300 * DAY,
            note: String::new(),
            allow_trusted: false,
        };
        let admin = block_on(service.create_token(&request)).unwrap().token.expose().to_owned();
        block_on(service.register(&registration())).unwrap();
        let gate = Gate::new(URL, vec![Issuer::github()], issuer.clone());
        let front = Front::new(service, gate, Limits::default(), "0.0.0");
        Self { front, clock, keys, issuer, admin }
    }
}

pub(crate) fn registration() -> Registration {
    let mut registration = Registration::new("1001".parse().unwrap(), "77", "refs/heads/main");
    registration.release.environments.push("production".to_owned());
    registration.release.workflow_refs.push("o/r/.github/workflows/release.yml@refs/heads/main".to_owned());
    registration
}

impl Bench {
    pub(crate) fn now(&self) -> u64 {
        use sci_service::Clock as _;
        self.clock.now().0 / 1_000
    }

    pub(crate) fn send(&self, method: Method, target: &str, bearer: Option<&str>, body: Body<Bytes>) -> Answer {
        self.send_range(method, target, bearer, body, None)
    }

    pub(crate) fn send_range(
        &self,
        method: Method,
        target: &str,
        bearer: Option<&str>,
        body: Body<Bytes>,
        range: Option<&str>,
    ) -> Answer {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let request = Request {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            bearer: bearer.map(|bearer| Secret::new(bearer.to_owned())),
            range: range.map(str::to_owned),
            body: match body {
                Body::Json(bytes) => Body::Json(bytes),
                Body::Object { length, body } => Body::Object { length, body: body.into() },
            },
        };
        let response = block_on(self.front.handle(request));
        let body = match response.body {
            Reply::Empty => Bytes::new(),
            Reply::Json(bytes) => bytes.into(),
            Reply::Object { length, body } => {
                let body = Bytes::try_from(body).unwrap();
                assert_eq!(length, body.len() as u64);
                body
            }
        };
        Answer { status: response.status, headers: response.headers, body }
    }

    pub(crate) fn get(&self, target: &str, bearer: &str) -> Answer {
        self.send(Method::Get, target, Some(bearer), Body::Json(Vec::new()))
    }

    pub(crate) fn post(&self, target: &str, bearer: &str, body: &impl Serialize) -> Answer {
        self.send(Method::Post, target, Some(bearer), Body::Json(serde_json::to_vec(body).unwrap()))
    }

    /// Asks for a ticket with an identity of these claims.
    pub(crate) fn session(&self, claims: &Value) -> Answer {
        self.post(routes::SESSION, &self.issuer.token(claims), &json!({}))
    }

    pub(crate) fn ticket(&self, claims: &Value) -> String {
        let session: SessionResponse = self.session(claims).read();
        session.ticket.expose().to_owned()
    }

    pub(crate) fn main(&self) -> String {
        self.ticket(&self.issuer.push(URL, self.now()))
    }

    pub(crate) fn pull_request(&self, number: u64) -> String {
        self.ticket(&self.issuer.pull_request(URL, self.now(), number))
    }

    pub(crate) fn begin(&self, ticket: &str, state: &State, nonce: u8) -> Answer {
        let begin = json!({
            "nonce": Nonce::from_bytes([nonce; 32]), "path": "target", "instance": state.instance,
            "key": state.ladder().key(), "bases": [],
        });
        self.post(routes::SAVES, ticket, &begin)
    }

    pub(crate) fn put(&self, ticket: &str, save: &BegunSave, bytes: &Bytes) -> Answer {
        let object = sci_store_api::ObjectId::of(bytes);
        let target = format!("{}?save={}", routes::fill(routes::OBJECT, object), save.save);
        let body = Body::Object { length: bytes.len() as u64, body: bytes.clone() };
        self.send(Method::Put, &target, Some(ticket), body)
    }

    pub(crate) fn commit(&self, ticket: &str, save: &BegunSave, state: &State) -> Answer {
        self.post(&routes::fill(routes::COMMIT, save.save), ticket, &state.commit())
    }

    /// Saves a state from beginning to end.
    pub(crate) fn save(&self, ticket: &str, state: &State, nonce: u8) -> Committed {
        let begun: BegunSave = self.begin(ticket, state, nonce).read();
        for (_, bytes) in state.objects() {
            assert_eq!(self.put(ticket, &begun, &bytes).status, 204);
        }
        self.commit(ticket, &begun, state).read()
    }

    /// The verdict on a state.
    pub(crate) fn resolve(&self, ticket: &str, state: &State) -> Value {
        let answer: Value = self.post(routes::RESOLVE, ticket, &json!({ "paths": [state.query()] })).read();
        answer["paths"][0]["verdict"].clone()
    }

    /// Rows of every table that a request could have written.
    pub(crate) fn rows(&self) -> i64 {
        let count = "SELECT (SELECT count(*) FROM records) + (SELECT count(*) FROM saves) + (SELECT count(*) FROM holds) \
             + (SELECT count(*) FROM objects) + (SELECT count(*) FROM plans) + (SELECT count(*) FROM served) \
             + (SELECT count(*) FROM repositories) + (SELECT count(*) FROM tokens)";
        let rows = block_on(self.front.service().index().query(Statement::new(count, []))).unwrap();
        rows.first().unwrap().integer(0).unwrap()
    }
}
