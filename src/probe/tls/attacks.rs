//! Faults of implementations. Each is decided from what was seen politely where that is possible: who has no heartbeat cannot bleed.
//! Only what is left is asked with a message that no honest client sends, and only where the estate authorises it.

use tokio::time::sleep;

use super::answer::{Depth, Progress, read, records};
use super::asker::{Asker, random};
use super::handshake;
use super::hello::{Hello, extension};
use super::names;
use super::open::{Client, Speaks, doing};
use super::robot;
use super::tap::Tap;
use super::versions::{CHUNK, Found, VERSIONS};
use crate::facts::{Attack, Attacks, Behaviour, Observation, Reason, Unobserved};
use crate::net::{Conn, NetError};
use crate::scope::Act;

/// The most that is read of an answer.
const ANSWER_CAP: usize = 256 * 1024;
/// Tries of one attack where connections get lost.
const TRIES: usize = 4;

/// Looks for every known fault.
pub(super) async fn look(asker: &Asker<'_>, found: &[Found; 5], behaviour: &Behaviour) -> Attacks {
    // One after the other: servers that do one thing at a time wait for what ROBOT does not send.
    let secrets_and_records = async {
        let poodle_tls = handshake::poodle(asker, found).await;
        let padding_oracle = handshake::padding_oracle(asker, found).await;
        (robot::look(asker, found).await, poodle_tls, padding_oracle)
    };
    let (heartbleed, early_ccs, ticketbleed, (robot, poodle_tls, padding_oracle), starttls_injection) = futures_util::join!(
        heartbleed(asker, found, behaviour),
        early_ccs(asker, found),
        ticketbleed(asker, found, behaviour),
        secrets_and_records,
        injection(asker),
    );
    Attacks { heartbleed, early_ccs, ticketbleed, robot, poodle_tls, padding_oracle, starttls_injection }
}

/// Looks again for the faults that were found.
pub(super) async fn look_again(
    asker: &Asker<'_>,
    found: &[Found; 5],
    behaviour: &Behaviour,
    earlier: &Attacks,
) -> Attacks {
    let mut out = earlier.clone();
    if doubtful(&earlier.heartbleed) {
        out.heartbleed = heartbleed(asker, found, behaviour).await;
    }
    if doubtful(&earlier.early_ccs) {
        out.early_ccs = early_ccs(asker, found).await;
    }
    if doubtful(&earlier.ticketbleed) {
        out.ticketbleed = ticketbleed(asker, found, behaviour).await;
    }
    if doubtful(&earlier.robot) {
        out.robot = robot::look(asker, found).await;
    }
    if doubtful(&earlier.poodle_tls) {
        out.poodle_tls = handshake::poodle(asker, found).await;
    }
    if doubtful(&earlier.padding_oracle) {
        out.padding_oracle = handshake::padding_oracle(asker, found).await;
    }
    if doubtful(&earlier.starttls_injection) {
        out.starttls_injection = injection(asker).await;
    }
    out
}

/// A fault that was found is looked for again; that there is none is not asked twice.
fn doubtful(attack: &Observation<Attack>) -> bool {
    attack.value().is_some_and(|attack| attack.vulnerable)
}

/// The version and suites that an attack on TLS 1.2 and older is made with.
pub(super) fn ground(found: &[Found; 5], wanted: fn(u16) -> bool) -> Result<Option<(u16, Vec<u16>)>, Unobserved> {
    ground_from(VERSIONS[0], found, wanted)
}

/// As [`ground`], in no version older than this one.
pub(super) fn ground_from(
    oldest: u16,
    found: &[Found; 5],
    wanted: fn(u16) -> bool,
) -> Result<Option<(u16, Vec<u16>)>, Unobserved> {
    let mut unknown = None;
    let versions = VERSIONS.into_iter().zip(found).rev().skip(1);
    for (version, found) in versions.take_while(|(version, _)| *version >= oldest) {
        match &found.suites {
            Ok(sorted) => {
                let suites: Vec<u16> =
                    sorted.accepted.iter().copied().filter(|suite| wanted(*suite)).take(CHUNK).collect();
                if !suites.is_empty() {
                    return Ok(Some((version, suites)));
                }
                if let Some((_, error)) = sorted.unknown.iter().find(|(suite, _)| wanted(*suite)) {
                    unknown.get_or_insert_with(|| error.observation());
                }
            }
            Err(Observation::Absent { .. }) => {}
            Err(why) => drop(unknown.get_or_insert_with(|| why.clone())),
        }
    }
    unknown.map_or(Ok(None), Err)
}

