//! The backend on one machine, over HTTP: what turns requests of a framework into those of the service and back, what bounds
//! them in number, size and time, and what runs beside them.
//!
//! It deliberately decides nothing that the service decides: identities, policy and formats are the service's. It reads no
//! process environment and prints nothing; the log goes where the caller's subscriber sends it.

pub mod backend;
pub mod error;
pub mod fetch;
pub mod issuers;
pub mod limits;
pub mod logging;
pub mod metrics;
pub mod orders;
pub mod server;
pub mod settings;
pub mod tls;

mod collecting;
mod host;
mod listen;
mod run;

pub use collecting::Collecting;
pub use error::Error;
pub use limits::Limits;
pub use orders::{Order, Orders};
pub use run::{run, run_until};
pub use server::{Ended, Server};
pub use settings::Settings;
