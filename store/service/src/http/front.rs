//! Routes to methods of the service.

use sci_store_api::admin::{Collect, Forget, GcPolicy, Quarantine, Quarantined, RotateKey};
use sci_store_api::plans::RecordPlan;
use sci_store_api::repositories::Registration;
use sci_store_api::resolve::ResolveRequest;
use sci_store_api::saves::{BeginSave, CommitSave};
use sci_store_api::session::{Health, PROTOCOL, SessionRequest};
use sci_store_api::tokens::CreateToken;
use sci_store_api::{ApiError, ErrorCode, ObjectId, PlanId, RepositoryId, RunId, SaveId, SnapshotId, TokenId, routes};
use serde::de::DeserializeOwned;

use super::message::{Body, Method, Reply, Request, Response};
use super::{query, range};
use crate::blobs::Blobs;
use crate::caller::Caller;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::objects::Hold;
use crate::service::Service;
use crate::sessions::Access;
use crate::sql::Sql;

/// What a host allows.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The shortest time of grace that a collection may be asked for, in milliseconds.
    pub least_grace: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { least_grace: sci_store_api::admin::DAY }
    }
}

/// The service behind its routes.
#[derive(Debug)]
pub struct Front<B, S, C, K, A> {
    service: Service<B, S, C, K>,
    access: A,
    limits: Limits,
    version: String,
}

type Answer<B> = Result<Response<<B as Blobs>::Download>, Error>;

impl<B: Blobs, S: Sql, C: Clock, K: Keys, A: Access<B, S, C, K>> Front<B, S, C, K, A> {
    /// Puts a service behind its routes. `version` is the program's.
    pub fn new(service: Service<B, S, C, K>, access: A, limits: Limits, version: impl Into<String>) -> Self {
        Self { service, access, limits, version: version.into() }
    }

    /// The service, for the host's own use.
    pub const fn service(&self) -> &Service<B, S, C, K> {
        &self.service
    }

    /// Answers a request. Whatever goes wrong is in the response.
    pub async fn handle(&self, request: Request<B::Upload>) -> Response<B::Download> {
        let Some(route) = route(&request.path) else { return Response::error(NO_ROUTE, no_route(&request.path)) };
        let mut asked = None;
        let answer = if route.starts_with("/v1/admin/") {
            self.administer(route, request).await
        } else {
            self.serve(route, request, &mut asked).await
        };
        let response = answer.unwrap_or_else(|error| Response::error(route, error));
        Response { asked, ..response }
    }

    async fn serve(
        &self,
        route: &'static str,
        request: Request<B::Upload>,
        asked: &mut Option<(RepositoryId, RunId)>,
    ) -> Answer<B> {
        let service = &self.service;
        let bearer = request.bearer.as_ref().map(sci_store_api::Secret::expose);
        match (route, request.method) {
            (routes::HEALTH, Method::Get | Method::Head) => return Response::json(route, &self.health()),
            (routes::SESSION, Method::Post) => {
                let wanted: SessionRequest = json(&request.body)?;
                let opened = self.access.open(service, bearer, &wanted).await?;
                *asked = Some((opened.session.repository.clone(), opened.session.run.clone()));
                return Response::json(route, &opened);
            }
            _ => {}
        }
        let caller = self.access.caller(service, bearer.unwrap_or_default()).await?;
        *asked = Some((caller.repository.clone(), caller.run.clone()));
        let name = routes::matched(route, &request.path).unwrap_or_default();
        match (route, request.method) {
            (routes::OBJECT, method) => self.object(method, &caller, parse(name)?, request).await,
            (routes::RESOLVE, Method::Post) => {
                Response::json(route, &service.resolve(&caller, &json::<ResolveRequest, _>(&request.body)?).await?)
            }
            (routes::SAVES, Method::Post) => {
                Response::json(route, &service.begin_save(&caller, &json::<BeginSave, _>(&request.body)?).await?)
            }
            (routes::COMMIT, Method::Post) => {
                let commit: CommitSave = json(&request.body)?;
                Response::json(route, &service.commit_save(&caller, parse::<SaveId>(name)?, &commit).await?)
            }
            (routes::PLANS, Method::Post) => {
                Response::json(route, &service.record_plan(&caller, &json::<RecordPlan, _>(&request.body)?).await?)
            }
            (routes::PLANS, Method::Get) => {
                Response::json(route, &service.plans(&caller, &query::plans(&request.query)?).await?)
            }
            (routes::EXPLAIN, Method::Get) => {
                Response::json(route, &service.explain(&caller, &parse::<PlanId>(name)?).await?)
            }
            (routes::SNAPSHOTS, Method::Get) => {
                Response::json(route, &service.snapshots(&caller, &query::snapshots(&request.query)?).await?)
            }
            (routes::SNAPSHOT, Method::Get) => {
                Response::json(route, &service.snapshot(&caller, &parse::<SnapshotId>(name)?).await?)
            }
            (routes::SNAPSHOT, Method::Delete) => {
                service.forget(&caller, &parse::<SnapshotId>(name)?).await?;
                Ok(Response::empty(route, 204))
            }
            _ => Err(no_method()),
        }
    }