pub(super) fn safe(proof: impl Into<String>) -> Observation<Attack> {
    Observation::observed(Attack { vulnerable: false, proof: proof.into() })
}

pub(super) fn vulnerable(proof: impl Into<String>) -> Observation<Attack> {
    Observation::observed(Attack { vulnerable: true, proof: proof.into() })
}

/// Why an active act may not be made, said before anything is sent.
pub(super) fn forbidden(asker: &Asker<'_>) -> Option<Observation<Attack>> {
    let refused = asker.target.permits(Act::active(asker.port)).err()?;
    Some(Observation::not_run(Reason::NotOurs, refused.to_string()))
}

/// Repeats what ended by a lost connection.
async fn tried(mut attempt: impl AsyncFnMut() -> Result<Attack, NetError>) -> Observation<Attack> {
    for pause in 1..TRIES {
        match attempt().await {
            Ok(attack) => return Observation::observed(attack),
            // A reset may be the server's or the network's: it proves nothing.
            Err(error) if matches!(error.reason, Reason::Closed | Reason::Reset | Reason::Timeout) => {
                sleep(std::time::Duration::from_millis(100 << pause)).await;
            }
            Err(error) => return error.observation(),
        }
    }
    attempt().await.map_or_else(|error| error.observation(), Observation::observed)
}

/// Sends a hello and reads the server's flight up to where it waits for us.
///
/// # Errors
/// No such flight.
pub(super) async fn flight(asker: &Asker<'_>, hello: &Hello) -> Result<(Conn, super::answer::ServerHello), NetError> {
    let mut conn = asker.connect(Act::active(asker.port)).await?;
    let patience = asker.context.net.answer_time();
    conn.send(&hello.bytes(asker.host, random()?), patience).await?;
    let bytes = conn.receive(ANSWER_CAP, patience, |got| read(got, Depth::Flight) != Progress::More).await?;
    match read(&bytes, Depth::Flight) {
        Progress::Done(super::answer::Answer::Hello(answer)) => Ok((conn, answer)),
        Progress::More => Err(NetError::new(Reason::Closed, "the connection ended inside the server's flight")),
        Progress::Done(super::answer::Answer::Alert(code)) => {
            Err(NetError::new(Reason::Other, format!("the hello was answered with the alert {}", names::alert(code))))
        }
        Progress::Broken(why) => Err(NetError::garbage(why)),
    }
}

/// What came until an alert, a heartbeat, or the end of the connection.
///
/// # Errors
/// Silence, or a reset: whether something would have come is then not known. What comes may still be cut: see [`whole`].
async fn rest(asker: &Asker<'_>, conn: &mut Conn) -> Result<Vec<u8>, NetError> {
    let patience = asker.context.net.answer_time();
    match conn.receive(ANSWER_CAP, patience, |got| records(got).iter().any(|(kind, _)| matches!(kind, 21 | 24))).await {
        // The connection was closed in good order, and nothing had come.
        Err(error) if error.reason == Reason::Closed => Ok(Vec::new()),
        outcome => outcome,
    }
}

/// That an answer consists of whole records: one that was cut does not tell what it would have been.
///
/// # Errors
/// It ends inside a record.
pub(super) fn whole(answer: &[u8]) -> Result<(), NetError> {
    let read: usize = records(answer).iter().map(|(_, body)| body.len() + 5).sum();
    if read == answer.len() { Ok(()) } else { Err(NetError::new(Reason::Closed, "the answer ended inside a record")) }
}

pub(super) fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend(version.to_be_bytes());
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

/// CVE-2014-0160. A heartbeat of three bytes that claims 16384, and a farewell behind it: a server that ends the connection without
/// a heartbeat of its own has read the first and discarded it (RFC 6520 §4).
async fn heartbleed(asker: &Asker<'_>, found: &[Found; 5], behaviour: &Behaviour) -> Observation<Attack> {
    match &behaviour.heartbeat {
        Observation::Observed { value: true, .. } => {}
        Observation::Observed { value: false, .. } => {
            return safe("the server does not take up the heartbeat extension");
        }
        Observation::Absent { .. } => return safe("heartbeats belong to TLS 1.2 and older, which is not offered"),
        other => return other.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    }
    if let Some(forbidden) = forbidden(asker) {
        return forbidden;
    }
    let (version, suites) = match ground(found, |_| true) {
        Ok(Some(ground)) => ground,
        Ok(None) => return Observation::absent(),
        Err(why) => return why.cast(),
    };
    tried(async || {
        let hello = Hello::new(version).suites(&suites).extra(extension::HEARTBEAT, &[1]);
        let (mut conn, _) = flight(asker, &hello).await?;
        let heartbeat = record(24, version, &[1, 0x40, 0]);
        let farewell = record(21, version, &[1, 0]);
        conn.send(&[heartbeat, farewell].concat(), asker.context.net.answer_time()).await?;
        let answer = rest(asker, &mut conn).await?;
        if let Some(length) = heartbeat_length(&answer).filter(|length| *length > 3) {
            let proof = format!("a heartbeat of 3 bytes that claimed 16384 was answered with {} bytes", size(length));
            return Ok(Attack { vulnerable: true, proof });
        }
        whole(&answer)?;
        Ok(Attack { vulnerable: false, proof: "a heartbeat that claims more than it has was not answered".into() })
    })
    .await
}

