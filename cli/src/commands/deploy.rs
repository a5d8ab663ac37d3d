//! `sci deploy`: the backend as a Worker in the user's own Cloudflare account.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::Serialize;

use crate::context::Context;
use crate::deploy::{self, Bundle, Report, State, Wanted, Wrangler};
use crate::error::Result;
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::time;

/// Arguments of `sci deploy`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Directory of the Worker's wrangler.toml, made when it is missing, to be committed
    #[arg(long, value_name = "DIR", default_value = "sci-worker")]
    dir: PathBuf,
    /// Name of the Worker, its bucket and its database, when they are made [default: sci]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Domain of the account to serve at, instead of the platform's
    #[arg(long, value_name = "DOMAIN", value_parser = domain)]
    domain: Option<String>,
    /// Sign with a new key from now on, and make a new administrator's token
    #[arg(long)]
    rotate_key: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The Worker's built files [default: those that come with sci]
    #[arg(long, value_name = "DIR")]
    worker: Option<PathBuf>,
    /// Wrangler to use [default: the one on the PATH, else by npx]
    #[arg(long, value_name = "PROGRAM", env = "SCI_WRANGLER")]
    wrangler: Option<OsString>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// The lines for sci.toml.
    declaration: Option<String>,
}

/// Sets the Worker up, or brings it up to date.
///
/// # Errors
/// None that has no step: which one failed, and how to go on, is in the error.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let bundle = Bundle::find(arguments.worker.as_deref())?;
    let wrangler = Wrangler::find(arguments.wrangler.as_deref())?;
    let wanted = Wanted {
        directory: context.start().join(&arguments.dir),
        name: arguments.name.clone(),
        domain: arguments.domain.clone(),
        rotate_key: arguments.rotate_key,
        dry_run: arguments.dry_run,
    };
    let (report, ended) = deploy::deploy(context, wanted, wrangler, bundle);
    let document = Document { report: &report, declaration: declaration(&report) };
    context.out.human(|text| render(text, &document));
    match ended {
        Ok(()) => {
            context.out.document("deploy", &document);
            Ok(Exit::Success)
        }
        Err(error) => {
            context.out.refusal("deploy", &document, &error);
            Ok(error.kind.exit())
        }
    }
}

fn declaration(report: &Report) -> Option<String> {
    let url = report.url.as_ref()?;
    let keys: Vec<String> = report.public_keys.iter().map(|key| format!("\"{key}\"")).collect();
    Some(format!("[store]\nurl = \"{url}\"\ntrusted-public-keys = [{}]\n", keys.join(", ")))
}

fn render(text: &mut Text, Document { report, declaration }: &Document<'_>) {
    for step in &report.steps {
        let state = match step.state {
            State::Unchanged => "",
            State::Done => " (done now)",
            State::Planned => " (would be made)",
        };
        text.field(step.name, format_args!("{}{state}", step.says));
    }
    if let Some(declaration) = declaration {
        text.gap().line("For sci.toml:").gap();
        for line in declaration.lines() {
            text.indented(1, line);
        }
    }
    if let Some(created) = &report.administrator {
        let until = time(created.summary.expires);
        text.gap().line(format_args!("The administrator's token, good until {until}. It is not shown again:")).gap();
        text.indented(1, created.token.expose());
        text.gap().line("With it as SCI_TOKEN, `sci repo add` registers a repository, whose jobs then need no secret.");
    }
}

/// Reads a host's name.
fn domain(text: &str) -> std::result::Result<String, String> {
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if text.len() <= 253 && text.contains('.') && text.split('.').all(fits) {
        return Ok(text.to_owned());
    }
    Err("expected a domain in lower case, as cache.example.com".to_owned())
}
