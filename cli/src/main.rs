//! Stateful CI: a declarative build cache
fn main() {}
