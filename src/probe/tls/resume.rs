//! Handshakes of a current client: the first one with all that it shows, and whether the server takes a session up again.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::asker::Asker;
use super::open::{Client, Speaks, doing};
use super::{Seen, keep, names};
use crate::facts::{Negotiated, Observation, Reason, Resumption};
use crate::net::NetError;
use crate::scope::Act;

/// What the first handshake brought, and the client that made it.
pub(super) struct First {
    pub(super) seen: Seen,
    client: Client,
    version: ProtocolVersion,
    /// The server ended the connection after our farewell: whatever it had to send has come.
    drained: bool,
}

/// A current browser's handshake.
///
/// # Errors
/// Not permitted, not connected, or no handshake.
pub(super) async fn first(asker: &Asker<'_>) -> Result<First, NetError> {
    let client = Client::new(Speaks::Any, &[b"h2", b"http/1.1"])?;
    let mut stream = connect(asker, &client, Act::passive(asker.port)).await?;
    let (_, session) = stream.get_ref();
    let chain = keep(asker.context, session.peer_certificates().unwrap_or_default());
    let (Some(version), Some(suite)) = (session.protocol_version(), session.negotiated_cipher_suite()) else {
        return Err(NetError::new(Reason::Other, "the handshake ended without a suite"));
    };
    let code = u16::from(suite.suite());
    let name = names::suite(code);
    let stapled = client.stapled();
    let negotiated = Negotiated {
        version: names::version(u16::from(version)),
        forward_secret: names::forward_secret(&name),
        aead: names::aead(&name),
        suite: name,
        suite_code: i64::from(code),
        group: session.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        alpn: session.alpn_protocol().map(|p| crate::facts::printable(&String::from_utf8_lossy(p), 32)),
        ocsp_stapled: Some(!stapled.is_empty()),
    };
    let drained = farewell(&mut stream, asker.context.net.answer_time()).await;
    Ok(First { seen: (Observation::observed(negotiated), chain), client, version, drained })
}

/// Resumption in every version that is offered, and how much 0-RTT data a ticket of TLS 1.3 allows.
pub(super) async fn look(
    asker: &Asker<'_>,
    first: &First,
    tls1_2: bool,
) -> (Result<Resumption, NetError>, Observation<i64>) {
    let modern = async {
        if first.version == ProtocolVersion::TLSv1_3 {
            in_tls1_3(asker, first).await
        } else {
            (Ok(None), Observation::absent())
        }
    };
    let older = async { if tls1_2 { by_session_id(asker).await.map(Some) } else { Ok(None) } };
    let ((psk, early_data), session_id) = futures_util::join!(modern, older);
    let seen = psk.and_then(|psk| Ok(Resumption { psk, session_id: session_id?, ticket: None }));
    (seen, early_data)
}

async fn in_tls1_3(asker: &Asker<'_>, first: &First) -> (Result<Option<bool>, NetError>, Observation<i64>) {
    match (first.client.early_data(), first.drained) {
        (Some(bytes), _) => {
            let psk = taken_up(asker, &first.client).await.map(Some);
            (psk, Observation::observed(i64::from(bytes)))
        }
        // No ticket came, and nothing more can.
        (None, true) => (Ok(Some(false)), Observation::observed(0)),
        (None, false) => {
            let detail = "no ticket came, and the server did not end the connection either";
            (Ok(None), Observation::failed(Reason::Timeout, detail))
        }
    }
}

async fn by_session_id(asker: &Asker<'_>) -> Result<bool, NetError> {
    let client = Client::new(Speaks::Tls12Ids, &[])?;
    let mut stream = connect(asker, &client, Act::polite(asker.port)).await?;
    farewell(&mut stream, asker.context.net.answer_time()).await;
    taken_up(asker, &client).await
}

/// A second handshake of the same client: whether it was shorter.
async fn taken_up(asker: &Asker<'_>, client: &Client) -> Result<bool, NetError> {
    let stream = connect(asker, client, Act::polite(asker.port)).await?;
    Ok(stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed))
}

/// One handshake; a lost connection is tried again.
async fn connect(asker: &Asker<'_>, client: &Client, act: Act) -> Result<TlsStream<crate::net::Conn>, NetError> {
    let patience = asker.context.net.answer_time();
    let mut tried = 0;
    loop {
        let outcome = match asker.connect(act).await {
            Ok(conn) => client.handshake(conn, asker.host, patience, &doing(asker.target, act)).await,
            Err(error) => Err(error),
        };
        match outcome {
            Err(error) if tried < 4 && matches!(error.reason, Reason::Closed | Reason::Reset) => tried += 1,
            outcome => return outcome,
        }
    }
}

/// Says goodbye and hears the server out; true if it ended the connection.
async fn farewell<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut TlsStream<S>, patience: Duration) -> bool {
    let deadline = Instant::now() + patience.min(Duration::from_secs(2));
    let heard = async {
        // A server that closes at once is no error here.
        let _ = stream.shutdown().await;
        let mut chunk = [0; 4096];
        loop {
            match stream.read(&mut chunk).await {
                Ok(0) => return true,
                Ok(_) => {}
                // Without a farewell of its own; a reset is no orderly end.
                Err(error) => return error.kind() == ErrorKind::UnexpectedEof,
            }
        }
    };
    timeout_at(deadline, heard).await.unwrap_or(false)
}

/// As [`keep`], for chains that were read from plaintext.
pub(super) fn keep_all(asker: &Asker<'_>, chain: &[Vec<u8>]) -> Observation<crate::facts::Chain> {
    let certificates: Vec<CertificateDer<'_>> = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    keep(asker.context, &certificates)
}
