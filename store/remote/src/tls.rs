//! TLS: the certificates that a server's is checked with, and what it means when the check fails.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::CertificateError as Wrong;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::clean::clean;
use crate::error::Error;

/// Why a server is not believed to be the one that was meant. Nothing was asked of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Nobody whom this machine knows says whose certificate it is.
    #[error("its certificate is by an authority that this machine does not know")]
    Authority,
    /// The certificate has ended, or has not begun.
    #[error("its certificate {0}")]
    Time(&'static str),
    /// The certificate is another server's.
    #[error("its certificate is for {}", listed(.0))]
    Name(Vec<String>),
    /// The certificate is no good for another reason.
    #[error("its certificate is not good: {0}")]
    Certificate(String),
    /// It speaks no TLS.
    #[error("it does not speak TLS")]
    Clear,
}

fn listed(names: &[String]) -> String {
    // They come as `DnsName("localhost")`.
    let bare = |name: &String| match name.split_once('(') {
        Some((_, inner)) => inner.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name.clone(),
    };
    let names: Vec<String> = names.iter().map(bare).collect();
    if names.is_empty() { "another name".to_owned() } else { clean(&names.join(", ")) }
}

impl Untrusted {
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::Authority => {
                "name the authority's certificate, PEM, in SSL_CERT_FILE, or add it to those of this machine"
            }
            Self::Time(_) => "renew the certificate where the store runs, or set the clock of this machine",
            Self::Name(_) => "`url` in [store] must have a name that the certificate is for",
            Self::Certificate(_) => "is the certificate that of the server, with its whole chain?",
            Self::Clear => "is TLS before the backend, or `sci serve --tls-cert` at that port?",
        }
    }

    /// What a failed handshake means; none for whatever may go wrong later on a connection.
    pub(crate) fn of(error: &rustls::Error) -> Option<Self> {
        let rustls::Error::InvalidCertificate(wrong) = error else {
            let clear = matches!(error, rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType));
            return clear.then_some(Self::Clear);
        };
        Some(match wrong {
            // An authority of the same name with another key is another one.
            Wrong::UnknownIssuer | Wrong::BadSignature => Self::Authority,
            Wrong::Expired | Wrong::ExpiredContext { .. } => Self::Time("has expired"),
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => Self::Time("is not valid yet"),
            Wrong::NotValidForName => Self::Name(Vec::new()),
            Wrong::NotValidForNameContext { presented, .. } => Self::Name(presented.clone()),
            other => Self::Certificate(clean(&other.to_string())),
        })
    }
}

/// The error of TLS in an error of a connection.
pub(crate) fn error_in(error: &io::Error) -> Option<&rustls::Error> {
    let inner = error.get_ref()?;
    inner.downcast_ref().or_else(|| inner.source()?.downcast_ref())
}

/// TLS with the certificates of this machine, read once.
pub(crate) fn config() -> Result<TlsConfig, Error> {
    static ROOTS: OnceLock<Result<Arc<Vec<Certificate<'static>>>, String>> = OnceLock::new();
    let roots = ROOTS.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            let reasons: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(if reasons.is_empty() { "there are none".to_owned() } else { reasons.join("; ") });
        }
        Ok(Arc::new(found.certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect()))
    });
    let roots = roots.clone().map_err(Error::Roots)?;
    Ok(TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(RootCerts::Specific(roots))
        .build())
}
