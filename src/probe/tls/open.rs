//! A TLS connection for those who want to talk through it. Any certificate will do: whether it is a good one is the TLS
//! probe's question, and a page behind a bad certificate is still a page.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption,
    Tls13ClientSessionValue,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, Error as TlsError, NamedGroup, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
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
    let conn = context.net.connect(target, act).await?;
    Client::new(Speaks::Any, alpn)?.handshake(conn, host, context.net.answer_time(), &doing(target, act)).await
}

/// Whether TLS is spoken there, and in which version. An alert says that it is, although not with us.
///
/// # Errors
/// Not permitted, not connected, or what came is no TLS.
pub async fn version(context: &Context, target: &Target, act: Act, host: &str) -> Result<Option<String>, NetError> {
    let conn = context.net.connect(target, act).await?;
    let client = Client::new(Speaks::Any, &[])?;
    match client.shake(conn, host, context.net.answer_time(), &doing(target, act)).await? {
        Ok(stream) => Ok(stream.get_ref().1.protocol_version().and_then(|v| v.as_str().map(str::to_owned))),
        Err(e) if is_alert(&e) => Ok(None),
        Err(e) => Err(NetError::from_io(&e, &doing(target, act))),
    }
}

/// Which versions a client speaks, and how it remembers sessions of TLS 1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// TLS 1.3 and 1.2.
    Any,
    /// TLS 1.2, with session ids alone.
    Tls12Ids,
    /// TLS 1.2, with tickets.
    Tls12Tickets,
}

/// A current client. Its connections share what they remember of sessions.
pub(super) struct Client {
    config: Arc<ClientConfig>,
    verifier: Arc<AnyCertificate>,
    memory: Arc<Memory>,
}

impl Client {
    /// # Errors
    /// TLS cannot be set up here.
    pub(super) fn new(speaks: Speaks, alpn: &[&[u8]]) -> Result<Self, NetError> {
        let verifier = Arc::new(AnyCertificate::new());
        let memory = Arc::new(Memory::default());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider));
        let builder = match speaks {
            Speaks::Any => builder.with_safe_default_protocol_versions(),
            Speaks::Tls12Ids | Speaks::Tls12Tickets => builder.with_protocol_versions(&[&rustls::version::TLS12]),
        };
        let builder = builder.map_err(|e| NetError::new(Reason::Other, format!("setting up TLS: {e}")))?;
        let dangerous = builder.dangerous().with_custom_certificate_verifier(Arc::clone(&verifier) as _);
        let mut config = dangerous.with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let how = if speaks == Speaks::Tls12Ids {
            Tls12Resumption::SessionIdOnly
        } else {
            Tls12Resumption::SessionIdOrTickets
        };
        config.resumption = Resumption::store(Arc::clone(&memory) as _).tls12_resumption(how);
        Ok(Self { config: Arc::new(config), verifier, memory })
    }
    /// A full handshake, or a shorter one if a session is remembered.
    ///
    /// # Errors
    /// No handshake, with the reason.
    pub(super) async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        conn: S,
        host: &str,
        patience: Duration,
        doing: &str,
    ) -> Result<TlsStream<S>, NetError> {
        self.shake(conn, host, patience, doing).await?.map_err(|e| NetError::from_io(&e, doing))
    }
    /// The handshake's own error is inside; outside is why there was none.
    ///
    /// # Errors
    /// No server name, or not done in time.
    pub(super) async fn shake<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        conn: S,
        host: &str,
        patience: Duration,
        doing: &str,
    ) -> Result<Result<TlsStream<S>, std::io::Error>, NetError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|e| NetError::new(Reason::Other, format!("'{host}' is no server name: {e}")))?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        timeout(patience, connector.connect(name, conn)).await.map_err(|_| {
            NetError::new(Reason::Timeout, format!("{doing}: not done within {} s", patience.as_secs_f32()))
        })
    }
    /// The OCSP response that the server stapled last (RFC 6066 §8); empty if it stapled none.
    pub(super) fn stapled(&self) -> Vec<u8> {
        self.verifier.stapled()
    }
    /// The 0-RTT bytes that the last ticket of TLS 1.3 allows; `None` if there was no ticket.
    pub(super) fn early_data(&self) -> Option<u32> {
        *self.memory.early_data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// rustls' own memory, and what a ticket says in passing.
#[derive(Debug)]
struct Memory {
    inner: ClientSessionMemoryCache,
    early_data: Mutex<Option<u32>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { inner: ClientSessionMemoryCache::new(8), early_data: Mutex::default() }
    }
}

impl ClientSessionStore for Memory {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        self.inner.set_kx_hint(server_name, group);
    }
    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        self.inner.kx_hint(server_name)
    }
    fn set_tls12_session(&self, server_name: ServerName<'static>, value: Tls12ClientSessionValue) {
        self.inner.set_tls12_session(server_name, value);
    }
    fn tls12_session(&self, server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.inner.tls12_session(server_name)
    }
    fn remove_tls12_session(&self, server_name: &ServerName<'static>) {
        self.inner.remove_tls12_session(server_name);
    }
    fn insert_tls13_ticket(&self, server_name: ServerName<'static>, value: Tls13ClientSessionValue) {
        *self.early_data.lock().unwrap_or_else(PoisonError::into_inner) = Some(value.max_early_data_size());
        self.inner.insert_tls13_ticket(server_name, value);
    }
    fn take_tls13_ticket(&self, server_name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.inner.take_tls13_ticket(server_name)
    }
}

pub(super) fn doing(target: &Target, act: Act) -> String {
    format!("TLS handshake with port {} of {}", act.port, target.address())
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
