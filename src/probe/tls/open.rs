//! A TLS connection for those who want to talk through it. Any certificate will do: whether it is a good one is the TLS
//! probe's question, and a page behind a bad certificate is still a page.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::facts::Reason;
use crate::net::{Conn, NetError, is_alert};
use crate::probe::Context;
use crate::scope::{Act, Target};

/// Opens a connection for one permitted act and makes the handshake, with `host` as server name.
///
/// # Errors
/// Not permitted, not connected, or no handshake, with the reason.
pub async fn open(
    context: &Context,
    target: &Target,
    act: Act,
    host: &str,
    alpn: &[&[u8]],
) -> Result<TlsStream<Conn>, NetError> {
    handshake(context, target, act, host, alpn).await.map(|(stream, _)| stream)
}

/// Whether TLS is spoken there, and in which version. An alert says that it is, although not with us.
///
/// # Errors
/// Not permitted, not connected, or what came is no TLS.
pub async fn version(context: &Context, target: &Target, act: Act, host: &str) -> Result<Option<String>, NetError> {
    match shake(context, target, act, host, &[]).await? {
        Ok((stream, _)) => Ok(stream.get_ref().1.protocol_version().and_then(|v| v.as_str().map(str::to_owned))),
        Err(e) if is_alert(&e) => Ok(None),
        Err(e) => Err(NetError::from_io(&e, &doing(target, act))),
    }
}

/// As [`open`], with the OCSP response that the server stapled (RFC 6066 §8); empty if it stapled none.
pub(super) async fn handshake(
    context: &Context,
    target: &Target,
    act: Act,
    host: &str,
    alpn: &[&[u8]],
) -> Result<(TlsStream<Conn>, Vec<u8>), NetError> {
    let shaken = shake(context, target, act, host, alpn).await?;
    shaken.map_err(|e| NetError::from_io(&e, &doing(target, act)))
}

type Shaken = Result<(TlsStream<Conn>, Vec<u8>), std::io::Error>;

/// The handshake's own error is inside; outside is why there was none.
async fn shake(context: &Context, target: &Target, act: Act, host: &str, alpn: &[&[u8]]) -> Result<Shaken, NetError> {
    let verifier = Arc::new(AnyCertificate::new());
    let connector = TlsConnector::from(Arc::new(config(alpn, Arc::clone(&verifier))?));
    let name = ServerName::try_from(host.to_owned())
        .map_err(|e| NetError::new(Reason::Other, format!("'{host}' is no server name: {e}")))?;
    let conn = context.net.connect(target, act).await?;
    let patience = context.net.answer_time();
    let shaken = timeout(patience, connector.connect(name, conn)).await.map_err(|_| {
        let detail = format!("{}: not done within {} s", doing(target, act), patience.as_secs_f32());
        NetError::new(Reason::Timeout, detail)
    })?;
    Ok(shaken.map(|stream| (stream, verifier.stapled())))
}

fn doing(target: &Target, act: Act) -> String {
    format!("TLS handshake with port {} of {}", act.port, target.address())
}

fn config(alpn: &[&[u8]], verifier: Arc<AnyCertificate>) -> Result<ClientConfig, NetError> {
    let provider = Arc::clone(&verifier.provider);
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| NetError::new(Reason::Other, format!("setting up TLS: {e}")))?;
    let mut config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// Accepts every certificate, but holds the server to its signature: the key must be the certificate's.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    stapled: Mutex<Vec<u8>>,
}

impl AnyCertificate {
    fn new() -> Self {
        Self { provider: Arc::new(aws_lc_rs::default_provider()), stapled: Mutex::default() }
    }
    fn stapled(&self) -> Vec<u8> {
        self.stapled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.stapled.lock().unwrap_or_else(PoisonError::into_inner) = ocsp_response.to_vec();
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
