//! Sessions: an identity becomes a ticket, and a ticket a [`Caller`]. What a caller may do is decided anew at each request,
//! from the identity in the ticket and the registration of now.

use std::collections::BTreeMap;

use sci_store_api::session::{SessionRequest, SessionResponse, TICKET_LIFE};
use sci_store_api::tokens::TokenPower;
use sci_store_api::{ApiError, ErrorCode, Registration, RepositoryId, RunId, Scope, ScopeClass, TokenId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::blobs::Blobs;
use crate::caller::{Caller, Sight};
use crate::error::Error;
use crate::identity::{Fetch, Gate, Rejection};
use crate::ids;
use crate::keys::{Clock, Keys};
use crate::policy::{self, Identity};
use crate::sealed::{self, Sealed};
use crate::service::Service;
use crate::sql::Sql;
use crate::tokens::Token;

/// Who is let in, and as whom: the identities and tickets of a [`Gate`]; a suite of tests brings what it likes.
pub trait Access<B, S, C, K> {
    /// Answers who asks for a ticket.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for an identity that is not good, [`ErrorCode::Forbidden`] for one that may do nothing here.
    async fn open(
        &self,
        service: &Service<B, S, C, K>,
        bearer: Option<&str>,
        request: &SessionRequest,
    ) -> Result<SessionResponse, Error>;

    /// Who holds a ticket, and what the holder may do now.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when the ticket is not good any more, [`ErrorCode::Forbidden`] when its holder may do nothing
    /// any more.
    async fn caller(&self, service: &Service<B, S, C, K>, ticket: &str) -> Result<Caller, Error>;
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys, F: Fetch> Access<B, S, C, K> for Gate<F> {
    async fn open(
        &self,
        service: &Service<B, S, C, K>,
        bearer: Option<&str>,
        request: &SessionRequest,
    ) -> Result<SessionResponse, Error> {
        service.start_session(self, bearer, request).await
    }

    async fn caller(&self, service: &Service<B, S, C, K>, ticket: &str) -> Result<Caller, Error> {
        service.caller(ticket).await
    }
}

/// The run that every reader without an identity belongs to. It saves nothing, so it needs no lineage.
const PUBLIC_RUN: &str = "public";

/// What is sealed in a ticket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    holder: Holder,
    made: UnixMillis,
    expires: UnixMillis,
}

/// Who holds a ticket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
enum Holder {
    /// A run whose identity was checked.
    Run { identity: Box<Identity> },
    /// The holder of a token.
    Token { token: TokenId, repository: RepositoryId, scope_write: Option<Scope>, run: RunId },
    /// An administrator, who looks at a repository.
    Administrator { token: TokenId, repository: RepositoryId, run: RunId },
    /// Anybody.
    Public { repository: RepositoryId },
}

impl Sealed for Ticket {
    const PREFIX: &'static str = "sci_ticket";
    const PAYLOAD_TYPE: &'static str = "application/vnd.sci.ticket.v1+json";
    const LONGEST_LIFE: Option<u64> = Some(TICKET_LIFE);

    fn sealed_at(&self) -> UnixMillis {
        self.made
    }

    fn expires(&self) -> UnixMillis {
        self.expires
    }
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Gives a ticket to whoever the bearer shows the caller to be. Writes nothing.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] for an identity that is not good, [`ErrorCode::Forbidden`] for one that may do nothing here.
    async fn start_session<F: Fetch>(
        &self,
        gate: &Gate<F>,
        bearer: Option<&str>,
        request: &SessionRequest,
    ) -> Result<SessionResponse, Error> {
        let now = self.clock.now();
        let holder = match bearer {
            None => Holder::Public { repository: request.repository.clone().ok_or_else(no_identity)? },
            Some(text) if sealed::is::<Token>(text) => self.token_holder(text, request).await?,
            Some(text) => {
                let identity = gate.identify(text, now.0).await.map_err(rejected)?;
                Holder::Run { identity: Box::new(identity) }
            }
        };
        let caller = self.caller_of(&holder).await?;
        if let Some(wanted) = request.repository.as_ref().filter(|wanted| **wanted != caller.repository) {
            return Err(another(&caller.repository, wanted));
        }
        let ticket = Ticket { holder, made: now, expires: now.plus(TICKET_LIFE) };
        Ok(SessionResponse {
            ticket: sealed::seal(&self.keys, &ticket).await?,
            expires: ticket.expires,
            now,
            session: self.session(&caller).await?,
        })
    }

    /// Who holds a ticket, and what the holder may do now.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when the ticket is not good any more, [`ErrorCode::Forbidden`] when its holder may do nothing
    /// any more.
    async fn caller(&self, ticket: &str) -> Result<Caller, Error> {
        let ticket: Ticket = sealed::open(&self.keys, ticket, self.clock.now()).await?;
        self.caller_of(&ticket.holder).await
    }

    /// Lets an administrator in.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when the token is not good, [`ErrorCode::Forbidden`] when it is not an administrator's.
    pub async fn administrator(&self, bearer: Option<&str>) -> Result<TokenId, Error> {
        let token = match bearer {
            None => Err(no_identity()),
            Some(bearer) => self.open_token(bearer).await,
        };
        let token = token.map_err(|error| match error {
            Error::Refused(refused) => Error::Refused(refused.with_hint(ADMINISTRATOR)),
            error => error,
        })?;
        match token.power {
            TokenPower::Admin => Ok(token.id),
            TokenPower::Repository { repository, .. } => {
                let message = format!(
                    "this needs an administrator's token, and the one given opens repository {repository} only"
                );
                Err(Error::Refused(ApiError::new(ErrorCode::Forbidden, message).with_hint(ADMINISTRATOR)))
            }
        }
    }

    async fn token_holder(&self, text: &str, request: &SessionRequest) -> Result<Holder, Error> {
        let token = self.open_token(text).await?;
        let chosen = request.run.as_ref().map_or("", RunId::as_str);
        let invalid = |_| Error::refused(ErrorCode::Invalid, "the run's name is too long");
        // No two tokens have a run in common: an id may hold what joins the two.
        let id = ids::marked(token.id.as_str());
        let run = RunId::new(format!("token-{id}-{chosen}")).map_err(invalid)?;
        match token.power {
            TokenPower::Repository { repository, scope_write } => {
                Ok(Holder::Token { token: token.id, repository, scope_write, run })
            }
            TokenPower::Admin => {
                let repository = request.repository.clone().ok_or_else(unnamed)?;
                Ok(Holder::Administrator { token: token.id, repository, run })
            }
        }
    }

    async fn caller_of(&self, holder: &Holder) -> Result<Caller, Error> {
        match holder {
            Holder::Run { identity } => {
                let registration = self.registered(&identity.repository).await?;
                let grant = policy::decide(identity, &registration)
                    .map_err(|denial| Error::refused(ErrorCode::Forbidden, denial.to_string()))?;
                Ok(Caller {
                    repository: identity.repository.clone(),
                    scope_write: grant.write,
                    scopes_read: grant.read,
                    run: identity.run.clone(),
                    claims: identity.claims.clone(),
                    is_public: false,
                    sight: Sight::Scopes,
                    quota: registration.quota,
                })
            }
            Holder::Token { token, repository, scope_write, run } => {
                self.check_token(token).await?;
                let registration = self.registered(repository).await?;
                let trusted = default_trusted(&registration)?;
                let is_release = scope_write.as_ref().is_some_and(|own| own.class() == ScopeClass::Release);
                let mut scopes_read: Vec<Scope> = scope_write.iter().cloned().collect();
                // As of a release's job.
                if !scopes_read.contains(&trusted) && (!is_release || registration.release.reads_trusted) {
                    scopes_read.push(trusted);
                }
                Ok(Caller {
                    repository: repository.clone(),
                    scope_write: scope_write.clone(),
                    scopes_read,
                    run: run.clone(),
                    claims: BTreeMap::from([("token".to_owned(), token.to_string())]),
                    is_public: false,
                    // Who only reads is a person, or a machine that is trusted like one.
                    sight: if scope_write.is_none() { Sight::Runs } else { Sight::Scopes },
                    quota: registration.quota,
                })
            }
            Holder::Administrator { token, repository, run } => {
                self.check_token(token).await?;
                let registration = self.registered(repository).await?;
                let administrator = Caller::administrator(repository.clone(), run.clone());
                Ok(Caller { quota: registration.quota, ..administrator })
            }
            Holder::Public { repository } => self.public_caller(repository).await,
        }
    }

    /// A repository that is not open answers like one that does not exist.
    async fn public_caller(&self, repository: &RepositoryId) -> Result<Caller, Error> {
        let registration = self.registration(repository).await?.filter(|registration| registration.public_read);
        let registration = registration.ok_or_else(no_identity)?;
        let run = RunId::new(PUBLIC_RUN).map_err(|error| Error::refused(ErrorCode::Invalid, error.to_string()))?;
        Ok(Caller {
            repository: repository.clone(),
            scope_write: None,
            scopes_read: vec![default_trusted(&registration)?],
            run,
            claims: BTreeMap::new(),
            is_public: true,
            sight: Sight::Scopes,
            quota: registration.quota,
        })
    }
}

