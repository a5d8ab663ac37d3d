//! What an administrator does: registrations, tokens, quarantine, forgetting, collection.

use sci_store_api::admin::DAY;
use sci_store_api::{SnapshotId, routes};
use serde_json::{Value, json};

use super::player::Player;
use crate::threats::registration;

impl Player<'_> {
    /// Registers repository 1001, as every trace begins.
    pub(super) fn register(&mut self) {
        let registration = serde_json::to_value(registration(self.setting.issuer_url)).unwrap();
        self.register_as("1001", &registration);
    }

    fn register_as(&mut self, name: &str, registration: &Value) {
        let admin = self.setting.admin.to_owned();
        let body = registration.to_string();
        self.request("PUT", &routes::fill(routes::REPOSITORY, name), Some(&admin), body.as_bytes());
    }

    /// Does one of these things, mostly with an administrator's token.
    pub(super) fn administer(&mut self) {
        let bearer = if self.dice.is_one_of(92) { self.setting.admin.to_owned() } else { self.ticket() };
        match self.dice.below(20) {
            0..=3 => self.change_registration(),
            4..=6 => self.create_token(&bearer),
            7 | 8 => {
                if self.tokens.is_empty() {
                    self.create_token(&bearer);
                }
                let id = self.dice.pick_any(&self.tokens).map_or_else(|| "absent".to_owned(), |(id, _)| id);
                self.request("DELETE", &routes::fill(routes::TOKEN, id), Some(&bearer), b"");
            }
            9 => {
                let target = self.dice.pick(&[routes::TOKENS, routes::REPOSITORIES, routes::KEYS]);
                self.request("GET", target, Some(&bearer), b"");
            }
            10 => {
                let name = self.dice.pick(&["1001", "2002", "9", "a b"]).replace(' ', "%20");
                self.request("GET", &routes::fill(routes::REPOSITORY, name), Some(&bearer), b"");
            }
            11 | 12 => {
                let body = json!({ "repository": self.dice.pick(&["1001", "1001", "9"]), "run": self.run() });
                self.post(routes::QUARANTINE, &bearer, &body);
            }
            13 => {
                let snapshot = self.dice.pick_any(&self.snapshots).unwrap_or_else(|| SnapshotId::from_bytes([9; 32]));
                let body = json!({ "repository": self.dice.pick(&["1001", "1001", "2002"]), "snapshot": snapshot });
                self.post(routes::FORGET, &bearer, &body);
            }
            _ => self.collect(&bearer),
        }
    }

    fn change_registration(&mut self) {
        let mut registration = serde_json::to_value(registration(self.setting.issuer_url)).unwrap();
        let (field, value) = self.dice.pick(&[
            ("trusted_refs", json!([])),
            ("trusted_refs", json!(["refs/heads/main", "refs/heads/topic-a"])),
            ("trusted_refs", json!(["main"])),
            ("default_ref", json!("refs/heads/topic-a")),
            ("owner", json!("78")),
            ("owner", json!("")),
            ("issuer", json!("https://gitlab.com")),
            ("public_read", json!(true)),
            ("public_read", json!(true)),
            ("dispatch_writes", json!(true)),
            ("self_hosted_trusted", json!(true)),
            ("quota", json!({ "untrusted_scope": 300 })),
            ("quota", json!({ "untrusted_scope": 50 })),
            ("quota", json!({ "repository": 90 })),
            ("quota", json!({ "repository": 600, "untrusted": 200 })),
            ("release", json!({ "environments": ["production"], "workflow_refs": [], "reads_trusted": true })),
            ("name", json!("o/\u{e9}\u{1f980} \"quoted\"")),
            ("nobody", json!("knows")),
        ]);
        registration[field] = value;
        let name = self.dice.pick(&["1001", "1001", "1001", "2002"]);
        if self.dice.is_one_of(95) {
            registration["repository"] = name.into();
        }
        self.register_as(name, &registration);
    }

    fn create_token(&mut self, bearer: &str) {
        let id = self.dice.pick(&["builder", "builder", "reader", "other", "other", "a b"]);
        let scope = self.dice.pick(&[json!("branch:b"), json!(null), json!("pr:42"), json!("trusted:refs/heads/main")]);
        let repository = self.dice.pick(&["1001", "1001", "1001", "2002"]);
        let body = json!({
            "id": id, "power": { "kind": "repository", "repository": repository, "scope_write": scope },
            "life": self.dice.pick(&[DAY, DAY, 10 * DAY, 10 * DAY, 0, u64::MAX]), "note": "a build machine",
            "allow_trusted": self.dice.is_one_of(40),
        });
        let said = self.post(routes::TOKENS, bearer, &body);
        let answer: Value = serde_json::from_slice(&said.body).unwrap_or_default();
        if let Some(token) = answer["token"].as_str() {
            self.tokens.push((id.to_owned(), token.to_owned()));
        }
    }

    fn collect(&mut self, bearer: &str) {
        let policy = self.dice.pick(&[
            json!({ "grace": DAY }),
            json!({ "grace": DAY, "keep_newest": 0 }),
            json!({ "grace": 2 * DAY, "keep_newest": 1 }),
            json!({ "grace": DAY, "max_age": 1 }),
            json!({ "grace": DAY, "max_idle": { "pr": 1, "branch": DAY } }),
            json!({ "grace": 0 }),
            json!({ "grace": DAY, "max_idle": { "nobody": 1 } }),
        ]);
        let repository = self.dice.pick(&[json!(null), json!("1001"), json!("9")]);
        let body = json!({ "repository": repository, "policy": policy });
        // What is marked by the first is deleted by the second.
        for _ in 0..self.dice.pick(&[1, 2]) {
            for target in [routes::GC_PLAN, routes::GC] {
                self.post(target, bearer, &body);
            }
            self.now += self.dice.pick(&[1, 2 * DAY]);
        }
    }
}