/// The length that the first heartbeat claims; it may be cut.
fn heartbeat_length(answer: &[u8]) -> Option<usize> {
    let before: usize =
        records(answer).iter().take_while(|(kind, _)| *kind != 24).map(|(_, body)| body.len() + 5).sum();
    match answer.get(before..)? {
        [24, _, _, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
        _ => None,
    }
}

/// Sizes of leaked memory vary from time to time.
fn size(bytes: usize) -> &'static str {
    if bytes >= 1024 { "more than 1000" } else { "more than 3" }
}

/// CVE-2014-0224. A ChangeCipherSpec before any key, then a record in the clear: whoever took the first tries to decrypt the second.
async fn early_ccs(asker: &Asker<'_>, found: &[Found; 5]) -> Observation<Attack> {
    let (version, suites) = match ground(found, |_| true) {
        Ok(Some(ground)) => ground,
        Ok(None) => return safe("no version below TLS 1.3 is offered"),
        Err(why) => return why.cast(),
    };
    if let Some(forbidden) = forbidden(asker) {
        return forbidden;
    }
    tried(async || {
        let (mut conn, _) = flight(asker, &Hello::new(version).suites(&suites)).await?;
        let patience = asker.context.net.answer_time();
        conn.send(&record(20, version, &[1]), patience).await?;
        // As long as an encrypted alert would be, whatever the suite.
        // A server that has closed by now may have said why before; if it reset the connection, this is where the reset shows.
        let sent = conn.send(&record(21, version, &[0x5A; 64]), patience).await;
        let answer = rest(asker, &mut conn).await?;
        let alert = records(&answer).into_iter().find(|(kind, _)| *kind == 21).map(|(_, body)| body);
        Ok(match alert.as_deref() {
            // It has changed to keys that were never agreed on, and tells us that the record does not fit them.
            Some([_, code @ (20 | 21)]) => Attack {
                vulnerable: true,
                proof: format!("a ChangeCipherSpec before the key exchange was taken (then {})", names::alert(*code)),
            },
            // An alert with a MAC comes from a server that has changed its own side, too: two bytes and sixteen at least.
            Some([_, _, rest @ ..]) if rest.len() >= 16 => Attack {
                vulnerable: true,
                proof: "a ChangeCipherSpec before the key exchange was answered with an encrypted alert".into(),
            },
            Some([_, code, ..]) => Attack {
                vulnerable: false,
                proof: format!("a ChangeCipherSpec before the key exchange was answered with {}", names::alert(*code)),
            },
            Some(_) => return Err(NetError::garbage("an alert of less than two bytes")),
            None => {
                sent?;
                whole(&answer)?;
                let proof = "the connection was closed after a ChangeCipherSpec before the key exchange".into();
                Attack { vulnerable: false, proof }
            }
        })
    })
    .await
}

/// CVE-2016-9244. A ticket with a session id of 16 bytes: the id that comes back must be the one that was sent.
async fn ticketbleed(asker: &Asker<'_>, found: &[Found; 5], behaviour: &Behaviour) -> Observation<Attack> {
    if matches!(ground(found, |_| true), Ok(None)) {
        return safe("no version below TLS 1.3 is offered");
    }
    match &behaviour.resumption {
        Observation::Observed { value, .. } if value.ticket == Some(true) => {}
        Observation::Observed { value, .. } if value.ticket == Some(false) => {
            return safe("the server gives no tickets");
        }
        Observation::Observed { .. } => {
            return Observation::failed(Reason::Dependency, "whether the server gives tickets was not seen");
        }
        other => return other.unobserved().map_or_else(Observation::underived, |why| why.cast()),
    }
    if let Some(forbidden) = forbidden(asker) {
        return forbidden;
    }
    tried(async || {
        let Some((ticket, suite)) = ticket(asker).await? else {
            let detail = "a ticket was announced, and none came in a handshake of TLS 1.2 with a current client";
            return Err(NetError::new(Reason::Other, detail));
        };
        let session = random()?[..16].to_vec();
        let mut hello = Hello::new(0x0303).suites(&[suite]).extra(extension::SESSION_TICKET, &ticket);
        hello.session.clone_from(&session);
        let mut conn = asker.connect(Act::active(asker.port)).await?;
        let patience = asker.context.net.answer_time();
        conn.send(&hello.bytes(asker.host, random()?), patience).await?;
        let bytes = conn.receive(ANSWER_CAP, patience, |got| read(got, Depth::Hello) != Progress::More).await?;
        Ok(match read(&bytes, Depth::Hello) {
            Progress::Done(super::answer::Answer::Hello(answer))
                if answer.session.len() > session.len() && answer.session.starts_with(&session) =>
            {
                let proof = format!("a session id of 16 bytes came back with {}", answer.session.len());
                Attack { vulnerable: true, proof }
            }
            Progress::Done(_) => {
                Attack { vulnerable: false, proof: "a session id of 16 bytes came back without more behind it".into() }
            }
            Progress::Broken(why) => return Err(NetError::garbage(why)),
            Progress::More => return Err(NetError::new(Reason::Closed, "the connection ended inside the answer")),
        })
    })
    .await
}

