//! `wrangler.toml`: what is decided about one Worker. sci writes what it has to and leaves everything else as it finds it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sci_planner::config::ConfigError;
use sci_store_api::StoreId;
use sci_store_api::dsse::PublicKey;
use sci_store_api::tokens::TokenSummary;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value, value};

use crate::error::{CliError, Kind, Result};
use crate::state::atomic;

/// The secret with the signing key.
pub const KEY: &str = "SCI_SIGNING_KEY";

/// The file.
const FILE: &str = "wrangler.toml";
/// Where the Worker's built files are put.
const FILES: &str = "worker";
/// What a Worker's owner does not commit: it comes with sci, or is wrangler's.
const IGNORED: &str = "worker/\n.wrangler/\n";
/// What a Worker begins with.
const TEMPLATE: &str = include_str!("wrangler.toml");

const BUCKET: (&str, &str) = ("r2_buckets", "OBJECTS");
const DATABASE: (&str, &str) = ("d1_databases", "INDEX");

/// The settings of one Worker.
#[derive(Debug, Clone)]
pub struct Settings {
    directory: PathBuf,
    document: DocumentMut,
    /// What the file held when it was read.
    found: Option<String>,
}

impl Settings {
    /// Reads the settings in `directory`; where there are none, begins them for a Worker, a bucket and a database of this name.
    /// Nothing is written.
    ///
    /// # Errors
    /// [`Kind::Config`] for a file that is no TOML, [`Kind::Local`].
    pub fn read(directory: &Path, name: Option<&str>) -> Result<Self> {
        let file = directory.join(FILE);
        let found = match fs::read_to_string(&file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(CliError::file("read", &file, &error)),
        };
        let text = found.as_deref().unwrap_or(TEMPLATE);
        let document = text.parse::<DocumentMut>().map_err(|error| malformed(&file, text, &error))?;
        let mut settings = Self { directory: directory.to_owned(), document, found };
        match name {
            None => {}
            Some(name) if settings.found.is_none() => settings.call(name)?,
            Some(name) if settings.name()? == name => {}
            Some(name) => {
                let message =
                    format!("the Worker of {} is called {:?}, not {name:?}", file.display(), settings.name()?);
                return Err(CliError::new(Kind::Usage, message).hint("another Worker needs another --dir"));
            }
        }
        Ok(settings)
    }

    /// The file that they are in.
    pub fn file(&self) -> PathBuf {
        self.directory.join(FILE)
    }

    /// Whether the file was there.
    pub fn exist(&self) -> bool {
        self.found.is_some()
    }

    /// The Worker's name.
    ///
    /// # Errors
    /// [`Kind::Config`], here and below: the file lacks what wrangler needs as well.
    pub fn name(&self) -> Result<&str> {
        self.document.get("name").and_then(Item::as_str).ok_or_else(|| self.lacking("name"))
    }

    /// The bucket's name.
    ///
    /// # Errors
    /// As [`Settings::name`].
    pub fn bucket(&self) -> Result<&str> {
        let name = self.bound(BUCKET).and_then(|bucket| bucket.get("bucket_name")?.as_str());
        name.ok_or_else(|| self.lacking("[[r2_buckets]] with binding = \"OBJECTS\" and a bucket_name"))
    }

    /// The database's name, and its id where it is known.
    ///
    /// # Errors
    /// As [`Settings::name`].
    pub fn database(&self) -> Result<(&str, Option<&str>)> {
        let database = self.bound(DATABASE);
        let text = |name: &str| database.and_then(|database| database.get(name)?.as_str());
        let name = text("database_name")
            .ok_or_else(|| self.lacking("[[d1_databases]] with binding = \"INDEX\" and a database_name"))?;
        Ok((name, text("database_id")))
    }

    /// The account, where the owner has named one.
    pub fn account(&self) -> Option<&str> {
        self.document.get("account_id").and_then(Item::as_str)
    }

    /// What clients reach the Worker at, where that is known.
    pub fn url(&self) -> Option<&str> {
        self.variable("SCI_URL")
    }

