//! Doors for a suite of tests: the Worker's adapters by themselves, and a front over them whose clock and keys the request
//! names, and either its issuer or its very caller. Each world of a suite has a bucket and a database of its own. None of this
//! is in the bundle that is deployed.
#![allow(async_fn_in_trait, reason = "a Worker has one thread, so nothing asks for Send")]

mod access;

use std::cell::RefCell;
use std::collections::BTreeSet;

use access::{Kept, OpenAccess, Wanted};
use sci_service::http::{Front, Limits};
use sci_service::{
    Access, Blob, BlobError, BlobKey, Blobs as _, Clock, HeldKeys, Row, Rows, Service, Settings, Sql as _, SqlError,
    Statement, Value,
};
use sci_store_api::admin::DAY;
use sci_store_api::dsse::{PublicKey, SecretKey};
use sci_store_api::{KeyId, UnixMillis};
use sci_worker::blobs::{Download, R2, Upload};
use sci_worker::sql::D1;
use sci_worker::{answer, host, incoming};
use serde::{Deserialize, Serialize};
use serde_json::json;
use worker::{Context, Env, Request, Response, event};

/// The header that names a world.
const WORLD: &str = "x-sci-world";
/// What a request to the bucket is about.
const BLOB: &str = "x-sci-blob";

#[derive(Deserialize)]
struct World {
    world: usize,
    now: u64,
    key: (KeyId, u8),
    public: Vec<PublicKey>,
    #[serde(default)]
    gate: Option<Wanted>,
}

/// A request of a suite.
#[event(fetch, respond_with_errors)]
async fn fetch(mut request: Request, env: Env, _context: Context) -> worker::Result<Response> {
    let header = request.headers().get(WORLD)?.unwrap_or_default();
    let world: World = serde_json::from_str(&header)?;
    let blobs = R2(env.bucket(&format!("OBJECTS_{}", world.world))?);
    let index = D1::new(env.d1(&format!("INDEX_{}", world.world))?);
    match request.path().as_str() {
        "/test/reset" => {
            access::forget(world.world);
            reset(&blobs, &index).await
        }
        "/test/kept" => kept_of(&blobs, &index).await,
        "/test/index" => run(&index, &request.bytes().await?).await,
        "/test/objects" => object(&blobs, &mut request).await,
        "/test/panic" => panic!("the test wants it so"),
        _ => handle(blobs, index, world, &mut request).await,
    }
}

/// The service of one request.
type Given = Service<R2, D1, GivenClock, HeldKeys>;

async fn handle(blobs: R2, index: D1, world: World, request: &mut Request) -> worker::Result<Response> {
    let World { world, now, key: (id, seed), public, gate } = world;
    let keys = HeldKeys::new(SecretKey::from_seed(id, &[seed; 32]), public);
    let settings = Settings { store: "under-test".parse().map_err(|_| "no id")?, lease: DAY };
    let service =
        Service::open(blobs, index, GivenClock(now), keys, settings).await.map_err(|error| error.to_string())?;
    match gate {
        Some(wanted) => respond(service, Kept::of(world, wanted), request).await,
        None => respond(service, OpenAccess, request).await,
    }
}

async fn respond<A>(service: Given, access: A, request: &mut Request) -> worker::Result<Response>
where
    A: Access<R2, D1, GivenClock, HeldKeys>,
{
    let front = Front::new(service, access, Limits::default(), "0.0.0");
    match incoming::read(request).await {
        Ok(asked) => answer::from_service(host::receive(&front, asked).await, "test"),
        Err(refusal) => answer::from_refusal(&refusal, "test"),
    }
}

async fn reset(blobs: &R2, index: &D1) -> worker::Result<Response> {
    loop {
        let page = blobs.0.list().execute().await?;
        let keys: Vec<String> = page.objects().iter().map(worker::Object::key).collect();
        if keys.is_empty() {
            break;
        }
        blobs.0.delete_multiple(keys).await?;
    }
    let tables = tables(index).await.map_err(|error| error.to_string())?;
    let batch: Vec<Statement> =
        tables.iter().map(|table| Statement::new(kept(&format!("DROP TABLE {table}")), [])).collect();
    if !batch.is_empty() {
        index.batch(batch).await.map_err(|error| error.to_string())?;
    }
    Response::empty()
}

