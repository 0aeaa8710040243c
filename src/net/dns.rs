//! One DNS question to one server, over UDP with TCP on truncation, or over TCP alone.

use std::time::Duration;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{DNSClass, RecordType};
use tokio::time::Instant;

use super::{Net, NetError};
use crate::facts::Reason;
use crate::scope::{Act, Class, Role, Target};

/// How to carry the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// UDP first, TCP when the answer is truncated.
    UdpThenTcp,
    Tcp,
    /// TCP, closed after the second record of the answer, of which the rest is not read.
    TwoRecords,
}

/// An answer, read and raw.
#[derive(Clone, Debug)]
pub struct DnsReply {
    pub message: Message,
    pub raw: Vec<u8>,
    /// The UDP answer was truncated and this one came over TCP.
    pub truncated: bool,
}

/// An answer as it came: to our question, and otherwise any bytes.
#[derive(Clone, Debug)]
pub struct DnsBytes {
    pub raw: Vec<u8>,
    /// The UDP answer was truncated and this one came over TCP.
    pub truncated: bool,
}

/// What became of a question.
#[derive(Debug)]
pub struct Answered {
    /// The errors: not permitted, or no answer.
    pub outcome: Result<DnsBytes, NetError>,
    /// How long the server was waited for, our own pace aside.
    pub waited: Duration,
}

impl Net {
    /// Sends the question as a visitor would and reads the answer. Any response code is an answer here: what it means is the
    /// caller's.
    ///
    /// # Errors
    /// Not permitted, no answer, or bytes that are no DNS message.
    pub async fn resolve(
        &self,
        target: &Target,
        question: &Message,
        transport: Transport,
    ) -> Result<DnsReply, NetError> {
        let DnsBytes { raw, truncated } = self.exchange(target, Class::Passive, question, transport).await.outcome?;
        Ok(DnsReply { message: read(&raw)?, raw, truncated })
    }

    /// Sends the question and gives the answer with the same id and question; anything else is ignored.
    pub async fn exchange(&self, target: &Target, class: Class, question: &Message, transport: Transport) -> Answered {
        let mut waited = Duration::ZERO;
        let outcome = self.carry(target, class, question, transport, &mut waited).await;
        Answered { outcome, waited }
    }

    async fn carry(
        &self,
        target: &Target,
        class: Class,
        question: &Message,
        transport: Transport,
        waited: &mut Duration,
    ) -> Result<DnsBytes, NetError> {
        if let Role::Parent { zone } = target.role()
            && !is_referral_question(question, zone)
        {
            return Err(NetError::new(
                Reason::NotOurs,
                format!("a server above {zone} is asked for its delegation only"),
            ));
        }
        let payload =
            question.to_vec().map_err(|e| NetError::new(Reason::Other, format!("building the question: {e}")))?;
        let act = Act { class, port: dns_port(target) };
        if transport != Transport::UdpThenTcp {
            let raw = self.over_tcp(target, act, &payload, transport, waited).await?;
            return Ok(DnsBytes { raw, truncated: false });
        }
        let raw = self.ask(target, act, &payload, |bytes| is_answer(bytes, &payload), waited).await?;
        if !is_truncated(&raw) {
            return Ok(DnsBytes { raw, truncated: false });
        }
        let raw = self.over_tcp(target, act, &payload, transport, waited).await.map_err(|e| {
            NetError::new(e.reason, format!("the answer over UDP was truncated, and over TCP: {}", e.detail))
        })?;
        Ok(DnsBytes { raw, truncated: true })
    }

    async fn over_tcp(
        &self,
        target: &Target,
        act: Act,
        payload: &[u8],
        transport: Transport,
        waited: &mut Duration,
    ) -> Result<Vec<u8>, NetError> {
        let patience = self.pace(target);
        let length = u16::try_from(payload.len())
            .map_err(|_| NetError::new(Reason::Other, "the question does not fit into a DNS message"))?;
        let connected = self.connect(target, act).await;
        if matches!(&connected, Err(e) if e.reason == Reason::Timeout) {
            *waited += patience * 3;
        }
        let mut conn = connected?;
        let begun = Instant::now();
        let talk = async {
            conn.send(&[&length.to_be_bytes(), payload].concat(), patience).await?;
            let enough = |got: &[u8]| {
                frame(got).is_some() || transport == Transport::TwoRecords && two_records(got.get(2..)).is_some()
            };
            conn.receive(65_537, patience, enough).await
        };
        let framed = talk.await;
        *waited += begun.elapsed();
        let framed = framed?;
        let answer = match transport {
            Transport::TwoRecords => two_records(framed.get(2..)).or_else(|| frame(&framed).map(<[u8]>::to_vec)),
            _ => frame(&framed).map(<[u8]>::to_vec),
        };
        let answer = answer.ok_or_else(|| NetError::new(Reason::Closed, "the connection ended inside the answer"))?;
        if is_answer(&answer, payload) {
            Ok(answer)
        } else {
            Err(NetError::garbage("the answer over TCP is not to our question"))
        }
    }
}

