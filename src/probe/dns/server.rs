//! One name server at one address: what a resolver would ask it, then what tells how it keeps to the standards.
//!
//! Questions to a server that answers for a signed zone. The whole of a zone with two of them, its delegation, its chain of trust
//! and its mail included, stays within 66 (`tests/lab.rs` counts).
//!
//! | variant | of what | how many |
//! |---|---|---|
//! | `mixed-case` | SOA; tells of letter case, EDNS and authority, too | 1 |
//! | `no-edns` | SOA, only if that stayed without a proper answer | 0 |
//! | `plain` | NS, DNSKEY, MX, TXT, AAAA, CAA, CDS of the apex; one that is not there is the denial of a type | 7 |
//! | `plain` | A, and if there is a DNSKEY CDNSKEY, unless a denial lists the types at the apex without it | 0 |
//! | `plain` | TXT of `_dmarc`, `_mta-sts`, `_smtp._tls` and of DKIM selectors, TLSA of exchangers in the zone; IPv4 alone | 6 |
//! | `plain` | A or AAAA of a server's name inside the zone, where the answer to NS left it open | 0 |
//! | `missing-name` | A; the denial of a name, or a wildcard | 1 |
//! | `plain` over TCP | SOA | 1 |
//! | `outside-name` | A; recursion and upward referral | 1 |
//! | `version`, `edns-version`, `edns-unknown` | TXT in CH, SOA, SOA | 3 |
//! | `edns-option`, `edns-flag` | SOA, only if both at once were not taken | 0 |
//! | `transfer` | AXFR over TCP, two records of it | 1 |
//!
//! That is 21 a server; of several zones at one address, the first alone asks for the version. From the
//! first variant below the line of TCP on, all are polite (design §8): a server that is not the estate's own, and a run in a freeze,
//! are not asked for them.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::{join, join_all, join3};
use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::facts::{Observation, Reason, ServerAnswer};
use crate::net::NetError;

use super::ask::{code_word, parse_name};
use super::question::{Variant, missing_name, mixed_case, outside_name};
use super::records::ns_names;
use super::session::{Reply, Server, Session};
use super::walk::{Names, glue};

/// Types asked at the zone's own name, beside SOA and NS.
const AT_APEX: [RecordType; 6] =
    [RecordType::DNSKEY, RecordType::MX, RecordType::TXT, RecordType::AAAA, RecordType::CAA, RecordType::CDS];
/// Names of servers whose addresses are asked for.
const MAX_NAMES: usize = 8;

/// What one server said.
pub(super) struct Seen {
    pub(super) udp: Observation<ServerAnswer>,
    pub(super) tcp: Observation<ServerAnswer>,
    /// The name servers that it names with authority, with those addresses that it has.
    pub(super) names: Names,
}

/// Asks one server everything.
pub(super) async fn look(session: &Session<'_>, server: &Arc<Server>) -> Seen {
    let asker = Asker { session, server };
    let First { soa, plain, tcp } = asker.first().await;
    let soa = match soa {
        Ok(soa) => soa,
        Err(error) => {
            let tcp = match tcp {
                Some(tcp) => tcp,
                None if error.reason == Reason::NotOurs => error.observation(),
                None => asker.over_tcp().await,
            };
            return Seen { udp: error.observation(), tcp, names: Names::new() };
        }
    };
    let answer = read(&soa.message, &session.name);
    let tcp = async {
        match tcp {
            Some(tcp) => tcp,
            None => asker.over_tcp().await,
        }
    };
    if !answer.authoritative {
        let (tcp, ()) = join(tcp, asker.strangers(plain)).await;
        let udp = Observation::observed(ServerAnswer { truncated: soa.truncated, ..answer });
        let tcp = refused_is_absent(&udp, tcp);
        return Seen { udp, tcp, names: Names::new() };
    }
    session.answers(server, plain);
    let ns = asker.ask(plain, &session.name, RecordType::NS);
    let (ns, tcp, ()) = join3(ns, tcp, asker.records(plain)).await;
    let names = match &ns {
        Ok(reply) if reply.is_authoritative() => asker.names(plain, reply).await,
        _ => Names::new(),
    };
    asker.strangers(plain).await;
    asker.standards(plain, tcp.value().is_some()).await;
    let truncated = soa.truncated || ns.as_ref().is_ok_and(|reply| reply.truncated);
    let ns = ns.ok().and_then(|reply| ns_of(&reply.message, &session.name));
    let udp = Observation::observed(ServerAnswer { ns, truncated, ..answer });
    let tcp = refused_is_absent(&udp, tcp);
    Seen { udp, tcp, names }
}

