//! An operation: attempts until one succeeds, the time is up, or the store is given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sci_store_api::session::{SessionRequest, SessionResponse};
use sci_store_api::{ErrorCode, Secret, routes};
use serde::de::DeserializeOwned;
use ureq::http::Method;

use crate::attempts::Attempts;
use crate::breaker::Breaker;
use crate::error::Error;
use crate::identity::Identity;
use crate::remote::Wanted;
use crate::ticket::{Ticket, Tickets};
use crate::wire::{Failure, LATE, Outgoing, Wire};

/// The longest answer in JSON, in bytes.
pub(crate) const LONGEST_JSON: u64 = 8 << 20;

/// What all operations share.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) wire: Wire,
    pub(crate) breaker: Breaker,
    pub(crate) tickets: Tickets,
    pub(crate) identity: Box<dyn Identity>,
    pub(crate) wanted: Wanted,
}

/// What kind of operation it is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    /// Bytes that it moves.
    pub(crate) bytes: u64,
    /// Whether it changes something, so that an outcome can be unknown.
    pub(crate) changes: bool,
    /// Attempts that it has whatever time they take.
    pub(crate) least: u32,
    /// Time that the server may need beyond the usual.
    pub(crate) work: Duration,
}

/// What an attempt is given.
pub(crate) struct Attempt<'a> {
    pub(crate) bearer: Option<&'a Secret>,
    pub(crate) attempts: &'a mut Attempts,
    pub(crate) work: Duration,
}

