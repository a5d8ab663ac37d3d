//! `sci key`: the keys that sign a store's records. The private halves live where the store is, and never leave it.

use clap::Subcommand;
use sci_store_api::UnixMillis;
use sci_store_api::admin::RotateKey;
use sci_store_api::dsse::PublicKey;

use crate::administration;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::format::time;
use crate::output::table::Table;

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
    /// List the keys, the current one first, and what each may have signed
    List,
}

/// Makes, rotates, lists or prints keys.
///
/// # Errors
/// [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let admin = match arguments.command {
        Command::Generate => administration::open_or_make(context)?,
        _ => administration::open(context)?,
    };
    // A store makes the key that it lacks when it is opened.
    let mut keys = admin.keys()?.public_keys;
    match arguments.command {
        Command::Generate => keys.truncate(1),
        Command::Rotate => {
            let current =
                keys.first().ok_or_else(|| CliError::new(Kind::Store, "the store says that it has no key"))?;
            keys = admin.rotate_key(&RotateKey { from: current.id.clone() })?.public_keys;
            context.out.note(
                "Clients that pin keys refuse what is signed from now on until both keys are in their \
                 `trusted-public-keys`.",
            );
        }
        Command::Export | Command::List => {}
    }
    let is_list = matches!(arguments.command, Command::List);
    context.out.human(|text| {
        if is_list {
            return table(&keys).render(text);
        }
        for key in &keys {
            text.line(key);
        }
    });
    context.out.document("key", &serde_json::json!({ "public_keys": keys }));
    Ok(Exit::Success)
}

fn table(keys: &[PublicKey]) -> Table {
    let mut table = Table::of_words(["KEY", "STATE", "FROM", "UNTIL"]);
    for (index, key) in keys.iter().enumerate() {
        let state = if index == 0 { "signs" } else { "retired" };
        let at = |end: Option<UnixMillis>| end.map_or_else(|| "-".to_owned(), time);
        table.row([key.id.to_string(), state.to_owned(), at(key.not_before), at(key.not_after)]);
    }
    table
}
