//! The conversation: hello, the server's flight, our keys, both Finished (RFC 5246 §7.3), and what is said under the keys.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{Instant, timeout_at};

use super::super::answer::{Answer, Depth, Progress, ServerHello, clear_handshake, read};
use super::super::asker::{Asker, random};
use super::super::hello::Hello;
use super::super::names;
use super::exchange;
use super::prf::Prf;
use super::record::{Padding, Protection};
use super::suite::Suite;
use crate::facts::Reason;
use crate::net::{Conn, NetError};
use crate::scope::Act;

/// The most that is read of the server's flight, of one record, and how many records are read after the flight.
const FLIGHT_CAP: usize = 256 * 1024;
const RECORD_CAP: usize = 18_432;
const RECORDS: usize = 256;
/// After this, a server that says nothing under the keys is taken to be waiting for more.
const SILENCE: Duration = Duration::from_secs(2);

/// Content types (RFC 5246 §6.2.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
pub(super) const HANDSHAKE: u8 = 22;
/// Handshake types (RFC 5246 §7.4).
const CERTIFICATE: u8 = 11;
const CLIENT_KEY_EXCHANGE: u8 = 16;
const FINISHED: u8 = 20;

/// A server's reaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A handshake message, by type; of a Finished it was seen that it fits.
    Message(u8),
    /// An alert, by code, and whether it is a warning.
    Alert { code: u8, warning: bool },
    /// An alert under keys that were not announced.
    HiddenAlert,
}

/// A connection up to its keys and beyond.
pub(super) struct Conversation {
    conn: Conn,
    patience: Duration,
    pub(super) hello: ServerHello,
    prf: Prf,
    master: Vec<u8>,
    /// Every handshake message so far.
    transcript: Vec<u8>,
    /// What is to be sent before our Finished: a ClientKeyExchange, and perhaps a Certificate without any.
    answer: Vec<u8>,
    ours: Protection,
    theirs: Protection,
    /// The server protects what it sends.
    changed: bool,
    records: usize,
    /// What our Finished said: a renegotiation is bound to it (RFC 5746 §3.5).
    pub(super) verified: Vec<u8>,
}

impl Conversation {
    /// Sends a hello, reads the server's flight and computes the keys; of ours nothing more is sent yet.
    ///
    /// # Errors
    /// No such flight, or one that is not spoken.
    pub(super) async fn open(asker: &Asker<'_>, act: Act, hello: &Hello) -> Result<Self, NetError> {
        let mut conn = asker.connect(act).await?;
        let patience = asker.context.net.answer_time();
        let client_random = random()?;
        let sent = hello.bytes(asker.host, client_random);
        conn.send(&sent, patience).await?;
        let bytes = conn.receive(FLIGHT_CAP, patience, |got| read(got, Depth::Flight) != Progress::More).await?;
        let answer = match read(&bytes, Depth::Flight) {
            Progress::Done(Answer::Hello(answer)) => answer,
            Progress::Done(Answer::Alert(code)) => {
                let detail = format!("the hello was answered with the alert {}", names::alert(code));
                return Err(NetError::new(Reason::Other, detail));
            }
            Progress::More => return Err(NetError::new(Reason::Closed, "the connection ended inside the flight")),
            Progress::Broken(why) => return Err(NetError::garbage(why)),
        };
        let flight = Flight::read(&clear_handshake(&bytes), answer)?;
        let keys = flight.keys(hello, &sent[5..], client_random)?;
        let Keys { prf, master, transcript, answer, pair: [ours, theirs] } = keys;
        let verified = Vec::new();
        let hello = flight.hello;
        let (changed, records) = (false, 0);
        Ok(Self { conn, patience, hello, prf, master, transcript, answer, ours, theirs, changed, records, verified })
    }