/// What the first question tells.
struct First {
    soa: Result<Reply, NetError>,
    /// How to ask from then on: where EDNS gets no proper answer, without it (RFC 6891 §7).
    plain: Variant,
    /// The SOA over TCP, if that was asked at once because UDP was in doubt.
    tcp: Option<Observation<ServerAnswer>>,
}

struct Asker<'a> {
    session: &'a Session<'a>,
    server: &'a Server,
}

impl Asker<'_> {
    async fn ask(&self, variant: Variant, name: &Name, kind: RecordType) -> Result<Reply, NetError> {
        self.session.ask(self.server, variant, name, kind).await
    }

    async fn first(&self) -> First {
        let zone = &self.session.name;
        let soa = self.ask(Variant::MixedCase, &mixed_case(zone), RecordType::SOA).await;
        let in_doubt = match &soa {
            Ok(reply) => matches!(reply.message.metadata.response_code, ResponseCode::FormErr | ResponseCode::NotImp),
            Err(error) => matches!(error.reason, Reason::Timeout | Reason::Garbage),
        };
        if !in_doubt {
            return First { soa, plain: Variant::Plain, tcp: None };
        }
        // A dead server shall not cost one wait after the other.
        let (without, tcp) = join(self.ask(Variant::NoEdns, zone, RecordType::SOA), self.over_tcp()).await;
        match without {
            Ok(without) => First { soa: Ok(without), plain: Variant::NoEdns, tcp: Some(tcp) },
            Err(_) => First { soa, plain: Variant::Plain, tcp: Some(tcp) },
        }
    }

    async fn over_tcp(&self) -> Observation<ServerAnswer> {
        match self.session.ask_over_tcp(self.server, &self.session.name, RecordType::SOA).await {
            Ok(soa) => Observation::observed(read(&soa.message, &self.session.name)),
            Err(error) => error.observation(),
        }
    }

    /// The records at the apex, and a name that is not there.
    async fn records(&self, plain: Variant) {
        let zone = &self.session.name;
        let apex = join_all(AT_APEX.map(|kind| self.ask(plain, zone, kind)));
        let missing = async {
            let name = missing_name(zone).filter(|_| plain == Variant::Plain)?;
            Some(self.ask(Variant::MissingName, &name, RecordType::A).await)
        };
        let (mut apex, missing) = join(apex, missing).await;
        apex.extend(missing);
        let is_signed = apex.iter().flatten().flat_map(|reply| &reply.message.answers);
        let is_signed = is_signed.into_iter().any(|record| record.record_type() == RecordType::DNSKEY);
        let may_have = |kind| !apex.iter().flatten().any(|reply| denies(&reply.message, zone, kind));
        let rest = [RecordType::A, RecordType::CDNSKEY].into_iter().filter(|kind| may_have(*kind));
        let rest = rest.filter(|kind| is_signed || *kind != RecordType::CDNSKEY);
        join_all(rest.map(|kind| self.ask(plain, zone, kind))).await;
    }

    /// The server's list of name servers, with the addresses that it holds of names inside the zone.
    async fn names(&self, plain: Variant, ns: &Reply) -> Names {
        let mut names = Names::new();
        for (index, name) in ns_of(&ns.message, &self.session.name).unwrap_or_default().into_iter().enumerate() {
            let Ok(parsed) = parse_name(&name) else { continue };
            let mut addresses = Vec::new();
            // Where a name of another zone lies is not this server's to say (RFC 5452 §6): one that lies would lead us to strangers.
            if self.session.name.zone_of(&parsed) {
                addresses = glue(&ns.message, &parsed);
                // Most servers send the addresses along; a family that they left out they may just not have sent.
                if index < MAX_NAMES {
                    addresses.extend(self.rest_of(plain, &parsed, &addresses).await);
                }
            }
            names.insert(name, addresses);
        }
        names
    }

    async fn rest_of(&self, plain: Variant, name: &Name, sent: &[IpAddr]) -> Vec<IpAddr> {
        let glue = self.session.glue_of(name);
        let wanted = |v4: bool| {
            let is_sent = sent.iter().any(|address| address.is_ipv4() == v4);
            !is_sent && (sent.is_empty() || glue.iter().any(|address| address.is_ipv4() == v4))
        };
        let mut found = Vec::new();
        for (kind, _) in [(RecordType::A, true), (RecordType::AAAA, false)].into_iter().filter(|(_, v4)| wanted(*v4)) {
            if let Ok(reply) = self.ask(plain, name, kind).await {
                found.extend(reply.message.answers.iter().filter_map(|record| record.data.ip_addr()));
            }
        }
        found
    }

    /// What strangers get. One question after the other, here and below, so that a server which drops some is not taken for a dead
    /// one; and none with EDNS for a server that has none.
    async fn strangers(&self, plain: Variant) {
        if let Some(name) = outside_name(&self.session.name).filter(|_| plain == Variant::Plain) {
            let _ = self.ask(Variant::OutsideName, &name, RecordType::A).await;
        }
        if let Ok(name) = parse_name("version.bind") {
            let _ = self.ask(Variant::Version, &name, RecordType::TXT).await;
        }
    }

    /// How it takes what it does not know, and whether it gives the zone away.
    async fn standards(&self, plain: Variant, has_tcp: bool) {
        let zone = &self.session.name;
        if plain == Variant::Plain && !took_it(&self.ask(Variant::EdnsUnknown, zone, RecordType::SOA).await) {
            let _ = self.ask(Variant::EdnsOption, zone, RecordType::SOA).await;
            let _ = self.ask(Variant::EdnsFlag, zone, RecordType::SOA).await;
        }
        if has_tcp {
            let _ = self.ask(Variant::Transfer, zone, RecordType::AXFR).await;
        }
        if plain == Variant::Plain {
            let _ = self.ask(Variant::EdnsVersion, zone, RecordType::SOA).await;
        }
    }
}

