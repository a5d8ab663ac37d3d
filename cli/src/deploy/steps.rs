//! The steps, in their order. Each looks first whether it has been done, so that what was cut off goes on where it was.

use std::fs::{self, File, TryLockError};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

use sci_native::{Founding, founding};
use sci_store_api::ObjectId;
use sci_store_api::dsse::PublicKey;
use sci_store_api::tokens::CreatedToken;
use serde::Serialize;
use tempfile::TempDir;

use super::platform::{self, Account, Worker};
use super::settings::KEY;
use super::wrangler::{ACCOUNT, Failure};
use super::{Bundle, Settings, Wrangler};
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::output::format::{bytes, safe};
use crate::store::remote;

/// How long the first administrator's token is good for, in milliseconds: 90 days.
const ADMINISTRATOR_LIFE: u64 = 90 * sci_store_api::admin::DAY;
/// The pause between two looks at a Worker that does not answer yet.
const PAUSE: Duration = Duration::from_secs(1);
/// Stands for a database that there is not yet, where nothing is made.
const NO_DATABASE: &str = "00000000-0000-0000-0000-000000000000";

/// What is to be done.
#[derive(Debug)]
pub struct Wanted {
    /// The directory with the Worker's settings.
    pub directory: PathBuf,
    /// The name of Worker, bucket and database, where settings are begun.
    pub name: Option<String>,
    /// The domain to serve at, where it changes.
    pub domain: Option<String>,
    /// Sign with a new key from now on.
    pub rotate_key: bool,
    /// Look, and change nothing.
    pub dry_run: bool,
}

/// How it stands with one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was as it should be.
    Unchanged,
    /// It was done now.
    Done,
    /// It would be done.
    Planned,
}

/// One step, as it is told.
#[derive(Debug, Serialize)]
pub struct Step {
    /// What it is about, in a word.
    pub name: &'static str,
    /// How it stands.
    pub state: State,
    /// What about it.
    pub says: String,
}

/// What was done.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// The steps so far.
    pub steps: Vec<Step>,
    /// What clients reach the Worker at.
    pub url: Option<String>,
    /// What clients pin, the key that signs first.
    pub public_keys: Vec<PublicKey>,
    /// The first administrator's token, if one was made.
    pub administrator: Option<CreatedToken>,
}

struct Deploying<'c> {
    context: &'c mut Context,
    wanted: Wanted,
    wrangler: Wrangler,
    bundle: Bundle,
    settings: Settings,
    /// Where wrangler works while there is no directory for it: it looks for settings in every directory above.
    scratch: TempDir,
    report: Report,
}

/// Does every step that is still to be done. The report says how far it came, also when a step fails.
pub fn deploy(
    context: &mut Context,
    wanted: Wanted,
    (wrangler, version): (Wrangler, String),
    bundle: Bundle,
) -> (Report, Result<()>) {
    let begin = || {
        let lock = alone(&wanted)?;
        let settings = Settings::read(&wanted.directory, wanted.name.as_deref())?;
        let scratch = tempfile::tempdir().map_err(|error| CliError::file("make", &std::env::temp_dir(), &error))?;
        Ok((lock, settings, scratch))
    };
    let report = Report::default();
    let (_lock, settings, scratch) = match begin() {
        Ok(begun) => begun,
        Err(error) => return (report, Err(error)),
    };
    let mut deploying = Deploying { context, wanted, wrangler, bundle, settings, scratch, report };
    deploying.tell("wrangler", State::Unchanged, version);
    let ended = deploying.run();
    (deploying.report, ended)
}

