//! A server: its addresses, and its life.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Error;
use crate::backend::Backend;
use crate::collecting::{self, Collecting};
use crate::host::{self, Host};
use crate::limits::Limits;
use crate::listen::Listening;
use crate::metrics::Metrics;
use crate::orders::{Order, Orders};
use crate::tls::{self, Certificate};

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
    tls: Option<Arc<Certificate>>,
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
        let tls = options.tls.clone().map(Certificate::load).transpose()?.map(Arc::new);
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

    /// Serves until it is ordered to stop, then ends what is in flight within its limit, or at once when that is ordered.
    pub async fn run(self, mut orders: Orders) -> Ended {
        let limits = self.options.limits.clone();
        let host = Host::new(Arc::clone(&self.backend), Arc::clone(&self.metrics), limits.clone());
        let (stopping, stopped) = watch::channel(false);
        let listening = |router, tls| {
            let metrics = Arc::clone(&self.metrics);
            Listening { router, tls, limits: limits.clone(), metrics }
        };
        let main = listening(host.router(self.metrics_listener.is_none()), self.tls.clone());
        let mut main = tokio::spawn(main.serve(self.listener, stopped.clone()));
        let mut metrics = self.metrics_listener.map(|listener| {
            tokio::spawn(listening(host::metrics_router(&self.metrics), None).serve(listener, stopped.clone()))
        });
        let collecting = self
            .options
            .collect
            .map(|how| tokio::spawn(collecting::run(Arc::clone(&self.backend), Arc::clone(&self.metrics), how)));
        while orders.recv().await == Some(Order::Reload) {
            reload(self.tls.as_deref());
        }
        tracing::info!("stopping: requests in flight are carried out");
        stopping.send_replace(true);
        let ended = tokio::select! {
            // They end by themselves; a panic in one of them was reported when it happened.
            _ = &mut main => Ended::InTime,
            () = second(&mut orders) => Ended::AtOnce,
        };
        if ended == Ended::AtOnce {
            tracing::warn!("told to stop again: requests in flight are cut off");
            main.abort();
        }
        if let Some(metrics) = &mut metrics {
            if ended == Ended::AtOnce {
                metrics.abort();
            }
            let _ = metrics.await;
        }
        if let Some(collecting) = collecting {
            collecting.abort();
        }
        ended
    }
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With what was in flight, as far as its limit went.
    InTime,
    /// Without waiting for anything.
    AtOnce,
}

/// Ready when the order to stop comes once more.
async fn second(orders: &mut Orders) {
    loop {
        match orders.recv().await {
            Some(Order::Stop) => return,
            Some(Order::Reload) => {}
            // Nobody is left who could order it.
            None => std::future::pending().await,
        }
    }
}

/// New connections get the certificate that the files hold now; the old one stays when they hold none.
fn reload(certificate: Option<&Certificate>) {
    match certificate.map(Certificate::reload) {
        None => tracing::info!("there is no certificate to read again"),
        Some(Ok(())) => tracing::info!("the certificate was read again"),
        Some(Err(error)) => {
            tracing::error!(%error, "the certificate cannot be read again; the one before stays in use");
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })
}
