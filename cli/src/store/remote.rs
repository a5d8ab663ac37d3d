//! The remote store: where it is, who asks there, and how patiently. What sci.toml, the flags and the environment say of it
//! is read here.

use sci_planner::config::Located;
use sci_remote::{Address, GitHub, Identity, Nobody, Remote, RemoteAdmin, Settings, Token, Wanted};
use sci_store_api::dsse::PublicKey;
use sci_store_api::session::Session;
use sci_store_api::{NameError, RepositoryId, RunId, Secret};

use super::{failed, misplaced, pinned_keys};
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{CliError, Kind, Result};
use crate::workspace::Workspace;

/// Where a remote store is, and who says so.
#[derive(Debug, Clone, Copy)]
pub struct Place<'w> {
    url: &'w str,
    /// Whether `--store` says so, and not sci.toml.
    by_flag: bool,
    /// The `url` of sci.toml, when it is this one: what else stands there is said of this store.
    declared: Option<(&'w Workspace, &'w Located<String>)>,
}

impl<'w> Place<'w> {
    /// The address, as it was given.
    pub const fn url(&self) -> &'w str {
        self.url
    }

    /// An error about the address, at the place where it stands.
    fn wrong(&self, message: String, hint: &str) -> CliError {
        match self.declared.filter(|_| !self.by_flag) {
            Some((workspace, url)) => misplaced(workspace, &url.span, message, hint),
            None => CliError::new(Kind::Usage, message).hint(hint),
        }
    }

    fn address(&self, settings: &Settings) -> Result<Address> {
        Address::new(self.url, settings.allow_http).map_err(|error| {
            let error = sci_remote::Error::from(error);
            self.wrong(error.to_string(), error.hint().unwrap_or("an address begins with https://"))
        })
    }
}

/// The remote store that is meant, if one is: `--store` counts before sci.toml, and may name a directory instead.
pub fn place<'w>(context: &'w Context, workspace: Option<&'w Workspace>) -> Option<Place<'w>> {
    let declared = workspace.and_then(|workspace| Some((workspace, workspace.config.store.url.as_ref()?)));
    if let Some(url) = context.globals.store_url() {
        let same =
            |(_, declared): &(_, &Located<String>)| declared.value.trim_end_matches('/') == url.trim_end_matches('/');
        return Some(Place { url, by_flag: true, declared: declared.filter(same) });
    }
    let (_, url) = declared.filter(|_| context.globals.store().is_none())?;
    Some(Place { url: &url.value, by_flag: false, declared })
}

/// A client of the store. Nothing is sent yet.
///
/// # Errors
/// [`Kind::Config`] or [`Kind::Usage`] for an address that cannot be used; [`Kind::Store`] when this machine cannot make a
/// connection.
pub fn client(context: &Context, place: &Place<'_>, run: &str) -> Result<Remote> {
    let settings = settings(context);
    let address = place.address(&settings)?;
    let identity = identity(&context.environment, &settings);
    let run = RunId::new(run).map_err(|error| CliError::new(Kind::Usage, error))?;
    let wanted = Wanted { repository: repository(context, place)?, run: Some(run) };
    Remote::new(address, settings, identity, wanted).map_err(failed)
}

/// Asks a store that was just set up which sci it is of.
///
/// # Errors
/// [`Kind::Usage`] for an address that cannot be used; [`Kind::Store`] when it does not answer in time.
pub fn health(context: &Context, url: &str) -> Result<String> {
    let place = Place { url, by_flag: true, declared: None };
    let settings = settings(context);
    let remote =
        Remote::new(place.address(&settings)?, settings, Box::new(Nobody), Wanted::default()).map_err(failed)?;
    remote.health().map(|health| health.version).map_err(failed)
}

/// The administration of the store. Nothing is sent yet.
///
/// # Errors
/// As [`client`].
pub fn administration(context: &Context, place: &Place<'_>) -> Result<RemoteAdmin> {
    let settings = settings(context);
    let address = place.address(&settings)?;
    let identity = identity(&context.environment, &settings);
    RemoteAdmin::new(address, settings, identity).map_err(failed)
}

