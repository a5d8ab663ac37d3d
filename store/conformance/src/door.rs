//! The way from a case to the service: through the protocol, so that what a suite of tests proves is proven of what a client
//! sees. What a client cannot do (look at rows, delete blobs, collect) goes to the service itself.

use std::fmt::Debug;
use std::ops::{Deref, Range};
use std::sync::Arc;

use bytes::Bytes;
use sci_service::http::{Body, Front, Limits, Method, Reply, Request};
use sci_service::{Access, Caller, Error, Hold, Service};
use sci_store_api::explain::Explanation;
use sci_store_api::plans::{PlanQuery, PlanSummary, RecordPlan};
use sci_store_api::resolve::{ResolveRequest, ResolveResponse};
use sci_store_api::saves::{BeginSave, BegunSave, CommitSave, Committed};
use sci_store_api::session::{Session, SessionRequest, SessionResponse};
use sci_store_api::snapshots::{SnapshotDetail, SnapshotPage, SnapshotQuery};
use sci_store_api::{ApiError, ErrorCode, ObjectId, PlanId, SaveId, Secret, SnapshotId, UnixMillis, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::fakes::{Flaky, Hooked, TestClock, TestKeys};
use crate::world::Harness;

/// The service of a world.
pub type TestService<H> = Service<Hooked<<H as Harness>::Blobs>, Flaky<<H as Harness>::Sql>, TestClock, TestKeys>;
/// The front of a world.
pub type TestFront<H> =
    Front<Hooked<<H as Harness>::Blobs>, Flaky<<H as Harness>::Sql>, TestClock, TestKeys, OpenAccess>;

/// A request as it goes over a wire.
#[derive(Debug)]
pub struct Sent {
    /// The method.
    pub method: Method,
    /// The path, with its query.
    pub target: String,
    /// The ticket.
    pub ticket: String,
    /// The header `Range`.
    pub range: Option<String>,
    /// The body, and whether it is an object.
    pub body: Bytes,
}

/// What comes back: status and body.
#[derive(Debug)]
pub struct Received {
    /// The status.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
}

/// Carries requests to a front.
pub trait Wire: Send + Sync {
    /// Sends a request, and waits for the answer.
    fn send(&self, sent: Sent) -> Received;
}

/// Lets everybody in, as whom they say they are: a ticket is the caller itself. Cases are about what a caller may do.
#[derive(Debug, Clone, Copy)]
pub struct OpenAccess;

impl<B, S, C, K> Access<B, S, C, K> for OpenAccess {
    async fn open(
        &self,
        _service: &Service<B, S, C, K>,
        bearer: Option<&str>,
        _request: &SessionRequest,
    ) -> Result<SessionResponse, Error> {
        let ticket = bearer.unwrap_or_default();
        let caller = caller(ticket);
        let session = Session {
            store: "under-test".parse().unwrap(),
            repository: caller.repository,
            run: caller.run,
            scope_write: caller.scope_write,
            scopes_read: caller.scopes_read,
            public_keys: Vec::new(),
        };
        let (ticket, never) = (Secret::new(ticket.to_owned()), UnixMillis(u64::MAX >> 1));
        Ok(SessionResponse { ticket, expires: never, now: UnixMillis(0), session })
    }

    async fn caller(&self, _service: &Service<B, S, C, K>, ticket: &str) -> Result<Caller, Error> {
        Ok(caller(ticket))
    }
}

fn ticket(caller: &Caller) -> String {
    let Caller { repository, scope_write, scopes_read, run, claims, is_public, sight, quota } = caller;
    let fields = json!([repository, scope_write, scopes_read, run, claims, is_public, sight, quota]);
    data_encoding::BASE64URL_NOPAD.encode(fields.to_string().as_bytes())
}

fn caller(ticket: &str) -> Caller {
    let text = data_encoding::BASE64URL_NOPAD.decode(ticket.as_bytes()).unwrap();
    let (repository, scope_write, scopes_read, run, claims, is_public, sight, quota) =
        serde_json::from_slice(&text).unwrap();
    Caller { repository, scope_write, scopes_read, run, claims, is_public, sight, quota }
}

/// The service of a world, with a client's methods over a wire.
pub struct Door<H: Harness> {
    front: Arc<TestFront<H>>,
    wire: Option<Box<dyn Wire>>,
}

impl<H: Harness> Deref for Door<H> {
    type Target = TestService<H>;

    fn deref(&self) -> &TestService<H> {
        self.front.service()
    }
}

impl<H: Harness> Door<H> {
    pub(crate) fn new(service: TestService<H>, harness: &H) -> Self {
        let front = Arc::new(Front::new(service, OpenAccess, Limits::default(), "0.0.0"));
        let wire = harness.wire(Arc::clone(&front));
        Self { front, wire }
    }

    async fn send(&self, sent: Sent) -> Received {
        match &self.wire {
            Some(wire) => wire.send(sent),
            None => direct::<H>(&self.front, sent).await,
        }
    }

    async fn bytes(&self, method: Method, target: String, caller: &Caller, body: Bytes) -> Result<Bytes, Error> {
        let sent = Sent { method, target, ticket: ticket(caller), range: None, body };
        understood(self.send(sent).await)
    }

    async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        target: impl Into<String>,
        caller: &Caller,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_value(body).unwrap();
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let answer = self.bytes(method, target.into(), caller, body).await?;
        let text: &[u8] = if answer.is_empty() { b"null" } else { &answer };
        Ok(serde_json::from_slice(text).unwrap())
    }

    /// `POST /v1/saves`.
    pub async fn begin_save(&self, caller: &Caller, request: &BeginSave) -> Result<BegunSave, Error> {
        self.json(Method::Post, routes::SAVES, caller, request).await
    }

    /// `POST /v1/saves/{save}/commit`.
    pub async fn commit_save(&self, caller: &Caller, id: SaveId, request: &CommitSave) -> Result<Committed, Error> {
        self.json(Method::Post, routes::fill(routes::COMMIT, id), caller, request).await
    }

    /// `POST /v1/resolve`.
    pub async fn resolve(&self, caller: &Caller, request: &ResolveRequest) -> Result<ResolveResponse, Error> {
        self.json(Method::Post, routes::RESOLVE, caller, request).await
    }

    /// `POST /v1/plans`.
    pub async fn record_plan(&self, caller: &Caller, request: &RecordPlan) -> Result<PlanId, Error> {
        self.json(Method::Post, routes::PLANS, caller, request).await
    }

    /// `GET /v1/plans`.
    pub async fn plans(&self, caller: &Caller, query: &PlanQuery) -> Result<Vec<PlanSummary>, Error> {
        self.json(Method::Get, format!("{}?{}", routes::PLANS, query.parameters()), caller, &Value::Null).await
    }

    /// `GET /v1/explain/{plan}`.
    pub async fn explain(&self, caller: &Caller, plan: &PlanId) -> Result<Explanation, Error> {
        self.json(Method::Get, routes::fill(routes::EXPLAIN, plan), caller, &Value::Null).await
    }

    /// `GET /v1/snapshots`.
    pub async fn snapshots(&self, caller: &Caller, query: &SnapshotQuery) -> Result<SnapshotPage, Error> {
        self.json(Method::Get, format!("{}?{}", routes::SNAPSHOTS, query.parameters()), caller, &Value::Null).await
    }

    /// `GET /v1/snapshots/{snapshot}`.
    pub async fn snapshot(&self, caller: &Caller, id: &SnapshotId) -> Result<SnapshotDetail, Error> {
        self.json(Method::Get, routes::fill(routes::SNAPSHOT, id), caller, &Value::Null).await
    }

    /// `DELETE /v1/snapshots/{snapshot}`.
    pub async fn forget(&self, caller: &Caller, id: &SnapshotId) -> Result<(), Error> {
        self.json(Method::Delete, routes::fill(routes::SNAPSHOT, id), caller, &Value::Null).await
    }

    /// `PUT /v1/objects/{object}`. A body of another length than announced is what no wire carries: that goes to the service.
    pub async fn put_object(
        &self,
        caller: &Caller,
        hold: Hold,
        object: ObjectId,
        size: u64,
        body: Bytes,
    ) -> Result<(), Error> {
        if size != body.len() as u64 {
            return self.front.service().put_object(caller, hold, object, size, body.into()).await;
        }
        let target = routes::fill(routes::OBJECT, object);
        let target = match hold {
            Hold::Save(save) => format!("{target}?{}={save}", routes::SAVE_PARAMETER),
            Hold::Run => target,
        };
        self.bytes(Method::Put, target, caller, body).await.map(drop)
    }

    /// `GET /v1/objects/{object}` with a range. An empty one, or one beyond the end, is what no header says.
    pub async fn get_object(&self, caller: &Caller, object: &ObjectId, range: Range<u64>) -> Result<Bytes, Error> {
        let blob = self.front.service().authorise(caller, object).await;
        if range.start >= range.end || blob.is_ok_and(|blob| range.end > blob.size) {
            let found = self.front.service().get_object(caller, object, range).await?;
            return Ok(whole(found));
        }
        let sent = Sent {
            method: Method::Get,
            target: routes::fill(routes::OBJECT, object),
            ticket: ticket(caller),
            range: Some(format!("bytes={}-{}", range.start, range.end - 1)),
            body: Bytes::new(),
        };
        understood(self.send(sent).await)
    }
}

