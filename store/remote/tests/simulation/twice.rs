//! A request that is sent again while the first is under way, in many orders of their steps: one answer, or the one that is
//! documented for who comes second.

use std::sync::Arc;

use pollster::block_on;
use sci_conformance::http::{Heard, Said};
use sci_conformance::state::{State, path};
use sci_store_api::admin::{Collect, DAY, Forget, GcPolicy, Quarantine, RotateKey};
use sci_store_api::plans::{PlannedPath, RecordPlan};
use sci_store_api::saves::{BeginSave, BegunSave, CommitSave, Committed};
use sci_store_api::snapshots::SnapshotPage;
use sci_store_api::tokens::{CreateToken, TokenPower};
use sci_store_api::verdict::{MissReason, Verdict};
use sci_store_api::{Nonce, ObjectId, SaveId, SnapshotId, routes};
use serde::Serialize;

use crate::actors::Role;
use crate::backend::registration;
use crate::run::ticket;
use crate::world::World;

/// In how many orders the steps of two requests are tried.
const ORDERS: u64 = 60;

/// A backend, and a run that may save there.
struct Stage {
    world: Arc<World>,
    run: String,
    administrator: String,
}

impl Stage {
    fn new(seed: u64) -> Self {
        let world = World::new(2, "/nowhere".into(), &mut fastrand::Rng::with_seed(seed));
        let world = Arc::new(world);
        let run = ticket(&world, Role::Main, 1);
        let made = block_on(world.backend.front.service().create_token(&token("root"))).unwrap();
        Self { run, administrator: format!("Bearer {}", made.token.expose()), world }
    }

    fn heard(&self, method: &str, target: impl Into<String>, body: Vec<u8>) -> Heard {
        let target = target.into();
        let bearer = if target.starts_with("/v1/admin/") { &self.administrator } else { &self.run };
        let headers = vec![("authorization".to_owned(), bearer.clone())];
        Heard { method: method.to_owned(), target, headers, body }
    }

    fn post(&self, target: impl Into<String>, body: &impl Serialize) -> Heard {
        self.heard("POST", target, serde_json::to_vec(body).unwrap())
    }

    fn send(&self, heard: &Heard) -> Said {
        let said = self.world.network.handle(heard, None);
        assert!(matches!(said.status, 200 | 204), "{heard:?}: {said:?}");
        said
    }

    /// Sends a request twice at once.
    fn twice(&self, heard: &Heard) -> [Said; 2] {
        let said = std::thread::scope(|scope| {
            let send = |actor| {
                scope.spawn(move || {
                    let _acting = self.world.scheduler.act(actor);
                    self.world.scheduler.step(0);
                    self.world.network.handle(heard, None)
                })
            };
            [0, 1].map(send).map(|thread| thread.join().unwrap())
        });
        self.world.backend.check();
        said
    }

    /// Sends a request twice at once, and gives the one answer.
    fn alike(&self, heard: &Heard) -> Said {
        let [first, second] = self.twice(heard);
        let shown = |said: &Said| (said.status, String::from_utf8_lossy(&said.body).into_owned());
        assert_eq!(shown(&first), shown(&second), "{} {}", heard.method, heard.target);
        assert!(matches!(first.status, 200 | 204), "{first:?}");
        first
    }

    fn begin(&self, state: &State, nonce: u8) -> SaveId {
        read::<BegunSave>(&self.send(&self.beginning(state, nonce))).save
    }

    fn beginning(&self, state: &State, nonce: u8) -> Heard {
        let begin = BeginSave {
            nonce: drawn(nonce),
            path: path(),
            instance: state.instance.parse().unwrap(),
            key: state.ladder().key(),
            bases: Vec::new(),
        };
        self.post(routes::SAVES, &begin)
    }

    fn putting(&self, save: SaveId, state: &State) -> Vec<Heard> {
        let put = |(_, bytes): (_, bytes::Bytes)| {
            let target = routes::fill(routes::OBJECT, ObjectId::of(&bytes));
            self.heard("PUT", format!("{target}?{}={save}", routes::SAVE_PARAMETER), bytes.to_vec())
        };
        state.objects().into_iter().map(put).collect()
    }

    fn committing(&self, save: SaveId, commit: &CommitSave) -> Heard {
        self.post(routes::fill(routes::COMMIT, save), commit)
    }

    /// Does all of a save except its commit.
    fn prepare(&self, state: &State, nonce: u8) -> Heard {
        let save = self.begin(state, nonce);
        self.putting(save, state).iter().for_each(|put| drop(self.send(put)));
        self.committing(save, &state.commit())
    }

    fn save(&self, state: &State, nonce: u8) -> SnapshotId {
        read::<Committed>(&self.send(&self.prepare(state, nonce))).snapshot()
    }

    fn kept(&self) -> usize {
        read::<SnapshotPage>(&self.send(&self.heard("GET", routes::SNAPSHOTS, Vec::new()))).snapshots.len()
    }
}

fn state() -> State {
    State::new("lock", "source", "tree")
}

fn drawn(nonce: u8) -> Nonce {
    Nonce::from_bytes([nonce; 32])
}

fn token(id: &str) -> CreateToken {
    CreateToken {
        id: id.parse().unwrap(),
        power: TokenPower::Admin,
        life: 7 * DAY,
        note: String::new(),
        allow_trusted: false,
    }
}

fn read<T: serde::de::DeserializeOwned>(said: &Said) -> T {
    serde_json::from_slice(&said.body).unwrap()
}

fn stages() -> impl Iterator<Item = Stage> {
    (0..ORDERS).map(Stage::new)
}

