//! A bucket as a store's directory remembers it: where it is and how it is reached, never with what credentials.

use std::fmt;

use sci_store_api::address::is_local;
use serde::{Deserialize, Serialize};

/// Where objects are when they are not in the store's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// The bucket's name.
    pub bucket: String,
    /// What every key begins with, without slashes at its ends; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// How it is reached.
    #[serde(flatten)]
    pub way: Way,
}

/// How a bucket is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The address of the server, as `https://minio.example:9000`; Amazon's in the region without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The region; the environment's without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whether the bucket's name stands in the path of a request, not in the name of the server.
    #[serde(default)]
    pub path_style: bool,
    /// Whether another machine is spoken to without TLS.
    #[serde(default)]
    pub allow_http: bool,
}

/// Why something is no place for objects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// Not the address of a bucket.
    #[error("not a place for objects: {0:?}; expected s3://bucket or s3://bucket/prefix")]
    Form(String),
    /// Not the address of a server.
    #[error("not the address of a server: {0:?}; expected https://host or https://host:port")]
    Endpoint(String),
    /// Objects and signatures would travel in the clear.
    #[error("{0} is another machine, and http:// would send objects to it in the clear")]
    Clear(String),
}

impl BucketError {
    /// What to do about it, where that is known.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Clear(_) => Some("give an https:// address, or --s3-allow-http where the network between is trusted"),
            Self::Form(_) | Self::Endpoint(_) => None,
        }
    }
}

impl Bucket {
    /// Takes `s3://bucket/prefix`, and how to get there.
    ///
    /// # Errors
    /// [`BucketError`].
    pub fn new(url: &str, way: Way) -> Result<Self, BucketError> {
        let form = || BucketError::Form(cut(url));
        let rest = url.strip_prefix("s3://").ok_or_else(form)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/');
        if !is_bucket(bucket) || !(prefix.is_empty() || prefix.split('/').all(is_component)) {
            return Err(form());
        }
        if let Some(endpoint) = &way.endpoint {
            check_endpoint(endpoint, way.allow_http)?;
        }
        Ok(Self { bucket: bucket.to_owned(), prefix: prefix.to_owned(), way })
    }

    /// The key of what has `name` in the store.
    pub fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        match &self.way.endpoint {
            Some(endpoint) => write!(f, " at {endpoint}"),
            None => Ok(()),
        }
    }
}

/// As Amazon names buckets, and a little more, as others do.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (3..=63).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !name.contains("..")
}

/// What no server, proxy or library reads as something else.
fn is_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'=');
    (1..=200).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('.')
}

fn check_endpoint(endpoint: &str, allow_http: bool) -> Result<(), BucketError> {
    let form = || BucketError::Endpoint(cut(endpoint));
    let (scheme, rest) = endpoint.split_once("://").ok_or_else(form)?;
    // A name and a password in an address end up in logs.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    if !matches!(scheme, "http" | "https") || rest.is_empty() || !rest.bytes().all(plain) {
        return Err(form());
    }
    if scheme == "http" && !allow_http && !is_local(endpoint) {
        return Err(BucketError::Clear(cut(rest)));
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(endpoint: &str) -> Way {
        Way { endpoint: Some(endpoint.to_owned()), ..Way::default() }
    }

    #[test]
    fn a_bucket_is_written_as_it_was_given() {
        let bucket = Bucket::new("s3://builds/sci/main/", at("https://minio.example:9000")).unwrap();
        assert_eq!(bucket.to_string(), "s3://builds/sci/main at https://minio.example:9000");
        assert_eq!(bucket.key("objects/x"), "sci/main/objects/x");
        let plain = Bucket::new("s3://builds", Way::default()).unwrap();
        assert_eq!((plain.to_string().as_str(), plain.key("objects/x").as_str()), ("s3://builds", "objects/x"));
        let text = serde_json::to_string(&bucket).unwrap();
        assert_eq!(serde_json::from_str::<Bucket>(&text).unwrap(), bucket);
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for text in
            ["", "builds", "s3:/builds", "https://builds", "s3://", "s3://ab", "s3://-abc", "s3://a..b", "s3://abc/.."]
                .into_iter()
                .chain(["s3://abc//d//e", "s3://abc/x?y", "s3://abc/x y", "s3://user:key@abc", "s3://abc/%2e%2e/d"])
        {
            assert!(matches!(Bucket::new(text, Way::default()), Err(BucketError::Form(_))), "{text}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        for text in ["https://minio.example", "http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost"] {
            assert!(Bucket::new("s3://abc", at(text)).is_ok(), "{text}");
        }
        let far = "http://minio.example:9000";
        assert_eq!(Bucket::new("s3://abc", at(far)), Err(BucketError::Clear("minio.example:9000".to_owned())));
        assert!(Bucket::new("s3://abc", Way { allow_http: true, ..at(far) }).is_ok());
        for text in ["minio.example", "ftp://a", "https://", "https://key:secret@a", "https://a/b", "https://a?b"] {
            assert!(matches!(Bucket::new("s3://abc", at(text)), Err(BucketError::Endpoint(_))), "{text}");
        }
    }
}
