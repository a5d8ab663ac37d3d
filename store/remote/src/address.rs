//! The address of a backend.

use std::fmt;
use std::net::IpAddr;

use ureq::http::Uri;

/// The address of a backend: a scheme, a host, a port and perhaps a path before the routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    base: String,
    is_loopback: bool,
}

/// Why a text is no address of a backend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address at all, or has parts that an address of a backend has not.
    #[error("not the address of a store: {found:?}; expected https://host or https://host/path")]
    Form {
        /// The refused text, cut at 200 characters.
        found: String,
    },
    /// It would send tickets and objects in the clear.
    #[error("{host} is another machine, and http:// would send tickets to it in the clear")]
    Clear {
        /// The host.
        host: String,
    },
}

impl Address {
    /// Takes an address. `http://` is for this machine alone, unless `allow_http`.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn new(text: &str, allow_http: bool) -> Result<Self, AddressError> {
        let form = || AddressError::Form { found: text.chars().take(200).collect() };
        let uri: Uri = text.parse().map_err(|_| form())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(form()) };
        // A fragment is dropped by the parser; a name and a password in an address end up in logs.
        let has_more = uri.query().is_some() || text.contains('#') || authority.as_str().contains('@');
        if has_more || authority.host().is_empty() || !matches!(scheme, "http" | "https") {
            return Err(form());
        }
        let is_loopback = is_loopback(authority.host());
        if scheme == "http" && !is_loopback && !allow_http {
            return Err(AddressError::Clear { host: authority.host().chars().take(200).collect() });
        }
        let base = format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'));
        Ok(Self { base, is_loopback })
    }

    /// The address of a route, whose text begins with a slash.
    pub(crate) fn at(&self, target: &str) -> String {
        format!("{}{target}", self.base)
    }

    /// Whether it is this machine, to which no proxy leads.
    pub(crate) const fn is_loopback(&self) -> bool {
        self.is_loopback
    }

    /// The address as text, without a slash at its end. Identities are made for this audience.
    pub fn as_str(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> String {
        Address::new(text, false).map_or_else(|error| error.to_string(), |address| address.to_string())
    }

    #[test]
    fn an_address_has_no_slash_at_its_end() {
        assert_eq!(taken("https://sci.example/"), "https://sci.example");
        assert_eq!(taken("https://sci.example:8443/cache/"), "https://sci.example:8443/cache");
        assert_eq!(taken("http://[::1]:8080"), "http://[::1]:8080");
        assert_eq!(Address::new("https://a/b", false).unwrap().at("/health"), "https://a/b/health");
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for local in ["http://localhost:1", "http://127.9.9.9", "http://[::1]"] {
            assert_eq!(taken(local), local);
        }
        for other in ["http://sci.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example"] {
            assert!(taken(other).contains("in the clear"), "{other}");
            assert!(Address::new(other, true).is_ok());
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("https://{}", "a/".repeat(40_000));
        for text in
            ["", "sci.example", "ftp://a", "https://", "https://a?b", "https://u:p@a", "https://a#b", "/a", &long]
        {
            assert!(taken(text).starts_with("not the address"), "{text:.50}: {}", taken(text));
        }
    }
}
