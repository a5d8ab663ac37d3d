//! Developer tasks: test, demo, tidy, wasm
fn main() {}
