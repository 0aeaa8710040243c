//! A question to the estate's resolver, with its alias chain followed: answer, no data, no such name, or could not look.

use std::time::Duration;

use aws_lc_rs::rand;
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, RecordType};

use crate::facts::{Observation, Reason};
use crate::net::{DnsReply, NetError, Transport};
use crate::probe::Context;

use super::records::name_text;

/// The longest alias chain that is followed.
const MAX_ALIASES: usize = 8;

/// A resolver that met a lame server may pass on nothing as if there were nothing. A true *no data* carries the SOA of the
/// zone that says so (RFC 2308 §3).
const UNPROVEN: &str = "the answer is empty and no zone's SOA vouches for that";

/// How long to wait before a resolver that answered SERVFAIL, or nothing, is asked again.
const SECOND_TRY: Duration = Duration::from_millis(500);

/// What became of a question.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The names that aliases led to, in order.
    pub(crate) aliases: Vec<Name>,
    pub(crate) end: End,
    /// The shortest time to live of the records that answer, in seconds; `None` without records.
    pub(crate) ttl: Option<u32>,
}

/// How a question ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// Never empty.
    Records(Vec<RData>),
    /// The name is there, records of this type are not (RFC 2308 §2.2).
    NoData,
    /// The name is not there (RFC 2308 §2.1).
    NxDomain,
    Failed(NetError),
}

impl Reply {
    /// Records observed, their absence as absent, anything else as failed.
    pub(crate) fn observe<T>(&self, f: impl FnOnce(&[RData]) -> T) -> Observation<T> {
        match &self.end {
            End::Records(records) => Observation::observed(f(records)),
            End::NoData | End::NxDomain => Observation::absent(),
            End::Failed(error) => error.observation(),
        }
    }

    fn failed(aliases: Vec<Name>, reason: Reason, detail: String) -> Self {
        Self::ended(aliases, End::Failed(NetError::new(reason, detail)))
    }

    fn ended(aliases: Vec<Name>, end: End) -> Self {
        Self { aliases, end, ttl: None }
    }
}

/// Asks the resolvers, one after the other until one answers, and follows aliases.
pub(crate) async fn ask(context: &Context, name: &str, kind: RecordType) -> Reply {
    let mut aliases = Vec::new();
    let mut current = match parse_name(name) {
        Ok(name) => name,
        Err(error) => return Reply::ended(aliases, End::Failed(error)),
    };
    loop {
        let reply = match exchange(context, &current, kind).await {
            Ok(reply) => reply,
            Err(error) => return Reply::ended(aliases, End::Failed(error)),
        };
        let end = read(&reply.message, &current, kind, &mut aliases);
        if aliases.len() > MAX_ALIASES {
            return Reply::failed(
                aliases,
                Reason::Other,
                format!("{name} {kind}: more than {MAX_ALIASES} aliases in a row"),
            );
        }
        match end {
            Read::Ended(end) => return Reply { aliases, end, ttl: ttl(&reply.message, kind) },
            Read::Alias(next) => current = next,
            Read::Unproven => {
                return Reply::failed(aliases, Reason::Garbage, format!("{name} {kind}: {UNPROVEN}"));
            }
        }
    }
}

/// One question to the resolvers, whose answer is NOERROR or NXDOMAIN; aliases are not followed.
///
/// # Errors
/// The first resolver's reason, if none answered; every resolver's detail.
pub(crate) async fn exchange(context: &Context, name: &Name, kind: RecordType) -> Result<DnsReply, NetError> {
    match one_round(context, name, kind).await {
        Err(error) if matches!(error.reason, Reason::Servfail | Reason::Garbage) => {
            tokio::time::sleep(SECOND_TRY).await;
            one_round(context, name, kind).await
        }
        outcome => outcome,
    }
}

async fn one_round(context: &Context, name: &Name, kind: RecordType) -> Result<DnsReply, NetError> {
    let question = question(name, kind, &Flags { recursion: true, dnssec: true });
    let mut failure: Option<NetError> = None;
    for resolver in context.scope.resolvers() {
        let outcome = context.net.resolve(&resolver, &question, Transport::UdpThenTcp).await.and_then(usable);
        match outcome {
            Ok(reply) => return Ok(reply),
            Err(error) => {
                let detail =
                    format!("asking the resolver {} for {} {kind}: {}", resolver.address(), shown(name), error.detail);
                failure = Some(match failure {
                    None => NetError::new(error.reason, detail),
                    Some(first) => NetError::new(first.reason, format!("{}; {detail}", first.detail)),
                });
            }
        }
    }
    Err(failure.unwrap_or_else(|| NetError::new(Reason::Dependency, "there is no resolver to ask")))
}

