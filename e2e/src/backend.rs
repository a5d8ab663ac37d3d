//! What every backend that runners reach over HTTP gives them, so that a scenario runs over `sci serve` and the Worker alike.

use crate::Ran;

/// The repository that every runner works for.
pub const REPOSITORY: &str = "1001";

/// A backend with one registered repository.
pub trait Backend {
    /// Where it listens.
    fn url(&self) -> String;

    /// The key that its records are signed with, as sci.toml names it.
    fn key(&self) -> &str;

    /// `sci` as the administrator, wherever that is done; it has to succeed.
    fn administer(&self, args: &[&str]) -> Ran;

    /// A token that writes `scope`.
    fn token(&self, scope: &str) -> String {
        let mut args = vec!["token", "create", "--repository", REPOSITORY, "--scope", scope];
        if !scope.starts_with("branch:") {
            args.push("--allow-trusted");
        }
        let created = self.administer(&args);
        created.result()["token"].as_str().unwrap_or_else(|| panic!("no token\n{created}")).to_owned()
    }

    /// What a runner's sci.toml says of the store.
    fn declaration(&self) -> String {
        declaration(&self.url(), self.key())
    }
}

/// What sci.toml says of a store that is reached at `url`.
pub fn declaration(url: &str, key: &str) -> String {
    format!("[store]\nurl = \"{url}\"\nrepository = \"{REPOSITORY}\"\ntrusted-public-keys = [\"{key}\"]\n")
}
