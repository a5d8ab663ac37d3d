//! Tokens: made, listed, revoked, and opened.

use sci_store_api::tokens::{CreateToken, CreatedToken, MAX_LIFE, MAX_NOTE, TokenPower, TokenSummary, Tokens};
use sci_store_api::{ApiError, ErrorCode, ScopeClass, TokenId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::blobs::Blobs;
use crate::error::Error;
use crate::keys::{Clock, Keys};
use crate::sealed::{self, Sealed};
use crate::service::Service;
use crate::sql::{Row, Sql, Statement};

const CREATE: &str = "INSERT INTO tokens (token, summary) VALUES (?1, ?2) ON CONFLICT (token) DO NOTHING";
const GET: &str = "SELECT summary, revoked FROM tokens WHERE token = ?1";
const LIST: &str = "SELECT summary, revoked FROM tokens ORDER BY number DESC";
const REVOKE: &str = "UPDATE tokens SET revoked = coalesce(revoked, ?2) WHERE token = ?1";

/// What is sealed in a token.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) id: TokenId,
    pub(crate) power: TokenPower,
    created: UnixMillis,
    expires: UnixMillis,
}

impl Sealed for Token {
    const PREFIX: &'static str = "sci_token";
    const PAYLOAD_TYPE: &'static str = "application/vnd.sci.token.v1+json";
    /// It may be years: what is listed says when it ends.
    const LONGEST_LIFE: Option<u64> = None;

    fn sealed_at(&self) -> UnixMillis {
        self.created
    }

    fn expires(&self) -> UnixMillis {
        self.expires
    }
}

impl<B: Blobs, S: Sql, C: Clock, K: Keys> Service<B, S, C, K> {
    /// Makes a token. A repeated request makes the same one.
    ///
    /// # Errors
    /// [`ErrorCode::Invalid`] when it would live too long, when its repository is not registered, or when its scope is above
    /// a branch's and nobody said that this is meant; [`ErrorCode::Conflict`] when the id is another token's.
    pub async fn create_token(&self, request: &CreateToken) -> Result<CreatedToken, Error> {
        self.check_request(request).await?;
        let now = self.clock.now();
        let summary = TokenSummary {
            id: request.id.clone(),
            power: request.power.clone(),
            note: request.note.clone(),
            created: now,
            expires: now.plus(request.life),
            revoked: None,
        };
        let id = || request.id.as_str().into();
        let create = Statement::new(CREATE, [id(), serde_json::to_string(&summary)?.into()]);
        let rows = self.sql.batch(vec![create, Statement::new(GET, [id()])]).await?;
        let kept = rows[1].first().map(summarise).transpose()?;
        let is_same = |kept: &TokenSummary| {
            kept.power == summary.power
                && kept.note == summary.note
                && kept.expires.0.saturating_sub(kept.created.0) == request.life
        };
        let summary = kept.filter(is_same).ok_or_else(|| Error::refused(ErrorCode::Conflict, "the id is in use"))?;
        seal(&self.keys, summary).await
    }

    /// Lists a token that was sealed elsewhere with this store's key, unless it is listed: whoever has the key makes the first
    /// administrator that way.
    pub async fn admit_token(&self, summary: &TokenSummary) -> Result<(), Error> {
        let params = [summary.id.as_str().into(), serde_json::to_string(summary)?.into()];
        self.sql.batch(vec![Statement::new(CREATE, params)]).await?;
        Ok(())
    }

