//! What a running server is told from outside.

use tokio::signal::unix::{SignalKind, signal};
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
pub(crate) fn signals() -> Result<Orders, Error> {
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
