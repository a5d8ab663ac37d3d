//! What happens to the dashboard, and what it asks for.

use sci_store_api::RunId;

use crate::error::CliError;
use crate::exit::Exit;
use crate::flow::explained::{Explained, Unkeyed};
use crate::flow::local::Local;
use crate::flow::runs::Published;
use crate::state::activity::Activity;
use crate::ui::keys::Key;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A key that means something was pressed.
    Key(Key),
    /// The terminal has another size: columns and rows.
    Resize(u16, u16),
    /// The workspace was looked at.
    Local(Result<Local, CliError>),
    /// The store was asked. The number is that of the asking, by which later answers about runs are told from older ones.
    Store(u64, Box<Result<Shared, CliError>>),
    /// The store was asked about a run.
    Run(u64, RunId, Result<Vec<Explained>, CliError>),
    /// A save or restore of this workspace went on, or ended.
    Activity(Option<Activity>),
    /// What is remembered of the workspace was written anew.
    Changed,
    /// The dashboard cannot go on.
    Broken(String),
}

/// What a store has of this workspace.
#[derive(Debug, Clone)]
pub struct Shared {
    /// Where the store is.
    pub place: String,
    /// What is published.
    pub published: Published,
    /// The latest plan of each path of this machine, explained.
    pub explained: Vec<Explained>,
    /// Paths of that plan without a key.
    pub unkeyed: Vec<Unkeyed>,
}

/// Something that is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look at the workspace and ask the store again.
    Refresh,
    /// Ask the store about a run.
    Run(RunId),
    /// End.
    Leave(Exit),
}