fn whole<D: TryInto<Bytes, Error: Debug>>(found: D) -> Bytes {
    found.try_into().unwrap()
}

fn understood(received: Received) -> Result<Bytes, Error> {
    match received.status {
        200..=299 => Ok(received.body),
        status => {
            let error: ApiError = serde_json::from_slice(&received.body)
                .unwrap_or_else(|error| panic!("{error}: {status} {:?}", received.body));
            assert_eq!(error.code.status(), status);
            Err(Error::Refused(error))
        }
    }
}

/// Calls the front in this process.
pub async fn direct<H: Harness>(front: &TestFront<H>, sent: Sent) -> Received {
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let is_object = sent.method == Method::Put && routes::matched(routes::OBJECT, path).is_some();
    let body = if is_object {
        Body::Object { length: sent.body.len() as u64, body: sent.body.into() }
    } else {
        Body::Json(sent.body.to_vec())
    };
    let request = Request {
        method: sent.method,
        path: path.to_owned(),
        query: query.to_owned(),
        bearer: Some(Secret::new(sent.ticket)),
        range: sent.range,
        body,
    };
    let response = front.handle(request).await;
    let body = match response.body {
        Reply::Empty => Bytes::new(),
        Reply::Json(bytes) => bytes.into(),
        // A body that cannot be read ends a connection; here it is the error that it would be to a client.
        Reply::Object { body, .. } => match body.try_into() {
            Ok(body) => body,
            Err(error) => {
                let error = ApiError::new(ErrorCode::UnknownObject, format!("{error:?}"));
                return Received { status: error.code.status(), body: serde_json::to_vec(&error).unwrap().into() };
            }
        },
    };
    Received { status: response.status, body }
}
