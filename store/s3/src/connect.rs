//! From settings and credentials to a client, before anything is asked of the bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use sci_native::{Bucket, Connect, Elsewhere, Error};
use sci_store_api::StoreId;

use crate::observed::Watched;
use crate::store::S3;

/// The variables of the environment that say who asks, and in which region.
pub const VARIABLES: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_METADATA_ENDPOINT",
    "AWS_IMDSV1_FALLBACK",
];

/// How long a bucket is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For a connection.
    pub connect: Duration,
    /// For the next byte of an answer, and for an answer to what was sent.
    pub idle: Duration,
    /// How often a request is repeated.
    pub retries: usize,
    /// For how long it is repeated at all.
    pub retrying: Duration,
    /// The first pause before a repetition; each further one is about twice as long.
    pub pause: Duration,
    /// For memory to hold an upload in.
    pub memory: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            retries: 5,
            retrying: Duration::from_secs(45),
            pause: Duration::from_millis(100),
            memory: Duration::from_secs(30),
        }
    }
}

/// What reaches buckets: with credentials, which it never shows.
#[derive(Clone)]
pub struct S3Connect {
    variables: BTreeMap<&'static str, String>,
    patience: Patience,
}

impl S3Connect {
    /// Takes the variables that it knows from an environment.
    pub fn new<'a>(environment: impl Fn(&str) -> Option<&'a str>) -> Self {
        let set = |name| environment(name).filter(|value| !value.is_empty()).map(|value| (name, value.to_owned()));
        Self { variables: VARIABLES.into_iter().filter_map(set).collect(), patience: Patience::default() }
    }

    /// The same, with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    fn client(&self, bucket: &Bucket) -> object_store::Result<AmazonS3> {
        let Patience { connect, idle, retries, retrying, pause, .. } = self.patience;
        let way = &bucket.way;
        // How long a body may take depends on its length and on who takes it, so only silence is bounded.
        let options = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(connect)
            .with_read_timeout(idle)
            .with_allow_http(way.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")));
        let backoff = BackoffConfig { init_backoff: pause, max_backoff: pause * 50, base: 2.0 };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.bucket)
            .with_retry(RetryConfig { backoff, max_retries: retries, retry_timeout: retrying })
            .with_client_options(options)
            .with_http_connector(Watched)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // One deletion is a request that every server knows.
            .with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
        for (name, value) in &self.variables {
            builder = builder.with_config(name.to_ascii_lowercase().parse()?, value);
        }
        if let Some(region) = &way.region {
            builder = builder.with_region(region);
        }
        let path_style = way.path_style || way.endpoint.as_deref().is_some_and(has_no_names);
        builder = builder.with_virtual_hosted_style_request(!path_style);
        if let Some(endpoint) = &way.endpoint {
            builder =
                builder.with_endpoint(if path_style { endpoint.clone() } else { hosted(endpoint, &bucket.bucket) });
        }
        builder.build()
    }
}

impl Connect for S3Connect {
    fn connect(&self, bucket: &Bucket, store: &StoreId) -> Result<Box<dyn Elsewhere>, Error> {
        // A second call changes nothing, and somebody else's provider does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = self.client(bucket).map_err(|_| self.unusable(bucket))?;
        Ok(Box::new(S3::new(client, bucket.clone(), store.clone(), self.patience)?))
    }
}

impl S3Connect {
    /// The library's own words may hold what it was given.
    fn unusable(&self, bucket: &Bucket) -> Error {
        let has = |name| self.variables.contains_key(name);
        if has("AWS_ACCESS_KEY_ID") != has("AWS_SECRET_ACCESS_KEY") {
            let problem = format!("{bucket}: only one half of the credentials is set");
            return Error::Bucket { problem, hint: "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" };
        }
        let problem = format!("{bucket}: no client can be made of these settings");
        Error::Bucket {
            problem,
            hint: "see that the AWS_* variables are well-formed, and that the system has certificates",
        }
    }
}

impl fmt::Debug for S3Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Connect").field("variables", &self.variables.keys()).finish_non_exhaustive()
    }
}

/// Whether the server is a number or this machine, so that there is no name for each bucket.
fn has_no_names(endpoint: &str) -> bool {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    authority.starts_with('[') || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok()
}

/// The address of a bucket that has a name of its own.
fn hosted(endpoint: &str, bucket: &str) -> String {
    match endpoint.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{bucket}.{rest}"),
        None => endpoint.to_owned(),
    }
}

/// As the store holds it.
pub(crate) type Client = Arc<AmazonS3>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_a_name_where_names_are() {
        for endpoint in ["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:1", "https://10.0.0.1"] {
            assert!(has_no_names(endpoint), "{endpoint}");
        }
        assert!(!has_no_names("https://s3.example:9000"));
        assert_eq!(hosted("https://s3.example:9000", "builds"), "https://builds.s3.example:9000");
    }

    #[test]
    fn credentials_are_not_shown() {
        let connect = S3Connect::new(|name| (name == "AWS_SECRET_ACCESS_KEY").then_some("sesame"));
        let shown = format!("{connect:?}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && !shown.contains("sesame"), "{shown}");
    }
}
