//! `saplink health`: asks the service on this machine whether it is ready.
//!
//! A container image needs no other program for its health check.

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{cli::HealthArgs, http::certificates};

/// Time limit of connecting, of each read and of each write.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of the answer that are read.
const STATUS_LENGTH: usize = "HTTP/1.1 200".len();

/// Asks `/readyz`; fails if the service is not ready.
pub(super) fn run(args: &HealthArgs) -> Result<()> {
    let address = reachable(args.listen);
    let certificate = args.tls_cert.as_deref().map(certificates).transpose().context("cannot read the certificate")?;
    let expected = certificate.map(|mut chain| chain.swap_remove(0));
    let status = status(address, expected).with_context(|| format!("no answer from {address}"))?;
    if !status.ends_with(" 200") {
        bail!("{address} is not ready ({status})");
    }
    println!("{address} is ready");
    Ok(())
}

/// The address at which this machine reaches a service that listens on `listen`.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

fn status(address: SocketAddr, expected: Option<CertificateDer<'static>>) -> Result<String> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let Some(expected) = expected else { return request_status(stream) };
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let config =
        config.dangerous().with_custom_certificate_verifier(Arc::new(PinnedCertificate { expected, provider }));
    let connection = ClientConnection::new(Arc::new(config.with_no_client_auth()), address.ip().into())?;
    request_status(StreamOwned::new(connection, stream))
}

fn request_status(mut stream: impl Read + Write) -> Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; STATUS_LENGTH];
    stream.read_exact(&mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}

/// Trusts only the certificate of the service, and does not check its host name or authority.
#[derive(Debug)]
struct PinnedCertificate {
    expected: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_expected = end_entity.as_ref() == self.expected.as_ref();
        is_expected
            .then(ServerCertVerified::assertion)
            .ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