    async fn check_request(&self, request: &CreateToken) -> Result<(), Error> {
        let invalid = |message: String| Error::refused(ErrorCode::Invalid, message);
        if request.life == 0 || request.life > MAX_LIFE {
            return Err(invalid(format!("a token lives for at least a millisecond and at most {MAX_LIFE}")));
        }
        if request.note.len() > MAX_NOTE || request.note.chars().any(char::is_control) {
            return Err(invalid(format!("a note has at most {MAX_NOTE} bytes and no control characters")));
        }
        let TokenPower::Repository { repository, scope_write } = &request.power else { return Ok(()) };
        if self.registration(repository).await?.is_none() {
            return Err(invalid(format!("repository {repository} is not registered here")));
        }
        let class = scope_write.as_ref().map(|scope| scope.class());
        if class.is_some_and(|class| class > ScopeClass::Branch) && !request.allow_trusted {
            let error = ApiError::new(ErrorCode::Invalid, "a token writes at most a branch scope");
            let hint = "say so explicitly if its holder is to write for everybody: --allow-trusted";
            return Err(Error::Refused(error.with_hint(hint)));
        }
        Ok(())
    }

    /// Every token, newest first.
    pub async fn tokens(&self) -> Result<Tokens, Error> {
        let rows = self.sql.query(Statement::new(LIST, [])).await?;
        Ok(Tokens { tokens: rows.iter().map(summarise).collect::<Result<_, _>>()? })
    }

    /// Ends a token now, and with it the tickets that it got.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is none.
    pub async fn revoke_token(&self, id: &TokenId) -> Result<TokenSummary, Error> {
        let revoke = Statement::new(REVOKE, [id.as_str().into(), self.clock.now().0.into()]);
        let rows = self.sql.batch(vec![revoke, Statement::new(GET, [id.as_str().into()])]).await?;
        let row = rows[1].first().ok_or_else(|| Error::refused(ErrorCode::NotFound, "there is no such token"))?;
        summarise(row)
    }

    /// Opens a token's text.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when it is none of this store's, has ended, or was revoked.
    pub(crate) async fn open_token(&self, text: &str) -> Result<Token, Error> {
        let token: Token = sealed::open(&self.keys, text, self.clock.now()).await?;
        let listed = self.listed(&token.id).await?;
        // Whoever has a key that was retired could make one of the same name that may do more, or for longer.
        let is_listed =
            listed.power == token.power && (listed.created, listed.expires) == (token.created, token.expires);
        if is_listed {
            Ok(token)
        } else {
            Err(Error::refused(ErrorCode::Unauthorized, "the token is not the one listed"))
        }
    }

    /// Whether a token still counts.
    ///
    /// # Errors
    /// [`ErrorCode::Unauthorized`] when not.
    pub(crate) async fn check_token(&self, id: &TokenId) -> Result<(), Error> {
        self.listed(id).await.map(drop)
    }

    async fn listed(&self, id: &TokenId) -> Result<TokenSummary, Error> {
        let rows = self.sql.query(Statement::new(GET, [id.as_str().into()])).await?;
        let listed = rows.first().map(summarise).transpose()?.filter(|summary| summary.revoked.is_none());
        listed.ok_or_else(|| Error::refused(ErrorCode::Unauthorized, "the token was revoked"))
    }
}

/// Makes the first administrator's token, with the key of a store that cannot be asked yet: [`Service::admit_token`] lists it
/// there.
///
/// # Errors
/// [`Error::Keys`] when the key cannot be used.
pub async fn first_administrator<K: Keys>(
    keys: &K,
    id: TokenId,
    now: UnixMillis,
    life: u64,
) -> Result<CreatedToken, Error> {
    let note = "first administrator".to_owned();
    let expires = now.plus(life);
    seal(keys, TokenSummary { id, power: TokenPower::Admin, note, created: now, expires, revoked: None }).await
}

async fn seal<K: Keys>(keys: &K, summary: TokenSummary) -> Result<CreatedToken, Error> {
    let TokenSummary { id, power, created, expires, .. } = summary.clone();
    let token = sealed::seal(keys, &Token { id, power, created, expires }).await?;
    Ok(CreatedToken { token, summary })
}

fn summarise(row: &Row) -> Result<TokenSummary, Error> {
    let mut summary: TokenSummary = serde_json::from_str(row.text(0)?)?;
    summary.revoked = if row.is_null(1) { None } else { Some(UnixMillis(row.unsigned(1)?)) };
    Ok(summary)
}
