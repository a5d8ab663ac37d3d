//! The network between clients and the backend: it carries requests, and loses, cuts, delays, doubles and reorders them as
//! the seed wants.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sci_conformance::http::{Heard, Said};
use sci_hasher::Digest;
use sci_store_api::routes;

use crate::backend::Backend;
use crate::scheduler::{Actor, Scheduler, actor};
use crate::storage::{Trouble, troubled};

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connection ends before anything arrives.
    Lost,
    /// The connection ends in the middle of the request.
    CutRequest,
    /// The backend has too much to do.
    Busy,
    /// Something before the backend says that it is down.
    Down,
    /// Something before the backend answers for it, although the backend has carried the request out.
    Gateway,
    /// Something before the backend answers with a page of its own.
    Portal,
    /// The request is carried out, at once or while the client tries again, and the answer does not arrive.
    LostAnswer,
    /// The request is carried out, and the answer is cut off.
    CutAnswer,
    /// The answer takes its time.
    Slow,
    /// The answer takes more time than the client has.
    TooSlow,
    /// The request arrives when the client has given it up, after others that were sent later.
    Late,
    /// The request arrives twice at once.
    Doubled,
    /// The request arrives again, long after.
    Again,
    /// The backend's index or disk fails.
    Storage,
    /// The sender dies.
    Death,
}

const FAULTS: [Fault; 15] = [
    Fault::Lost,
    Fault::CutRequest,
    Fault::Busy,
    Fault::Down,
    Fault::Gateway,
    Fault::Portal,
    Fault::LostAnswer,
    Fault::CutAnswer,
    Fault::Slow,
    Fault::TooSlow,
    Fault::Late,
    Fault::Doubled,
    Fault::Again,
    Fault::Storage,
    Fault::Death,
];

/// How a connection goes on.
#[derive(Debug)]
pub(crate) enum Comes {
    /// These bytes, and the connection stays open or ends.
    Bytes { bytes: Vec<u8>, ends: bool },
    /// Nothing, before the client's time is up.
    Nothing,
    /// The end of the connection.
    End,
}

#[derive(Debug)]
pub(crate) struct Network {
    backend: Arc<Backend>,
    scheduler: Arc<Scheduler>,
    /// Who delivers what is held.
    couriers: Range<Actor>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// Requests out of a thousand with which something goes wrong.
    trouble: u32,
    /// Requests that arrive later.
    held: Vec<Heard>,
    faults: BTreeMap<Fault, u64>,
    requests: u64,
    /// What happened, for a person and to compare runs.
    trace: Vec<String>,
    /// What each save was answered: its address or its request, the bytes, and one who sent them.
    answers: BTreeMap<(String, Digest), (Vec<u8>, Heard)>,
    dead: Vec<usize>,
}