    /// Sends keys and Finished and hears what comes: a Finished, or an alert.
    ///
    /// # Errors
    /// The connection ended, nothing came in time, or what came does not fit.
    pub(super) async fn finish(&mut self, padding: Padding) -> Result<Said, NetError> {
        let hash = self.prf.transcript(&self.transcript);
        self.verified = self.prf.bytes(&self.master, "client finished", &hash, 12);
        let finished = message(FINISHED, &self.verified);
        let mut bytes = record(HANDSHAKE, self.hello.version, &self.answer);
        bytes.extend(record(CHANGE_CIPHER_SPEC, self.hello.version, &[1]));
        bytes.extend(self.ours.seal(HANDSHAKE, &finished, padding)?);
        self.transcript.extend(&finished);
        self.conn.send(&bytes, self.patience).await?;
        self.hear(self.patience).await
    }

    /// Says something under the keys and hears what comes. Some servers keep a refusal back until they have more to write: who is silent
    /// gets a farewell, and may answer to that.
    ///
    /// # Errors
    /// As for [`Conversation::finish`].
    pub(super) async fn say(&mut self, kind: u8, body: &[u8]) -> Result<Said, NetError> {
        let bytes = self.ours.seal(kind, body, Padding::Short)?;
        self.conn.send(&bytes, self.patience).await?;
        match self.hear(self.patience.min(SILENCE)).await {
            Err(error) if error.reason == Reason::Timeout => {
                self.farewell().await;
                self.hear(self.patience).await
            }
            outcome => outcome,
        }
    }

    /// Ends our side in good order. Whether the server hears it is its own affair.
    pub(super) async fn farewell(&mut self) {
        if let Ok(bytes) = self.ours.seal(ALERT, &[1, 0], Padding::Short) {
            let _ = self.conn.send(&bytes, self.patience).await;
        }
    }

    /// The next handshake message or alert. Application data is not for us, and a HelloRequest asks for nothing (RFC 5246 §7.4.1.1).
    async fn hear(&mut self, patience: Duration) -> Result<Said, NetError> {
        let deadline = Instant::now() + patience;
        while self.records < RECORDS {
            self.records += 1;
            let (kind, body) = next_record(&mut self.conn, deadline).await?;
            let plain = if self.changed { self.theirs.open(kind, &body)? } else { body };
            match (kind, plain.as_slice()) {
                (CHANGE_CIPHER_SPEC, _) if !self.changed => self.changed = true,
                (ALERT, [level, code]) => return Ok(Said::Alert { code: *code, warning: *level == 1 }),
                (ALERT, _) if !self.changed => return Ok(Said::HiddenAlert),
                (HANDSHAKE, [0, 0, 0, 0]) => {}
                (HANDSHAKE, [FINISHED, 0, 0, 12, theirs @ ..]) if self.changed => {
                    let hash = self.prf.transcript(&self.transcript);
                    if self.prf.bytes(&self.master, "server finished", &hash, 12) != theirs {
                        return Err(NetError::garbage("the server's Finished does not fit the handshake"));
                    }
                    return Ok(Said::Message(FINISHED));
                }
                // Before its keys: a ticket, perhaps.
                (HANDSHAKE, body) if !self.changed => self.transcript.extend(body),
                (HANDSHAKE, [kind, ..]) => return Ok(Said::Message(*kind)),
                (23, _) if self.changed => {}
                _ => return Err(NetError::garbage(format!("a record of type {kind} that does not belong there"))),
            }
        }
        Err(NetError::new(Reason::TooLarge, format!("more than {RECORDS} records and no answer among them")))
    }
}

impl Said {
    /// Whether this is the server's Finished.
    pub(super) fn is_finished(&self) -> bool {
        *self == Self::Message(FINISHED)
    }
    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Message(FINISHED) => "Finished".into(),
            Self::Message(kind) => format!("a handshake message of type {kind}"),
            Self::Alert { code, .. } => format!("the alert {}", names::alert(*code)),
            Self::HiddenAlert => "an encrypted alert".into(),
        }
    }
}

/// One record from the connection.
async fn next_record(conn: &mut Conn, deadline: Instant) -> Result<(u8, Vec<u8>), NetError> {
    let mut header = [0; 5];
    exactly(conn, &mut header, deadline).await?;
    let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
    if !matches!(header[0], 20..=23) || header[1] != 3 || length > RECORD_CAP {
        return Err(NetError::garbage("what came inside the handshake is no TLS record"));
    }
    let mut body = vec![0; length];
    exactly(conn, &mut body, deadline).await?;
    Ok((header[0], body))
}

