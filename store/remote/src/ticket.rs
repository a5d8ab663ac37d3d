//! The ticket that every request carries: got with an identity, renewed with a fresh one shortly before it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sci_store_api::Secret;
use sci_store_api::session::{Session, SessionResponse};

use crate::error::Error;

/// How long before its end a ticket is renewed, unless it lives for less than four times that.
const MARGIN: Duration = Duration::from_secs(60);

/// The ticket of now.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    held: Mutex<Option<Arc<Ticket>>>,
}

/// A ticket and what it opens.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) secret: Secret,
    pub(crate) session: Session,
    /// How far this machine's clock is before the store's, in milliseconds, when both are read at the same time.
    pub(crate) clock_offset: i64,
    renew: Instant,
}

impl Ticket {
    /// Takes an answer that came `now`. How long it is good for is reckoned by the store's clock alone.
    pub(crate) fn new(response: SessionResponse, clock_offset: i64, now: Instant) -> Self {
        let life = Duration::from_millis(response.expires.0.saturating_sub(response.now.0));
        let renew = now + life.saturating_sub(MARGIN.min(life / 4)).min(Duration::from_secs(86_400));
        Self { secret: response.ticket, session: response.session, clock_offset, renew }
    }
}

impl Tickets {
    /// The ticket, a good one as far as is known. One thread gets it while the others wait.
    pub(crate) fn get(
        &self,
        now: Instant,
        fetch: impl FnOnce(Option<&Ticket>) -> Result<Ticket, Error>,
    ) -> Result<Arc<Ticket>, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = held.as_ref().filter(|ticket| now < ticket.renew) {
            return Ok(Arc::clone(ticket));
        }
        let fresh = Arc::new(fetch(held.as_deref())?);
        *held = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Says that the store did not take a ticket: the next one is a fresh one, unless another thread has got it already.
    pub(crate) fn spoilt(&self, spoilt: &Arc<Ticket>, now: Instant) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ticket) = held.as_mut().filter(|ticket| Arc::ptr_eq(ticket, spoilt)) {
            let old = Ticket {
                secret: ticket.secret.clone(),
                session: ticket.session.clone(),
                clock_offset: ticket.clock_offset,
                renew: now,
            };
            *ticket = Arc::new(old);
        }
    }
}