impl Network {
    pub(crate) fn new(
        backend: Arc<Backend>,
        scheduler: Arc<Scheduler>,
        couriers: Range<Actor>,
        mut random: fastrand::Rng,
    ) -> Self {
        let trouble = [0, 30, 100, 200, 350][random.usize(..5)];
        let state = State {
            random,
            trouble,
            held: Vec::new(),
            faults: BTreeMap::new(),
            requests: 0,
            trace: Vec::new(),
            answers: BTreeMap::new(),
            dead: Vec::new(),
        };
        Self { backend, scheduler, couriers, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What goes wrong with the next request of this actor, and how many bytes of it arrive.
    pub(crate) fn draw(&self) -> Option<Fault> {
        let mut state = self.state();
        if actor().is_some_and(|actor| state.dead.contains(&actor)) {
            return Some(Fault::Death);
        }
        if state.random.u32(..1_000) >= state.trouble {
            return None;
        }
        let fault = FAULTS[state.random.usize(..FAULTS.len())];
        // Portals end an operation for good, and death a client: they are rare.
        let is_rare = matches!(fault, Fault::Portal | Fault::Death);
        if is_rare && state.random.u8(..4) > 0 {
            return None;
        }
        *state.faults.entry(fault).or_default() += 1;
        Some(fault)
    }

    /// Carries a request, and gives what comes back.
    pub(crate) fn carry(&self, heard: &Heard, fault: Option<Fault>) -> Comes {
        let delay = self.state().random.u64(1..30);
        self.scheduler.step(delay);
        match fault {
            None => self.answer(heard, None),
            Some(Fault::Lost) => Comes::End,
            Some(Fault::Death) => {
                if let Some(actor) = actor() {
                    self.state().dead.push(actor);
                }
                Comes::End
            }
            Some(Fault::CutRequest) => {
                // The backend of a server sees what came of an object; JSON it sees whole or not at all.
                if heard.method == "PUT" {
                    let mut half = heard.clone();
                    half.body.truncate(heard.body.len() / 2);
                    let said = self.handle(&half, None);
                    assert!(said.status != 204, "half an object was taken");
                }
                Comes::End
            }
            Some(Fault::Busy) => {
                let mut said = Said::json(429, r#"{"code":"busy","message":"come later"}"#);
                said.headers.push(("retry-after".to_owned(), "1".to_owned()));
                written(&said, heard, false)
            }
            Some(Fault::Down) => written(&Said::json(503, "<html>down</html>"), heard, false),
            Some(Fault::Portal) => written(&Said::json(200, "<html>log in</html>"), heard, true),
            Some(Fault::Gateway) => {
                self.handle(heard, None);
                written(&Said::json(502, "<html>bad gateway</html>"), heard, false)
            }
            Some(Fault::LostAnswer) => {
                let waits = self.state().random.bool();
                if waits {
                    self.handle(heard, None);
                } else {
                    self.hand_over(heard);
                }
                Comes::End
            }
            Some(Fault::CutAnswer) => {
                let said = self.handle(heard, None);
                let cut = self.state().random.usize(..=said.body.len() / 2);
                let is_cut = cut < said.body.len();
                if is_cut { written(&Said { cut: Some(cut), ..said }, heard, true) } else { Comes::End }
            }
            Some(Fault::Slow) => {
                let comes = self.answer(heard, None);
                let delay = self.state().random.u64(1_000..15_000);
                self.scheduler.step(delay);
                comes
            }
            Some(Fault::TooSlow) => {
                self.handle(heard, None);
                self.scheduler.step(20_000);
                Comes::Nothing
            }
            Some(Fault::Late) => {
                self.state().held.push(heard.clone());
                self.scheduler.step(20_000);
                Comes::Nothing
            }
            Some(Fault::Doubled) => {
                self.hand_over(heard);
                self.answer(heard, None)
            }
            Some(Fault::Again) => {
                self.state().held.push(heard.clone());
                self.answer(heard, None)
            }
            Some(Fault::Storage) => {
                let mut state = self.state();
                let trouble = Trouble { after: state.random.u32(..6), done: state.random.bool() };
                drop(state);
                self.answer(heard, Some(trouble))
            }
        }
    }

    fn answer(&self, heard: &Heard, trouble: Option<Trouble>) -> Comes {
        let said = self.handle(heard, trouble);
        // Others go on while the answer is under way.
        self.scheduler.step(0);
        written(&said, heard, false)
    }

    /// Lets a courier deliver a request now, while its sender goes on.
    fn hand_over(&self, heard: &Heard) {
        self.state().held.push(heard.clone());
        self.scheduler.hurry(self.couriers.clone());
    }

    /// Lets the backend carry a request out, and holds it to what it answered before.
    pub(crate) fn handle(&self, heard: &Heard, trouble: Option<Trouble>) -> Said {
        let said = troubled(trouble, || self.backend.handle(heard));
        let mut state = self.state();
        state.requests += 1;
        let (who, path) = (actor(), heard.path());
        // Objects of two runs have different names; what happens to them does not.
        let shown = if path.starts_with("/v1/objects/") { "/v1/objects" } else { path };
        state.trace.push(format!("{who:?} {} {shown} {}", heard.method, said.status));
        let is_kept = path.ends_with("/commit") || path == routes::SAVES;
        if is_kept && said.status == 200 {
            let key = (path.to_owned(), Digest::of(&heard.body));
            let told = if path == routes::SAVES { id_of(&said.body) } else { said.body.clone() };
            match state.answers.get(&key) {
                Some((before, _)) => assert_eq!(
                    String::from_utf8_lossy(before),
                    String::from_utf8_lossy(&told),
                    "the same request got two answers"
                ),
                None => drop(state.answers.insert(key, (told, heard.clone()))),
            }
        }
        said
    }

    /// Whether the save was committed, as far as the backend is concerned.
    pub(crate) fn was_committed(&self, save: &sci_store_api::SaveId) -> bool {
        let path = routes::fill(routes::COMMIT, save);
        self.state().answers.keys().any(|(found, _)| *found == path)
    }

    /// Delivers one of the requests that were held; whether there was one.
    pub(crate) fn deliver(&self) -> bool {
        let mut state = self.state();
        if state.held.is_empty() {
            return false;
        }
        let length = state.held.len();
        let at = state.random.usize(..length);
        let heard = state.held.swap_remove(at);
        drop(state);
        self.handle(&heard, None);
        true
    }

    /// From now on nothing goes wrong. Gives every commit that was answered, to be sent again.
    pub(crate) fn calm(&self) -> Vec<(Heard, Vec<u8>)> {
        let mut state = self.state();
        state.trouble = 0;
        state.dead.clear();
        let commits = state.answers.iter().filter(|((path, _), _)| path.ends_with("/commit"));
        commits.map(|(_, (told, heard))| (heard.clone(), told.clone())).collect()
    }

    pub(crate) fn report(&self) -> (u64, BTreeMap<Fault, u64>, Vec<String>) {
        let state = self.state();
        (state.requests, state.faults.clone(), state.trace.clone())
    }

    /// Whether this actor has died.
    pub(crate) fn is_dead(&self) -> bool {
        actor().is_some_and(|actor| self.state().dead.contains(&actor))
    }
}

/// The part of an answer to `POST /v1/saves` that must not change.
fn id_of(body: &[u8]) -> Vec<u8> {
    let begun: sci_store_api::saves::BegunSave = serde_json::from_slice(body).unwrap();
    begun.save.to_string().into_bytes()
}

fn written(said: &Said, heard: &Heard, ends: bool) -> Comes {
    if said.status == 0 {
        return Comes::End;
    }
    let mut bytes = Vec::new();
    let done: io::Result<()> = said.write(heard, &mut bytes);
    done.unwrap();
    Comes::Bytes { bytes, ends }
}
