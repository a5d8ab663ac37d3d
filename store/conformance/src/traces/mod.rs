//! Seeded traces of the protocol, played on two hosts at once: whatever runs the service, a client is answered the same.
//!
//! Both hosts have the same clock, signing key, store id and issuer. Then nothing in an answer is drawn by a host but the id of
//! the request (ids, tickets and records follow from what was asked, when, and by whom), so that statuses, headers and bodies
//! are compared as they are, byte for byte, and one answer is what the trace goes on with.

mod administration;
mod dice;
mod identities;
mod malformed;
mod objects;
mod paths;
mod player;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sci_service::http::{NO_ROUTE, route};
use sci_store_api::admin::DAY;
use sci_store_api::routes;
use sci_store_api::tokens::{CreateToken, TokenPower};

use crate::http::{Heard, Said};
use crate::issuer::TestIssuer;
use player::Player;

/// What every trace is set in.
pub struct Setting<'a> {
    /// What the hosts call themselves.
    pub audience: &'a str,
    /// Who issues the identities that they believe.
    pub issuer: &'a TestIssuer,
    /// The claim `iss` of those.
    pub issuer_url: &'a str,
    /// The token that [`administrator`] asks for.
    pub admin: &'a str,
}

/// When every trace begins, in milliseconds since 1970.
pub const BEGINNING: u64 = 20_000 * DAY;

/// The token that both hosts have before a trace begins.
pub fn administrator() -> CreateToken {
    CreateToken {
        id: "root".parse().unwrap(),
        power: TokenPower::Admin,
        life: 300 * DAY,
        note: String::new(),
        allow_trusted: false,
    }
}

/// A host that plays: it answers a request at a time in milliseconds since 1970, which never goes back.
pub type Host<'a> = dyn Fn(u64, &Heard) -> Said + 'a;

/// Plays the trace of a seed on two hosts that are empty but for the administrator's token.
///
/// # Panics
/// When they answer differently, with what was asked and what each answered.
pub fn play(seed: u64, setting: &Setting<'_>, one: &Host<'_>, other: &Host<'_>) -> Played {
    let (mut played, mut step) = (Played::default(), 0);
    let mut ask = |now: u64, heard: &Heard| {
        step += 1;
        let (answer, second) = (one(now, heard), other(now, heard));
        assert_eq!(
            Seen::of(heard, &answer),
            Seen::of(heard, &second),
            "seed {seed}, step {step}, at {now}: {} {} {:?}\n{}",
            heard.method,
            heard.target,
            heard.headers.iter().map(|(name, value)| (name, start(value.as_bytes(), 60))).collect::<Vec<_>>(),
            start(&heard.body, 2_000),
        );
        played.count(heard, &answer);
        answer
    };
    Player::new(seed, setting, &mut ask).play();
    played
}

/// The beginning of something long.
fn start(bytes: &[u8], most: usize) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(most)]).into_owned()
}

/// What a client sees of an answer.
#[derive(PartialEq, Eq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// Headers that a client reads. Others belong to the connection, or to the host.
const READ: [&str; 7] =
    ["accept-ranges", "content-range", "content-type", "etag", "location", "retry-after", "www-authenticate"];

impl Seen {
    fn of(heard: &Heard, said: &Said) -> Self {
        // Of an object that is not sent, the length is the answer; otherwise the body has it.
        let is_object = heard.method == "HEAD" && said.status < 300 && route(heard.path()) == Some(routes::OBJECT);
        let is_read = |name: &str| READ.contains(&name) || (name == "content-length" && is_object);
        let mut headers: Vec<_> = said.headers.iter().filter(|(name, _)| is_read(name)).cloned().collect();
        headers.sort_unstable();
        Self { status: said.status, headers, body: said.body.clone() }
    }
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {}", self.status, self.headers, String::from_utf8_lossy(&self.body))
    }
}

/// How often each kind of answer was given, so that a suite can tell that its traces go everywhere.
#[derive(Debug, Default)]
pub struct Played(BTreeMap<String, u64>);

impl Played {
    /// What an answer counts as: method, route, status, and the word that says how it went.
    fn count(&mut self, heard: &Heard, said: &Said) {
        let body: serde_json::Value = serde_json::from_slice(&said.body).unwrap_or_default();
        let word = ["/code", "/outcome", "/paths/0/verdict/verdict"];
        let word = word.iter().find_map(|place| body.pointer(place)?.as_str()).unwrap_or_default();
        let kind = format!("{} {} {} {word}", heard.method, route(heard.path()).unwrap_or(NO_ROUTE), said.status);
        *self.0.entry(kind.trim_end().to_owned()).or_default() += 1;
    }

    /// Adds another's.
    pub fn add(&mut self, other: Self) {
        for (kind, count) in other.0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// How many answers there were.
    pub fn answers(&self) -> u64 {
        self.0.values().sum()
    }

    /// Those of these kinds that did not occur.
    pub fn without<'a>(&self, kinds: &[&'a str]) -> Vec<&'a str> {
        kinds.iter().copied().filter(|kind| !self.0.contains_key(*kind)).collect()
    }
}

impl std::fmt::Display for Played {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (kind, count) in &self.0 {
            writeln!(text, "{count:>7}  {kind}")?;
        }
        f.write_str(&text)
    }
}