fn default_trusted(registration: &Registration) -> Result<Scope, Error> {
    Scope::new(ScopeClass::Trusted, registration.default_ref.as_str())
        .map_err(|error| Error::refused(ErrorCode::Forbidden, error.to_string()))
}

/// What opens the administration.
const ADMINISTRATOR: &str =
    "set SCI_TOKEN to an administrator's token: `sci token create --admin` makes one where the store is";

/// The identity speaks for another repository than the one that is meant. It is told only of its own.
fn another(own: &RepositoryId, wanted: &RepositoryId) -> Error {
    let message = format!("this identity opens repository {own}, not {wanted}");
    let hint = format!("`sci token create --repository {wanted}` makes a token for it");
    Error::Refused(ApiError::new(ErrorCode::Forbidden, message).with_hint(hint))
}

fn unnamed() -> Error {
    let message = "an administrator's token opens no repository that is not named";
    let hint = "name it: --project ID, or `repository` in [store]; `sci repo list` lists them";
    Error::Refused(ApiError::new(ErrorCode::Forbidden, message).with_hint(hint))
}

fn no_identity() -> Error {
    let error = ApiError::new(ErrorCode::Unauthorized, "no identity was given");
    Error::Refused(error.with_hint(
        "a GitHub job needs `permissions: id-token: write`, which pull requests of forks never get; elsewhere an administrator makes a token with `sci token create`",
    ))
}

fn rejected(rejection: Rejection) -> Error {
    let code = match rejection {
        Rejection::NoKeys => ErrorCode::Unavailable,
        _ => ErrorCode::Unauthorized,
    };
    Error::refused(code, rejection.to_string())
}
