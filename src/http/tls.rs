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
        self, ServerConfig,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
};

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not PEM.
    #[error("{}: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the remedy.
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

    /// Reads both files again, and uses neither yet.
    ///
    /// # Errors
    /// As [`Tls::read`].
    pub fn read_again(&self) -> Result<TlsAcceptor, TlsError> {
        acceptor(&self.certificate, &self.key)
    }

    /// Uses `acceptor` for new connections.
    pub fn replace(&self, acceptor: TlsAcceptor) {
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
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
    let pem = |e: pem::Error| TlsError::Pem { path: path.into(), reason: reason(&e) };
    let found = CertificateDer::pem_file_iter(path).map_err(pem)?.collect::<Result<Vec<_>, _>>().map_err(pem)?;
    if found.is_empty() { Err(TlsError::Empty(path.into())) } else { Ok(found) }
}

/// The private key in a PEM file.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    let text = std::fs::read(path).map_err(|e| e.to_string())?;
    let has = |mark: &str| text.windows(mark.len()).any(|part| part == mark.as_bytes());
    if has("BEGIN ENCRYPTED PRIVATE KEY") || has("Proc-Type: 4,ENCRYPTED") {
        return Err("the key is encrypted; remove its passphrase: openssl pkey -in FILE -out NEW_FILE".into());
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|e| reason(&e))
}

/// What is wrong with a PEM file, in words: the reader shows the bytes of a line as numbers.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => "it is cut off: an END line is missing after a BEGIN line".into(),
        pem::Error::IllegalSectionStart { .. } => "not a PEM file: a BEGIN line is damaged".into(),
        pem::Error::Base64Decode(_) => "not a PEM file: a section is not base64".into(),
        pem::Error::NoItemsFound => "it has no private key in PEM; write the file of the key, unencrypted".into(),
        pem::Error::Io(error) => error.to_string(),
        _ => "not a PEM file that can be read".into(),
    }
}

fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(certificate)?;
    let private = private_key(key).map_err(|reason| TlsError::Pem { path: key.into(), reason })?;
    let pair = |e: &dyn std::fmt::Display| TlsError::Pair {
        certificate: certificate.into(),
        key: key.into(),
        reason: e.to_string(),
    };
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| pair(&e))?;
    let config = config.with_no_client_auth().with_single_cert(chain, private);
    let mut config = config.map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => pair(&"the key does not belong to the certificate"),
        e => pair(&e),
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
