//! Ids and names that the service derives: no randomness, and a repeated request finds what it made before.

use sci_hasher::Encoder;
use sci_store_api::{Instance, Nonce, PathName, PlanId, SaveId, Scope};

use crate::caller::Caller;

pub(crate) fn save(caller: &Caller, scope: &Scope, path: &PathName, instance: &Instance, nonce: &Nonce) -> SaveId {
    let mut encoder = Encoder::new("sci v1 save id");
    encoder.text(caller.repository.as_str()).text(caller.run.as_str()).text(&scope.to_string());
    encoder.text(path.as_str()).text(instance.as_str()).bytes(nonce.as_bytes());
    SaveId::from_bytes(*encoder.finish().as_bytes())
}

pub(crate) fn plan(caller: &Caller, nonce: &Nonce) -> PlanId {
    let mut encoder = Encoder::new("sci v1 plan id");
    encoder.text(caller.repository.as_str()).text(caller.run.as_str()).bytes(nonce.as_bytes());
    PlanId::from_bytes(*encoder.finish().as_bytes())
}

/// A part of a run's name, in which nothing is left of what joins parts, `-`: no two runs get one name.
pub(crate) fn marked(part: &str) -> String {
    part.replace('_', "__").replace('-', "_.")
}

/// The hold of a run's own uploads, outside any save.
pub(crate) fn run_hold(caller: &Caller) -> [u8; 32] {
    let mut encoder = Encoder::new("sci v1 run hold");
    encoder.text(caller.repository.as_str()).text(caller.run.as_str());
    *encoder.finish().as_bytes()
}
