//! A request and a response, without a framework.

use sci_store_api::{ApiError, ErrorCode, RepositoryId, RunId, Secret};
use serde::Serialize;

use crate::error::Error;

/// A request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers alone.
    Head,
    /// Does something.
    Post,
    /// Puts a thing at its place.
    Put,
    /// Removes a thing.
    Delete,
}

/// A request. `U` is what the host receives an object as.
#[derive(Debug)]
pub struct Request<U> {
    /// The method.
    pub method: Method,
    /// The path, as it was sent.
    pub path: String,
    /// What followed the question mark, as it was sent.
    pub query: String,
    /// What followed `Bearer` in the header `Authorization`.
    pub bearer: Option<Secret>,
    /// The header `Range`.
    pub range: Option<String>,
    /// The body.
    pub body: Body<U>,
}

/// What follows `Bearer` in a header `Authorization`; `None` when it is of another scheme.
pub fn bearer(authorization: &str) -> Option<Secret> {
    let (scheme, bearer) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(bearer.trim().to_owned()))
}

/// A request's body: see [`super::expected`].
#[derive(Debug)]
pub enum Body<U> {
    /// Bytes, perhaps none.
    Json(Vec<u8>),
    /// An object of an announced length.
    Object {
        /// The header `Content-Length`.
        length: u64,
        /// The bytes.
        body: U,
    },
}

/// A response. `D` is what the host sends an object as.
#[derive(Debug)]
pub struct Response<D> {
    /// The status.
    pub status: u16,
    /// The route that answered, for metrics: few different texts, whatever is asked.
    pub route: &'static str,
    /// Headers beside those that the body implies.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Reply<D>,
    /// What went wrong inside, for the operator's log: the caller is not told.
    pub fault: Option<Error>,
    /// Who asked, once that is known, for the operator's log.
    pub asked: Option<(RepositoryId, RunId)>,
}

/// A response's body.
#[derive(Debug)]
pub enum Reply<D> {
    /// None.
    Empty,
    /// JSON.
    Json(Vec<u8>),
    /// Bytes of an object.
    Object {
        /// How many.
        length: u64,
        /// The bytes.
        body: D,
    },
}

impl<D> Response<D> {
    pub(super) fn json<T: Serialize>(route: &'static str, value: &T) -> Result<Self, Error> {
        let body = Reply::Json(serde_json::to_vec(value)?);
        Ok(Self { status: 200, route, headers: Vec::new(), body, fault: None, asked: None })
    }

    pub(super) const fn empty(route: &'static str, status: u16) -> Self {
        Self { status, route, headers: Vec::new(), body: Reply::Empty, fault: None, asked: None }
    }

    pub(super) fn error(route: &'static str, error: Error) -> Self {
        let wire = error.to_wire();
        let mut response = Self::api_error(route, &wire);
        if wire.code == ErrorCode::Busy {
            // Whoever sent an object sends all of it again.
            response.headers.push(("retry-after", "1".to_owned()));
        }
        if !matches!(error, Error::Refused(_)) {
            response.fault = Some(error);
        }
        response
    }

    /// An error that the host itself found: a body that is too long, too many requests.
    pub fn api_error(route: &'static str, error: &ApiError) -> Self {
        // An error has no value that JSON could refuse.
        let body = Reply::Json(serde_json::to_vec(error).unwrap_or_default());
        Self { status: error.code.status(), route, headers: Vec::new(), body, fault: None, asked: None }
    }
}
