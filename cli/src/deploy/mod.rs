//! Setting up the Worker in somebody's Cloudflare account: bucket, database, key, upload, in steps of which each looks first
//! whether it has been done.
//!
//! Everything goes through wrangler, with its login and its limits. What was decided for this Worker stands in its
//! `wrangler.toml`, which is its owner's to commit and to change. Nothing here knows the platform's API.

pub mod bundle;
pub mod platform;
pub mod settings;
pub mod steps;
pub mod wrangler;

pub use bundle::Bundle;
pub use settings::Settings;
pub use steps::{Report, State, Wanted, deploy};
pub use wrangler::Wrangler;
