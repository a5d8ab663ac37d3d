//! What a running server is told from outside.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Error;

/// What a running server is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// To take no new requests and carry out those in flight; told again, to end at once.
    Stop,
    /// To read its certificate again.
    Reload,
}

/// Orders as they come. When nobody is left who could give any, that is the order to stop.
pub type Orders = UnboundedReceiver<Order>;

/// The process's signals: SIGTERM and SIGINT stop, SIGHUP reloads.
///
/// # Errors
/// [`Error::System`].
#[cfg(unix)]
pub(crate) fn signals() -> Result<Orders, Error> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(Error::system("cannot take signals"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    let mut hangup = listen(SignalKind::hangup())?;
    let (give, orders) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let order = tokio::select! {
                _ = terminate.recv() => Order::Stop,
                _ = interrupt.recv() => Order::Stop,
                _ = hangup.recv() => Order::Reload,
            };
            if give.send(order).is_err() {
                return;
            }
        }
    });
    Ok(orders)
}

/// What a console says to its programs: whatever it is, the server stops. Nothing makes it read its certificate again.
///
/// # Errors
/// [`Error::System`].
#[cfg(windows)]
pub(crate) fn signals() -> Result<Orders, Error> {
    use tokio::signal::windows;
    let cannot = || Error::system("cannot take signals");
    let (mut interrupt, mut stop) = (windows::ctrl_c().map_err(cannot())?, windows::ctrl_break().map_err(cannot())?);
    let (mut close, mut shutdown) =
        (windows::ctrl_close().map_err(cannot())?, windows::ctrl_shutdown().map_err(cannot())?);
    let (give, orders) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = stop.recv() => {}
                _ = close.recv() => {}
                _ = shutdown.recv() => {}
            }
            if give.send(Order::Stop).is_err() {
                return;
            }
        }
    });
    Ok(orders)
}
