//! A target, and what cases do with it: identities, tickets, saves, and the comparison of what it keeps.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use sci_store_api::repositories::Quota;
use sci_store_api::saves::{BegunSave, Committed};
use sci_store_api::session::SessionResponse;
use sci_store_api::tokens::CreatedToken;
use sci_store_api::{ErrorCode, Nonce, ObjectId, Registration, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Target;
use crate::http::{Heard, Said};
use crate::state::State;

/// A target where repository 1001 of owner 77 is registered, with `refs/heads/main` as its trusted branch.
pub struct Stage<T> {
    target: T,
    nonces: AtomicU64,
}

impl<T> Deref for Stage<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.target
    }
}

impl<T: Target> Default for Stage<T> {
    fn default() -> Self {
        let stage = Self { target: T::default(), nonces: AtomicU64::new(1) };
        stage.register(stage.registration());
        stage
    }
}

/// The registration of repository 1001 for an issuer, with one environment and one workflow for releases.
pub fn registration(issuer: &str) -> Registration {
    let mut registration = Registration::new("1001".parse().unwrap(), "77", "refs/heads/main");
    issuer.clone_into(&mut registration.issuer);
    registration.release.environments.push("production".to_owned());
    registration.release.workflow_refs.push("o/r/.github/workflows/release.yml@refs/heads/main".to_owned());
    registration
}

impl<T: Target> Stage<T> {
    /// The registration of [`Stage::default`].
    pub fn registration(&self) -> Registration {
        registration(&self.issuer_url())
    }

    /// Registers a repository, or replaces its registration.
    pub fn register(&self, registration: Registration) {
        let target = routes::fill(routes::REPOSITORY, &registration.repository);
        let body = serde_json::to_vec(&registration).unwrap();
        let said = self.request("PUT", &target, Some(self.admin()), &body);
        assert_eq!(said.status, 200, "{}", said.text());
    }

    /// Sets the quota of repository 1001.
    pub fn limit(&self, quota: Quota) {
        self.register(Registration { quota, ..self.registration() });
    }

    /// Sends a request with or without a bearer.
    pub fn request(&self, method: &str, target: &str, bearer: Option<&str>, body: &[u8]) -> Said {
        let mut headers = Vec::new();
        if let Some(bearer) = bearer {
            headers.push(("authorization".to_owned(), format!("Bearer {bearer}")));
        }
        self.send(&Heard { method: method.to_owned(), target: target.to_owned(), headers, body: body.to_vec() })
    }

    /// `GET`.
    pub fn get(&self, target: &str, bearer: &str) -> Said {
        self.request("GET", target, Some(bearer), b"")
    }

    /// `DELETE`.
    pub fn delete(&self, target: &str, bearer: &str) -> Said {
        self.request("DELETE", target, Some(bearer), b"")
    }

    /// `POST` of JSON.
    pub fn post(&self, target: &str, bearer: &str, body: &impl Serialize) -> Said {
        self.request("POST", target, Some(bearer), &serde_json::to_vec(body).unwrap())
    }

    /// The claims of a push to main.
    pub fn push(&self) -> Value {
        self.issued(self.issuer().push(&self.audience(), self.now()))
    }

    /// The claims of pull request `number` against main.
    pub fn pull_request_claims(&self, number: u64) -> Value {
        self.issued(self.issuer().pull_request(&self.audience(), self.now(), number))
    }

    fn issued(&self, mut claims: Value) -> Value {
        claims["iss"] = self.issuer_url().into();
        claims
    }

    /// Asks for a ticket with an identity of these claims.
    pub fn session(&self, claims: &Value) -> Said {
        self.post(routes::SESSION, &self.issuer().token(claims), &json!({}))
    }

    /// What an identity of these claims opens.
    pub fn opened(&self, claims: &Value) -> SessionResponse {
        self.session(claims).read()
    }

    /// A ticket for an identity of these claims.
    pub fn ticket(&self, claims: &Value) -> String {
        self.opened(claims).ticket.expose().to_owned()
    }

    /// A ticket of run 5000 on main.
    pub fn main(&self) -> String {
        self.ticket(&self.push())
    }

    /// A ticket of a run on main.
    pub fn main_run(&self, run: u32) -> String {
        let mut claims = self.push();
        claims["run_id"] = run.to_string().into();
        self.ticket(&claims)
    }

    /// A ticket of a pull request.
    pub fn pull_request(&self, number: u64) -> String {
        self.ticket(&self.pull_request_claims(number))
    }

    /// A token for repository 1001 that lives for a day.
    pub fn token(&self, id: &str, scope: Option<&str>) -> String {
        let created: CreatedToken = self.post(routes::TOKENS, self.admin(), &token_request(id, scope)).read();
        created.token.expose().to_owned()
    }

    /// Begins a save of a state.
    pub fn begin(&self, ticket: &str, state: &State) -> Said {
        self.post(routes::SAVES, ticket, &self.begin_request(state))
    }