async fn exactly(conn: &mut Conn, bytes: &mut [u8], deadline: Instant) -> Result<(), NetError> {
    match timeout_at(deadline, conn.read_exact(bytes)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(NetError::from_io(&error, "reading inside the handshake")),
        Err(_) => Err(NetError::new(Reason::Timeout, "no answer inside the handshake")),
    }
}

/// What the server sent up to its ServerHelloDone.
struct Flight {
    hello: ServerHello,
    suite: Suite,
    /// As it was sent.
    messages: Vec<u8>,
    random: [u8; 32],
    exchange: Vec<u8>,
    /// It wants a certificate of ours.
    asks: bool,
}

struct Keys {
    prf: Prf,
    master: Vec<u8>,
    transcript: Vec<u8>,
    answer: Vec<u8>,
    pair: [Protection; 2],
}

impl Flight {
    fn read(handshake: &[u8], hello: ServerHello) -> Result<Self, NetError> {
        let suite = Suite::read(hello.suite)
            .ok_or_else(|| NetError::garbage(format!("a suite that was not offered: 0x{:04X}", hello.suite)))?;
        let (mut random, mut exchange, mut asks) = (None, Vec::new(), false);
        let mut rest = handshake;
        let mut end = 0;
        while let Some((head, after)) = rest.split_first_chunk::<4>() {
            let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
            let Some(body) = after.get(..length) else { break };
            rest = &after[length..];
            end += 4 + length;
            match head[0] {
                2 => random = body.get(2..34).and_then(|bytes| bytes.try_into().ok()),
                12 => exchange = body.to_vec(),
                13 => asks = true,
                14 => break,
                _ => {}
            }
        }
        let random = random.ok_or_else(|| NetError::garbage("a ServerHello without random bytes"))?;
        Ok(Self { hello, suite, messages: handshake[..end].to_vec(), random, exchange, asks })
    }

    fn keys(&self, asked: &Hello, sent: &[u8], client_random: [u8; 32]) -> Result<Keys, NetError> {
        let version = self.hello.version;
        if version != asked.version || self.hello.compression != 0 {
            return Err(NetError::garbage("the server chose what was not offered"));
        }
        let leaf = self.hello.certificates.first().map(Vec::as_slice);
        let agreed = exchange::agree(self.suite.source, &self.exchange, leaf, asked.version)?;
        let mut answer = Vec::new();
        if self.asks {
            answer.extend(message(CERTIFICATE, &[0, 0, 0]));
        }
        answer.extend(message(CLIENT_KEY_EXCHANGE, &agreed.message));
        let transcript = [sent, &self.messages, &answer].concat();
        let prf = Prf::of(version, self.suite.sha384);
        // With the extension the secret is bound to the whole handshake (RFC 7627 §4).
        let master = if self.hello.extension(super::super::hello::extension::EXTENDED_MASTER_SECRET).is_some() {
            prf.bytes(&agreed.premaster, "extended master secret", &prf.transcript(&transcript), 48)
        } else {
            prf.bytes(&agreed.premaster, "master secret", &[client_random, self.random].concat(), 48)
        };
        let seed = [self.random, client_random].concat();
        let material = prf.bytes(&master, "key expansion", &seed, Protection::needs(self.suite));
        let pair = Protection::pair(self.suite, version, &material);
        Ok(Keys { prf, master, transcript, answer, pair })
    }
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &(body.len() as u32).to_be_bytes()[1..], body].concat()
}

fn record(kind: u8, version: u16, body: &[u8]) -> Vec<u8> {
    super::super::attacks::record(kind, version, body)
}

/// Takes bytes for a server's flight.
pub(super) fn exercise(bytes: &[u8]) {
    if let Progress::Done(Answer::Hello(answer)) = read(bytes, Depth::Flight) {
        let flight = Flight::read(&clear_handshake(bytes), answer);
        let _ = flight.and_then(|flight| flight.keys(&Hello::new(flight.hello.version), &[], [7; 32]));
    }
}