    /// The store's id.
    ///
    /// # Errors
    /// [`Kind::Config`] when it is none.
    pub fn store(&self) -> Result<Option<StoreId>> {
        let parse = |text: &str| text.parse().map_err(|error| self.wrong("SCI_STORE", error));
        self.variable("SCI_STORE").map(parse).transpose()
    }

    /// The public halves of the store's keys, the one that signs first.
    ///
    /// # Errors
    /// [`Kind::Config`] when they are none.
    pub fn public_keys(&self) -> Result<Vec<PublicKey>> {
        let keys = self.variable("SCI_PUBLIC_KEYS").into_iter().flat_map(|keys| keys.split(','));
        keys.map(|key| key.trim().parse().map_err(|error| self.wrong("SCI_PUBLIC_KEYS", error))).collect()
    }

    /// Serves at a domain of the account's instead of the one that the platform gives.
    pub fn serve_at(&mut self, domain: &str) {
        let mut route = InlineTable::new();
        route.insert("pattern", domain.into());
        route.insert("custom_domain", true.into());
        self.document["routes"] = value(Array::from_iter([Value::from(route)]));
        self.document["workers_dev"] = value(false);
        self.set("SCI_URL", &format!("https://{domain}"));
    }

    /// Says what clients reach the Worker at.
    pub fn set_url(&mut self, url: &str) {
        self.set("SCI_URL", url);
    }

    /// Says which database it is.
    pub fn set_database(&mut self, id: &str) {
        if let Some(database) = self.bound_mut(DATABASE) {
            database.insert("database_id", value(id));
        }
    }

    /// Says whose store it is: its name, the public halves of its keys, and the first administrator.
    ///
    /// # Errors
    /// [`Kind::Local`] when the administrator has no text, which cannot be.
    pub fn found_store(&mut self, store: &StoreId, keys: &[PublicKey], administrator: &TokenSummary) -> Result<()> {
        let administrator = serde_json::to_string(administrator).map_err(|error| CliError::new(Kind::Local, error))?;
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        self.set("SCI_STORE", store.as_str());
        self.set("SCI_PUBLIC_KEYS", &keys.join(","));
        self.set("SCI_ADMINISTRATOR", &administrator);
        Ok(())
    }

    /// Whether anything differs from what the file holds.
    pub fn changed(&self) -> bool {
        self.found.as_deref() != Some(&self.document.to_string())
    }

    /// Where the Worker's built files belong.
    pub fn files(&self) -> PathBuf {
        self.directory.join(FILES)
    }

    /// Writes the settings, unless they are as they were.
    ///
    /// # Errors
    /// [`Kind::Local`].
    pub fn write(&mut self) -> Result<()> {
        let directory = &self.directory;
        fs::create_dir_all(directory).map_err(|error| CliError::file("make", directory, &error))?;
        let ignored = directory.join(".gitignore");
        if !ignored.exists() {
            atomic::write(&ignored, IGNORED.as_bytes())?;
        }
        if self.changed() {
            let text = self.document.to_string();
            atomic::write(&self.file(), text.as_bytes())?;
            self.found = Some(text);
        }
        Ok(())
    }