    async fn object(
        &self,
        method: Method,
        caller: &Caller,
        object: ObjectId,
        request: Request<B::Upload>,
    ) -> Answer<B> {
        let route = routes::OBJECT;
        match (method, request.body) {
            (Method::Put, Body::Object { length, body }) => {
                let hold = query::parameter(&request.query, routes::SAVE_PARAMETER)?.map_or(Hold::Run, Hold::Save);
                self.service.put_object(caller, hold, object, length, body).await?;
                Ok(Response::empty(route, 204))
            }
            (Method::Get | Method::Head, _) => {
                let blob = self.service.authorise(caller, &object).await?;
                let part = range::part(request.range.as_deref(), blob.size).ok_or_else(|| {
                    Error::refused(ErrorCode::Invalid, "the range begins beyond the end of the object")
                })?;
                let is_whole = part == (0..blob.size);
                let length = part.end - part.start;
                let mut response = Response::empty(route, if is_whole { 200 } else { 206 });
                response.headers.push(("accept-ranges", "bytes".to_owned()));
                // An object's address is the digest of its bytes: it never changes.
                response.headers.push(("etag", format!("\"{object}\"")));
                if !is_whole {
                    let range = format!("bytes {}-{}/{}", part.start, part.end.saturating_sub(1), blob.size);
                    response.headers.push(("content-range", range));
                }
                if method == Method::Head {
                    response.headers.push(("content-length", length.to_string()));
                } else {
                    response.body = Reply::Object { length, body: self.service.open_blob(&blob, part).await? };
                }
                Ok(response)
            }
            _ => Err(no_method()),
        }
    }

    async fn administer(&self, route: &'static str, request: Request<B::Upload>) -> Answer<B> {
        let service = &self.service;
        service.administrator(request.bearer.as_ref().map(sci_store_api::Secret::expose)).await?;
        let name = routes::matched(route, &request.path).unwrap_or_default();
        match (route, request.method) {
            (routes::REPOSITORIES, Method::Get) => Response::json(route, &service.repositories().await?),
            (routes::REPOSITORY, Method::Get) => {
                let found = service.registration(&parse::<RepositoryId>(name)?).await?;
                let absent = || Error::refused(ErrorCode::NotFound, format!("repository {name} is not registered"));
                Response::json(route, &found.ok_or_else(absent)?)
            }
            (routes::REPOSITORY, Method::Put) => {
                let registration: Registration = json(&request.body)?;
                if registration.repository.as_str() != name {
                    return Err(Error::refused(ErrorCode::Invalid, "the registration is another repository's"));
                }
                service.register(&registration).await?;
                Response::json(route, &registration)
            }
            (routes::TOKENS, Method::Get) => Response::json(route, &service.tokens().await?),
            (routes::TOKENS, Method::Post) => {
                Response::json(route, &service.create_token(&json::<CreateToken, _>(&request.body)?).await?)
            }
            (routes::TOKEN, Method::Delete) => {
                Response::json(route, &service.revoke_token(&parse::<TokenId>(name)?).await?)
            }
            (routes::QUARANTINE, Method::Post) => {
                let snapshots = service.quarantine(&json::<Quarantine, _>(&request.body)?).await?;
                Response::json(route, &Quarantined { snapshots })
            }
            (routes::FORGET, Method::Post) => {
                let Forget { repository, snapshot } = json(&request.body)?;
                service.forget_any(&repository, &snapshot).await?;
                Ok(Response::empty(route, 204))
            }
            (routes::GC, Method::Post) => {
                let Collect { repository, policy } = json(&request.body)?;
                self.check_policy(&policy)?;
                Response::json(route, &service.gc(repository.as_ref(), &policy).await?)
            }
            (routes::GC_PLAN, Method::Post) => {
                let Collect { repository, policy } = json(&request.body)?;
                self.check_policy(&policy)?;
                Response::json(route, &service.plan_gc(repository.as_ref(), &policy).await?)
            }
            (routes::KEYS, Method::Get) => Response::json(route, &service.public_keys().await?),
            (routes::KEYS, Method::Post) => {
                Response::json(route, &service.rotate_key(&json::<RotateKey, _>(&request.body)?).await?)
            }
            _ => Err(no_method()),
        }
    }

