//! One DNS question to one server, over UDP with TCP on truncation, or over TCP alone.

use hickory_resolver::proto::op::Message;

use super::{Net, NetError};
use crate::facts::Reason;
use crate::scope::{Act, Role, Target};

/// How to carry the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP first, TCP when the answer is truncated.
    UdpThenTcp,
    Tcp,
}

/// An answer, read and raw.
#[derive(Clone, Debug)]
pub struct DnsReply {
    pub message: Message,
    pub raw: Vec<u8>,
    /// The UDP answer was truncated and this one came over TCP.
    pub truncated: bool,
}

impl Net {
    /// Sends the question and gives the answer with the same id and question; anything else is ignored.
    /// Any response code is an answer here: what it means is the caller's.
    ///
    /// # Errors
    /// Not permitted, no answer, or bytes that are no DNS message.
    pub async fn resolve(
        &self,
        target: &Target,
        question: &Message,
        transport: Transport,
    ) -> Result<DnsReply, NetError> {
        let payload =
            question.to_vec().map_err(|e| NetError::new(Reason::Other, format!("building the question: {e}")))?;
        let act = Act::passive(dns_port(target));
        if transport == Transport::UdpThenTcp {
            let raw = self.ask(target, act, &payload, |bytes| is_answer(bytes, &payload)).await?;
            let message = read(&raw)?;
            if !message.metadata.truncation {
                return Ok(DnsReply { message, raw, truncated: false });
            }
        }
        let raw = self.resolve_over_tcp(target, act, &payload).await?;
        let message = read(&raw)?;
        Ok(DnsReply { message, raw, truncated: transport == Transport::UdpThenTcp })
    }

    async fn resolve_over_tcp(&self, target: &Target, act: Act, payload: &[u8]) -> Result<Vec<u8>, NetError> {
        let patience = self.answer_time();
        let mut conn = self.connect(target, act).await?;
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
        conn.send(&[&length, payload].concat(), patience).await?;
        let framed = conn.receive(65_537, patience, |got| frame(got).is_some()).await?;
        let answer =
            frame(&framed).ok_or_else(|| NetError::new(Reason::Closed, "the connection ended inside the answer"))?;
        if is_answer(answer, payload) {
            Ok(answer.to_vec())
        } else {
            Err(NetError::garbage("the answer over TCP is not to our question"))
        }
    }
}

/// The first whole message in a TCP stream (RFC 1035 §4.2.2).
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// Whether the bytes are a response with the id of the question. The question section is compared by the reader of the
/// message; a server may legitimately leave it out of an error.
fn is_answer(bytes: &[u8], question: &[u8]) -> bool {
    bytes.len() >= 12 && bytes[..2] == question[..2] && bytes[2] & 0x80 != 0
}

fn read(raw: &[u8]) -> Result<Message, NetError> {
    Message::from_vec(raw).map_err(|e| NetError::garbage(format!("the answer is no DNS message: {e}")))
}

fn dns_port(target: &Target) -> u16 {
    match target.role() {
        Role::Resolver { port } => *port,
        _ => 53,
    }
}
