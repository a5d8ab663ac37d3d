//! A store's objects in a bucket that speaks S3: Amazon's, or one of the many servers that do as it does.
//!
//! It deliberately knows no index, no record and no policy: a key and bytes are all that it sees. It reads no process
//! environment, and what it says of a failure never holds a credential, a signature or a server's own words.

mod claim;
mod connect;
mod driver;
mod memory;
mod observed;
mod reading;
mod store;
mod trouble;
mod writing;

pub use connect::{Patience, S3Connect, VARIABLES};
