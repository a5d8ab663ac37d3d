//! The administrator, who comes in between the steps of everybody else: collects, forgets, repairs, rotates the key, and
//! puts runs under quarantine.

use std::sync::Arc;

use pollster::block_on;
use sci_service::Error;
use sci_store_api::admin::{DAY, GcPolicy, Quarantine, RotateKey};
use sci_store_api::{ErrorCode, ScopeClass};

use crate::backend::registration;
use crate::storage::{Trouble, troubled};
use crate::world::World;

pub(crate) fn administrator(world: &Arc<World>, mut random: fastrand::Rng) {
    let grace = [0, 60_000, 3_600_000, DAY][random.usize(..4)];
    for _ in 0..random.usize(4..24) {
        world.scheduler.step(pause(&mut random));
        if random.u8(..8) == 0 {
            // Everybody else was asleep meanwhile, whatever they were in the middle of.
            world.clock.advance(random.u64(..2 * DAY));
        }
        match random.u8(..20) {
            0 => quarantine(world, &mut random),
            1 => tidy_up(world, grace),
            2 | 3 => forget(world, &mut random),
            4 | 5 => repair(world, &mut random),
            6 => rotate(world),
            7 => block_on(world.backend.front.service().register(&registration())).unwrap(),
            _ => collect(world, grace, &mut random),
        }
        world.backend.check();
    }
}

/// Mostly so short that others are still in the middle of what they did.
fn pause(random: &mut fastrand::Rng) -> u64 {
    match random.u8(..16) {
        0 => random.u64(..30 * 3_600_000),
        1 => random.u64(..3_600_000),
        2..6 => random.u64(..30_000),
        _ => random.u64(..100),
    }
}

fn quarantine(world: &World, random: &mut fastrand::Rng) {
    let run = world.model().runs.keys().nth(random.usize(..8)).cloned();
    let Some(run) = run else { return };
    let request = Quarantine { repository: registration().repository, run: run.parse().unwrap() };
    let refused = block_on(world.backend.front.service().quarantine(&request)).unwrap();
    let mut model = world.model();
    model.given_up.extend(&refused);
    model.refused.extend(&refused);
}

/// Collects, and forgets what a policy gives up.
fn tidy_up(world: &World, grace: u64) {
    let mut policy = GcPolicy { grace, keep_newest: Some(2), ..GcPolicy::default() };
    policy.max_idle.insert(ScopeClass::Pr, 3_600_000);
    let report = block_on(world.backend.front.service().gc(None, &policy)).unwrap();
    let mut model = world.model();
    model.given_up.extend(&report.forgotten);
    model.refused.extend(&report.forgotten);
    model.collected += report.deleted.len() as u64;
}

fn forget(world: &World, random: &mut fastrand::Rng) {
    let Some(snapshot) = random.choice(world.backend.snapshots()) else { return };
    let trouble = trouble(random);
    world.model().given_up.insert(snapshot);
    let service = world.backend.front.service();
    match troubled(trouble, || block_on(service.forget_any(&registration().repository, &snapshot))) {
        Ok(()) => drop(world.model().refused.insert(snapshot)),
        // Another administrator was faster.
        Err(Error::Refused(error)) if error.code == ErrorCode::NotFound => {}
        Err(error) => assert!(trouble.is_some(), "{error:?}"),
    }
}

/// Looks at objects, of which none is damaged: whatever becomes of them meanwhile, nothing is dropped.
fn repair(world: &World, random: &mut fastrand::Rng) {
    let objects = random.choose_multiple(world.backend.objects(), 3);
    let service = world.backend.front.service();
    let repaired = block_on(service.repair(&registration().repository, &objects, &[])).unwrap();
    assert!(repaired.dropped.is_empty() && repaired.forgotten.is_empty(), "a repair dropped what is sound");
}

fn rotate(world: &World) {
    let from = world.backend.keys()[0].id.clone();
    block_on(world.backend.front.service().rotate_key(&RotateKey { from })).unwrap();
}

fn collect(world: &World, grace: u64, random: &mut fastrand::Rng) {
    let trouble = trouble(random);
    let policy = GcPolicy { grace, ..GcPolicy::default() };
    let collected = troubled(trouble, || block_on(world.backend.front.service().gc(None, &policy)));
    assert!(collected.is_ok() || trouble.is_some(), "{collected:?}");
    world.model().collected += collected.map_or(0, |report| report.deleted.len() as u64);
}

fn trouble(random: &mut fastrand::Rng) -> Option<Trouble> {
    (random.u8(..3) == 0).then(|| Trouble { after: random.u32(..8), done: random.bool() })
}
