//! The whole life of `sci serve`: the store is opened, the server runs, signals end it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sci_native::ServerLock;
use sci_service::http::Front;
use sci_service::identity::{Gate, Issuer};
use tokio::runtime::{Builder, Runtime};

use crate::fetch::HttpsFetch;
use crate::metrics::Metrics;
use crate::orders::{self, Orders};
use crate::server::{Ended, Options, Server};
use crate::{Error, Limits, Settings, issuers};

/// Threads that read parts of objects, beside those that carry requests out.
const READERS: usize = 32;
/// How long threads that still work are waited for at the very end.
const LAST: Duration = Duration::from_secs(5);

/// Serves until SIGTERM or SIGINT, then carries out what is in flight, unless a second one comes. SIGHUP has the certificate
/// read again. `ready` is told the address when the server listens.
///
/// # Errors
/// Whatever keeps it from starting.
pub fn run(settings: &Settings, ready: impl FnOnce(SocketAddr)) -> Result<(), Error> {
    run_until(settings, orders::signals, ready)
}

/// As [`run`], with the orders that `orders` makes inside the runtime.
///
/// # Errors
/// Whatever keeps it from starting.
pub fn run_until(
    settings: &Settings,
    orders: impl FnOnce() -> Result<Orders, Error>,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    settings.check()?;
    let issuers = match &settings.issuers {
        Some(path) => issuers::read(path)?,
        None => vec![Issuer::github()],
    };
    let metrics = Arc::new(Metrics::default());
    let fetch = HttpsFetch::new(Arc::clone(&metrics))?;
    let service = sci_native::open::service_with(&settings.store, settings.objects.as_ref(), &*settings.connect)?;
    let _lock = ServerLock::take(&settings.store)?;
    sci_native::open::take_over(&service)?;
    service.blobs().check()?;
    let objects = service.blobs().to_string();
    let gate = Gate::new(&settings.url, issuers, fetch);
    let front = Front::new(service, gate, sci_service::http::Limits::default(), &settings.version);
    let options = Options {
        listen: settings.listen,
        metrics_listen: settings.metrics_listen,
        tls: settings.tls.clone(),
        limits: settings.limits.clone(),
        collect: settings.collect.clone(),
    };
    let runtime = runtime(&settings.limits)?;
    let served = runtime.block_on(async {
        let server = Server::bind(Arc::new(front), metrics, options).await?;
        let address = server.address().map_err(Error::system("cannot tell the address"))?;
        let orders = orders()?;
        tracing::info!(%address, url = settings.url, store = %settings.store.display(), objects, "serving");
        ready(address);
        let ended = server.run(orders).await;
        tracing::info!("stopped");
        Ok(ended)
    });
    match served {
        // Whatever its threads are in the middle of is as if the process had been killed, which the store stands.
        Ok(Ended::AtOnce) => runtime.shutdown_background(),
        _ => runtime.shutdown_timeout(LAST),
    }
    served.map(drop)
}

/// A runtime with a thread for each request that may be carried out at once.
///
/// # Errors
/// [`Error::System`].
pub(crate) fn runtime(limits: &Limits) -> Result<Runtime, Error> {
    let threads = limits.requests.saturating_add(READERS);
    let built = Builder::new_multi_thread().enable_all().max_blocking_threads(threads).thread_name("sci-serve").build();
    built.map_err(Error::system("cannot start threads"))
}