/// Whether a denial of something else names the types at the apex `name`, and leaves out this one. Its signature is for others to verify; here it
/// saves a question to a server that would say the same.
pub(super) fn denies(message: &Message, name: &Name, kind: RecordType) -> bool {
    let lists_without = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => record.name == *name && !nsec.type_set().contains(kind),
        // Its owner is a hash; of all names in a zone the apex alone has a SOA.
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
            nsec3.type_set().contains(RecordType::SOA) && !nsec3.type_set().contains(kind)
        }
        _ => false,
    };
    message.authorities.iter().any(lists_without)
}

/// Whether one question with two peculiarities was answered as if it had none; what was not permitted needs no second try.
fn took_it(outcome: &Result<Reply, NetError>) -> bool {
    match outcome {
        Ok(reply) => reply.is_authoritative(),
        Err(error) => matches!(error.reason, Reason::NotOurs | Reason::Budget),
    }
}

/// A server that answers over UDP and refuses the connection is there, and DNS over TCP is not (RFC 7766 §5). Any other failure
/// may have another cause.
fn refused_is_absent(udp: &Observation<ServerAnswer>, tcp: Observation<ServerAnswer>) -> Observation<ServerAnswer> {
    match tcp {
        Observation::Failed { reason: Reason::Refused, observed_at, .. } if udp.value().is_some() => {
            Observation::Absent { observed_at }
        }
        other => other,
    }
}

