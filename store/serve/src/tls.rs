//! TLS by rustls, with its ring provider.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::Error;

/// Where a server's certificate is.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate with its chain, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

impl Files {
    /// Reads both into a configuration that speaks HTTP/2 and HTTP/1.1.
    ///
    /// # Errors
    /// [`Error::Tls`].
    pub fn load(&self) -> Result<Arc<ServerConfig>, Error> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect)
            .map_err(|error| wrong(&self.certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(&self.certificate, &"there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| wrong(&self.key, &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_no_client_auth())
            .and_then(|builder| builder.with_single_cert(chain, key))
            .map_err(|error| wrong(&self.certificate, &error))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The certificate in use, which may be exchanged while the server runs.
pub(crate) struct Certificate {
    files: Files,
    acceptor: RwLock<TlsAcceptor>,
}

impl Certificate {
    pub(crate) fn load(files: Files) -> Result<Self, Error> {
        let acceptor = RwLock::new(files.load()?.into());
        Ok(Self { files, acceptor })
    }

    /// Reads the files again. Handshakes from now on use what they hold; connections that are open are not touched.
    pub(crate) fn reload(&self) -> Result<(), Error> {
        let fresh = self.files.load()?.into();
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What shakes hands with the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn wrong(path: &Path, problem: &dyn std::fmt::Display) -> Error {
    Error::Tls { path: path.to_owned(), problem: problem.to_string() }
}
