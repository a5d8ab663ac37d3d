//! The protocol as requests and responses, for every host alike.
//!
//! A host turns what its framework gives it into a [`Request`], and what [`Front::handle`] answers into what its framework
//! wants. This module deliberately knows no framework, no socket and no TLS; limits of time and of connections are the host's.

mod front;
mod message;
mod query;
mod range;
mod unread;

pub use front::{Front, Limits, NO_ROUTE, route};
pub use message::{Body, Method, Reply, Request, Response, bearer};
pub use unread::Unread;

/// What a host has to read of a request's body before it calls [`Front::handle`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// At most so many bytes of JSON, in memory.
    Json(usize),
    /// An object: a stream whose length is announced.
    Object,
}

/// The longest JSON body, in bytes. A commit of a snapshot with as many objects as there may be is the longest request.
pub const MAX_JSON: usize = 4 << 20;

/// What the body of a request to this place is.
pub fn expected(method: Method, path: &str) -> Expected {
    if method == Method::Put && sci_store_api::routes::matched(sci_store_api::routes::OBJECT, path).is_some() {
        Expected::Object
    } else {
        Expected::Json(MAX_JSON)
    }
}
