//! Who is let in: by an issuer that the suite names, or anybody.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use sci_service::identity::{Gate, IssuerKind};
use sci_service::{Access, Blobs, Caller, Clock, Error, Keys, Service, Sql};
use sci_store_api::ErrorCode;
use sci_store_api::session::{SessionRequest, SessionResponse};
use sci_worker::fetch::IssuerKeys;
use serde::Deserialize;

/// The gate that a request wants.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    audience: String,
    issuer: String,
}

thread_local! {
    static GATES: RefCell<BTreeMap<usize, Rc<Gate<IssuerKeys>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// Forgets the gate of a world, and the keys that it has.
pub(crate) fn forget(world: usize) {
    GATES.with_borrow_mut(|gates| gates.remove(&world));
}

/// The deployed bundle's gate, which the isolate keeps between requests: one for each world.
pub(crate) struct Kept(Rc<Gate<IssuerKeys>>);

impl Kept {
    /// The gate of a world, as its first request wanted it.
    pub(crate) fn of(world: usize, Wanted { audience, issuer }: Wanted) -> Self {
        let make = || {
            Rc::new(Gate::new(
                audience,
                IssuerKind::GitHub.issuer(Some(issuer), None, None).into_iter().collect(),
                IssuerKeys,
            ))
        };
        Self(GATES.with_borrow_mut(|gates| Rc::clone(gates.entry(world).or_insert_with(make))))
    }
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Access<B, S, C, K> for Kept {
    async fn open(
        &self,
        service: &Service<B, S, C, K>,
        bearer: Option<&str>,
        request: &SessionRequest,
    ) -> Result<SessionResponse, Error> {
        self.0.open(service, bearer, request).await
    }

    async fn caller(&self, service: &Service<B, S, C, K>, ticket: &str) -> Result<Caller, Error> {
        Access::caller(&*self.0, service, ticket).await
    }
}

/// Lets everybody in, as whom they say they are: a ticket is the caller itself.
pub(crate) struct OpenAccess;

impl<B, S, C, K> Access<B, S, C, K> for OpenAccess {
    async fn open(
        &self,
        _service: &Service<B, S, C, K>,
        _bearer: Option<&str>,
        _request: &SessionRequest,
    ) -> Result<SessionResponse, Error> {
        Err(Error::refused(ErrorCode::Unauthorized, "a suite has no sessions"))
    }

    async fn caller(&self, _service: &Service<B, S, C, K>, ticket: &str) -> Result<Caller, Error> {
        let malformed = |error: String| Error::refused(ErrorCode::Unauthorized, error);
        let text =
            data_encoding::BASE64URL_NOPAD.decode(ticket.as_bytes()).map_err(|error| malformed(error.to_string()))?;
        let fields = serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
        let (repository, scope_write, scopes_read, run, claims, is_public, sight, quota) = fields;
        Ok(Caller { repository, scope_write, scopes_read, run, claims, is_public, sight, quota })
    }
}
