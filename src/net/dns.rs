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
        if transport == Transport::Tcp {
            let raw = self.resolve_over_tcp(target, act, &payload).await?;
            return Ok(DnsReply { message: read(&raw)?, raw, truncated: false });
        }
        let raw = self.ask(target, act, &payload, |bytes| is_answer(bytes, &payload)).await?;
        if !is_truncated(&raw) {
            return Ok(DnsReply { message: read(&raw)?, raw, truncated: false });
        }
        let raw = self.resolve_over_tcp(target, act, &payload).await.map_err(|e| {
            NetError::new(e.reason, format!("the answer over UDP was truncated, and over TCP: {}", e.detail))
        })?;
        Ok(DnsReply { message: read(&raw)?, raw, truncated: true })
    }

    async fn resolve_over_tcp(&self, target: &Target, act: Act, payload: &[u8]) -> Result<Vec<u8>, NetError> {
        let patience = self.answer_time();
        let mut conn = self.connect(target, act).await?;
        let length = u16::try_from(payload.len())
            .map_err(|_| NetError::new(Reason::Other, "the question does not fit into a DNS message"))?;
        conn.send(&[&length.to_be_bytes(), payload].concat(), patience).await?;
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

const HEADER: usize = 12;

/// Whether the bytes answer the question: same id, a response, and the same question section (RFC 5452 §9.1). Only an
/// error may come without its question, as servers that could not read it send one.
fn is_answer(bytes: &[u8], question: &[u8]) -> bool {
    let (Some(head), Some(asked_head)) = (bytes.first_chunk::<HEADER>(), question.first_chunk::<HEADER>()) else {
        return false;
    };
    let is_response = head[..2] == asked_head[..2] && head[2] & 0x80 != 0;
    let questions = u16::from_be_bytes([head[4], head[5]]);
    let is_error = head[3] & 0x0f != 0;
    is_response
        && match questions {
            0 => is_error,
            1 => has_same_question(&bytes[HEADER..], &question[HEADER..]),
            _ => false,
        }
}

/// The name of a first question is never compressed, so the bytes can be compared; letter case of the name aside.
fn has_same_question(bytes: &[u8], question: &[u8]) -> bool {
    let Some(name) = name_length(question) else { return false };
    let whole = name + 4;
    match (bytes.get(..whole), question.get(..whole)) {
        (Some(got), Some(asked)) => got[..name].eq_ignore_ascii_case(&asked[..name]) && got[name..] == asked[name..],
        _ => false,
    }
}

/// Bytes of an uncompressed name on the wire, with its root label.
fn name_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            label if label < 64 => at += 1 + usize::from(label),
            _ => return None,
        }
    }
}

/// The TC bit, read before anything else: a truncated message may end in the middle of a record.
fn is_truncated(raw: &[u8]) -> bool {
    raw.get(2).is_some_and(|flags| flags & 0x02 != 0)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// id 7, one question `name A IN`.
    fn message(id: u8, flags: [u8; 2], name: &str, kind: u8) -> Vec<u8> {
        let mut bytes = vec![0, id, flags[0], flags[1], 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            bytes.push(label.len() as u8);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.extend_from_slice(&[0, 0, kind, 0, 1]);
        bytes
    }

    #[test]
    fn only_an_answer_with_our_id_and_question_is_taken() {
        let asked = message(7, [0x01, 0], "cec.example", 1);
        let takes = |answer: Vec<u8>| is_answer(&answer, &asked);
        assert!(takes(message(7, [0x81, 0], "cec.example", 1)));
        assert!(takes(message(7, [0x81, 0], "CEC.example", 1)), "letter case is not part of a name");
        assert!(!takes(message(8, [0x81, 0], "cec.example", 1)), "another id");
        assert!(!takes(message(7, [0x01, 0], "cec.example", 1)), "a question");
        assert!(!takes(message(7, [0x81, 0], "cec.examples", 1)), "another name");
        assert!(!takes(message(7, [0x81, 0], "cec.example", 28)), "another type");
        assert!(!takes(vec![0, 7, 0x81]), "no header");
    }

    #[test]
    fn only_an_error_may_come_without_its_question() {
        let asked = message(7, [0x01, 0], "cec.example", 1);
        assert!(is_answer(&[0, 7, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0], &asked));
        assert!(!is_answer(&[0, 7, 0x81, 0, 0, 0, 0, 0, 0, 0, 0, 0], &asked));
    }

    #[test]
    fn truncation_is_seen_even_if_the_message_is_cut_inside_a_record() {
        let mut cut = message(7, [0x83, 0], "cec.example", 1);
        cut[7] = 1;
        assert!(is_truncated(&cut) && read(&cut).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let asked = message(7, [0x01, 0], "cec.example", 1);
            is_answer(&bytes, &asked);
            is_answer(&bytes, &bytes);
            is_truncated(&bytes);
            let _ = read(&bytes);
        }
    }
}
