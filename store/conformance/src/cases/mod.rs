//! The cases, by what they are about. Each runs on a store of its own.

pub mod faults;
pub mod gc;
pub mod interleavings;
pub mod lineage;
pub mod objects;
pub mod plans;
pub mod repair;
pub mod resolve;
pub mod saves;
pub mod trust;
