//! Saves, and the objects in them.

use bytes::Bytes;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::{ObjectId, SnapshotId, routes};
use serde_json::{Value, json};

use super::player::{Begun, Player};
use crate::http::Heard;

/// Headers `Range`, good and bad.
const RANGES: [&str; 14] = [
    "bytes=0-0",
    "bytes=1-3",
    "bytes=2-",
    "bytes=0-",
    "bytes=0-99999999",
    "bytes=99999999-",
    "bytes=18446744073709551615-",
    "bytes=-3",
    "bytes=4-2",
    "bytes=0-1,3-4",
    "bytes=a-b",
    "lines=1-2",
    "bytes=",
    " bytes=1-2 ",
];

impl Player<'_> {
    /// A save from beginning to end; now and then not to its end, or with its commit sent twice.
    pub(super) fn save(&mut self) {
        let Some(begun) = self.begin() else { return };
        for (_, bytes) in begun.state.objects() {
            if !self.dice.is_one_of(3) {
                self.put_into(&begun.ticket, Some(&begun.save), &ObjectId::of(&bytes), &bytes);
            }
        }
        if self.dice.is_one_of(8) {
            return;
        }
        let body = serde_json::to_value(begun.state.commit()).unwrap();
        for _ in 0..if self.dice.is_one_of(15) { 2 } else { 1 } {
            self.commit_as(&begun.ticket, &begun, &body);
        }
    }

    /// Begins a save.
    pub(super) fn begin(&mut self) -> Option<Begun> {
        let (ticket, state) = (self.ticket(), self.state());
        let bases: Vec<SnapshotId> = match self.dice.below(10) {
            0 => vec![SnapshotId::from_bytes([9; 32])],
            1 | 2 => self.dice.pick_any(&self.snapshots).into_iter().collect(),
            3 => self.snapshots.clone(),
            _ => Vec::new(),
        };
        let body = json!({
            "nonce": self.nonce(), "path": "target", "instance": state.instance,
            "key": state.ladder().key(), "bases": bases,
        });
        let said = self.post(routes::SAVES, &ticket, &body);
        let save: BegunSave = serde_json::from_slice(&said.body).ok().filter(|_| said.status == 200)?;
        let begun = Begun { ticket, save, state };
        self.saves.push(begun.clone());
        Some(begun)
    }

    /// Puts an object, or something else, into a save, another's, or none.
    pub(super) fn put(&mut self) {
        let (state, ticket) = (self.state(), self.ticket());
        let (_, bytes) = self.dice.pick(&state.objects());
        let id = ObjectId::of(&bytes);
        let mut sent = bytes.to_vec();
        match self.dice.below(8) {
            0 => sent[0] ^= 1,
            1 => drop(sent.pop()),
            2 => sent.push(b'x'),
            3 => sent.clear(),
            _ => {}
        }
        let begun = if self.dice.is_one_of(75) { self.dice.pick_any(&self.saves) } else { None };
        let ticket = match &begun {
            Some(begun) if self.dice.is_one_of(80) => begun.ticket.clone(),
            _ => ticket,
        };
        self.put_into(&ticket, begun.as_ref().map(|begun| &begun.save), &id, &sent);
    }

    fn put_into(&mut self, ticket: &str, save: Option<&BegunSave>, id: &ObjectId, bytes: &[u8]) {
        let query = save.map_or_else(String::new, |begun| format!("?{}={}", routes::SAVE_PARAMETER, begun.save));
        let said = self.request("PUT", &(routes::fill(routes::OBJECT, id) + &query), Some(ticket), bytes);
        if said.status == 204 {
            self.objects.push(Bytes::copy_from_slice(bytes));
        }
    }

    /// Commits a save, as it should be or not.
    pub(super) fn commit(&mut self) {
        let Some(begun) = self.dice.pick_any(&self.saves) else { return };
        let state = if self.dice.is_one_of(25) { self.state() } else { begun.state.clone() };
        let mut body = serde_json::to_value(state.commit()).unwrap();
        match self.dice.below(10) {
            0 => body["objects"][0]["size"] = json!(1),
            1 => drop(body["objects"].as_array_mut().unwrap().pop()),
            2 => body["settled"] = json!(!state.settled),
            3 => body["files"] = json!(7),
            4 => body["manifest"] = json!("0".repeat(64)),
            _ => {}
        }
        let ticket = if self.dice.is_one_of(80) { begun.ticket.clone() } else { self.ticket() };
        self.commit_as(&ticket, &begun, &body);
    }

    fn commit_as(&mut self, ticket: &str, begun: &Begun, body: &Value) {
        let said = self.post(&routes::fill(routes::COMMIT, begun.save.save), ticket, body);
        if said.status == 200 {
            self.snapshots.push(serde_json::from_slice::<Committed>(&said.body).unwrap().snapshot());
        }
    }

    /// Reads an object, or a part of it.
    pub(super) fn fetch(&mut self) {
        let known = if self.dice.is_one_of(85) { self.dice.pick_any(&self.objects) } else { None };
        let bytes = known.unwrap_or_else(|| Bytes::from_static(b"nothing has these bytes"));
        let mut headers = vec![("authorization".to_owned(), format!("Bearer {}", self.ticket()))];
        if self.dice.is_one_of(60) {
            headers.push(("range".to_owned(), self.dice.pick(&RANGES).to_owned()));
        }
        let method = self.dice.pick(&["GET", "GET", "HEAD"]).to_owned();
        let target = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
        self.send(&Heard { method, target, headers, body: Vec::new() });
    }
}
