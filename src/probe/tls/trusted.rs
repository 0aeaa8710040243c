//! A TLS connection to somebody whose word is taken for true, such as a registry: here the certificate has to be a good one.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::open::doing;
use crate::facts::Reason;
use crate::net::{Conn, NetError};
use crate::probe::Context;
use crate::scope::{Act, Target};

/// Opens a connection whose certificate is valid for `host` under the public roots or the estate's own.
///
/// # Errors
/// Not permitted, not connected, or no handshake with such a certificate, with the reason.
pub(crate) async fn open_trusted(
    context: &Context,
    target: &Target,
    act: Act,
    host: &str,
) -> Result<TlsStream<Conn>, NetError> {
    let other = |what: &str, why: String| NetError::new(Reason::Other, format!("{what}: {why}"));
    let name = ServerName::try_from(host.to_owned()).map_err(|e| other("no server name", e.to_string()))?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| other("setting up TLS", e.to_string()))?
        .with_root_certificates(roots(context))
        .with_no_client_auth();
    let conn = context.net.connect(target, act).await?;
    let patience = context.net.answer_time();
    let shaken = timeout(patience, TlsConnector::from(Arc::new(config)).connect(name, conn)).await;
    let doing = doing(target, act);
    shaken
        .map_err(|_| NetError::new(Reason::Timeout, format!("{doing}: not done within {} s", patience.as_secs_f32())))?
        .map_err(|e| NetError::from_io(&e, &doing))
}

fn roots(context: &Context) -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let own = CertificateDer::pem_slice_iter(context.extra_roots().as_bytes()).filter_map(Result::ok);
    roots.add_parsable_certificates(own);
    roots
}
