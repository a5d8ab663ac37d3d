//! The Worker's own R2 and D1, as objects and index of a service in this process: through the doors of the bundle for tests.

use std::ops::Range;

use bytes::Bytes;
use sci_conformance::door::Sent;
use sci_service::http::Method;
use sci_service::{Blob, BlobError, BlobKey, Blobs, Row, Rows, Sql, SqlError, Statement, Value};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// The header that names a world.
pub(crate) const WORLD: &str = "x-sci-world";
/// What a request to the bucket is about.
const BLOB: &str = "x-sci-blob";
/// The status of an answer that is an error of an adapter.
const FAILED: u16 = 599;

/// The doors of one world.
#[derive(Debug, Clone)]
pub struct Doors {
    base: String,
    agent: ureq::Agent,
    world: usize,
}

impl Doors {
    /// The doors of world number `world` of the Worker at `base`.
    pub fn new(base: String, world: usize) -> Self {
        // As in `Client`: a connection for each request.
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).max_idle_connections(0);
        Self { base, agent: config.build().into(), world }
    }

    /// Empties the world.
    pub fn reset(&self) {
        let (status, body) = self.post("/test/reset", None, Bytes::new());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }

    /// What the world keeps: the rows of its database, and the keys of its bucket.
    pub fn kept(&self) -> String {
        let (status, body) = self.post("/test/kept", None, Bytes::new());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        String::from_utf8(body).unwrap()
    }

    /// What names the world in a request, with whatever else the front of the bundle is to be given.
    pub fn header(&self, now: u64, key: (&str, u8), public: &impl Serialize) -> String {
        self.world(now, key, public).to_string()
    }

    pub(crate) fn world(&self, now: u64, key: (&str, u8), public: &impl Serialize) -> Json {
        json!({ "world": self.world, "now": now, "key": key, "public": public })
    }

    /// Sends a request to the front of the bundle; `header` is of [`Doors::header`]. Gives the status and the body.
    pub fn send(&self, sent: &Sent, header: &str) -> (u16, Vec<u8>) {
        let url = format!("{}{}", self.base, sent.target);
        let bearer = format!("Bearer {}", sent.ticket);
        macro_rules! request {
            ($method:ident) => {
                self.agent.$method(url).header("authorization", bearer).header(WORLD, header)
            };
        }
        let response = match (sent.method, &sent.range) {
            (Method::Get, Some(range)) => request!(get).header("range", range).call(),
            (Method::Get, None) => request!(get).call(),
            (Method::Head, _) => request!(head).call(),
            (Method::Delete, _) => request!(delete).call(),
            (Method::Post, _) => request!(post).send(&sent.body[..]),
            (Method::Put, _) => request!(put).send(&sent.body[..]),
        };
        read(response.unwrap())
    }

    fn post(&self, path: &str, blob: Option<String>, body: Bytes) -> (u16, Vec<u8>) {
        let none: [String; 0] = [];
        let request = self.agent.post(format!("{}{path}", self.base)).header(WORLD, self.header(0, ("none", 0), &none));
        let request = match blob {
            Some(blob) => request.header(BLOB, blob),
            None => request,
        };
        read(request.send(&body[..]).unwrap())
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> (u16, Vec<u8>) {
    let body = response.body_mut().with_config().limit(1 << 30).read_to_vec().unwrap();
    (response.status().as_u16(), body)
}

/// A value as it travels: a type of this crate and of `worker/testing`, which no crate can share.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Carried {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The Worker's D1.
#[derive(Debug)]
pub struct RemoteSql(pub Doors);

impl Sql for RemoteSql {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>, SqlError> {
        let sent = |value| match value {
            Value::Null => Carried::Null,
            Value::Integer(integer) => Carried::Integer(integer),
            Value::Text(text) => Carried::Text(text),
            Value::Blob(blob) => Carried::Blob(blob),
        };
        let statement = |Statement { sql, params }| (sql, params.into_iter().map(sent).collect::<Vec<_>>());
        let batch: Vec<_> = statements.into_iter().map(statement).collect();
        match self.0.post("/test/index", None, serde_json::to_vec(&batch).unwrap().into()) {
            (200, body) => {
                let rows: Vec<Vec<Vec<Carried>>> = serde_json::from_slice(&body).unwrap();
                Ok(rows.into_iter().map(received).collect())
            }
            (FAILED, body) => match failure(&body) {
                (kind, _) if kind == "constraint" => Err(SqlError::Constraint),
                (_, text) => Err(SqlError::Failed(text)),
            },
            (status, body) => panic!("{status} {}", String::from_utf8_lossy(&body)),
        }
    }
}

fn received(rows: Vec<Vec<Carried>>) -> Rows {
    let value = |sent| match sent {
        Carried::Null => Value::Null,
        Carried::Integer(integer) => Value::Integer(integer),
        Carried::Text(text) => Value::Text(text),
        Carried::Blob(blob) => Value::Blob(blob),
    };
    Rows(rows.into_iter().map(|row| Row(row.into_iter().map(value).collect())).collect())
}

/// The Worker's R2.
#[derive(Debug)]
pub struct RemoteBlobs(pub Doors);

impl RemoteBlobs {
    fn ask(&self, key: &BlobKey, asked: &Json, body: Bytes) -> Result<Vec<u8>, BlobError> {
        let blob = json!([key.repository, key.object, key.number, asked]).to_string();
        match self.0.post("/test/objects", Some(blob), body) {
            (200, body) => Ok(body),
            (FAILED, body) => Err(match failure(&body) {
                (kind, _) if kind == "missing" => BlobError::Missing,
                (kind, _) if kind == "wrong" => {
                    BlobError::WrongContent { object: key.object, fault: "is not what was announced" }
                }
                (_, text) => BlobError::Failed(text),
            }),
            (status, body) => panic!("{status} {}", String::from_utf8_lossy(&body)),
        }
    }

    fn look<T: for<'a> Deserialize<'a>>(&self, key: &BlobKey, asked: &Json) -> Result<T, BlobError> {
        Ok(serde_json::from_slice(&self.ask(key, asked, Bytes::new())?).unwrap())
    }
}

impl Blobs for RemoteBlobs {
    type Upload = Bytes;
    type Download = Bytes;

    async fn put(&self, blob: &Blob, body: Bytes) -> Result<(), BlobError> {
        self.ask(&blob.key, &json!({ "do": "put", "size": blob.size }), body).map(drop)
    }

    async fn get(&self, key: &BlobKey, range: Range<u64>) -> Result<Bytes, BlobError> {
        let asked = json!({ "do": "get", "start": range.start, "end": range.end });
        self.ask(key, &asked, Bytes::new()).map(Bytes::from)
    }

    async fn size(&self, key: &BlobKey) -> Result<Option<u64>, BlobError> {
        self.look(key, &json!({ "do": "size" }))
    }

    async fn is_whole(&self, blob: &Blob) -> Result<bool, BlobError> {
        self.look(&blob.key, &json!({ "do": "whole", "size": blob.size }))
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), BlobError> {
        self.look(key, &json!({ "do": "delete" }))
    }

    async fn flush(&self) -> Result<(), BlobError> {
        Ok(())
    }
}

/// The kind of an adapter's error, and its words.
fn failure(body: &[u8]) -> (String, String) {
    serde_json::from_slice(body).unwrap()
}