fn shown(name: &Name) -> String {
    if name.is_root() { ".".to_owned() } else { name_text(name) }
}

/// NOERROR and NXDOMAIN are answers; every other code says that the resolver could not or would not look.
fn usable(reply: DnsReply) -> Result<DnsReply, NetError> {
    let code = reply.message.metadata.response_code;
    let reason = match code {
        ResponseCode::NoError if reply.message.answers.is_empty() && !has_soa(&reply.message) => {
            return Err(NetError::garbage(UNPROVEN));
        }
        ResponseCode::NoError | ResponseCode::NXDomain => return Ok(reply),
        ResponseCode::ServFail => Reason::Servfail,
        ResponseCode::Refused => Reason::DnsRefused,
        _ => Reason::Other,
    };
    Err(NetError::new(reason, format!("it answered {}", code_word(code))))
}

/// What a question asks of its server.
pub(crate) struct Flags {
    /// RD, and CD with it: a validating resolver shall not hide what it holds to be bogus (RFC 4035 §3.2.2).
    pub(crate) recursion: bool,
    /// DO: send signatures (RFC 3225).
    pub(crate) dnssec: bool,
}

/// A question with an unpredictable id (RFC 5452 §9.2) and EDNS with a payload that is not fragmented.
pub(crate) fn question(name: &Name, kind: RecordType, flags: &Flags) -> Message {
    let mut message = Message::new(random_id(), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = flags.recursion;
    message.metadata.checking_disabled = flags.recursion;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(1232).set_version(0).set_dnssec_ok(flags.dnssec);
    message.set_edns(edns);
    message
}

/// Should the system have no randomness, the fresh source port of every question still stands.
fn random_id() -> u16 {
    let mut bytes = [0; 2];
    let _ = rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

/// A fully qualified name.
pub(crate) fn parse_name(text: &str) -> Result<Name, NetError> {
    let mut name =
        Name::from_ascii(text).map_err(|e| NetError::new(Reason::Other, format!("'{text}' is no domain name: {e}")))?;
    name.set_fqdn(true);
    Ok(name)
}

pub(super) enum Read {
    Ended(End),
    /// The chain leads out of this answer.
    Alias(Name),
    /// Nothing, and nobody vouches for that.
    Unproven,
}

/// Reads an answer for `name`, adding the aliases it goes through.
pub(super) fn read(message: &Message, name: &Name, kind: RecordType, aliases: &mut Vec<Name>) -> Read {
    let mut current = name.clone();
    let before = aliases.len();
    loop {
        let here = || message.answers.iter().filter(|r| r.name == current && r.dns_class == DNSClass::IN);
        let records: Vec<RData> = here().filter(|r| r.record_type() == kind).map(|r| r.data.clone()).collect();
        if !records.is_empty() {
            return Read::Ended(End::Records(records));
        }
        let next = here().find_map(|r| match &r.data {
            RData::CNAME(target) => Some(target.0.clone()),
            _ => None,
        });
        let Some(next) = next else { break };
        aliases.push(next.clone());
        if aliases.len() > MAX_ALIASES {
            return Read::Alias(next);
        }
        current = next;
    }
    if message.metadata.response_code == ResponseCode::NXDomain {
        Read::Ended(End::NxDomain)
    } else if has_soa(message) {
        Read::Ended(End::NoData)
    } else if aliases.len() > before {
        Read::Alias(current)
    } else {
        Read::Unproven
    }
}

/// The shortest time to live among the answers of a type.
pub(super) fn ttl(message: &Message, kind: RecordType) -> Option<u32> {
    message.answers.iter().filter(|record| record.record_type() == kind).map(|record| record.ttl).min()
}

pub(super) fn has_soa(message: &Message) -> bool {
    message.authorities.iter().any(|record| record.record_type() == RecordType::SOA)
}

/// A response code as the facts write it (IANA DNS RCODEs).
pub(crate) fn code_word(code: ResponseCode) -> String {
    match u16::from(code) {
        0 => "NOERROR".into(),
        1 => "FORMERR".into(),
        2 => "SERVFAIL".into(),
        3 => "NXDOMAIN".into(),
        4 => "NOTIMP".into(),
        5 => "REFUSED".into(),
        9 => "NOTAUTH".into(),
        16 => "BADVERS".into(),
        other => format!("RCODE{other}"),
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, SOA};

    use super::*;

    fn name(text: &str) -> Name {
        parse_name(text).unwrap()
    }

    fn answer(code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record>) -> Message {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.answers = answers;
        message.authorities = authorities;
        message
    }

    fn a(owner: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::A(A::new(192, 0, 2, 1)))
    }

    fn alias(owner: &str, target: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
    }

    fn soa(owner: &str) -> Record {
        let data = SOA::new(name("ns.example"), name("root.example"), 1, 1, 1, 1, 1);
        Record::from_rdata(name(owner), 60, RData::SOA(data))
    }

    fn ns(owner: &str) -> Record {
        Record::from_rdata(name(owner), 60, RData::NS(NS(name("ns.example"))))
    }

    /// A word for how reading ended, and the aliases.
    fn reads(message: &Message) -> (String, usize) {
        let mut aliases = Vec::new();
        let word = match read(message, &name("www.example"), RecordType::A, &mut aliases) {
            Read::Ended(End::Records(records)) => format!("{} records", records.len()),
            Read::Ended(End::NoData) => "no data".into(),
            Read::Ended(End::NxDomain) => "no name".into(),
            Read::Ended(End::Failed(error)) => error.detail,
            Read::Alias(next) => format!("ask {next}"),
            Read::Unproven => "unproven".into(),
        };
        (word, aliases.len())
    }

    #[test]
    fn every_kind_of_answer_is_told_apart() {
        use ResponseCode::{NXDomain, NoError};
        let table = [
            (answer(NoError, vec![a("www.example")], vec![]), ("1 records", 0)),
            (answer(NoError, vec![a("WWW.example"), a("other.example")], vec![]), ("1 records", 0)),
            (answer(NoError, vec![alias("www.example", "b.example"), a("b.example")], vec![]), ("1 records", 1)),
            (answer(NoError, vec![alias("www.example", "b.example")], vec![]), ("ask b.example.", 1)),
            (answer(NoError, vec![alias("www.example", "b.example")], vec![soa("example")]), ("no data", 1)),
            (answer(NXDomain, vec![alias("www.example", "b.example")], vec![soa("example")]), ("no name", 1)),
            (answer(NoError, vec![], vec![soa("example")]), ("no data", 0)),
            (answer(NoError, vec![], vec![]), ("unproven", 0)),
            (answer(NoError, vec![a("other.example")], vec![]), ("unproven", 0)),
            (answer(NXDomain, vec![], vec![]), ("no name", 0)),
            (answer(NoError, vec![], vec![ns("example")]), ("unproven", 0)),
        ];
        for (message, (word, aliases)) in table {
            assert_eq!(reads(&message), (word.to_owned(), aliases), "{message}");
        }
    }

    #[test]
    fn an_alias_loop_ends() {
        let looping = answer(
            ResponseCode::NoError,
            vec![alias("www.example", "b.example"), alias("b.example", "www.example")],
            vec![],
        );
        assert!(reads(&looping).1 > MAX_ALIASES);
    }

    #[test]
    fn servfail_refused_and_an_unproven_nothing_are_no_absence() {
        let usable =
            |message| usable(DnsReply { message, raw: vec![], truncated: false }).map(|_| ()).map_err(|e| e.reason);
        let outcome = |code| usable(answer(code, vec![], vec![]));
        assert_eq!(outcome(ResponseCode::NoError), Err(Reason::Garbage));
        assert_eq!(usable(answer(ResponseCode::NoError, vec![], vec![ns("example")])), Err(Reason::Garbage));
        assert_eq!(usable(answer(ResponseCode::NoError, vec![], vec![soa("example")])), Ok(()));
        assert_eq!(outcome(ResponseCode::ServFail), Err(Reason::Servfail));
        assert_eq!(outcome(ResponseCode::Refused), Err(Reason::DnsRefused));
        assert_eq!(outcome(ResponseCode::NotImp), Err(Reason::Other));
        assert_eq!(outcome(ResponseCode::NXDomain), Ok(()));
        let failed = Reply::failed(vec![], Reason::Servfail, "x".into()).observe(<[RData]>::len);
        assert!(matches!(failed, Observation::Failed { reason: Reason::Servfail, .. }));
    }

    #[test]
    fn questions_to_a_resolver_ask_for_everything_unchecked() {
        let flags = Flags { recursion: true, dnssec: true };
        let message = question(&name("cec.example"), RecordType::SOA, &flags);
        let edns = message.edns.clone().unwrap();
        assert!(message.metadata.recursion_desired && message.metadata.checking_disabled);
        assert!(edns.flags().dnssec_ok && edns.max_payload() == 1232);
        let back = Message::from_vec(&message.to_vec().unwrap()).unwrap();
        assert_eq!(back.queries, message.queries);
    }
}
