//! Plans: kept with their verdicts, for those who may see them, and not for ever.

use bytes::Bytes;
use pollster::block_on;
use sci_service::{Caller, Hold, Sight};
use sci_store_api::plans::{KEPT_PLANS, PlanQuery, PlannedPath, RecordPlan};
use sci_store_api::{ErrorCode, Instance, ObjectId, PlanId};

use crate::world::{Harness, State, World, caller, code, main, path};

fn plan<H: Harness>(world: &World<H>, me: &Caller, state: &State) -> PlanId {
    let derivation = state.objects()[2].1.clone();
    world.put(me, Hold::Run, &derivation).unwrap();
    let planned = PlannedPath {
        path: path(),
        instance: Instance::new(state.instance).unwrap(),
        ladder: state.ladder(),
        sketch: state.sketch(),
        derivation: Some(ObjectId::of(&derivation)),
        verdict: world.resolve(me, state).verdict,
    };
    let request = RecordPlan { nonce: world.nonce(), paths: vec![planned] };
    let id = block_on(world.service.record_plan(me, &request)).unwrap();
    assert_eq!(block_on(world.service.record_plan(me, &request)).unwrap(), id, "safe to repeat");
    id
}

/// A plan is found again by another run of its scope, newest first, with its verdict and its derivation.
pub fn stored_and_listed<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let first = plan(&world, &main("1"), &state);
    world.clock.advance(1);
    let second = plan(&world, &main("2"), &state);
    let listed = block_on(world.service.plans(&main("3"), &PlanQuery::newest(10))).unwrap();
    assert_eq!(listed.iter().map(|plan| plan.plan).collect::<Vec<_>>(), [second, first]);
    let explained = block_on(world.service.explain(&main("3"), &first)).unwrap();
    assert_eq!(explained.plan.run, "1".parse().unwrap());
    assert_eq!(explained.plan.paths[0].ladder, state.ladder());
    let derivation = explained.plan.paths[0].derivation.unwrap();
    world.clock.advance(30 * sci_store_api::admin::DAY);
    world.gc(0);
    assert_eq!(world.read(&main("3"), &derivation).unwrap(), state.objects()[2].1);
}

/// A plan of another scope or repository is not there, and a derivation that one does not have cannot be cited.
pub fn private_to_their_scope<H: Harness>() {
    let world = World::<H>::default();
    let state = State::new("l", "s", "t");
    let id = plan(&world, &caller("1", &["pr:1"]), &state);
    let mut stranger = caller("1", &["pr:1"]);
    stranger.repository = "stranger".parse().unwrap();
    for reader in [main("2"), caller("2", &["pr:2"]), stranger] {
        assert_eq!(block_on(world.service.plans(&reader, &PlanQuery::newest(10))).unwrap(), []);
        assert_eq!(code(block_on(world.service.explain(&reader, &id))), ErrorCode::NotFound);
        let mut paths = block_on(world.service.explain(&caller("1", &["pr:1"]), &id)).unwrap().plan.paths;
        for derivation in [paths[0].derivation, Some(ObjectId::of(b"nobody has this"))] {
            paths[0].derivation = derivation;
            let request = RecordPlan { nonce: world.nonce(), paths: paths.clone() };
            assert_eq!(code(block_on(world.service.record_plan(&reader, &request))), ErrorCode::UnknownObject);
        }
    }
    // A person of the repository sees every run, with what it was planned from.
    for sight in [Sight::Runs, Sight::Repository] {
        let person = Caller { sight, ..main("2") };
        let of_run = |run: &str| PlanQuery { run: Some(run.parse().unwrap()), limit: None };
        assert_eq!(block_on(world.service.plans(&person, &of_run("1"))).unwrap()[0].plan, id);
        assert_eq!(block_on(world.service.plans(&person, &of_run("2"))).unwrap(), []);
        let explained = block_on(world.service.explain(&person, &id)).unwrap();
        assert!(world.read(&person, &explained.plan.paths[0].derivation.unwrap()).is_ok());
    }
}

/// An explanation names the derivation of each candidate that the reader may read.
pub fn derivations_are_explained<H: Harness>() {
    let world = World::<H>::default();
    let readable = State::new("l", "s0", "readable");
    let (near, hidden) = (world.saved(&main("1"), &readable), State::new("l", "s", "hidden"));
    let hidden = world.saved(&caller("2", &["pr:1"]), &hidden);
    let id = plan(&world, &main("3"), &State::new("l", "s", "t"));
    let explained = block_on(world.service.explain(&main("4"), &id)).unwrap();
    let candidates: Vec<_> = explained.plan.paths[0].verdict.candidates.iter().map(|found| found.snapshot).collect();
    assert!(candidates.contains(&near) && candidates.contains(&hidden));
    assert_eq!(explained.derivations.into_iter().collect::<Vec<_>>(), [(near, ObjectId::of(&readable.objects()[2].1))]);
}

/// The oldest plans go, and their derivations with them; as many as pull requests plan, none of main's does.
pub fn retention_is_bounded<H: Harness>() {
    let world = World::<H>::default();
    let me = main("1");
    let oldest = State::new("old", "s", "t");
    let first = plan(&world, &me, &oldest);
    let state = State::new("l", "s", "t");
    let flood = |caller: &Caller| {
        for _ in 0..KEPT_PLANS {
            plan(&world, caller, &state);
        }
    };
    flood(&caller("2", &["pr:2"]));
    assert_eq!(block_on(world.service.explain(&me, &first)).unwrap().plan.plan, first);
    flood(&me);
    assert_eq!(block_on(world.service.plans(&me, &PlanQuery::default())).unwrap().len(), KEPT_PLANS as usize);
    assert_eq!(code(block_on(world.service.explain(&me, &first))), ErrorCode::NotFound);
    world.clock.advance(1);
    let bytes: Bytes = oldest.objects()[2].1.clone();
    assert!(world.gc(0).deleted.iter().any(|object| object.id == ObjectId::of(&bytes)));
}