/// The keys that the store's records are believed by: `--trusted-public-keys`, else sci.toml's. Without any the store's own
/// are shown, to be checked by a person: a key that came over the same way as the records proves nothing.
///
/// # Errors
/// [`Kind::Config`] or [`Kind::Usage`].
pub fn keys(context: &Context, place: &Place<'_>, remote: &Remote) -> Result<Vec<PublicKey>> {
    let given =
        context.globals.trusted_public_keys().map(str::parse).collect::<std::result::Result<Vec<PublicKey>, _>>();
    let mut pinned = given.map_err(|error| CliError::new(Kind::Usage, format!("--trusted-public-keys: {error}")))?;
    if let Some((workspace, _)) = place.declared.filter(|_| pinned.is_empty()) {
        pinned = pinned_keys(workspace, "take the key from whoever runs the store: `sci key export` prints it there")?;
    }
    if !pinned.is_empty() {
        return Ok(pinned);
    }
    let message =
        "a remote store needs `trusted-public-keys`: the keys that its records must be signed with".to_owned();
    let presented = remote.public_keys().map(|keys| keys.iter().map(|key| format!("\"{key}\"")).collect::<Vec<_>>());
    let into = if place.declared.is_some() { "put it into [store]" } else { "give it as --trusted-public-keys" };
    let hint = match presented {
        Ok(keys) => format!(
            "the store presents trusted-public-keys = [{}]; compare with what `sci key export` prints where it runs, \
             then {into}",
            keys.join(", ")
        ),
        Err(error) => format!("`sci key export` prints them where the store runs (it could not be asked: {error})"),
    };
    Err(place.wrong(message, &hint))
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

/// What to do about a token that the store does not take.
const TOKEN: &str = "it is that of SCI_TOKEN: set it to all that `sci token create` printed, for this very store, or have a \
                     new one made";
const ID_TOKEN: &str = "it is that of SCI_ID_TOKEN, which the CI system makes anew for each job, for the store's address as \
                        audience; elsewhere set SCI_TOKEN to a token of `sci token create`";

/// Leaves of what the session may read only what who is asking could be granted by any policy: a backend that was broken into
/// serves main nothing that it once signed for a pull request. GitHub binds its identities to the reference that it tells the
/// job, and nobody reads what is not trusted without one; whoever holds a token is told of no reference.
pub fn narrow(environment: &Environment, session: &mut Session) {
    let (reference, base) = match Asker::of(environment) {
        Asker::Token(_) | Asker::IdToken(_) => return,
        Asker::GitHub { .. } => (environment.text("GITHUB_REF"), environment.text("GITHUB_BASE_REF")),
        Asker::Nobody => (None, None),
    };
    session.scopes_read.retain(|scope| scope.is_open_to(reference.unwrap_or_default(), base));
}

/// Who is asking, by what the environment holds.
enum Asker<'e> {
    /// Whoever was given a token of `sci token`.
    Token(Secret),
    /// A job whose CI system put an OIDC token there.
    IdToken(Secret),
    /// A job of GitHub's, which asks for an OIDC token there.
    GitHub {
        url: &'e str,
        token: Secret,
    },
    Nobody,
}

impl<'e> Asker<'e> {
    /// What was put there on purpose comes first.
    fn of(environment: &'e Environment) -> Self {
        let secret = |name| environment.text(name).map(|text| Secret::new(text.to_owned()));
        if let Some(token) = secret("SCI_TOKEN") {
            return Self::Token(token);
        }
        if let Some(token) = secret("SCI_ID_TOKEN") {
            return Self::IdToken(token);
        }
        match (environment.text("ACTIONS_ID_TOKEN_REQUEST_URL"), secret("ACTIONS_ID_TOKEN_REQUEST_TOKEN")) {
            (Some(url), Some(token)) => Self::GitHub { url, token },
            _ => Self::Nobody,
        }
    }
}

fn identity(environment: &Environment, settings: &Settings) -> Box<dyn Identity> {
    match Asker::of(environment) {
        Asker::Token(token) => Box::new(Token::new(token, "a token of `sci token`, from SCI_TOKEN").with_remedy(TOKEN)),
        Asker::IdToken(token) => Box::new(Token::new(token, "an OIDC token, from SCI_ID_TOKEN").with_remedy(ID_TOKEN)),
        Asker::GitHub { url, token } => Box::new(GitHub::new(url.to_owned(), token, settings.clone())),
        Asker::Nobody => Box::new(Nobody),
    }
}

/// The repository that is meant: `--project`, else sci.toml's. GitHub's own id of it counts unless a token decides, which may
/// be for one of another name.
///
/// # Errors
/// [`Kind::Config`] or [`Kind::Usage`] for what cannot be an id.
pub fn repository(context: &Context, place: &Place<'_>) -> Result<Option<RepositoryId>> {
    let usage = |error: NameError| CliError::new(Kind::Usage, error);
    if let Some(named) = context.globals.project() {
        return RepositoryId::new(named).map(Some).map_err(usage);
    }
    let declared =
        place.declared.and_then(|(workspace, _)| Some((workspace, workspace.config.store.repository.as_ref()?)));
    if let Some((workspace, declared)) = declared {
        let hint = "`sci repo list` lists the repositories of a store";
        let refused = |error: NameError| misplaced(workspace, &declared.span, error.to_string(), hint);
        return RepositoryId::new(declared.value.as_str()).map(Some).map_err(refused);
    }
    let environment = &context.environment;
    let by_token = ["SCI_TOKEN", "SCI_ID_TOKEN"].iter().any(|name| environment.get(name).is_some());
    let id = environment.text("GITHUB_REPOSITORY_ID").filter(|_| !by_token);
    id.map(RepositoryId::new).transpose().map_err(usage)
}
