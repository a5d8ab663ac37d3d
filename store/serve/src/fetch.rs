//! Issuers' keys over HTTPS.

use std::sync::Arc;
use std::time::Duration;

use sci_service::identity::{Fetch, FetchError};
use sci_store_api::address::is_local;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use crate::Error;
use crate::metrics::Metrics;

/// The longest that a fetch takes.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest list of keys that is read, in bytes.
const MOST: u64 = 256 * 1_024;

/// Fetches issuers' keys. Certificates are checked against the system's roots.
#[derive(Debug)]
pub struct HttpsFetch {
    agent: Agent,
    local: Agent,
    metrics: Arc<Metrics>,
}

impl HttpsFetch {
    /// A client that counts what it does.
    ///
    /// # Errors
    /// [`Error::Roots`] when the system has no certificates.
    pub fn new(metrics: Arc<Metrics>) -> Result<Self, Error> {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            let reason = if reasons.is_empty() { "there are none".to_owned() } else { reasons.join("; ") };
            return Err(Error::Roots(reason));
        }
        let roots: Vec<_> = found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect();
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .build();
        let config = || Agent::config_builder().timeout_global(Some(TIMEOUT)).max_redirects(0).tls_config(tls.clone());
        let local = config().proxy(None::<Proxy>).build();
        Ok(Self { agent: config().https_only(true).build().into(), local: local.into(), metrics })
    }

    fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |error: ureq::Error| FetchError(format!("{url}: {error}"));
        let agent = if is_local(url) { &self.local } else { &self.agent };
        let mut response = agent.get(url).call().map_err(failed)?;
        if response.status() != 200 {
            return Err(FetchError(format!("{url}: the answer has status {}", response.status())));
        }
        response.body_mut().with_config().limit(MOST).read_to_vec().map_err(failed)
    }
}

impl Fetch for HttpsFetch {
    async fn fetch(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        self.metrics.fetches.inc();
        let fetched = self.get(url);
        if let Err(error) = &fetched {
            self.metrics.failed_fetches.inc();
            tracing::warn!(%error, "an issuer's keys cannot be fetched");
        }
        fetched
    }
}
