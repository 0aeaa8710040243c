//! What a zone's own servers say of a name in it. Where all of them say the same, a resolver has nothing to add and is not asked; where they differ,
//! or one does not answer, it tells what the world gets.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use crate::probe::Context;

use super::ask::{End, Reply, ask, has_soa, parse_name, ttl};
use super::question::Variant;
use super::session::{Server, Session};

/// The types whose agreement over all servers is looked at. Addresses of hosts are what clients get, through the resolver.
const TYPES: [RecordType; 5] = [RecordType::CAA, RecordType::MX, RecordType::NS, RecordType::TLSA, RecordType::TXT];

/// A server that answers for the zone, and how to ask it.
#[derive(Clone)]
pub(super) struct Answering {
    pub(super) server: Arc<Server>,
    pub(super) plain: Variant,
}

/// Who is asked about a zone's records: its own servers first, as far as they are known, then the resolver.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    pub(crate) context: &'a Context,
    session: Option<&'a Session<'a>>,
}

impl<'a> Authority<'a> {
    /// The resolver alone.
    pub fn resolver(context: &'a Context) -> Self {
        Self { context, session: None }
    }

    pub(super) fn of(session: &'a Session<'a>) -> Self {
        Self { context: session.context, session: Some(session) }
    }

    /// The answer that the zone's servers agree on, else the resolver's.
    pub(crate) async fn ask(&self, name: &str, kind: RecordType) -> Reply {
        match self.agreed(name, kind).await {
            Some(reply) => reply,
            None => ask(self.context, name, kind).await,
        }
    }

    async fn agreed(&self, name: &str, kind: RecordType) -> Option<Reply> {
        let session = self.session?;
        let name = parse_name(name).ok().filter(|name| session.name.zone_of(name) && TYPES.contains(&kind))?;
        let mut servers = session.answering();
        // The zone's own records are compared at every address, those below at one address of each server.
        if name != session.name {
            let mut names = BTreeSet::new();
            servers.retain(|answering| names.insert(answering.server.name().to_owned()));
        }
        let asked = servers.iter().map(|one| session.ask_once(&one.server, one.plain, &name, kind));
        let answers: Option<Vec<Direct>> =
            join_all(asked).await.into_iter().map(|answer| direct(&answer.ok()?.message, &name, kind)).collect();
        let mut answers = answers?.into_iter();
        let first = answers.next()?;
        answers.all(|other| other.agrees(&first)).then_some(first.reply)
    }
}

pub(super) struct Direct {
    reply: Reply,
    /// What must be equal.
    said: BTreeSet<String>,
}

impl Direct {
    fn agrees(&self, other: &Self) -> bool {
        self.said == other.said && std::mem::discriminant(&self.reply.end) == std::mem::discriminant(&other.reply.end)
    }
}

/// An answer with authority that needs nobody else: records, or a denial. Not an alias, whose end may lie elsewhere, and not a referral.
pub(super) fn direct(message: &Message, name: &Name, kind: RecordType) -> Option<Direct> {
    let code = message.metadata.response_code;
    if !message.metadata.authoritative || !matches!(code, ResponseCode::NoError | ResponseCode::NXDomain) {
        return None;
    }
    let here = || message.answers.iter().filter(|r| r.name == *name && r.dns_class == DNSClass::IN);
    if here().any(|record| record.record_type() == RecordType::CNAME) {
        return None;
    }
    let records: Vec<RData> = here().filter(|r| r.record_type() == kind).map(|r| r.data.clone()).collect();
    let end = match (records.is_empty(), code) {
        (false, _) => End::Records(records),
        (true, ResponseCode::NXDomain) => End::NxDomain,
        (true, _) if has_soa(message) => End::NoData,
        (true, _) => return None,
    };
    let said = match &end {
        End::Records(records) => records.iter().map(|data| data.to_string().to_ascii_lowercase()).collect(),
        _ => BTreeSet::new(),
    };
    Some(Direct { reply: Reply { aliases: Vec::new(), end, ttl: ttl(message, kind) }, said })
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{MessageType, OpCode};
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{CNAME, NS, SOA, TXT};

    use super::*;

    fn name(text: &str) -> Name {
        parse_name(text).unwrap()
    }

    fn text(owner: &str, text: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::TXT(TXT::new(vec![text.into()])))
    }

    fn answer(code: ResponseCode, answers: Vec<Record>) -> Message {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.metadata.authoritative = true;
        message.answers = answers;
        message
    }

    fn denial(code: ResponseCode) -> Message {
        let mut message = answer(code, vec![]);
        let soa = SOA::new(name("ns.x.example"), name("root.x.example"), 1, 1, 1, 1, 1);
        message.authorities.push(Record::from_rdata(name("x.example"), 60, RData::SOA(soa)));
        message
    }

    fn reads(message: &Message) -> Option<Direct> {
        direct(message, &name("_dmarc.x.example"), RecordType::TXT)
    }

    #[test]
    fn records_and_denials_need_nobody_else() {
        let records = answer(ResponseCode::NoError, vec![text("_DMARC.x.example", "v=DMARC1")]);
        assert!(matches!(reads(&records).unwrap().reply.end, End::Records(_)));
        assert!(matches!(reads(&denial(ResponseCode::NoError)).unwrap().reply.end, End::NoData));
        assert!(matches!(reads(&denial(ResponseCode::NXDomain)).unwrap().reply.end, End::NxDomain));
    }

    #[test]
    fn an_alias_a_referral_and_an_answer_without_authority_are_left_to_the_resolver() {
        let alias = RData::CNAME(CNAME(name("dmarc.elsewhere.example")));
        let alias = Record::from_rdata(name("_dmarc.x.example"), 60, alias);
        let mut referral = answer(ResponseCode::NoError, vec![]);
        let ns = RData::NS(NS(name("ns.elsewhere.example")));
        referral.authorities.push(Record::from_rdata(name("_dmarc.x.example"), 60, ns));
        let mut cached = answer(ResponseCode::NoError, vec![text("_dmarc.x.example", "v=DMARC1")]);
        cached.metadata.authoritative = false;
        for message in [
            answer(ResponseCode::NoError, vec![alias, text("dmarc.elsewhere.example", "v=DMARC1")]),
            referral,
            cached,
            answer(ResponseCode::NoError, vec![]),
            denial(ResponseCode::ServFail),
            denial(ResponseCode::Refused),
        ] {
            assert!(reads(&message).is_none(), "{message}");
        }
    }

    #[test]
    fn servers_agree_if_they_say_the_same_in_any_order_and_a_denial_is_no_record() {
        let said = |texts: &[&str]| {
            reads(&answer(ResponseCode::NoError, texts.iter().map(|t| text("_dmarc.x.example", t)).collect())).unwrap()
        };
        assert!(said(&["a", "b"]).agrees(&said(&["b", "a"])));
        assert!(!said(&["a"]).agrees(&said(&["a", "b"])));
        let denied = |code| reads(&denial(code)).unwrap();
        assert!(!said(&["a"]).agrees(&denied(ResponseCode::NXDomain)));
        assert!(!denied(ResponseCode::NoError).agrees(&denied(ResponseCode::NXDomain)));
    }
}
