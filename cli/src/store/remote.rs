//! The remote store of sci.toml: its address, who asks there, and how patiently. What the environment says of it is read here.

use sci_planner::config::Located;
use sci_remote::{Address, GitHub, Identity, Nobody, Remote, Settings, Token, Wanted};
use sci_store_api::dsse::PublicKey;
use sci_store_api::{NameError, RepositoryId, RunId, Secret};

use super::{failed, misplaced, pinned_keys};
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};
use crate::workspace::Workspace;

/// The remote store of the workspace, if that is where its snapshots are: `--store` names an embedded one instead.
pub fn url<'w>(context: &Context, workspace: Option<&'w Workspace>) -> Option<(&'w Workspace, &'w Located<String>)> {
    let workspace = workspace.filter(|_| context.globals.store().is_none())?;
    Some((workspace, workspace.config.store.url.as_ref()?))
}

/// A client of the store at `url`. Nothing is sent yet.
///
/// # Errors
/// [`Kind::Config`] for an address that cannot be used; [`Kind::Store`] when this machine cannot make a connection.
pub fn client(context: &Context, workspace: &Workspace, url: &Located<String>, run: &str) -> Result<Remote> {
    let settings = settings(context);
    let address = Address::new(&url.value, settings.allow_http).map_err(|error| {
        let error = sci_remote::Error::from(error);
        misplaced(workspace, &url.span, error.to_string(), error.hint().unwrap_or("`url` begins with https://"))
    })?;
    let identity = identity(&context.environment, &settings);
    let wanted = wanted(&context.environment, workspace, run)?;
    Remote::new(address, settings, identity, wanted).map_err(failed)
}

/// The keys that sci.toml trusts the store's records by. Without any the store's own are shown, to be checked by a person:
/// a key that came over the same way as the records proves nothing.
///
/// # Errors
/// [`Kind::Config`].
pub fn keys(workspace: &Workspace, url: &Located<String>, remote: &Remote) -> Result<Vec<PublicKey>> {
    let pinned = pinned_keys(workspace, "take the key from whoever runs the store: `sci key export` prints it there")?;
    if !pinned.is_empty() {
        return Ok(pinned);
    }
    let message =
        "a remote store needs `trusted-public-keys`: the keys that its records must be signed with".to_owned();
    let presented = remote.public_keys().map(|keys| keys.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>());
    let hint = match presented {
        Ok(keys) => format!(
            "the store presents trusted-public-keys = [{}]; compare with what `sci key export` prints where it runs, \
             then put it into [store]",
            keys.join(", ")
        ),
        Err(error) => format!("`sci key export` prints them where the store runs (it could not be asked: {error})"),
    };
    Err(misplaced(workspace, &url.span, message, &hint))
}

fn settings(context: &Context) -> Settings {
    let usual = Settings::default();
    let timeout = context.globals.timeout;
    Settings {
        timeout,
        first_byte: usual.first_byte.max(timeout / 2).min(timeout),
        stall: usual.stall.max(timeout / 2).min(timeout),
        connect: usual.connect.min(timeout),
        allow_http: context.globals.allow_http,
    }
}

/// Who is asking, by what the environment holds: what was put there on purpose comes first.
fn identity(environment: &Environment, settings: &Settings) -> Box<dyn Identity> {
    let secret = |name| environment.text(name).map(|text| Secret::new(text.to_owned()));
    if let Some(token) = secret("SCI_TOKEN") {
        return Box::new(Token::new(token, "a token of `sci token`, from SCI_TOKEN"));
    }
    if let Some(token) = secret("SCI_ID_TOKEN") {
        return Box::new(Token::new(token, "an OIDC token, from SCI_ID_TOKEN"));
    }
    match (environment.text("ACTIONS_ID_TOKEN_REQUEST_URL"), secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
        (Some(url), Some(token)) => Box::new(GitHub::new(url.to_owned(), token, settings.clone())),
        _ => Box::new(Nobody),
    }
}

/// The repository that is meant. GitHub's own id of it counts unless a token decides, which may be for one of another name.
fn wanted(environment: &Environment, workspace: &Workspace, run: &str) -> Result<Wanted> {
    let usage = |error: NameError| CliError::new(Kind::Usage, error);
    let run = RunId::new(run).map_err(usage)?;
    let by_token = ["SCI_TOKEN", "SCI_ID_TOKEN"].iter().any(|name| environment.get(name).is_some());
    let repository = match &workspace.config.store.repository {
        Some(declared) => {
            let refused = |error: NameError| {
                misplaced(
                    workspace,
                    &declared.span,
                    error.to_string(),
                    "`sci repo list` lists the repositories of a store",
                )
            };
            Some(RepositoryId::new(declared.value.as_str()).map_err(refused)?)
        }
        None => {
            let id = environment.text("GITHUB_REPOSITORY_ID").filter(|_| !by_token);
            id.map(RepositoryId::new).transpose().map_err(usage)?
        }
    };
    Ok(Wanted { repository, run: Some(run) })
}