/// Feeds bytes to everything that looks at an answer before it is read, for the fuzz target and the replay of its corpus: the first half as the
/// question, the second as what came.
pub fn exercise(bytes: &[u8]) {
    let (question, answer) = bytes.split_at(bytes.len() / 2);
    for (answer, question) in [(answer, question), (bytes, bytes), (bytes, question)] {
        let _ = (is_answer(answer, question), is_truncated(answer), two_records(Some(answer)));
    }
    let framed = frame(bytes).unwrap_or_default();
    let _ = (read(framed), read(bytes).map(|message| is_referral_question(&message, "x.example")));
}

/// Whether it asks for the NS of the zone, without recursion: all that the servers above it are asked (design §8).
fn is_referral_question(question: &Message, zone: &str) -> bool {
    let [query] = question.queries.as_slice() else { return false };
    let name = query.name().to_lowercase().to_ascii();
    !question.metadata.recursion_desired
        && query.query_type() == RecordType::NS
        && query.query_class() == DNSClass::IN
        && name.trim_end_matches('.') == zone
}

/// A message cut after its second answer record, with its counts set right; `None` while that has not come whole.
fn two_records(message: Option<&[u8]>) -> Option<Vec<u8>> {
    let message = message?;
    let head = message.first_chunk::<HEADER>()?;
    let questions = u16::from_be_bytes([head[4], head[5]]);
    if questions > 1 || u16::from_be_bytes([head[6], head[7]]) < 2 {
        return None;
    }
    let mut at = HEADER;
    for _ in 0..questions {
        at = skip_name(message, at)? + 4;
    }
    for _ in 0..2 {
        let data = skip_name(message, at)? + 10;
        let length = message.get(data - 2..data)?;
        at = data + usize::from(u16::from_be_bytes([length[0], length[1]]));
    }
    let mut cut = message.get(..at)?.to_vec();
    cut[6..HEADER].copy_from_slice(&[0, 2, 0, 0, 0, 0]);
    Some(cut)
}

/// Where a name that may end in a pointer (RFC 1035 §4.1.4) is over.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            label if label < 64 => at += 1 + usize::from(label),
            pointer if pointer >= 192 => return Some(at + 2),
            _ => return None,
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

    #[test]
    fn of_a_transfer_two_records_are_kept_and_the_rest_is_not_waited_for() {
        let record = [&[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 3][..], b"\x02hi"].concat();
        let mut answer = message(7, [0x84, 0], "cec.example", 252);
        answer[7] = 9;
        let whole = [answer.clone(), record.clone(), record.clone()].concat();
        let cut = two_records(Some(&[&whole[..], &record[..5]].concat())).expect("two are there");
        assert_eq!((cut.len(), cut[7]), (whole.len(), 2));
        assert_eq!(read(&cut).expect("a message").answers.len(), 2);
        assert!(two_records(Some(&whole[..whole.len() - 1])).is_none(), "the second has not come whole");
        answer[7] = 0;
        assert!(two_records(Some(&answer)).is_none(), "a refusal is read whole");
    }

    #[test]
    fn servers_above_a_zone_are_asked_for_its_delegation_and_nothing_else() {
        let asked = |bytes: &[u8]| is_referral_question(&read(bytes).expect("a message"), "cec.example");
        assert!(asked(&message(7, [0, 0], "cec.example", 2)));
        assert!(!asked(&message(7, [1, 0], "cec.example", 2)), "with recursion");
        assert!(!asked(&message(7, [0, 0], "cec.example", 6)), "another type");
        assert!(!asked(&message(7, [0, 0], "example", 2)) && !asked(&message(7, [0, 0], "www.cec.example", 2)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            two_records(Some(&bytes));
            let asked = message(7, [0x01, 0], "cec.example", 1);
            is_answer(&bytes, &asked);
            is_answer(&bytes, &bytes);
            is_truncated(&bytes);
            let _ = read(&bytes);
        }
    }
}
