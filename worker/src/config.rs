//! What whoever set the Worker up has decided: variables and secrets.

use sci_service::HeldKeys;
use sci_service::identity::{GenericClaims, Issuer, IssuerKind};
use sci_store_api::address::is_local;
use sci_store_api::admin::{DAY, GcPolicy};
use sci_store_api::tokens::TokenSummary;
use sci_store_api::{Secret, StoreId, StoredKeys};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::Env;

/// The bucket's binding.
pub(crate) const BUCKET: &str = "OBJECTS";
/// The database's binding.
pub(crate) const DATABASE: &str = "INDEX";

const URL: &str = "SCI_URL";
const STORE: &str = "SCI_STORE";
const KEY: &str = "SCI_SIGNING_KEY";
const PUBLIC_KEYS: &str = "SCI_PUBLIC_KEYS";
const ISSUERS: &str = "SCI_ISSUERS";
const POLICY: &str = "SCI_GC_POLICY";
const ADMINISTRATOR: &str = "SCI_ADMINISTRATOR";

/// Why the Worker cannot be used as it is set up. It never repeats what a secret holds.
#[derive(Debug)]
pub(crate) struct ConfigError(pub(crate) String);

/// The configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// What clients reach the Worker at: the audience of their identities.
    pub(crate) url: String,
    pub(crate) store: StoreId,
    pub(crate) keys: HeldKeys,
    pub(crate) issuers: Vec<Issuer>,
    /// What the cron trigger may remove.
    pub(crate) policy: GcPolicy,
    /// The first administrator's token, sealed elsewhere with the store's key.
    pub(crate) administrator: Option<TokenSummary>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: IssuerKind,
    url: Option<String>,
    keys: Option<String>,
    claims: Option<GenericClaims>,
}

impl Config {
    pub(crate) fn read(env: &Env) -> Result<Self, ConfigError> {
        let url = needed(env, URL)?;
        if !(url.starts_with("https://") || is_local(&url)) || url.ends_with('/') || url.contains(['?', '#', '@', ' '])
        {
            return Err(wrong(URL, "it is an address as clients have it: https://…, without a slash at the end"));
        }
        let store = needed(env, STORE)?.parse().map_err(|_| wrong(STORE, "it is not the id of a store"))?;
        let keys = keys(env)?;
        let policy: GcPolicy = json(env, POLICY)?.unwrap_or_default();
        if policy.grace < DAY {
            return Err(wrong(POLICY, "the time of grace is at least a day"));
        }
        let issuers = match json::<Vec<Entry>>(env, ISSUERS)? {
            None => vec![Issuer::github()],
            Some(entries) => issuers(entries)?,
        };
        Ok(Self { url, store, keys, issuers, policy, administrator: json(env, ADMINISTRATOR)? })
    }
}

/// The keys of the secret, which must be those that clients were told of.
fn keys(env: &Env) -> Result<HeldKeys, ConfigError> {
    let stored = Secret::new(needed(env, KEY)?);
    let held = StoredKeys::parse(stored.expose().as_bytes()).and_then(|stored| HeldKeys::of(&stored));
    let held = held.ok_or_else(|| wrong(KEY, "it is not a signing key"))?;
    let told = given(env, PUBLIC_KEYS);
    let is_told =
        told.is_none_or(|told| told.split(',').map(str::trim).eq(held.public().iter().map(ToString::to_string)));
    if is_told { Ok(held) } else { Err(wrong(PUBLIC_KEYS, &format!("they are not those of {KEY}"))) }
}

fn issuers(entries: Vec<Entry>) -> Result<Vec<Issuer>, ConfigError> {
    let mut issuers: Vec<Issuer> = Vec::with_capacity(entries.len());
    for entry in entries {
        let issuer = issuer(entry)?;
        if issuers.iter().any(|other| other.url == issuer.url) {
            return Err(wrong(ISSUERS, "an issuer is listed twice"));
        }
        issuers.push(issuer);
    }
    if issuers.is_empty() { Err(wrong(ISSUERS, "nobody could be believed")) } else { Ok(issuers) }
}

fn issuer(Entry { kind, url, keys, claims }: Entry) -> Result<Issuer, ConfigError> {
    if ![&url, &keys].into_iter().flatten().all(|address| IssuerKind::may_be_at(address)) {
        return Err(wrong(ISSUERS, "an issuer's addresses begin with https://"));
    }
    if claims.is_some() && kind != IssuerKind::Generic {
        return Err(wrong(ISSUERS, "only an issuer of kind \"generic\" has claims to be named"));
    }
    let issuer = kind.issuer(url, keys, claims);
    issuer.ok_or_else(|| wrong(ISSUERS, "an issuer of kind \"generic\" has url, keys and claims"))
}

fn given(env: &Env, name: &str) -> Option<String> {
    env.var(name).ok().map(|value| value.to_string()).filter(|value| !value.is_empty())
}

fn needed(env: &Env, name: &str) -> Result<String, ConfigError> {
    given(env, name).ok_or_else(|| wrong(name, "it is not set"))
}

fn json<T: DeserializeOwned>(env: &Env, name: &str) -> Result<Option<T>, ConfigError> {
    let malformed = |error: serde_json::Error| {
        // The error's own words may repeat a value.
        wrong(name, &format!("malformed at line {}, column {}", error.line(), error.column()))
    };
    given(env, name).map(|text| serde_json::from_str(&text).map_err(malformed)).transpose()
}

fn wrong(name: &str, problem: &str) -> ConfigError {
    ConfigError(format!("{name}: {problem}"))
}