impl Line {
    /// An operation with a ticket.
    pub(crate) fn with_ticket<T>(
        &self,
        kind: Kind,
        mut attempt: impl FnMut(Attempt<'_>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let ticket = self.ticket()?;
        let mut unknown = false;
        let outcome = match self.tries(kind, Some(&ticket.secret), &mut attempt, &mut unknown) {
            Err(Error::Refused(error)) if error.code == ErrorCode::Unauthorized => {
                self.tickets.spoilt(&ticket, self.now());
                let fresh = self.ticket();
                fresh.and_then(|ticket| self.tries(kind, Some(&ticket.secret), &mut attempt, &mut unknown))
            }
            outcome => outcome,
        };
        outcome.map_err(|error| self.told(error, unknown))
    }

    /// An operation with this bearer, or without one.
    pub(crate) fn attempts<T>(
        &self,
        kind: Kind,
        bearer: Option<&Secret>,
        attempt: &mut dyn FnMut(Attempt<'_>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut unknown = false;
        self.tries(kind, bearer, attempt, &mut unknown).map_err(|error| self.told(error, unknown))
    }

    /// Tries until an attempt succeeds, and says in `unknown` whether one that did not may have done something.
    fn tries<T>(
        &self,
        kind: Kind,
        bearer: Option<&Secret>,
        attempt: &mut dyn FnMut(Attempt<'_>) -> Result<T, Failure>,
        unknown: &mut bool,
    ) -> Result<T, Error> {
        let address = || self.wire.address().to_string();
        let machine = self.wire.machine();
        let mut before: Option<String> = None;
        let mut attempts = Attempts::new(machine, self.wire.settings().timeout + kind.work, kind.bytes);
        loop {
            if let Some(reason) = self.breaker.reason() {
                return Err(Error::GivenUp { address: address(), reason });
            }
            let failure = match attempt(Attempt { bearer, attempts: &mut attempts, work: kind.work }) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            match failure {
                Failure::Refused(error) => return Err(Error::Refused(error)),
                Failure::Untrusted(why) => return Err(Error::Untrusted { address: address(), why }),
                Failure::Nonsense(reason) => {
                    *unknown |= kind.changes;
                    return Err(self.nonsense(reason));
                }
                Failure::TooLong(most) => {
                    *unknown |= kind.changes;
                    return Err(Error::TooLong { address: address(), most });
                }
                Failure::Again { reason, asked, sent } => {
                    *unknown |= sent && kind.changes;
                    if let Some(pause) = attempts.pause(asked, kind.least) {
                        machine.pause(pause);
                        before = Some(reason);
                        continue;
                    }
                    // The last attempt has only the time that is left: what went wrong before says more.
                    let reason = before.filter(|_| reason == LATE).unwrap_or(reason);
                    let times = attempts.failed();
                    let reason = if times > 1 { format!("{reason} ({times} attempts)") } else { reason };
                    self.breaker.give_up(&reason);
                    return Err(Error::NoAnswer { address: address(), reason, outcome_unknown: false });
                }
            }
        }
    }

    /// An error of an operation that may have been carried out nevertheless says so. Only a refusal that looked at the
    /// operation itself says that it was not: one of the ticket or of the right to ask has looked at nothing.
    fn told(&self, error: Error, unknown: bool) -> Error {
        let address = self.wire.address().to_string();
        match error {
            error if !unknown => error,
            Error::Refused(error) if !matches!(error.code, ErrorCode::Unauthorized | ErrorCode::Forbidden) => {
                Error::Refused(error)
            }
            Error::NoAnswer { address, reason, .. } => Error::NoAnswer { address, reason, outcome_unknown: true },
            Error::Nonsense { address, reason, .. } => Error::Nonsense { address, reason, outcome_unknown: true },
            Error::GivenUp { address, reason } => Error::NoAnswer { address, reason, outcome_unknown: true },
            other => Error::NoAnswer { address, reason: other.to_string(), outcome_unknown: true },
        }
    }

    pub(crate) fn nonsense(&self, reason: impl Into<String>) -> Error {
        let address = self.wire.address().to_string();
        Error::Nonsense { address, reason: reason.into(), outcome_unknown: false }
    }

    /// Milliseconds since 1970 by this machine's clock.
    fn since_1970(&self) -> i64 {
        i64::try_from(self.wire.machine().since_1970().as_millis()).unwrap_or(i64::MAX)
    }

    fn now(&self) -> Instant {
        self.wire.machine().now()
    }

    /// An operation in JSON with a ticket.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        method: &Method,
        target: &str,
        body: Option<&[u8]>,
        kind: Kind,
    ) -> Result<T, Error> {
        self.with_ticket(kind, |attempt| self.json_once(method, target, body, attempt))
    }

    pub(crate) fn json_once<T: DeserializeOwned>(
        &self,
        method: &Method,
        target: &str,
        body: Option<&[u8]>,
        attempt: Attempt<'_>,
    ) -> Result<T, Failure> {
        let body = body.map(|body| ("application/json", body));
        let request = Outgoing { method: method.clone(), target, bearer: attempt.bearer, range: None, body };
        self.wire.send(&request, attempt.attempts.left(), attempt.work)?.json(LONGEST_JSON)
    }

    /// The ticket, got or renewed when needed.
    pub(crate) fn ticket(&self) -> Result<Arc<Ticket>, Error> {
        self.tickets.get(self.now(), |before| {
            let fresh = self.session()?;
            match before {
                Some(before) if !same_place(before, &fresh) => {
                    Err(self.nonsense("the renewed ticket is for another store, repository or run"))
                }
                _ => Ok(fresh),
            }
        })
    }

    /// A refusal of what was shown, with what to do about it: only who showed it knows where it is from.
    fn advised(&self, error: Error) -> Error {
        match (error, self.identity.remedy()) {
            (Error::Refused(refusal), Some(remedy))
                if refusal.code == ErrorCode::Unauthorized && refusal.hint.is_none() =>
            {
                Error::Refused(refusal.with_hint(remedy))
            }
            (error, _) => error,
        }
    }

    /// A fresh ticket for a fresh identity.
    fn session(&self) -> Result<Ticket, Error> {
        if let Some(reason) = self.breaker.reason() {
            return Err(Error::GivenUp { address: self.wire.address().to_string(), reason });
        }
        let identity = self.identity.fresh(self.wire.address().as_str())?;
        let run = self.wanted.run.clone().filter(|_| identity.is_some());
        let request = SessionRequest { repository: self.wanted.repository.clone(), run };
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let mut clock_offset = 0;
        let response: Result<SessionResponse, Error> =
            self.attempts(Kind::default(), identity.as_ref(), &mut |attempt| {
                let asked = self.since_1970();
                let response: SessionResponse = self.json_once(&Method::POST, routes::SESSION, Some(&body), attempt)?;
                let middle = asked + (self.since_1970() - asked) / 2;
                clock_offset = i64::try_from(response.now.0).unwrap_or(i64::MAX).saturating_sub(middle);
                Ok(response)
            });
        let response = response.map_err(|error| self.advised(error))?;
        let session = &response.session;
        match &self.wanted.repository {
            Some(wanted) if *wanted != session.repository => {
                Err(self.nonsense(format!("it opens repository {} instead of {wanted}", session.repository)))
            }
            _ => Ok(Ticket::new(response, clock_offset, self.now())),
        }
    }
}

fn same_place(before: &Ticket, fresh: &Ticket) -> bool {
    let (before, fresh) = (&before.session, &fresh.session);
    before.store == fresh.store && before.repository == fresh.repository && before.run == fresh.run
}
