//! `sci repo`: which repositories a backend serves, and what it trusts of each.

use clap::Subcommand;
use sci_store_api::RepositoryId;
use sci_store_api::repositories::{GITHUB, Registration};

use crate::administration::{self, named};
use crate::args::size;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::output::Text;
use crate::output::format::{bytes, safe};
use crate::output::table::Table;

/// Arguments of `sci repo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Register a repository: it trusts its default branch, and nothing else unless said
    Add {
        /// The repository's id (on GitHub a number: `gh api repos/OWNER/NAME --jq .id`); names can change hands
        id: String,
        /// The owner's id (`gh api repos/OWNER/NAME --jq .owner.id`)
        #[arg(long)]
        owner: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change what is said of a registered repository; what is not given stays
    Set {
        /// The repository's id
        id: String,
        /// The owner's id
        #[arg(long)]
        owner: Option<String>,
        #[command(flatten)]
        settings: Settings,
    },
    /// Show a registered repository, or all of them
    Show {
        /// The repository's id
        id: Option<String>,
    },
    /// List the registered repositories
    List,
}

/// What is trusted. A list that is given replaces the one before; an empty text empties it.
#[derive(Debug, Default, clap::Args)]
struct Settings {
    /// What people call it
    #[arg(long)]
    name: Option<String>,
    /// The issuer of the identities that may speak for it [default: GitHub's]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The default branch in full [default: refs/heads/main]
    #[arg(long, value_name = "REF")]
    default_ref: Option<String>,
    /// A branch whose protected state is trusted, in full; repeatable [default: the default branch]
    #[arg(long = "trusted-ref", value_name = "REF")]
    trusted_refs: Option<Vec<String>>,
    /// An environment whose jobs may write release scopes; repeatable
    #[arg(long = "release-environment", value_name = "NAME")]
    release_environments: Option<Vec<String>>,
    /// A workflow that may write release scopes, as owner/repo/.github/workflows/file.yml@ref; repeatable
    #[arg(long = "release-workflow", value_name = "WORKFLOW")]
    release_workflows: Option<Vec<String>>,
    /// Whether releases may read the default branch's trusted state
    #[arg(long, value_name = "BOOL")]
    release_reads_trusted: Option<bool>,
    /// Whether manual runs on a trusted branch may write its state
    #[arg(long, value_name = "BOOL")]
    dispatch_writes: Option<bool>,
    /// Whether self-hosted runners may write more than branch scopes
    #[arg(long, value_name = "BOOL")]
    self_hosted_trusted: Option<bool>,
    /// Whether anybody may read the default branch's trusted state without an identity
    #[arg(long, value_name = "BOOL")]
    public_read: Option<bool>,
    /// How much the repository may keep, as 20G; `none` for no limit
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    quota: Option<Limit>,
    /// How much one pull request, branch or queue entry may keep; 10 GiB for a new registration
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    quota_untrusted_scope: Option<Limit>,
    /// How much all of those may keep together; 50 GiB for a new registration
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    quota_untrusted: Option<Limit>,
}

/// A limit in bytes, or none.
#[derive(Debug, Clone, Copy)]
struct Limit(Option<u64>);

fn limit(text: &str) -> Result<Limit, String> {
    if text == "none" { Ok(Limit(None)) } else { size(text).map(|bytes| Limit(Some(bytes))) }
}

/// Registers, changes or shows.
///
/// # Errors
/// [`Kind::Usage`], [`Kind::NotFound`] for a repository that is not registered, [`Kind::Store`].
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let admin = match arguments.command {
        Command::Add { .. } => administration::open_or_make(context)?,
        _ => administration::open(context)?,
    };
    let shown = match &arguments.command {
        Command::Add { id, owner, settings } => {
            let id = named::<RepositoryId>(id)?;
            if admin.registration(&id)?.is_some() {
                return Err(CliError::new(Kind::Usage, format!("repository {id} is registered already"))
                    .hint(format!("`sci repo set {id}` changes it")));
            }
            let default_ref = settings.default_ref.clone().unwrap_or_else(|| "refs/heads/main".to_owned());
            let mut registration = Registration::new(id, owner, default_ref);
            settings.apply(&mut registration);
            admin.register(&registration)?;
            vec![registration]
        }
        Command::Set { id, owner, settings } => {
            let id = named::<RepositoryId>(id)?;
            let mut registration = admin.registration(&id)?.ok_or_else(|| unregistered(&id))?;
            registration.owner = owner.clone().unwrap_or(registration.owner);
            settings.apply(&mut registration);
            admin.register(&registration)?;
            vec![registration]
        }
        Command::Show { id: Some(id) } => {
            let id = named::<RepositoryId>(id)?;
            vec![admin.registration(&id)?.ok_or_else(|| unregistered(&id))?]
        }
        Command::Show { id: None } | Command::List => admin.repositories()?.repositories,
    };
    let is_list = matches!(arguments.command, Command::List);
    context.out.human(|text| match shown.as_slice() {
        [] => drop(text.line("no repositories yet")),
        all if is_list => table(all).render(text),
        all => all.iter().for_each(|registration| show(text, registration)),
    });
    context.out.document("repo", &serde_json::json!({ "repositories": shown }));
    Ok(Exit::Success)
}