    fn check_policy(&self, policy: &GcPolicy) -> Result<(), Error> {
        if policy.grace >= self.limits.least_grace {
            return Ok(());
        }
        let message = format!("the time of grace is at least {} ms here", self.limits.least_grace);
        Err(Error::refused(ErrorCode::Invalid, message))
    }

    fn health(&self) -> Health {
        Health {
            store: self.service.store().clone(),
            version: self.version.clone(),
            oldest_protocol: PROTOCOL,
            newest_protocol: PROTOCOL,
        }
    }
}

/// Every route, the ones with a name in them last.
const ROUTES: [&str; 19] = [
    routes::HEALTH,
    routes::SESSION,
    routes::RESOLVE,
    routes::SAVES,
    routes::PLANS,
    routes::SNAPSHOTS,
    routes::REPOSITORIES,
    routes::TOKENS,
    routes::QUARANTINE,
    routes::FORGET,
    routes::GC,
    routes::GC_PLAN,
    routes::KEYS,
    routes::COMMIT,
    routes::OBJECT,
    routes::SNAPSHOT,
    routes::EXPLAIN,
    routes::REPOSITORY,
    routes::TOKEN,
];

/// What a path that is no route's counts as.
pub const NO_ROUTE: &str = "unknown";

/// The route of a path, for metrics and limits.
pub fn route(path: &str) -> Option<&'static str> {
    ROUTES.into_iter().find(|route| routes::matched(route, path).is_some())
}

/// A client of another protocol asks for routes that begin with another version.
fn no_route(path: &str) -> Error {
    let version = path.strip_prefix("/v").and_then(|rest| rest.split('/').next());
    match version.and_then(|text| text.parse::<u32>().ok()) {
        Some(version) if version != PROTOCOL => {
            let message = format!("this backend speaks protocol {PROTOCOL}, and was asked in protocol {version}");
            let hint = if version < PROTOCOL { "upgrade this sci" } else { "upgrade the backend, or use an older sci" };
            Error::Refused(ApiError::new(ErrorCode::Protocol, message).with_hint(hint))
        }
        _ => Error::refused(ErrorCode::NotFound, "there is no such route"),
    }
}

fn no_method() -> Error {
    Error::refused(ErrorCode::Invalid, "this route does not take this method")
}

fn json<T: DeserializeOwned, U>(body: &Body<U>) -> Result<T, Error> {
    let Body::Json(bytes) = body else { return Err(no_method()) };
    let text: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let invalid = |error: serde_json::Error| {
        Error::refused(ErrorCode::Invalid, format!("the request's body is not what the route takes: {error}"))
    };
    serde_json::from_slice(text).map_err(invalid)
}

/// A name in a path. What cannot be one names nothing.
fn parse<T: std::str::FromStr>(name: &str) -> Result<T, Error> {
    name.parse().map_err(|_| Error::refused(ErrorCode::NotFound, "there is no such thing"))
}
