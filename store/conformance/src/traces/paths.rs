//! What a run asks about its paths: verdicts, plans, and what was saved.

use sci_store_api::{SnapshotId, routes};
use serde_json::{Value, json};

use super::identities::{COMMITS, RUNS};
use super::player::Player;

impl Player<'_> {
    /// Asks for verdicts.
    pub(super) fn resolve(&mut self) {
        let ticket = self.ticket();
        let paths: Vec<Value> = (0..self.dice.pick(&[1, 1, 1, 2, 3])).map(|_| self.query()).collect();
        let ancestors: Vec<&str> = (0..self.dice.below(3)).map(|_| self.dice.pick(&COMMITS)).collect();
        let said = self.post(routes::RESOLVE, &ticket, &json!({ "paths": paths, "ancestors": ancestors }));
        let answer: Value = serde_json::from_slice(&said.body).unwrap_or_default();
        let resolved = answer["paths"].as_array().cloned().unwrap_or_default();
        for (query, resolved) in paths.iter().zip(resolved) {
            self.planned.push(json!({
                "path": query["path"], "instance": query["instance"], "ladder": query["ladder"],
                "sketch": query["sketch"], "derivation": null, "verdict": resolved["verdict"],
            }));
        }
    }

    fn query(&mut self) -> Value {
        let saved = if self.dice.is_one_of(60) { self.dice.pick_any(&self.saves) } else { None };
        let state = saved.map_or_else(|| self.state(), |begun| begun.state);
        let mut query = serde_json::to_value(state.query()).unwrap();
        query["restore"] = self.dice.pick(&["nearest", "nearest", "nearest", "exact", "never"]).into();
        query["match"] = self.dice.pick(&["system", "tools", "tools", "lockfiles", "sources"]).into();
        query
    }

    /// Records a plan, lists plans, or has one explained.
    pub(super) fn plan(&mut self) {
        let ticket = self.ticket();
        match self.dice.below(4) {
            0 | 1 => {
                let mut planned: Vec<Value> = self.dice.pick_any(&self.planned).into_iter().collect();
                let derivation = self.state().commit().derivation;
                if let Some(first) = planned.first_mut().filter(|_| self.dice.is_one_of(30)) {
                    first["derivation"] = json!(derivation);
                }
                let body = json!({ "nonce": self.nonce(), "paths": planned });
                let said = self.post(routes::PLANS, &ticket, &body);
                if let Ok(plan) = serde_json::from_slice::<String>(&said.body) {
                    self.plans.push(plan);
                }
            }
            2 => {
                let query =
                    self.dice.pick(&["", "?limit=1", "?run=5000-1", "?limit=0", "?limit=x", "?run=nobody&limit=5"]);
                self.request("GET", &format!("{}{query}", routes::PLANS), Some(&ticket), b"");
            }
            _ => {
                let plan = self.dice.pick_any(&self.plans).unwrap_or_else(|| "0".repeat(64));
                self.request("GET", &routes::fill(routes::EXPLAIN, plan), Some(&ticket), b"");
            }
        }
    }

    /// Lists snapshots.
    pub(super) fn list(&mut self) {
        let ticket = self.ticket();
        let query = self.dice.pick(&[
            "",
            "?limit=1",
            "?limit=2&before=3",
            "?before=2",
            "?path=target",
            "?path=other",
            "?instance=a/target",
            "?instance=a%2Ftarget&limit=1",
            "?scope=trusted:refs/heads/main",
            "?scope=pr:42",
            "?scope=pr%3A42&path=target",
            "?run=5000-1",
            "?limit=0",
            "?limit=1001",
            "?limit=99999999999",
            "?limit=1&limit=x",
            "?before=-1",
            "?nobody=knows",
        ]);
        self.request("GET", &format!("{}{query}", routes::SNAPSHOTS), Some(&ticket), b"");
    }

    /// Shows a snapshot, or forgets it.
    pub(super) fn show_or_forget(&mut self) {
        let ticket = self.ticket();
        let snapshot = self.dice.pick_any(&self.snapshots).unwrap_or_else(|| SnapshotId::from_bytes([9; 32]));
        let method = self.dice.pick(&["GET", "GET", "DELETE"]);
        self.request(method, &routes::fill(routes::SNAPSHOT, snapshot), Some(&ticket), b"");
    }

    /// One of the runs that there may be.
    pub(super) fn run(&mut self) -> &'static str {
        self.dice.pick(&RUNS)
    }
}