impl Deploying<'_> {
    fn run(&mut self) -> Result<()> {
        if let Some(domain) = self.wanted.domain.clone() {
            self.settings.serve_at(&domain);
        }
        if self.settings.exist() {
            self.wrangler.work_in(&self.wanted.directory);
        } else {
            self.work_aside()?;
        }
        self.account()?;
        self.bucket()?;
        self.database()?;
        let (worker, founding) = self.key()?;
        let is_same = founding.is_none() && self.is_deployed(worker.as_ref())?;
        if self.wanted.dry_run {
            return self.planned_upload(is_same);
        }
        if is_same {
            self.unchanged()?
        } else {
            self.upload(founding)?
        }
        self.answer()
    }

    /// Lets wrangler work with the settings as they are to be, and nowhere near those of somebody else.
    fn work_aside(&mut self) -> Result<Settings> {
        self.wrangler.work_in(self.scratch.path());
        let mut aside = self.settings.elsewhere(self.scratch.path());
        aside.write()?;
        Ok(aside)
    }

    /// Writes everything that is uploaded to where its owner has it.
    fn write(&mut self) -> Result<()> {
        self.settings.write()?;
        self.bundle.install(&self.settings.files())
    }

    fn tell(&mut self, name: &'static str, state: State, says: impl Into<String>) {
        self.report.steps.push(Step { name, state, says: says.into() });
    }

    /// Tells that something was made, or would be.
    fn tell_made(&mut self, name: &'static str, says: impl Into<String>) {
        let state = if self.wanted.dry_run { State::Planned } else { State::Done };
        self.tell(name, state, says);
    }

    fn account(&mut self) -> Result<()> {
        let advice = "log in with `wrangler login`, or set CLOUDFLARE_API_TOKEN";
        let accounts = platform::accounts(&self.wrangler).map_err(|failure| failure.error("account").hint(advice))?;
        let named = self.context.environment.text(ACCOUNT).or(self.settings.account()).map(str::to_owned);
        let account = match (named, accounts.as_slice()) {
            (Some(id), accounts) => {
                let known = accounts.iter().find(|account| account.id == id).cloned();
                known.unwrap_or(Account { id, name: String::new() })
            }
            (None, [account]) => account.clone(),
            (None, accounts) => {
                let names: Vec<String> =
                    accounts.iter().map(|one| format!("{} ({})", one.id, safe(&one.name))).collect();
                let message = format!("account: the login has {} accounts: {}", accounts.len(), names.join(", "));
                return Err(CliError::new(Kind::Usage, message).hint(format!("name one of them in {ACCOUNT}")));
            }
        };
        self.wrangler.work_for(&account.id);
        self.tell("account", State::Unchanged, format!("{} {}", account.id, safe(&account.name)).trim());
        Ok(())
    }

    fn bucket(&mut self) -> Result<()> {
        let name = self.settings.bucket()?.to_owned();
        let failed = |failure: Failure| go_on(failure.error("bucket"));
        if platform::has_bucket(&self.wrangler, &name).map_err(failed)? {
            self.tell("bucket", State::Unchanged, name);
            return Ok(());
        }
        if !self.wanted.dry_run {
            self.context.out.note(&format!("Making the bucket {name}"));
            platform::make_bucket(&self.wrangler, &name).map_err(failed)?;
        }
        self.tell_made("bucket", name);
        Ok(())
    }

    fn database(&mut self) -> Result<()> {
        let (name, known) = self.settings.database()?;
        let (name, known) = (name.to_owned(), known.map(str::to_owned));
        let failed = |failure: Failure| go_on(failure.error("database"));
        let found = platform::database(&self.wrangler, &name).map_err(failed)?;
        match (known, found) {
            (Some(known), Some(found)) if known == found => self.tell("database", State::Unchanged, name),
            (Some(known), _) => {
                let file = self.settings.file();
                let message = format!("database: {} names {known}, which is not the account's {name}", file.display());
                let error = CliError::new(Kind::Config, message);
                return Err(
                    error.hint("is it another account's? If the database was deleted, remove its `database_id`")
                );
            }
            (None, Some(found)) => {
                self.settings.set_database(&found);
                self.tell("database", State::Unchanged, name);
            }
            (None, None) if self.wanted.dry_run => {
                self.settings.set_database(NO_DATABASE);
                self.tell_made("database", name);
            }
            (None, None) => {
                self.context.out.note(&format!("Making the database {name}"));
                let id = platform::make_database(&self.wrangler, &name).map_err(failed)?;
                self.settings.set_database(&id);
                self.tell_made("database", name);
            }
        }
        Ok(())
    }

    /// The Worker as it is, and what it has to be founded with: nothing when it has its key.
    fn key(&mut self) -> Result<(Option<Worker>, Option<Founding>)> {
        let name = self.settings.name()?.to_owned();
        let worker = platform::worker(&self.wrangler, &name, KEY).map_err(|failure| go_on(failure.error("key")))?;
        let told = self.settings.public_keys()?;
        let before = match (&worker, told.first()) {
            // What an attempt that failed has left was never a key of this store.
            (None, _) => Vec::new(),
            (Some(Worker { has_secret: true, .. }), Some(key)) if !self.wanted.rotate_key => {
                let says = key.id.to_string();
                self.report.public_keys = told;
                self.tell("key", State::Unchanged, says);
                return Ok((worker, None));
            }
            (Some(_), Some(_)) => told,
            (Some(worker), None) => return Err(self.not_ours(&name, worker.has_secret)),
        };
        let founding = Founding::make(before, ADMINISTRATOR_LIFE).map_err(|error| CliError::new(Kind::Local, error))?;
        let store = match self.settings.store()? {
            Some(store) => store,
            None => founding::new_store("worker").map_err(|error| CliError::new(Kind::Local, error))?,
        };
        self.settings.found_store(&store, &founding.public, &founding.administrator.summary)?;
        let says = if self.wanted.dry_run { "a new one".to_owned() } else { founding.keys.id.to_string() };
        self.tell_made("key", says);
        Ok((worker, Some(founding)))
    }

    fn not_ours(&self, name: &str, has_secret: bool) -> CliError {
        let file = self.settings.file();
        if has_secret {
            let message = format!("key: the account's Worker {name} has a key that {} does not know", file.display());
            return CliError::new(Kind::Config, message)
                .hint("run it where the wrangler.toml of that Worker is, or give this one another --name and --dir");
        }
        let message = format!("key: the account has a Worker {name}, which is not sci's");
        CliError::new(Kind::Usage, message).hint("give this one another --name")
    }

    fn planned_upload(&mut self, is_same: bool) -> Result<()> {
        let aside = self.work_aside()?;
        self.bundle.install(&aside.files())?;
        platform::try_upload(&self.wrangler).map_err(|failure| failure.error("worker"))?;
        let says = format!("sci {}, {}", env!("CARGO_PKG_VERSION"), bytes(self.bundle.size()));
        self.tell("worker", if is_same { State::Unchanged } else { State::Planned }, says);
        Ok(())
    }

    /// Whether all requests go to just what would be uploaded.
    fn is_deployed(&self, worker: Option<&Worker>) -> Result<bool> {
        let (Some(worker), Some(_)) = (worker, self.settings.url()) else { return Ok(false) };
        let tag = platform::tag(&self.wrangler, self.settings.name()?, worker);
        Ok(tag.map_err(|failure| go_on(failure.error("worker")))? == Some(self.tag()))
    }

    /// What the uploaded version is recognised by: its files and its settings, in a digest.
    fn tag(&self) -> String {
        let settings = self.settings.text();
        let files = self.bundle.files().map(|(name, content)| (name.to_string_lossy(), content));
        let all = files.chain([("wrangler.toml".into(), settings.as_bytes())]);
        let digests: String = all.map(|(name, content)| format!("{} {name}\n", ObjectId::of(content))).collect();
        format!("sci-{}", ObjectId::of(digests.as_bytes()).short())
    }

    fn unchanged(&mut self) -> Result<()> {
        self.write()?;
        self.tell_worker(State::Unchanged);
        Ok(())
    }

    fn upload(&mut self, founding: Option<Founding>) -> Result<()> {
        self.context.out.note("Uploading the Worker");
        let targets = self.upload_once(founding)?;
        if self.settings.url().is_none() {
            let none = || go_on(CliError::store("worker: the platform names no address for the Worker"));
            self.settings.set_url(targets.first().ok_or_else(none)?);
            // It has to know the address that clients name it by.
            self.upload_once(None)?;
        }
        self.tell_worker(State::Done);
        Ok(())
    }

    fn tell_worker(&mut self, state: State) {
        let url = self.settings.url().unwrap_or_default().to_owned();
        self.tell("worker", state, format!("sci {} at {url}", env!("CARGO_PKG_VERSION")));
        self.report.url = Some(url);
    }

    fn upload_once(&mut self, founding: Option<Founding>) -> Result<Vec<String>> {
        self.write()?;
        self.wrangler.work_in(&self.wanted.directory);
        let message = format!("sci {}", env!("CARGO_PKG_VERSION"));
        let secrets = founding.as_ref().map(secrets).transpose()?;
        let is_founded = founding.is_some();
        if let Some(founding) = founding {
            // Told in any case: an upload that fails may have arrived all the same.
            self.report.public_keys = founding.public;
            self.report.administrator = Some(founding.administrator);
        }
        let uploaded = platform::upload(&self.wrangler, &self.tag(), &message, secrets.as_deref())
            .map_err(|error| CliError::local("read", &std::env::temp_dir(), error))?;
        uploaded.map_err(|failure| match failure.error("worker") {
            error if is_founded => error.hint(
                "mend it and run `sci deploy` again, which goes on from here; it makes another key and another token, \
                 unless these have arrived",
            ),
            error => go_on(error),
        })
    }

    /// Waits until the version that was uploaded answers. Its first request applies the migrations of the database.
    fn answer(&mut self) -> Result<()> {
        let url = self.report.url.clone().unwrap_or_default();
        let deadline = Instant::now() + self.context.globals.timeout;
        self.context.out.note(&format!("Waiting for {url}"));
        loop {
            let problem = match remote::health(self.context, &url) {
                Ok(version) if version == env!("CARGO_PKG_VERSION") => break,
                Ok(version) => format!("sci {} answers still", safe(&version)),
                Err(error) => error.message,
            };
            if Instant::now() >= deadline {
                let name = self.settings.name()?;
                let error = CliError::store(format!("answer: the Worker is uploaded, but does not answer: {problem}"));
                return Err(error.hint(format!(
                    "a new address may take some minutes: run `sci deploy` again, with a longer --timeout; `wrangler tail \
                     {name}` shows what the Worker says"
                )));
            }
            sleep(PAUSE);
        }
        self.tell("answer", State::Unchanged, "it answers, and its database has the schema");
        Ok(())
    }
}

/// Keeps others from deploying the same Worker from here meanwhile: of two keys, one would be told to nobody.
fn alone(wanted: &Wanted) -> Result<Option<File>> {
    if wanted.dry_run {
        return Ok(None);
    }
    let directory = &wanted.directory;
    let open = || fs::create_dir_all(directory).and_then(|()| File::open(directory));
    let lock = open().map_err(|error| CliError::file("make", directory, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => {
            let message = format!("another `sci deploy` is at work in {}", directory.display());
            Err(CliError::new(Kind::Usage, message).hint("wait until it has ended"))
        }
        Err(TryLockError::Error(error)) => Err(CliError::file("lock", directory, &error)),
    }
}

/// The secrets of a Worker, as wrangler takes them.
fn secrets(founding: &Founding) -> Result<Vec<u8>> {
    let key = serde_json::to_string(&founding.keys);
    key.and_then(|key| serde_json::to_vec(&serde_json::json!({ KEY: key })))
        .map_err(|error| CliError::new(Kind::Local, error))
}

fn go_on(error: CliError) -> CliError {
    error.hint("what was done stays done: mend it and run `sci deploy` again, which goes on from here")
}
