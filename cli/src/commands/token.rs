//! `sci token`: tokens for machines and people that have no identity from a CI system.

use std::time::Duration;

use clap::Subcommand;
use sci_store_api::tokens::{CreateToken, CreatedToken, TokenPower, TokenSummary};
use sci_store_api::{TokenId, UnixMillis};
use serde::Serialize;

use crate::administration::{self, named};
use crate::args::span;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::format::{safe, time};
use crate::output::table::Table;

/// Arguments of `sci token`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token and print it, once
    Create(Create),
    /// List tokens, newest first
    List,
    /// End a token now, and every ticket that it got
    Revoke {
        /// The token's id, as `list` shows it
        id: String,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The registered repository that it opens
    #[arg(long, value_name = "ID", required_unless_present = "admin")]
    repository: Option<String>,
    /// The scope that its holder writes, as branch:machines/builder; only reads when absent
    #[arg(long, value_name = "SCOPE", conflicts_with = "admin")]
    scope: Option<String>,
    /// Open the store's administration instead
    #[arg(long, conflicts_with = "repository")]
    admin: bool,
    /// How long it is good for
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "90d")]
    expires: Duration,
    /// Who or what has it
    #[arg(long, default_value = "")]
    note: String,
    /// Allow a scope above a branch's: its holder then writes what everybody restores
    #[arg(long)]
    allow_trusted: bool,
}

#[derive(Serialize)]
struct Created<'a> {
    token: &'a str,
    #[serde(flatten)]
    summary: &'a TokenSummary,
}

/// Makes, lists or ends tokens.
///
/// # Errors
/// [`Kind::Usage`]; [`Kind::NotFound`] for a token that there is not; [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let admin = match arguments.command {
        Command::Create(_) => administration::open_or_make(context)?,
        _ => administration::open(context)?,
    };
    match &arguments.command {
        Command::Create(create) => {
            let created = admin.create_token(&create.request()?)?;
            report(context, &created);
        }
        Command::List => {
            let tokens = admin.tokens()?.tokens;
            let now = UnixMillis(u64::try_from(context.now().as_millisecond()).unwrap_or(0));
            context.out.human(|text| match tokens.as_slice() {
                [] => {
                    text.line("no tokens yet");
                }
                tokens => table(tokens, now).render(text),
            });
            context.out.document("token", &serde_json::json!({ "tokens": tokens }));
        }
        Command::Revoke { id } => {
            let summary = admin.revoke_token(&named::<TokenId>(id)?)?;
            context.out.human(|text| {
                text.line(format_args!("revoked token {}", summary.id));
            });
            context.out.document("token", &serde_json::json!({ "tokens": [summary] }));
        }
    }
    Ok(Exit::Success)
}

impl Create {
    fn request(&self) -> Result<CreateToken> {
        let power = match &self.repository {
            None => TokenPower::Admin,
            Some(repository) => TokenPower::Repository {
                repository: named(repository)?,
                scope_write: self.scope.as_deref().map(named).transpose()?,
            },
        };
        let life = u64::try_from(self.expires.as_millis()).unwrap_or(u64::MAX);
        let id = sci_native::fresh_name().map_err(|error| CliError::new(Kind::Local, error))?;
        Ok(CreateToken { id: named(&id)?, power, life, note: self.note.clone(), allow_trusted: self.allow_trusted })
    }
}

fn report(context: &mut Context, created: &CreatedToken) {
    let CreatedToken { token, summary } = created;
    context.out.human(|text| {
        text.line(token.expose());
    });
    context.out.note(&format!(
        "Token {} for {}, good until {}. It is not shown again; its holder sets it as SCI_TOKEN.",
        summary.id,
        power(&summary.power),
        time(summary.expires)
    ));
    context.out.document("token", &Created { token: token.expose(), summary });
}

fn power(power: &TokenPower) -> String {
    match power {
        TokenPower::Admin => "administration".to_owned(),
        TokenPower::Repository { repository, scope_write: Some(scope) } => format!("{repository}, writes {scope}"),
        TokenPower::Repository { repository, scope_write: None } => format!("{repository}, reads"),
    }
}

fn table(tokens: &[TokenSummary], now: UnixMillis) -> Table {
    let mut table = Table::of_words(["TOKEN", "OPENS", "UNTIL", "STATE", "NOTE"]);
    for token in tokens {
        let state = match token.revoked {
            Some(_) => "revoked",
            None if token.expires <= now => "expired",
            None => "good",
        };
        let until = time(token.expires);
        table.row([token.id.to_string(), power(&token.power), until, state.to_owned(), safe(&token.note)]);
    }
    table
}
