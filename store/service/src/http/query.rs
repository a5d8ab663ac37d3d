//! Query parameters into typed values.

use std::str::FromStr;

use sci_store_api::ErrorCode;
use sci_store_api::plans::PlanQuery;
use sci_store_api::snapshots::SnapshotQuery;

use crate::error::Error;

/// The value of a parameter, if it is given. Given twice, the first counts.
///
/// # Errors
/// [`ErrorCode::Invalid`] when it is not what it must be.
pub(super) fn parameter<T: FromStr>(query: &str, name: &str) -> Result<Option<T>, Error> {
    let found = form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name);
    let invalid = |_| Error::refused(ErrorCode::Invalid, format!("the parameter {name} is malformed"));
    found.map(|(_, value)| value.parse().map_err(invalid)).transpose()
}

pub(super) fn snapshots(query: &str) -> Result<SnapshotQuery, Error> {
    Ok(SnapshotQuery {
        path: parameter(query, "path")?,
        instance: parameter(query, "instance")?,
        scope: parameter(query, "scope")?,
        run: parameter(query, "run")?,
        limit: parameter(query, "limit")?,
        before: parameter(query, "before")?,
    })
}

pub(super) fn plans(query: &str) -> Result<PlanQuery, Error> {
    Ok(PlanQuery { run: parameter(query, "run")?, limit: parameter(query, "limit")? })
}
