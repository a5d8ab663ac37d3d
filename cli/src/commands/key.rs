//! `sci key`: the keys that sign a store's records. They live where the store is, and never leave it.

use clap::Subcommand;
use sci_store_api::dsse::PublicKey;

use crate::administration::local;
use crate::context::Context;
use crate::error::Result;
use crate::exit::Exit;
use crate::store::failed;

/// Arguments of `sci key`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Make the store's signing key, unless it has one, and print its public half
    Generate,
    /// Sign with a new key from now on; records that the old one signed until now stay good
    Rotate,
    /// Print the public halves for `trusted-public-keys` in sci.toml, the current key first
    Export,
}

/// Makes, rotates or prints keys.
///
/// # Errors
/// [`crate::error::Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let admin = local(context)?;
    let keys: Vec<PublicKey> = match arguments.command {
        // Opening a store makes the key that it lacks.
        Command::Generate => admin.keys().map_err(failed)?.into_iter().take(1).collect(),
        Command::Rotate => {
            admin.rotate_key().map_err(failed)?;
            context.out.note(
                "Clients that pin keys refuse what is signed from now on until both keys are in their \
                 `trusted-public-keys`.",
            );
            admin.keys().map_err(failed)?
        }
        Command::Export => admin.keys().map_err(failed)?,
    };
    context.out.human(|text| {
        for key in &keys {
            text.line(key);
        }
    });
    context.out.document("key", &serde_json::json!({ "public_keys": keys }));
    Ok(Exit::Success)
}
