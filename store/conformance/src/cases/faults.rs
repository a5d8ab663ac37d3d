//! Failures of the index at every statement: nothing is half done, and what is repeated succeeds.

use pollster::block_on;
use sci_service::Error;
use sci_store_api::snapshots::SnapshotQuery;
use sci_store_api::{ErrorCode, ObjectId};

use crate::world::{Fault, Harness, State, World, main};

/// Repeats a call that failed because the index did.
fn again<T>(mut call: impl FnMut() -> Result<T, Error>) -> T {
    match call() {
        Err(error) if error.code() == ErrorCode::Unavailable => call().unwrap(),
        other => other.unwrap(),
    }
}

/// Whichever call of the index fails, before or after its work: the client repeats, there is one snapshot, it is whole,
/// and a forgotten one goes for good.
pub fn a_failed_statement_leaves_the_store_whole<H: Harness>() {
    for done in [false, true] {
        for after in 0.. {
            let world = World::<H>::default();
            let (me, state, old) = (main("1"), State::new("l", "s", "t"), State::new("l", "old", "old"));
            let gone = world.saved(&me, &old);
            world.service.index().fail(Fault { after, done });
            let save = again(|| world.begin(&me, &state, &[]));
            again(|| world.put_all(&me, &save, &state));
            let answer = again(|| world.commit(&me, &save, &state));
            assert_eq!(repeated(&world, &save, &state), answer.snapshot());
            again(|| match block_on(world.service.forget(&me, &gone)) {
                // The first try did its work and only its answer was lost.
                Err(error) if error.code() == ErrorCode::NotFound => Ok(()),
                other => other,
            });
            again(|| {
                block_on(world.service.gc(None, &sci_store_api::admin::GcPolicy { grace: 0, ..Default::default() }))
            });
            let finished = world.service.index().calm();
            world.gc(0);
            let listed = block_on(world.service.snapshots(&me, &SnapshotQuery::default())).unwrap().snapshots;
            assert_eq!(listed.iter().map(|summary| summary.snapshot).collect::<Vec<_>>(), [answer.snapshot()]);
            for (_, bytes) in state.objects() {
                assert_eq!(world.read(&me, &ObjectId::of(&bytes)).unwrap(), bytes);
            }
            for (_, bytes) in old.objects() {
                assert_eq!(world.read(&me, &ObjectId::of(&bytes)).unwrap_err().code(), ErrorCode::UnknownObject);
            }
            if finished {
                break;
            }
        }
    }
}

fn repeated<H: Harness>(
    world: &World<H>,
    save: &sci_store_api::saves::BegunSave,
    state: &State,
) -> sci_store_api::SnapshotId {
    again(|| world.commit(&main("1"), save, state)).snapshot()
}