impl Settings {
    fn apply(&self, registration: &mut Registration) {
        let set = |to: &mut String, from: &Option<String>| to.clone_from(from.as_ref().unwrap_or(&to.clone()));
        let list = |to: &mut Vec<String>, from: &Option<Vec<String>>| {
            if let Some(from) = from {
                *to = from.iter().filter(|name| !name.is_empty()).cloned().collect();
            }
        };
        let limit = |to: &mut Option<u64>, from: Option<Limit>| *to = from.map_or(*to, |Limit(limit)| limit);
        set(&mut registration.name, &self.name);
        set(&mut registration.issuer, &self.issuer);
        set(&mut registration.default_ref, &self.default_ref);
        list(&mut registration.trusted_refs, &self.trusted_refs);
        list(&mut registration.release.environments, &self.release_environments);
        list(&mut registration.release.workflow_refs, &self.release_workflows);
        let release = &mut registration.release;
        release.reads_trusted = self.release_reads_trusted.unwrap_or(release.reads_trusted);
        registration.dispatch_writes = self.dispatch_writes.unwrap_or(registration.dispatch_writes);
        registration.self_hosted_trusted = self.self_hosted_trusted.unwrap_or(registration.self_hosted_trusted);
        registration.public_read = self.public_read.unwrap_or(registration.public_read);
        limit(&mut registration.quota.repository, self.quota);
        limit(&mut registration.quota.untrusted_scope, self.quota_untrusted_scope);
        limit(&mut registration.quota.untrusted, self.quota_untrusted);
    }
}

fn unregistered(id: &RepositoryId) -> CliError {
    CliError::new(Kind::NotFound, format!("repository {id} is not registered"))
        .hint(format!("`sci repo add {id} --owner OWNER_ID` registers it"))
}

fn table(repositories: &[Registration]) -> Table {
    let mut table = Table::of_words(["REPOSITORY", "NAME", "OWNER", "DEFAULT", "PUBLIC", "QUOTA"]);
    for Registration { repository, name, owner, default_ref, public_read, quota, .. } in repositories {
        let (name, owner, default) = (safe(name), safe(owner), safe(default_ref));
        let public = if *public_read { "yes" } else { "no" };
        let quota = quota.repository.map_or_else(|| "none".to_owned(), bytes);
        table.row([repository.to_string(), name, owner, default, public.to_owned(), quota]);
    }
    table
}

fn show(text: &mut Text, registration: &Registration) {
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let names = |names: &[String]| match names {
        [] => "none".to_owned(),
        names => names.iter().map(|name| safe(name)).collect::<Vec<_>>().join(", "),
    };
    let quota = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), bytes);
    text.gap();
    let id = text.style.name.paint(registration.repository.as_str());
    let heading = format!("{id} {}", safe(&registration.name));
    text.line(heading.trim_end());
    text.field("owner", safe(&registration.owner));
    if registration.issuer != GITHUB {
        text.field("issuer", safe(&registration.issuer));
    }
    text.field("default", safe(&registration.default_ref));
    text.field("trusted", names(&registration.trusted_refs));
    let release = &registration.release;
    let environments = format!("{}, by {}", names(&release.environments), names(&release.workflow_refs));
    let none = release.environments.is_empty() || release.workflow_refs.is_empty();
    text.field("releases", if none { "none".to_owned() } else { environments });
    if release.reads_trusted {
        text.field("", "releases read the default branch's trusted state");
    }
    text.field("manual runs", if registration.dispatch_writes { "write trusted state" } else { "only read" });
    text.field("self-hosted", if registration.self_hosted_trusted { "as hosted ones" } else { "branch scopes" });
    text.field("public", yes(registration.public_read));
    let limits = registration.quota.clone();
    text.field("quota", format_args!("{} in all", quota(limits.repository)));
    if limits.untrusted_scope.is_some() || limits.untrusted.is_some() {
        let (one, all) = (quota(limits.untrusted_scope), quota(limits.untrusted));
        text.field("", format_args!("untrusted scopes: {one} each, {all} together"));
    }
}