/// A ticket of TLS 1.2, which comes in the clear (RFC 5077 §3.3), and the suite it belongs to.
async fn ticket(asker: &Asker<'_>) -> Result<Option<(Vec<u8>, u16)>, NetError> {
    let client = Client::new(Speaks::Tls12Tickets, &[])?;
    let act = Act::active(asker.port);
    let tap = Tap::new(asker.connect(act).await?);
    let stream = client.handshake(tap, asker.host, asker.context.net.answer_time(), &doing(asker.target, act)).await?;
    let (tap, session) = stream.get_ref();
    let suite = session.negotiated_cipher_suite().map(|suite| u16::from(suite.suite()));
    Ok(super::answer::ticket(tap.heard()).zip(suite))
}

/// CVE-2011-0411. A command behind STARTTLS in the same packet belongs to the time before the encryption: obeyed after it, an
/// attacker between can put words into the mouth of the client.
async fn injection(asker: &Asker<'_>) -> Observation<Attack> {
    if asker.opening == super::Opening::Direct {
        return Observation::absent();
    }
    let Some((smuggled, farewell, expected)) = asker.opening.smuggling() else {
        let detail = format!("how a command could be smuggled is not known for {:?}", asker.opening);
        return Observation::not_run(Reason::Unsupported, detail);
    };
    if let Some(forbidden) = forbidden(asker) {
        return forbidden;
    }
    tried(async || {
        let act = Act::active(asker.port);
        let patience = asker.context.net.answer_time();
        let conn = asker.connect_smuggling(act, smuggled).await?;
        let client = Client::new(Speaks::Any, &[])?;
        let mut tap = Tap::new(conn);
        let mut stream = match client.handshake(&mut tap, asker.host, patience, &doing(asker.target, act)).await {
            Ok(stream) => stream,
            // It took the smuggled command for the hello, or ended the connection in good order: not obeyed.
            Err(error) if matches!(error.reason, Reason::Closed | Reason::Garbage) => {
                if error.reason == Reason::Closed {
                    whole(tap.heard())?;
                }
                let proof = "a command behind the one that starts TLS ended the handshake".to_owned();
                return Ok(Attack { vulnerable: false, proof });
            }
            Err(error) => return Err(error),
        };
        let line = first_line(&mut stream, farewell, patience).await?;
        let said = crate::facts::printable(&String::from_utf8_lossy(&line), 60);
        Ok(if line.starts_with(expected) {
            Attack { vulnerable: false, proof: "a command from before the encryption was forgotten".into() }
        } else {
            Attack {
                vulnerable: true,
                proof: format!("a command from before the encryption was obeyed after it: {said}"),
            }
        })
    })
    .await
}

/// Says a line and gives the first line that comes.
async fn first_line<S>(stream: &mut S, farewell: &[u8], patience: std::time::Duration) -> Result<Vec<u8>, NetError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let talk = async {
        stream.write_all(farewell).await?;
        stream.flush().await?;
        let mut line = Vec::new();
        while !line.ends_with(b"\n") && line.len() < 1024 {
            match stream.read_u8().await {
                Ok(byte) => line.push(byte),
                Err(_) if !line.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(line)
    };
    match tokio::time::timeout(patience, talk).await {
        Ok(Ok(line)) => Ok(line),
        Ok(Err(error)) => Err(NetError::from_io(&error, "reading the answer inside TLS")),
        Err(_) => Err(NetError::new(Reason::Timeout, "no answer inside TLS")),
    }
}
