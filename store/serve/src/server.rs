//! A server: its addresses, and its life.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::backend::Backend;
use crate::collecting::{self, Collecting};
use crate::host::{self, Host};
use crate::limits::Limits;
use crate::listen::Listening;
use crate::metrics::Metrics;
use crate::{Error, tls};

/// What a server is told beside its backend.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 is any free one.
    pub listen: SocketAddr,
    /// Where its metrics are, instead of beside everything else.
    pub metrics_listen: Option<SocketAddr>,
    /// Its certificate; without one it speaks plain HTTP.
    pub tls: Option<tls::Files>,
    /// Its limits.
    pub limits: Limits,
    /// When it collects, if it does.
    pub collect: Option<Collecting>,
}

/// A server that listens already.
pub struct Server {
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    tls: Option<TlsAcceptor>,
    backend: Arc<dyn Backend>,
    metrics: Arc<Metrics>,
    options: Options,
}

impl Server {
    /// Listens. What connects from now on is answered when the server runs.
    ///
    /// # Errors
    /// [`Error::Listen`], [`Error::Tls`].
    pub async fn bind(backend: Arc<dyn Backend>, metrics: Arc<Metrics>, options: Options) -> Result<Self, Error> {
        let tls = options.tls.as_ref().map(tls::Files::load).transpose()?.map(TlsAcceptor::from);
        let listener = listen(options.listen).await?;
        let metrics_listener = match options.metrics_listen {
            Some(address) => Some(listen(address).await?),
            None => None,
        };
        Ok(Self { listener, metrics_listener, tls, backend, metrics, options })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where its metrics are, when they have an address of their own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_listener.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `stop` is ready, then ends what is in flight within its limit.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let limits = self.options.limits.clone();
        let host = Host::new(Arc::clone(&self.backend), Arc::clone(&self.metrics), limits.clone());
        let (stopping, stopped) = watch::channel(false);
        let listening = |router, tls| {
            let metrics = Arc::clone(&self.metrics);
            Listening { router, tls, limits: limits.clone(), metrics }
        };
        let main = listening(host.router(self.metrics_listener.is_none()), self.tls.clone());
        let main = tokio::spawn(main.serve(self.listener, stopped.clone()));
        let metrics = self.metrics_listener.map(|listener| {
            tokio::spawn(listening(host::metrics_router(&self.metrics), None).serve(listener, stopped.clone()))
        });
        let collecting = self
            .options
            .collect
            .map(|how| tokio::spawn(collecting::run(Arc::clone(&self.backend), Arc::clone(&self.metrics), how)));
        stop.await;
        tracing::info!("stopping: requests in flight are carried out");
        stopping.send_replace(true);
        // They end by themselves; a panic in one of them was reported when it happened.
        let _ = main.await;
        if let Some(metrics) = metrics {
            let _ = metrics.await;
        }
        if let Some(collecting) = collecting {
            collecting.abort();
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}
