//! What the benches share: generated trees, a store in memory, and a server.
//!
//! Nothing here measures. The programs that do are `benches/*.rs`, the `side-by-side` binary, which knows `sci` only
//! as a user does: by its command line, and the `fragmentation` binary, which drives the engine a thousand times.

pub mod generate;
pub mod memory;
pub mod server;
