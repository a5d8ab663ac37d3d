//! Who asks: runs of every kind, holders of tokens, strangers.

use sci_store_api::routes;
use serde_json::{Value, json};

use super::player::Player;
use crate::issuer::KEY_ID;

/// Commits that runs are of.
pub(super) const COMMITS: [&str; 3] = [
    "0123456789012345678901234567890123456789",
    "1123456789012345678901234567890123456789",
    "2123456789012345678901234567890123456789",
];

/// Runs that quarantine may meet.
pub(super) const RUNS: [&str; 6] = ["5000-1", "5001-1", "6042-1", "6043-1", "5000-2", "7-7"];

impl Player<'_> {
    /// Asks for a ticket, which is kept.
    pub(super) fn open_session(&mut self) {
        let bearer = match self.dice.below(20) {
            0 => None,
            1 => Some(self.dice.pick(&["x", "a.b.c", "sci_ticket.a.b.c", "sci_token.a.b.c"]).to_owned()),
            2 => Some(self.setting.admin.to_owned()),
            3 => self.dice.pick_any(&self.tickets).map(|(ticket, _)| ticket),
            4..=6 => self.dice.pick_any(&self.tokens).map(|(_, token)| token),
            _ => Some(self.identity()),
        };
        let body = match self.dice.below(10) {
            0 | 1 => json!({ "repository": "1001" }),
            2 => json!({ "repository": "2002" }),
            3 => json!({ "run": self.dice.pick(&["one", "two", ""]) }),
            4 => json!({ "repository": "1001", "run": "x".repeat(300) }),
            _ => json!({}),
        };
        self.opened(bearer, &body);
    }

    /// A ticket of a run that nothing is wrong with, since a trace without one goes nowhere.
    pub(super) fn open_good_session(&mut self) {
        let claims = if self.dice.is_one_of(60) { self.push() } else { self.pull_request() };
        let identity = self.setting.issuer.token(&claims);
        self.opened(Some(identity), &json!({}));
    }

    fn opened(&mut self, bearer: Option<String>, body: &Value) {
        let said = self.request("POST", routes::SESSION, bearer.as_deref(), body.to_string().as_bytes());
        let answer: Value = serde_json::from_slice(&said.body).unwrap_or_default();
        if let Some(ticket) = answer["ticket"].as_str() {
            self.tickets.push((ticket.to_owned(), answer["expires"].as_u64().unwrap()));
        }
    }

    fn identity(&mut self) -> String {
        let mut claims = self.claims();
        self.spoil(&mut claims);
        if self.dice.is_one_of(4) {
            let header = self.dice.pick(&[
                json!({ "alg": "none" }),
                json!({ "alg": "HS256", "kid": KEY_ID }),
                json!({ "alg": "RS256", "kid": "another" }),
                json!({ "alg": "RS256" }),
            ]);
            return self.setting.issuer.token_with(&header, &claims);
        }
        let token = self.setting.issuer.token(&claims);
        if self.dice.is_one_of(3) { token[..token.len() - 8].to_owned() } else { token }
    }

    /// The claims of a run.
    fn claims(&mut self) -> Value {
        let mut claims = if self.dice.is_one_of(65) { self.push() } else { self.pull_request() };
        let changes: &[(&str, Value)] = match self.dice.below(24) {
            0 | 1 => &[("ref", json!("refs/heads/topic-a"))],
            2 => &[("ref", json!("refs/heads/topic-b")), ("ref_protected", json!("false"))],
            3 => &[("base_ref", json!("topic-a"))],
            4 => &[("event_name", json!("workflow_dispatch"))],
            5 => &[("event_name", json!("schedule"))],
            6 => &[("event_name", json!("pull_request_target"))],
            7 => &[("ref_protected", json!("false"))],
            8 => &[("runner_environment", json!("self-hosted"))],
            9 => &[("repository_id", json!("2002"))],
            10 => &[("repository_owner_id", json!("78"))],
            11 => &[("ref", json!("refs/tags/v1")), ("ref_type", json!("tag")), ("event_name", json!("release"))],
            12 => &[
                ("event_name", json!("release")),
                ("ref", json!("refs/tags/v1")),
                ("ref_type", json!("tag")),
                ("environment", json!("production")),
                ("job_workflow_ref", json!("o/r/.github/workflows/release.yml@refs/heads/main")),
            ],
            13 => &[
                ("event_name", json!("merge_group")),
                ("ref", json!("refs/heads/gh-readonly-queue/main/pr-42-0123456789012345678901234567890123456789")),
                ("base_ref", json!("refs/heads/main")),
            ],
            // A fork's, which brings protection and an environment along.
            14 => {
                &[("ref_protected", json!("true")), ("environment", json!("production")), ("head_ref", json!("main"))]
            }
            _ => &[],
        };
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        claims
    }

    fn push(&mut self) -> Value {
        let mut claims = self.setting.issuer.push(self.setting.audience, self.now / 1_000);
        claims["run_id"] = self.dice.pick(&["5000", "5001", "5002"]).into();
        claims["run_attempt"] = self.dice.pick(&["1", "1", "2"]).into();
        self.issued(claims)
    }

    fn pull_request(&mut self) -> Value {
        let number = self.dice.pick(&[42, 43, 7]);
        self.issued(self.setting.issuer.pull_request(self.setting.audience, self.now / 1_000, number))
    }

    fn issued(&mut self, mut claims: Value) -> Value {
        claims["iss"] = self.setting.issuer_url.into();
        claims["sha"] = self.dice.pick(&COMMITS).into();
        claims
    }

    /// Breaks a claim now and then.
    fn spoil(&mut self, claims: &mut Value) {
        if !self.dice.is_one_of(10) {
            return;
        }
        let names =
            ["aud", "iss", "exp", "iat", "nbf", "event_name", "ref", "ref_type", "repository_id", "run_id", "sha"];
        let name = self.dice.pick(&names);
        let seconds = self.now / 1_000;
        let value = self.dice.pick(&[
            json!(null),
            json!(""),
            json!("x"),
            json!(true),
            json!([]),
            json!(seconds - 4_000),
            json!(seconds + 4_000),
            json!(seconds as f64 + 0.5),
        ]);
        claims[name] = value;
    }
}