    /// The request that begins a save, with a nonce of its own.
    pub fn begin_request(&self, state: &State) -> Value {
        let mut nonce = [0; 32];
        nonce[..8].copy_from_slice(&self.nonces.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        json!({
            "nonce": Nonce::from_bytes(nonce), "path": "target", "instance": state.instance,
            "key": state.ladder().key(), "bases": [],
        })
    }

    /// Puts an object into a save.
    pub fn put(&self, ticket: &str, save: &BegunSave, bytes: &[u8]) -> Said {
        let object = routes::fill(routes::OBJECT, ObjectId::of(bytes));
        self.request("PUT", &format!("{object}?{}={}", routes::SAVE_PARAMETER, save.save), Some(ticket), bytes)
    }

    /// Begins a save and puts every object of the state.
    pub fn uploaded(&self, ticket: &str, state: &State) -> BegunSave {
        let begun: BegunSave = self.begin(ticket, state).read();
        for (_, bytes) in state.objects() {
            let put = self.put(ticket, &begun, &bytes);
            assert_eq!(put.status, 204, "{}", put.text());
        }
        begun
    }

    /// Commits a save.
    pub fn commit(&self, ticket: &str, save: &BegunSave, state: &State) -> Said {
        self.post(&routes::fill(routes::COMMIT, save.save), ticket, &state.commit())
    }

    /// Saves a state from beginning to end.
    pub fn save(&self, ticket: &str, state: &State) -> Committed {
        let begun = self.uploaded(ticket, state);
        self.commit(ticket, &begun, state).read()
    }

    /// The verdict on a state.
    pub fn resolve(&self, ticket: &str, state: &State) -> Value {
        let answer: Value = self.post(routes::RESOLVE, ticket, &json!({ "paths": [state.query()] })).read();
        answer["paths"][0]["verdict"].clone()
    }

    /// Reads an object.
    pub fn object(&self, ticket: &str, bytes: &[u8]) -> Said {
        self.get(&routes::fill(routes::OBJECT, ObjectId::of(bytes)), ticket)
    }

    /// How often the target has asked for the issuer's keys.
    pub fn fetches(&self) -> u32 {
        self.issuer().fetches.load(Ordering::SeqCst)
    }

    /// Carries an attack out, which must leave nothing behind.
    ///
    /// # Panics
    /// When the backend keeps something else afterwards.
    pub fn unchanged<R>(&self, attack: impl FnOnce() -> R) -> R {
        // What an administrator can list follows from what the host keeps, if that can be looked at.
        let administrator = if self.kept().is_some() { Vec::new() } else { self.looks() };
        let looks = || {
            let listed =
                administrator.iter().map(|(target, bearer)| self.get(target, bearer).text()).collect::<Vec<_>>();
            (self.kept(), listed)
        };
        let before = looks();
        let done = attack();
        assert_eq!(looks(), before, "the attack left something behind");
        done
    }

    /// What an administrator can list: targets and bearers.
    fn looks(&self) -> Vec<(String, String)> {
        let admin = self.admin().to_owned();
        let mut looks = vec![(routes::REPOSITORIES.to_owned(), admin.clone()), (routes::TOKENS.to_owned(), admin)];
        let listed: Value = self.get(routes::REPOSITORIES, self.admin()).read();
        for registered in listed["repositories"].as_array().unwrap() {
            let wanted = json!({ "repository": registered["repository"] });
            let opened: SessionResponse = self.post(routes::SESSION, self.admin(), &wanted).read();
            for target in [routes::SNAPSHOTS, routes::PLANS] {
                looks.push((target.to_owned(), opened.ticket.expose().to_owned()));
            }
        }
        looks
    }

    /// Expects that a request is refused with this code and a sentence, and leaves nothing behind.
    ///
    /// # Panics
    /// When it is answered otherwise.
    pub fn refused(&self, code: ErrorCode, about: &str, request: impl FnOnce() -> Said) -> String {
        let said = self.unchanged(request);
        let shown = shown(&said);
        assert_eq!((shown.code.as_str(), said.status), (code_name(code).as_str(), code.status()), "{about}: {said:?}");
        assert!(shown.message.split(' ').count() > 2, "{about}: {said:?} is no sentence");
        shown.message
    }
}

/// The request for a token of repository 1001.
pub(super) fn token_request(id: &str, scope: Option<&str>) -> Value {
    json!({
        "id": id, "power": { "kind": "repository", "repository": "1001", "scope_write": scope },
        "life": sci_store_api::admin::DAY, "note": "a build machine", "allow_trusted": false,
    })
}

/// What an error shows.
#[derive(Debug)]
pub struct Shown {
    /// Its stable code.
    pub code: String,
    /// Its sentence.
    pub message: String,
}

/// Reads an error.
///
/// # Panics
/// When it is none.
pub fn shown(said: &Said) -> Shown {
    let error: Value = serde_json::from_slice(&said.body).unwrap_or_else(|_| panic!("not an error: {said:?}"));
    let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("not an error: {said:?}")).to_owned();
    Shown { code: text("code"), message: text("message") }
}

fn code_name(code: ErrorCode) -> String {
    serde_json::to_value(code).unwrap().as_str().unwrap().to_owned()
}

impl Said {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body of a success.
    ///
    /// # Panics
    /// When it is none, or of another form.
    pub fn read<V: DeserializeOwned>(&self) -> V {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The stable code of an error.
    pub fn code(&self) -> String {
        shown(self).code
    }

    /// The sentence of an error.
    pub fn message(&self) -> String {
        shown(self).message
    }
}
