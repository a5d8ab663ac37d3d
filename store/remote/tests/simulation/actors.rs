//! Who takes part: jobs that save and restore, one that wants what is not its own, and the network's stragglers.

use std::sync::Arc;

use sci_conformance::state::{State, path};
use sci_remote::{Address, Error, Identity, IdentityError, Remote, Settings, Wanted};
use sci_service::Clock as _;
use sci_store_api::{ErrorCode, ObjectId, ObjectKind, ObjectRef, Secret};

use crate::backend::AUDIENCE;
use crate::job::Job;
use crate::machine::SimulatedMachine;
use crate::world::World;

/// How many deliver what the network held back: the last actors of a run.
pub(crate) const COURIERS: usize = 2;

/// What a job runs for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Main,
    Branch,
    PullRequest(u64),
}

impl Role {
    pub(crate) const ALL: [Self; 4] = [Self::Main, Self::Branch, Self::PullRequest(1), Self::PullRequest(2)];

    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        Self::ALL[random.usize(..Self::ALL.len())]
    }

    /// The scope that it writes.
    pub(crate) fn scope(self) -> String {
        match self {
            Self::Main => "trusted:refs/heads/main".to_owned(),
            Self::Branch => "branch:refs/heads/topic".to_owned(),
            Self::PullRequest(number) => format!("pr:{number}"),
        }
    }

    /// Whether it may read what is written there.
    pub(crate) fn reads(self, scope: &str) -> bool {
        scope == self.scope() || scope == Self::Main.scope()
    }
}

/// Whoever asks for an identity gets one that is fresh.
pub(crate) struct Badge {
    world: Arc<World>,
    role: Role,
    run: u64,
}

impl std::fmt::Debug for Badge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Badge")
    }
}

impl Badge {
    pub(crate) fn new(world: &Arc<World>, role: Role, run: u64) -> Self {
        Self { world: Arc::clone(world), role, run }
    }

    pub(crate) fn token(&self) -> String {
        let (issuer, seconds) = (&self.world.issuer, self.world.clock.now().0 / 1_000);
        let mut claims = match self.role {
            Role::PullRequest(number) => issuer.pull_request(AUDIENCE, seconds, number),
            _ => issuer.push(AUDIENCE, seconds),
        };
        if self.role == Role::Branch {
            claims["ref"] = "refs/heads/topic".into();
            claims["ref_protected"] = "false".into();
        }
        claims["run_id"] = self.run.to_string().into();
        issuer.token(&claims)
    }
}

impl Identity for Badge {
    fn fresh(&self, _: &str) -> Result<Option<Secret>, IdentityError> {
        Ok(Some(Secret::new(self.token())))
    }

    fn kind(&self) -> &'static str {
        "the simulation's"
    }
}

/// A client for a run of a job.
pub(crate) fn connect(world: &Arc<World>, role: Role, run: u64, seed: u64) -> Remote {
    let (network, scheduler) = (Arc::clone(&world.network), Arc::clone(&world.scheduler));
    let machine = SimulatedMachine::new(network, scheduler, world.clock.clone(), seed);
    let badge = Badge::new(world, role, run);
    let wanted = Wanted { repository: Some("1001".parse().unwrap()), run: None };
    let address = Address::new("http://127.0.0.1:1", false).unwrap();
    Remote::on(Arc::new(machine), address, Settings::default(), Box::new(badge), wanted).unwrap()
}

/// One of the keys that everybody works on.
pub(crate) fn state(random: &mut fastrand::Rng) -> State {
    let lockfile = if random.bool() { "lock 1" } else { "lock 2" };
    let source = if random.bool() { "source 1" } else { "source 2" };
    State::new(lockfile, source, "")
}

/// A job, again and again: each time another run.
pub(crate) fn job(world: &Arc<World>, actor: usize, mut random: fastrand::Rng, saves: bool) {
    let role = if random.u8(..3) == 0 { Role::Main } else { Role::draw(&mut random) };
    for round in 0..random.u64(1..4) {
        world.scheduler.step(random.u64(..60_000));
        let run = 5_000 + actor as u64 * 100 + round;
        let remote = connect(world, role, run, random.u64(..));
        let directory = world.directory.join(format!("{actor}-{round}"));
        let mut job = Job { world, role, run, remote, root: directory.join("tree"), random: random.fork() };
        std::fs::create_dir(&directory).unwrap();
        if saves {
            job.save()
        } else {
            job.restore()
        }
        if world.network.is_dead() {
            return;
        }
    }
}

/// Wants objects that are none of its own, and cites them.
pub(crate) fn intruder(world: &Arc<World>, actor: usize, mut random: fastrand::Rng) {
    for round in 0..4 {
        world.scheduler.step(random.u64(..120_000));
        let role = Role::draw(&mut random);
        let hidden = |object: &ObjectId| {
            world.model().objects.get(object).is_some_and(|scopes| !scopes.iter().any(|scope| role.reads(scope)))
        };
        let known: Vec<ObjectId> = world.model().objects.keys().copied().collect();
        let secret: Vec<ObjectId> = known.into_iter().filter(hidden).collect();
        // What an intruder might have overheard.
        let Some(object) = random.choice(secret) else { continue };
        let remote = connect(world, role, 5_000 + actor as u64 * 100 + round, random.u64(..));
        if let Ok(bytes) = remote.object(&object) {
            assert!(!hidden(&object), "{role:?} was given {} bytes of another scope's", bytes.len());
        }
        let state = state(&mut random);
        let Ok(save) = remote.begin(&path(), &state.instance.parse().unwrap(), state.ladder().key(), vec![]) else {
            continue;
        };
        let mut commit = state.commit();
        commit.objects = vec![ObjectRef { id: object, size: 1, kind: ObjectKind::Manifest }];
        commit.manifest = object;
        match save.commit(&commit) {
            Ok(_) => assert!(!hidden(&object), "{role:?} cited what it cannot read"),
            Err(Error::Refused(error)) if hidden(&object) => {
                // A ticket may end while the network holds its answer back; that says nothing of the object.
                let silent = [ErrorCode::UnknownObject, ErrorCode::NotFound, ErrorCode::Unauthorized];
                let is_silent = silent.contains(&error.code);
                assert!(is_silent, "what cannot be read is told: {error}");
            }
            Err(_) => {}
        }
    }
}

/// Delivers what the network held back, until nobody sends any more.
pub(crate) fn courier(world: &Arc<World>, mut random: fastrand::Rng) {
    loop {
        world.scheduler.step(random.u64(1..90_000));
        let delivered = world.network.deliver();
        if !delivered && world.scheduler.alive() <= COURIERS {
            return;
        }
    }
}
