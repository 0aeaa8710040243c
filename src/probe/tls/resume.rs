//! Handshakes of a current client: the first one with all that it shows, and whether the server takes a session up again.

use std::io::{ErrorKind, Result as IoResult};
use std::time::Duration;

use rustls::{HandshakeKind, ProtocolVersion};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::client::TlsStream;

use super::answer::Depth;
use super::asker::{Asker, Heard};
use super::handshake::Session;
use super::hello::Hello;
use super::open::{Client, Speaks, doing};
use super::{Seen, keep, names};
use crate::facts::{Negotiated, Observation, Reason, Resumption, Staple};
use crate::net::{Conn, NetError};
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
    let staple = if stapled.is_empty() {
        Observation::absent()
    } else {
        Observation::observed(Staple { response: asker.context.keep(&stapled) })
    };
    let drained = farewell(&mut stream, asker.context.net.answer_time()).await;
    Ok(First { seen: (Observation::observed(negotiated), chain, staple), client, version, drained })
}

/// Resumption in every version that is offered, and how much 0-RTT data a ticket of TLS 1.3 allows.
pub(super) async fn look(
    asker: &Asker<'_>,
    first: &First,
    tls1_2: bool,
    session: Option<Session>,
) -> (Result<Resumption, NetError>, Observation<i64>) {
    let modern = async {
        if first.version == ProtocolVersion::TLSv1_3 {
            in_tls1_3(asker, first).await
        } else {
            (Ok(None), Observation::absent())
        }
    };
    let older = async { if tls1_2 { by_session_id(asker, session).await.map(Some) } else { Ok(None) } };
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

/// In TLS 1.2. A session of a handshake that was completed anyway needs no second one: whether it is taken up shows in the clear.
async fn by_session_id(asker: &Asker<'_>, session: Option<Session>) -> Result<bool, NetError> {
    if let Some(Session { version: version @ 0x0303, suite, id }) = session {
        let hello = Hello { session: id.clone(), ..Hello::new(version).suites(&[suite]) };
        if id.is_empty() {
            return Ok(false);
        }
        return match asker.ask(&hello, Depth::Hello).await {
            Ok(Heard::Hello(answer)) => Ok(answer.session == id),
            Ok(_) => Err(NetError::new(Reason::Other, "a hello with a session was refused")),
            Err(error) => Err(error),
        };
    }
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

/// Protocols by ALPN (RFC 7301), in the server's order: whole handshakes, each without what was chosen before.
pub(super) async fn protocols(asker: &Asker<'_>, all: &[&str]) -> Observation<Vec<String>> {
    let mut left = all.to_vec();
    let mut accepted = Vec::new();
    while !left.is_empty() {
        let list: Vec<&[u8]> = left.iter().map(|name| name.as_bytes()).collect();
        let outcome = match Client::new(Speaks::Any, &list) {
            Ok(client) => shake(asker, &client, Act::polite(asker.port)).await,
            Err(error) => Err(error),
        };
        let chosen = match outcome {
            Ok(Ok(stream)) => stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec),
            Ok(Err(alert)) if refuses_protocols(&alert) => None,
            Ok(Err(other)) => {
                return NetError::from_io(&other, &doing(asker.target, Act::polite(asker.port))).observation();
            }
            Err(error) => return error.observation(),
        };
        let Some(at) = chosen.and_then(|chosen| left.iter().position(|name| name.as_bytes() == chosen)) else { break };
        accepted.push(left.remove(at).to_owned());
    }
    Observation::observed(accepted)
}

/// Whether a handshake ended because no protocol suited (RFC 7301 §3.2), or with the word for whatever does not.
fn refuses_protocols(error: &std::io::Error) -> bool {
    use rustls::{AlertDescription, Error};
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let words = [AlertDescription::NoApplicationProtocol, AlertDescription::HandshakeFailure];
    matches!(tls, Some(Error::AlertReceived(alert)) if words.contains(alert))
}

/// One handshake; a lost connection is tried again.
async fn connect(asker: &Asker<'_>, client: &Client, act: Act) -> Result<TlsStream<Conn>, NetError> {
    shake(asker, client, act).await?.map_err(|error| NetError::from_io(&error, &doing(asker.target, act)))
}

/// As [`connect`]; the handshake's own error is inside.
async fn shake(asker: &Asker<'_>, client: &Client, act: Act) -> Result<IoResult<TlsStream<Conn>>, NetError> {
    let patience = asker.context.net.answer_time();
    let doing = doing(asker.target, act);
    for _ in 0..4 {
        let conn = match asker.connect(act).await {
            Err(error) if matches!(error.reason, Reason::Closed | Reason::Reset) => continue,
            outcome => outcome?,
        };
        match client.shake(conn, asker.host, patience, &doing).await? {
            Err(error) if matches!(NetError::from_io(&error, "").reason, Reason::Closed | Reason::Reset) => {}
            outcome => return Ok(outcome),
        }
    }
    client.shake(asker.connect(act).await?, asker.host, patience, &doing).await
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