/// The rows of every table, and the keys of every object.
async fn kept_of(blobs: &R2, index: &D1) -> worker::Result<Response> {
    let failed = |error: SqlError| worker::Error::from(error.to_string());
    let tables = tables(index).await.map_err(failed)?;
    let rows = |table: &String| Statement::new(kept(&format!("SELECT * FROM {table}")), []);
    let rows = index.batch(tables.iter().map(rows).collect()).await.map_err(failed)?;
    let page = blobs.0.list().execute().await?;
    let keys: Vec<String> = page.objects().iter().map(worker::Object::key).collect();
    Response::from_json(&json!([rows.into_iter().map(sent).collect::<Vec<_>>(), keys]))
}

/// The tables of the service.
async fn tables(index: &D1) -> Result<Vec<String>, SqlError> {
    let tables = Statement::new(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND name NOT LIKE '_cf_%'",
        [],
    );
    index.query(tables).await?.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// A value as it travels.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sent {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

async fn run(index: &D1, body: &[u8]) -> worker::Result<Response> {
    let batch: Vec<(String, Vec<Sent>)> = serde_json::from_slice(body)?;
    let value = |sent| match sent {
        Sent::Null => Value::Null,
        Sent::Integer(integer) => Value::Integer(integer),
        Sent::Text(text) => Value::Text(text),
        Sent::Blob(blob) => Value::Blob(blob),
    };
    let statement = |(sql, params): (String, Vec<Sent>)| Statement {
        sql: kept(&sql),
        params: params.into_iter().map(value).collect(),
    };
    match index.batch(batch.into_iter().map(statement).collect()).await {
        Ok(rows) => Response::from_json(&rows.into_iter().map(sent).collect::<Vec<_>>()),
        Err(SqlError::Constraint) => failed("constraint", ""),
        Err(error) => failed("failed", &error.to_string()),
    }
}

fn sent(Rows(rows): Rows) -> Vec<Vec<Sent>> {
    let value = |value| match value {
        Value::Null => Sent::Null,
        Value::Integer(integer) => Sent::Integer(integer),
        Value::Text(text) => Sent::Text(text),
        Value::Blob(blob) => Sent::Blob(blob),
    };
    rows.into_iter().map(|Row(values)| values.into_iter().map(value).collect()).collect()
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
enum Asked {
    Put { size: u64 },
    Get { start: u64, end: u64 },
    Size,
    Whole { size: u64 },
    Delete,
}

async fn object(blobs: &R2, request: &mut Request) -> worker::Result<Response> {
    let header = request.headers().get(BLOB)?.unwrap_or_default();
    let (repository, object, number, asked): (_, _, _, Asked) = serde_json::from_str(&header)?;
    let key = BlobKey { repository, object, number };
    let outcome = match asked {
        Asked::Put { size } => {
            let body = request.bytes().await?;
            blobs.put(&Blob { key, size }, Upload::Bytes(body)).await.map(|()| json!(null))
        }
        Asked::Size => blobs.size(&key).await.map(|size| json!(size)),
        Asked::Whole { size } => blobs.is_whole(&Blob { key, size }).await.map(|whole| json!(whole)),
        Asked::Delete => blobs.delete(&key).await.map(|()| json!(null)),
        Asked::Get { start, end } => match blobs.get(&key, start..end).await {
            Ok(Download::Empty) => return Response::empty(),
            Ok(Download::Object(object)) => {
                let body = object.body().ok_or("no body")?;
                return Response::from_bytes(body.bytes().await?);
            }
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(value) => Response::from_json(&value),
        Err(BlobError::WrongContent { fault, .. }) => failed("wrong", fault),
        Err(BlobError::Missing) => failed("missing", ""),
        Err(error) => failed("failed", &error.to_string()),
    }
}

fn failed(kind: &str, text: &str) -> worker::Result<Response> {
    Ok(Response::from_json(&json!([kind, text]))?.with_status(599))
}

thread_local! {
    static TEXTS: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// A text for ever: a suite has few different statements.
fn kept(text: &str) -> &'static str {
    TEXTS.with_borrow_mut(|texts| match texts.get(text) {
        Some(kept) => kept,
        None => {
            let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
            texts.insert(kept);
            kept
        }
    })
}

struct GivenClock(u64);

impl Clock for GivenClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.0)
    }
}
