//! What a trace knows so far, and what it does next.

use bytes::Bytes;
use sci_store_api::saves::BegunSave;
use sci_store_api::{Nonce, SnapshotId, routes};
use serde_json::Value;

use super::dice::Dice;
use super::{BEGINNING, Setting};
use crate::http::{Heard, Said};
use crate::state::State;

/// Sends a request to both hosts, and gives their answer.
pub(super) type Ask<'a> = &'a mut dyn FnMut(u64, &Heard) -> Said;

/// A save that was begun.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) ticket: String,
    pub(super) save: BegunSave,
    pub(super) state: State,
}

/// One trace.
pub(super) struct Player<'a> {
    pub(super) dice: Dice,
    pub(super) setting: &'a Setting<'a>,
    pub(super) now: u64,
    /// Tickets with their ends.
    pub(super) tickets: Vec<(String, u64)>,
    /// Tokens with their ids.
    pub(super) tokens: Vec<(String, String)>,
    pub(super) saves: Vec<Begun>,
    pub(super) objects: Vec<Bytes>,
    pub(super) snapshots: Vec<SnapshotId>,
    pub(super) plans: Vec<String>,
    /// Paths of a resolve with their verdicts, as a plan lists them.
    pub(super) planned: Vec<Value>,
    pub(super) nonces: Vec<Nonce>,
    ask: Ask<'a>,
}

impl<'a> Player<'a> {
    pub(super) fn new(seed: u64, setting: &'a Setting<'a>, ask: Ask<'a>) -> Self {
        Self {
            dice: Dice::new(seed),
            setting,
            now: BEGINNING,
            tickets: Vec::new(),
            tokens: Vec::new(),
            saves: Vec::new(),
            objects: Vec::new(),
            snapshots: Vec::new(),
            plans: Vec::new(),
            planned: Vec::new(),
            nonces: Vec::new(),
            ask,
        }
    }

    /// Ten to thirty operations, some of several requests, after a repository is known and somebody has come.
    pub(super) fn play(&mut self) {
        self.register();
        self.open_good_session();
        for _ in 0..10 + self.dice.below(21) {
            self.pass_time();
            self.operate();
        }
        // What is left is compared, too.
        let admin = self.setting.admin.to_owned();
        for target in [routes::REPOSITORIES, routes::TOKENS, routes::KEYS] {
            self.request("GET", target, Some(&admin), b"");
        }
        self.list();
    }

    fn operate(&mut self) {
        match self.dice.below(100) {
            0..12 => self.open_session(),
            12..16 => self.open_good_session(),
            16..34 => self.save(),
            34..39 => drop(self.begin()),
            39..46 => self.put(),
            46..52 => self.commit(),
            52..66 => self.resolve(),
            66..73 => self.fetch(),
            73..77 => self.list(),
            77..80 => self.show_or_forget(),
            80..85 => self.plan(),
            85..92 => self.administer(),
            _ => self.malformed(),
        }
    }

    fn pass_time(&mut self) {
        self.now += match self.dice.below(60) {
            0 => 3 * sci_store_api::admin::DAY,
            1 => sci_store_api::admin::DAY,
            // Tickets end.
            2 => 16 * 60_000,
            3..=6 => 60_000,
            7 => 0,
            _ => 1,
        };
    }

    pub(super) fn send(&mut self, heard: &Heard) -> Said {
        (self.ask)(self.now, heard)
    }

    pub(super) fn request(&mut self, method: &str, target: &str, bearer: Option<&str>, body: &[u8]) -> Said {
        let headers =
            bearer.map(|bearer| ("authorization".to_owned(), format!("Bearer {bearer}"))).into_iter().collect();
        self.send(&Heard { method: method.to_owned(), target: target.to_owned(), headers, body: body.to_vec() })
    }

    pub(super) fn post(&mut self, target: &str, bearer: &str, body: &Value) -> Said {
        self.request("POST", target, Some(bearer), body.to_string().as_bytes())
    }

    /// A ticket: mostly the newest, seldom one that has ended.
    pub(super) fn ticket(&mut self) -> String {
        let now = self.now;
        let is_good = |(_, end): &&(String, u64)| *end > now;
        if !self.tickets.iter().any(|ticket| is_good(&ticket)) && self.dice.is_one_of(90) {
            self.open_good_session();
        }
        let any = self.dice.is_one_of(5);
        let tickets: Vec<_> = self.tickets.iter().filter(|ticket| any || is_good(ticket)).cloned().collect();
        match tickets.last() {
            Some((newest, _)) if self.dice.is_one_of(50) => newest.clone(),
            _ => self.dice.pick_any(&tickets).map_or_else(|| "nobody".to_owned(), |(ticket, _)| ticket),
        }
    }

    /// A nonce: now and then one that was used before.
    pub(super) fn nonce(&mut self) -> Nonce {
        let repeated = if self.dice.is_one_of(6) { self.dice.pick_any(&self.nonces) } else { None };
        let nonce = repeated.unwrap_or_else(|| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&self.dice.number().to_le_bytes());
            Nonce::from_bytes(bytes)
        });
        self.nonces.push(nonce);
        nonce
    }

    /// One of few states, so that traces meet again what they have saved.
    pub(super) fn state(&mut self) -> State {
        let (lockfile, source) = (self.dice.pick(&["l1", "l2"]), self.dice.pick(&["s1", "s2", "s3"]));
        let mut state = State::new(lockfile, source, self.dice.pick(&["t1", "t2", "t3"]));
        state.instance = self.dice.pick(&["target", "target", "a/target"]);
        state.elements.push(self.dice.pick(&["e1", "e2", "e3"]));
        state.elements.push(self.dice.pick(&["e4", "e5"]));
        if self.dice.is_one_of(8) {
            state.tree = self.dice.pick(&["n", "m"]).repeat(20_000);
        }
        if self.dice.is_one_of(15) { state.unsettled() } else { state }
    }
}
