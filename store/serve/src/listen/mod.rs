//! Connections: accepted, perhaps wrapped in TLS, served as HTTP/1.1 or HTTP/2, and let go when the server stops.

mod guarded;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use crate::host::Busy;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::tls::Certificate;
use guarded::Guarded;

/// The most that a head may have, in bytes.
const HEAD: usize = 64 * 1_024;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 64;
/// What a peer may send ahead on one such request, and on the connection, in bytes.
const WINDOW: u32 = 1 << 20;
const WINDOW_OF_ALL: u32 = 4 << 20;
/// How long the listener rests when the system gives it no connection.
const REST: Duration = Duration::from_millis(50);

/// What every connection of one address shares.
pub(crate) struct Listening {
    pub(crate) router: Router,
    pub(crate) tls: Option<Arc<Certificate>>,
    pub(crate) limits: Limits,
    pub(crate) metrics: Arc<Metrics>,
}

impl Listening {
    /// Serves until `stop` says so, then lets what is in flight go on for a while.
    pub(crate) async fn serve(self, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let this = Arc::new(self);
        let places = Arc::new(Semaphore::new(this.limits.connections));
        let graceful = GracefulShutdown::new();
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener, &places) => accepted,
                _ = stop.wait_for(|stopping| *stopping) => break,
            };
            while connections.try_join_next().is_some() {}
            match accepted {
                Ok((stream, place)) => {
                    connections.spawn(Arc::clone(&this).connection(stream, place, graceful.watcher()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    sleep(REST).await;
                }
            }
        }
        drop(listener);
        if timeout(this.limits.shutdown, graceful.shutdown()).await.is_err() {
            tracing::warn!("requests that were still in flight are cut off");
        }
        connections.shutdown().await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, _place: OwnedSemaphorePermit, watcher: Watcher) {
        self.metrics.connections.inc();
        let busy = Busy::default();
        // A socket that takes no option is as good as gone, and its first use says so.
        let _ = stream.set_nodelay(true);
        let stream = Guarded::new(stream, busy.clone(), self.limits.idle);
        match &self.tls {
            None => self.http(stream, busy, watcher).await,
            Some(tls) => {
                if let Ok(Ok(stream)) = timeout(self.limits.head, tls.acceptor().accept(stream)).await {
                    self.http(stream, busy, watcher).await;
                }
            }
        }
        self.metrics.connections.dec();
    }

    async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&self, stream: S, busy: Busy, watcher: Watcher) {
        let router = self.router.clone();
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(busy.clone());
            router.clone().call(request)
        });
        let builder = self.builder();
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        // How a connection ended is the peer's affair; what it asked for is in the log.
        let _ = watcher.watch(connection).await;
    }

    fn builder(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.head).max_buf_size(HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW_OF_ALL)
            .max_header_list_size(HEAD as u32)
            .keep_alive_interval(self.limits.idle)
            .keep_alive_timeout(self.limits.idle);
        builder
    }
}

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}
