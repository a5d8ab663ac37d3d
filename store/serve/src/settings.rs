//! What an operator decides about a server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use sci_native::{Bucket, Connect};
use sci_store_api::address::is_local;

use crate::collecting::Collecting;
use crate::{Error, Limits, tls};

/// What an operator decides about a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store's directory.
    pub store: PathBuf,
    /// The bucket that its objects are in; without one, where they are already, which is the directory at first.
    pub objects: Option<Bucket>,
    /// What reaches buckets.
    pub connect: Arc<dyn Connect>,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where its metrics are, instead of beside everything else.
    pub metrics_listen: Option<SocketAddr>,
    /// What clients reach it at, which is the audience that their identities must be made for.
    pub url: String,
    /// The list of issuers; GitHub's alone without it.
    pub issuers: Option<PathBuf>,
    /// The certificate; without one something before the server has it.
    pub tls: Option<tls::Files>,
    /// When it collects; never without.
    pub collect: Option<Collecting>,
    /// The limits.
    pub limits: Limits,
    /// The version of the program.
    pub version: String,
}

impl Settings {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |problem: String, hint| Err(Error::Settings { problem, hint });
        let url = &self.url;
        if !url.starts_with("https://") && !is_local(url) {
            let hint = "identities travel to it, so it begins with https://; http:// is for this machine alone";
            return wrong(format!("{url} is not an address that a backend may have"), hint);
        }
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        if rest.is_empty() || rest.ends_with('/') || rest.contains(['?', '#', '@', ' ']) {
            let hint =
                "give it as clients have it in `[store] url`: https://sci.example.org, without a slash at the end";
            return wrong(format!("{url} cannot be an audience"), hint);
        }
        Ok(())
    }
}