/// An answer to the SOA question.
pub(super) fn read(message: &Message, zone: &Name) -> ServerAnswer {
    let serial = own(message, zone).find_map(|data| match data {
        RData::SOA(soa) => Some(i64::from(soa.serial)),
        _ => None,
    });
    let head = &message.metadata;
    ServerAnswer {
        authoritative: head.authoritative && head.response_code == ResponseCode::NoError,
        rcode: code_word(head.response_code),
        serial,
        ns: None,
        recursion_available: head.recursion_available,
        truncated: false,
    }
}

/// The NS names in the answer section; those of a referral are another zone's view.
fn ns_of(message: &Message, zone: &Name) -> Option<Vec<String>> {
    let names = ns_names(own(message, zone));
    (!names.is_empty()).then_some(names)
}

fn own<'a>(message: &'a Message, zone: &'a Name) -> impl Iterator<Item = &'a RData> {
    message.answers.iter().filter(move |record| record.name == *zone).map(|record| &record.data)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{MessageType, OpCode};
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{NS, SOA};

    use super::*;

    fn name(text: &str) -> Name {
        parse_name(text).unwrap()
    }

    fn soa_record(zone: &str, serial: u32) -> Record {
        let data = SOA::new(name("ns.example"), name("root.example"), serial, 1, 1, 1, 1);
        Record::from_rdata(name(zone), 60, RData::SOA(data))
    }

    fn message(code: ResponseCode, authoritative: bool) -> Message {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.metadata.response_code = code;
        message.metadata.authoritative = authoritative;
        message
    }

    #[test]
    fn a_lame_server_is_one_that_does_not_answer_with_authority() {
        let zone = name("cec.example");
        let mut good = message(ResponseCode::NoError, true);
        good.answers.push(soa_record("cec.example", 7));
        let mut upward = message(ResponseCode::NoError, false);
        upward.authorities.push(soa_record("example", 9));
        let answers = [good, message(ResponseCode::Refused, false), upward].map(|m| read(&m, &zone));
        let seen = answers.map(|a| (a.authoritative, a.rcode, a.serial));
        assert_eq!(seen[0], (true, "NOERROR".into(), Some(7)));
        assert_eq!(seen[1], (false, "REFUSED".into(), None));
        assert_eq!(seen[2], (false, "NOERROR".into(), None), "the parent's serial is not the zone's");
    }

    #[test]
    fn names_of_a_referral_are_not_the_servers_own() {
        let record = Record::from_rdata(name("cec.example"), 60, RData::NS(NS(name("NS1.example"))));
        let mut answer = message(ResponseCode::NoError, true);
        answer.answers.push(record.clone());
        let mut referral = message(ResponseCode::NoError, false);
        referral.authorities.push(record);
        assert_eq!(ns_of(&answer, &name("cec.example")), Some(vec!["ns1.example".to_owned()]));
        assert_eq!(ns_of(&referral, &name("cec.example")), None);
    }

    #[test]
    fn tcp_is_absent_only_where_a_server_that_answers_refuses_it() {
        let zone = name("cec.example");
        let answered = || Observation::observed(read(&message(ResponseCode::NoError, true), &zone));
        let failed = |reason| Observation::<ServerAnswer>::failed(reason, "over TCP");
        let absent = refused_is_absent(&answered(), failed(Reason::Refused));
        assert!(matches!(absent, Observation::Absent { .. }));
        for (udp, tcp) in [
            (answered(), failed(Reason::Timeout)),
            (answered(), failed(Reason::Reset)),
            (failed(Reason::Refused), failed(Reason::Refused)),
        ] {
            assert!(matches!(refused_is_absent(&udp, tcp), Observation::Failed { .. }));
        }
    }
}
