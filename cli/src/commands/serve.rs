//! `sci serve`: the backend for many machines, over HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use sci_native::{Bucket, Way};
use sci_planner::config::ConfigError;
use sci_serve::{Collecting, Error, Limits, Settings, logging, tls};
use sci_store_api::ScopeClass;
use sci_store_api::admin::GcPolicy;
use serde::Serialize;

use crate::args::span;
use crate::context::Context;
use crate::error::{CliError, Kind, Result};
use crate::exit::Exit;
use crate::store::{buckets, directory, failed};

/// Arguments of `sci serve`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What clients reach the backend at, letter for letter: identities must be made for exactly this audience
    #[arg(long, value_name = "URL")]
    url: String,
    /// Address and port to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8420")]
    listen: SocketAddr,
    /// Address and port for /metrics, which is beside everything else otherwise
    #[arg(long, value_name = "ADDRESS")]
    metrics_listen: Option<SocketAddr>,
    /// Certificate with its chain, PEM; without one something before the backend has it
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Bucket for the objects, as s3://bucket/prefix; said once, it is remembered [default: the store's directory]
    #[arg(long, value_name = "URL")]
    objects: Option<String>,
    /// Address of the server that has the bucket [default: Amazon's in the region]
    #[arg(long, value_name = "URL", requires = "objects")]
    s3_endpoint: Option<String>,
    /// Region of the bucket [default: AWS_REGION]
    #[arg(long, value_name = "REGION", requires = "objects")]
    s3_region: Option<String>,
    /// The server has no name for each bucket: the bucket stands in the path
    #[arg(long, requires = "objects")]
    s3_path_style: bool,
    /// Speak to another machine without TLS
    #[arg(long, requires = "s3_endpoint")]
    s3_allow_http: bool,
    /// TOML file that lists whose identities are believed [default: GitHub's]
    #[arg(long, value_name = "FILE")]
    issuers: Option<PathBuf>,
    /// Pause between collections; 0s for none at all
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1h")]
    gc_every: Duration,
    /// Forget what a pull request saved when nobody has restored it for this long
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "14d")]
    keep_pr: Duration,
    /// The same of branches that are not trusted
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30d")]
    keep_branch: Duration,
    /// The same of merge queues
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "7d")]
    keep_queue: Duration,
    /// Requests that are carried out at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096), default_value = "256")]
    max_requests: u16,
    /// How long requests in flight may go on when the backend is stopped
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30s")]
    grace: Duration,
    /// Form of the log, which goes to stderr
    #[arg(long, value_enum, default_value = "text", value_name = "FORM")]
    log_format: LogFormat,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Serialize)]
struct Report<'a> {
    address: SocketAddr,
    url: &'a str,
}

impl Arguments {
    fn bucket(&self) -> Result<Option<Bucket>> {
        let Some(url) = &self.objects else { return Ok(None) };
        let way = Way {
            endpoint: self.s3_endpoint.clone(),
            region: self.s3_region.clone(),
            path_style: self.s3_path_style,
            allow_http: self.s3_allow_http,
        };
        Bucket::new(url, way).map(Some).map_err(|error| {
            let refused = CliError::new(Kind::Usage, &error);
            match error.hint() {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        })
    }

    fn collecting(&self) -> Option<Collecting> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let idle = [
            (ScopeClass::Pr, self.keep_pr),
            (ScopeClass::Branch, self.keep_branch),
            (ScopeClass::Queue, self.keep_queue),
        ];
        let max_idle = idle.into_iter().map(|(class, time)| (class, millis(time))).collect();
        let policy = GcPolicy { max_idle, ..GcPolicy::default() };
        (!self.gc_every.is_zero()).then_some(Collecting { pause: self.gc_every, policy })
    }
}

/// Serves until a signal asks to stop.
///
/// # Errors
/// [`Kind::Usage`] and [`Kind::Config`] for what cannot be; [`Kind::Store`]; [`Kind::Local`] when the system refuses.
pub fn run(arguments: &Arguments, context: &mut Context) -> Result<Exit> {
    let settings = Settings {
        store: directory(context, None)?,
        objects: arguments.bucket()?,
        connect: Arc::new(buckets(context)),
        listen: arguments.listen,
        metrics_listen: arguments.metrics_listen,
        url: arguments.url.clone(),
        issuers: arguments.issuers.clone(),
        tls: arguments
            .tls_cert
            .clone()
            .zip(arguments.tls_key.clone())
            .map(|(certificate, key)| tls::Files { certificate, key }),
        collect: arguments.collecting(),
        limits: Limits { shutdown: arguments.grace, ..Limits::of_requests(arguments.max_requests.into()) },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let format = match arguments.log_format {
        LogFormat::Text => logging::Format::Text,
        LogFormat::Json => logging::Format::Json,
    };
    logging::install(format, std::io::stderr);
    let ready = |address| context.out.document("serve", &Report { address, url: &settings.url });
    sci_serve::run(&settings, ready).map_err(refused)?;
    Ok(Exit::Success)
}

fn refused(error: Error) -> CliError {
    let kind = match &error {
        Error::Settings { .. } => Kind::Usage,
        Error::Tls { .. } | Error::Read { .. } | Error::Issuers { .. } => Kind::Config,
        Error::Listen { .. } | Error::Roots(_) | Error::System { .. } => Kind::Local,
        Error::Store(_) => Kind::Store,
    };
    match error {
        Error::Store(error) => failed(error),
        Error::Issuers { path, problems } => {
            let finding = |problem: sci_serve::issuers::Problem| ConfigError {
                file: path.clone(),
                line: problem.line,
                column: problem.column,
                span: problem.span,
                text: problem.text,
                message: problem.message,
                hint: None,
            };
            CliError::config(&problems.into_iter().map(finding).collect::<Vec<_>>())
        }
        error => {
            let refused = CliError::new(kind, &error);
            match error.hint() {
                Some(hint) => refused.hint(hint),
                None => refused,
            }
        }
    }
}
