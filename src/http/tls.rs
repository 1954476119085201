//! TLS by rustls, for a service without a proxy in front of it.
//!
//! Invariant: a certificate and its key are replaced together or not at all.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not PEM.
    #[error("{}: not a PEM file that can be read: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// The message of the reader.
        reason: String,
    },
    /// A file has no certificate.
    #[error("{}: it has no certificate", .0.display())]
    Empty(PathBuf),
    /// Certificate and key cannot be used together.
    #[error("{} and {}: {reason}", certificate.display(), key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The message of rustls.
        reason: String,
    },
}

/// A certificate with its key.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

impl Tls {
    /// Reads a certificate, with its chain after it, and its key, both PEM.
    ///
    /// # Errors
    /// [`TlsError`] names the file.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let acceptor = RwLock::new(acceptor(certificate, key)?);
        Ok(Self { certificate: certificate.into(), key: key.into(), acceptor })
    }

    /// Reads both again, for new connections. On an error the previous pair stays in use.
    ///
    /// # Errors
    /// As [`Tls::read`].
    pub fn reload(&self) -> Result<(), TlsError> {
        let acceptor = acceptor(&self.certificate, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// Accepts connections with the current pair.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The certificates of a PEM file.
///
/// # Errors
/// [`TlsError`] names the file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = |e: &dyn std::fmt::Display| TlsError::Pem { path: path.into(), reason: e.to_string() };
    let found = CertificateDer::pem_file_iter(path).map_err(|e| pem(&e))?.collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|e| pem(&e))?;
    if found.is_empty() { Err(TlsError::Empty(path.into())) } else { Ok(found) }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(certificate)?;
    let private =
        PrivateKeyDer::from_pem_file(key).map_err(|e| TlsError::Pem { path: key.into(), reason: e.to_string() })?;
    let pair = |e: &dyn std::fmt::Display| TlsError::Pair {
        certificate: certificate.into(),
        key: key.into(),
        reason: e.to_string(),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| pair(&e))?;
    let mut config = config.with_no_client_auth().with_single_cert(chain, private).map_err(|e| pair(&e))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