#[test]
fn a_commit_sent_twice_at_once_has_one_answer() {
    for stage in stages() {
        let said = stage.alike(&stage.prepare(&state(), 1));
        assert!(matches!(read(&said), Committed::Saved { .. }));
        assert_eq!(stage.kept(), 1);
    }
}

#[test]
fn an_unsettled_commit_sent_twice_at_once_has_one_answer() {
    for stage in stages() {
        let said = stage.alike(&stage.prepare(&state().unsettled(), 1));
        assert!(matches!(read(&said), Committed::Saved { .. }));
        assert_eq!(stage.kept(), 1);
    }
}

#[test]
fn a_commit_that_adds_nothing_sent_twice_at_once_has_one_answer() {
    for stage in stages() {
        let snapshot = stage.save(&state(), 1);
        let said = stage.alike(&stage.prepare(&state(), 2));
        assert_eq!(read::<Committed>(&said), Committed::AlreadySaved { snapshot, nondeterministic: false });
        assert_eq!(stage.kept(), 1);
    }
}

#[test]
fn a_save_begun_twice_at_once_is_one() {
    for stage in stages() {
        let begun: BegunSave = read(&stage.alike(&stage.beginning(&state(), 1)));
        assert_eq!((begun.saving, begun.existing), (None, None));
        stage.putting(begun.save, &state()).iter().for_each(|put| drop(stage.send(put)));
        stage.send(&stage.committing(begun.save, &state().commit()));
    }
}

#[test]
fn an_object_put_twice_at_once_is_there() {
    for stage in stages() {
        let save = stage.begin(&state(), 1);
        let puts = stage.putting(save, &state());
        stage.alike(&puts[0]);
        puts[1..].iter().for_each(|put| drop(stage.send(put)));
        stage.send(&stage.committing(save, &state().commit()));
    }
}

#[test]
fn a_plan_recorded_twice_at_once_is_one() {
    for stage in stages() {
        let state = state();
        let derivation = format!("{:?}", state.inputs).into_bytes();
        let id = ObjectId::of(&derivation);
        stage.send(&stage.heard("PUT", routes::fill(routes::OBJECT, id), derivation));
        let planned = PlannedPath {
            path: path(),
            instance: state.instance.parse().unwrap(),
            ladder: state.ladder(),
            sketch: state.sketch(),
            derivation: Some(id),
            verdict: Verdict::miss(MissReason::NothingSaved),
        };
        stage.alike(&stage.post(routes::PLANS, &RecordPlan { nonce: drawn(1), paths: vec![planned] }));
        let plans: serde_json::Value = read(&stage.send(&stage.heard("GET", routes::PLANS, Vec::new())));
        assert_eq!(plans.as_array().unwrap().len(), 1, "{plans}");
    }
}

/// Who comes second may be told that there is no such snapshot, which a client that repeats takes for success.
#[test]
fn a_snapshot_forgotten_twice_at_once_is_gone() {
    for (order, stage) in stages().enumerate() {
        let snapshot = stage.save(&state(), 1);
        let request = if order % 2 == 0 {
            stage.heard("DELETE", routes::fill(routes::SNAPSHOT, snapshot), Vec::new())
        } else {
            stage.post(routes::FORGET, &Forget { repository: registration().repository, snapshot })
        };
        let statuses = stage.twice(&request).map(|said| said.status);
        assert!(matches!(statuses, [204, 204 | 404] | [404, 204]), "{statuses:?}");
        assert_eq!(stage.kept(), 0);
    }
}

#[test]
fn administration_sent_twice_at_once_has_one_answer() {
    type Ask = fn(&Stage) -> Heard;
    let quarantine: Ask = |stage| {
        stage.save(&state(), 1);
        let run = serde_json::from_slice::<SnapshotPage>(
            &stage.send(&stage.heard("GET", routes::SNAPSHOTS, Vec::new())).body,
        );
        let run = run.unwrap().snapshots[0].run.clone();
        stage.post(routes::QUARANTINE, &Quarantine { repository: registration().repository, run })
    };
    let register: Ask = |stage| {
        let registration = registration();
        let target = routes::fill(routes::REPOSITORY, &registration.repository);
        stage.heard("PUT", target, serde_json::to_vec(&registration).unwrap())
    };
    let create: Ask = |stage| stage.post(routes::TOKENS, &token("another"));
    let revoke: Ask = |stage| {
        stage.send(&stage.post(routes::TOKENS, &token("another")));
        stage.heard("DELETE", routes::fill(routes::TOKEN, "another"), Vec::new())
    };
    let rotate: Ask = |stage| {
        let from = stage.world.backend.keys()[0].id.clone();
        stage.post(routes::KEYS, &RotateKey { from })
    };
    for ask in [quarantine, register, create, revoke, rotate] {
        for stage in stages() {
            stage.alike(&ask(&stage));
        }
    }
}

/// Both may name an object that both found doomed; afterwards it is gone, and nothing else.
#[test]
fn a_collection_asked_for_twice_at_once_deletes_once() {
    for stage in stages() {
        let kept = stage.save(&State::new("lock", "source", "kept"), 1);
        let snapshot = stage.save(&State::new("other lock", "source", "tree"), 2);
        let repository = registration().repository;
        stage.send(&stage.post(routes::FORGET, &Forget { repository, snapshot }));
        let collect = Collect { repository: None, policy: GcPolicy::default() };
        stage.send(&stage.post(routes::GC, &collect));
        stage.world.clock.advance(DAY);
        let again = stage.post(routes::GC, &collect);
        assert_eq!(stage.twice(&again).map(|said| said.status), [200, 200]);
        assert_eq!(stage.world.backend.snapshots(), [kept]);
        assert_eq!(stage.world.backend.objects().len(), 3);
    }
}