    /// The same settings in another directory, not yet written.
    pub fn elsewhere(&self, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), document: self.document.clone(), found: None }
    }

    /// The text of the file as it is to be.
    pub fn text(&self) -> String {
        self.document.to_string()
    }

    fn call(&mut self, name: &str) -> Result<()> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.len() < 3 || name.len() > 54 || !name.chars().all(fits) || name.starts_with('-') || name.ends_with('-')
        {
            let message = format!("{name:?} cannot be the name of a Worker and a bucket");
            return Err(CliError::new(Kind::Usage, message).hint("3 to 54 lower-case letters, digits and hyphens"));
        }
        self.document["name"] = value(name);
        for (binding, key) in [(BUCKET, "bucket_name"), (DATABASE, "database_name")] {
            if let Some(bound) = self.bound_mut(binding) {
                bound.insert(key, value(name));
            }
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<&str> {
        self.document.get("vars")?.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    fn set(&mut self, name: &str, text: &str) {
        if self.variable(name) != Some(text) {
            self.document["vars"][name] = value(text);
        }
    }

    fn bound(&self, (list, binding): (&str, &str)) -> Option<&Table> {
        let tables = self.document.get(list)?.as_array_of_tables()?;
        tables.iter().find(|table| table.get("binding").and_then(Item::as_str) == Some(binding))
    }

    fn bound_mut(&mut self, (list, binding): (&str, &str)) -> Option<&mut Table> {
        let tables = self.document.get_mut(list)?.as_array_of_tables_mut()?;
        tables.iter_mut().find(|table| table.get("binding").and_then(Item::as_str) == Some(binding))
    }

    fn lacking(&self, what: &str) -> CliError {
        let error = CliError::new(Kind::Config, format!("{} has no {what}", self.file().display()));
        error.hint("`sci deploy --dir` of a new directory begins one that has everything")
    }

    fn wrong(&self, name: &str, error: impl std::fmt::Display) -> CliError {
        CliError::new(Kind::Config, format!("{}: {name}: {error}", self.file().display()))
            .hint("sci writes it; take it from the history of the file")
    }
}

fn malformed(file: &Path, text: &str, error: &toml_edit::TomlError) -> CliError {
    let span = error.span().unwrap_or(0..0);
    let before = &text[..text.floor_char_boundary(span.start.min(text.len()))];
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    CliError::config(&[ConfigError {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column,
        text: text.get(span.clone()).unwrap_or_default().to_owned(),
        span,
        message: error.message().to_owned(),
        hint: None,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> (tempfile::TempDir, Result<Settings>) {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), text).unwrap();
        let settings = Settings::read(directory.path(), None);
        (directory, settings)
    }

    #[test]
    fn a_new_one_is_called_as_asked_everywhere() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings = Settings::read(directory.path(), Some("cache")).unwrap();
        assert_eq!((settings.name().unwrap(), settings.bucket().unwrap()), ("cache", "cache"));
        assert_eq!(settings.database().unwrap(), ("cache", None));
        settings.set_database("id-1");
        assert_eq!(settings.database().unwrap(), ("cache", Some("id-1")));
        assert!(!directory.path().join(FILE).exists());
        for name in ["", "ab", "Upper", "-a-", "under_score"] {
            assert_eq!(Settings::read(directory.path(), Some(name)).unwrap_err().kind, Kind::Usage, "{name:?}");
        }
    }

    #[test]
    fn what_its_owner_wrote_stays() {
        let owners = TEMPLATE.replace("[vars]", "# Ours.\n[vars]\nSCI_GC_POLICY = '{}' # as we like it\n");
        let (_directory, settings) = settings(&owners);
        let mut settings = settings.unwrap();
        settings.set_url("https://a.example");
        settings.serve_at("b.example");
        let text = settings.text();
        assert!(text.contains("# Ours.\n[vars]\nSCI_GC_POLICY = '{}' # as we like it\n"), "{text}");
        assert!(text.contains("SCI_URL = \"https://b.example\"") && !text.contains("a.example"), "{text}");
        assert!(text.contains("routes = [{ pattern = \"b.example\", custom_domain = true }]"), "{text}");
        let (_directory, again) = self::settings(&text);
        assert_eq!(again.unwrap().url(), Some("https://b.example"));
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_place() {
        let (_directory, broken) = settings("name = \"sci\"\nmain = = 1\n");
        let place = broken.unwrap_err().place.unwrap();
        assert_eq!((place.line, place.column), (2, 8));
        let (_directory, empty) = settings("name = \"sci\"\n");
        assert!(empty.unwrap().bucket().unwrap_err().message.ends_with("and a bucket_name"));
        let (_directory, other) = settings("[vars]\nSCI_PUBLIC_KEYS = \"x\"\n");
        assert!(other.unwrap().public_keys().unwrap_err().message.contains("SCI_PUBLIC_KEYS: "));
    }
}
