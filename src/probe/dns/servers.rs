//! Every name server of a zone at every address, asked directly.

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::{join, join_all};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use ipnet::IpNet;

use crate::estate::OperatorKind;
use crate::facts::{LIST_CAP, NameServer, Observation, Reason, ServerAnswer};
use crate::net::{NetError, Transport};
use crate::probe::Context;
use crate::scope::Target;

use super::ask::{Flags, code_word, parse_name, question};
use super::both_families;
use super::records::{name_text, ns_names};

/// How many names, and addresses of one name, are asked. No sound zone has more; a hostile one must not keep us busy.
const MAX_NAMES: usize = 32;
const MAX_ADDRESSES: usize = 8;

/// The servers that the resolver names and those that the servers themselves name beside them.
pub(super) async fn look(context: &Context, zone: &str, ns: &Observation<Vec<String>>) -> Observation<Vec<NameServer>> {
    let names = match (ns.value(), ns.unobserved()) {
        (Some(names), _) => names.iter().cloned().collect::<BTreeSet<_>>(),
        (None, Some(why)) => return why.cast(),
        (None, None) => return Observation::absent(),
    };
    let mut servers = look_at_names(context, zone, names.iter()).await;
    let further = named_by(&servers);
    servers.append(&mut look_at_names(context, zone, further.difference(&names)).await);
    servers.sort_by(|a, b| a.server.cmp(&b.server));
    servers.truncate(LIST_CAP);
    Observation::observed(servers)
}

fn named_by(servers: &[NameServer]) -> BTreeSet<String> {
    let answers = servers.iter().filter_map(|server| server.udp.value()).filter(|answer| answer.authoritative);
    answers.filter_map(|answer| answer.ns.clone()).flatten().collect()
}

async fn look_at_names(context: &Context, zone: &str, names: impl Iterator<Item = &String>) -> Vec<NameServer> {
    let one = |(index, name): (usize, &String)| {
        let name = name.clone();
        async move {
            if index < MAX_NAMES {
                return look_at_name(context, zone, &name).await;
            }
            let why = format!("more than {MAX_NAMES} name servers: {name} was not asked");
            vec![unasked(&name, &Observation::not_run(Reason::NotSelected, why))]
        }
    };
    join_all(names.enumerate().map(one)).await.concat()
}

async fn look_at_name(context: &Context, zone: &str, name: &str) -> Vec<NameServer> {
    let (addresses, failure) = both_families(context, name).await;
    let asked = addresses.iter().take(MAX_ADDRESSES).map(|address| look_at_server(context, zone, name, *address));
    let mut servers = join_all(asked).await;
    let why = match failure {
        Some(detail) => Some(format!("an address of {name} could not be learned: {detail}")),
        None if addresses.is_empty() => Some(format!("the address of {name} could not be learned: it has none")),
        None => None,
    };
    if let Some(why) = why {
        servers.push(unasked(name, &Observation::failed(Reason::Dependency, why)));
    }
    servers
}

/// A server without an address stays in the list.
fn unasked(name: &str, why: &Observation<ServerAnswer>) -> NameServer {
    NameServer {
        server: format!("{name}/"),
        name: name.to_owned(),
        address: String::new(),
        operator: OperatorKind::Unknown.word().to_owned(),
        prefix: String::new(),
        udp: why.clone(),
        tcp: why.clone(),
    }
}

async fn look_at_server(context: &Context, zone: &str, name: &str, address: IpAddr) -> NameServer {
    let (udp, tcp) = match (context.scope.name_server(zone, name, address), parse_name(zone)) {
        (Ok(target), Ok(zone)) => {
            let asker = Asker { context, target: &target, zone: &zone };
            let (udp, tcp) = join(asker.over_udp(), asker.over_tcp()).await;
            let tcp = refused_is_absent(&udp, tcp);
            (udp, tcp)
        }
        (Err(not_ours), _) => {
            let why = not_ours.to_string();
            (Observation::not_run(Reason::NotOurs, why.clone()), Observation::not_run(Reason::NotOurs, why))
        }
        (Ok(_), Err(error)) => (error.observation(), error.observation()),
    };
    NameServer {
        server: format!("{name}/{address}"),
        name: name.to_owned(),
        address: address.to_string(),
        operator: context.scope.ownership(address).kind.word().to_owned(),
        prefix: prefix(address),
        udp,
        tcp,
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

/// The network the address is taken to lie in: /24 or /48.
fn prefix(address: IpAddr) -> String {
    let length = if address.is_ipv4() { 24 } else { 48 };
    IpNet::new(address, length).map(|net| net.trunc().to_string()).unwrap_or_default()
}

struct Asker<'a> {
    context: &'a Context,
    target: &'a Target,
    zone: &'a Name,
}

impl Asker<'_> {
    async fn over_udp(&self) -> Observation<ServerAnswer> {
        match self.ask(RecordType::SOA, Transport::UdpThenTcp).await {
            Ok((soa, truncated)) => {
                let ns = self.ask(RecordType::NS, Transport::UdpThenTcp).await.ok();
                let cut = truncated || ns.as_ref().is_some_and(|(_, cut)| *cut);
                let ns = ns.and_then(|(message, _)| ns_of(&message, self.zone));
                Observation::observed(ServerAnswer { ns, truncated: cut, ..read(&soa, self.zone) })
            }
            Err(error) => error.observation(),
        }
    }

    async fn over_tcp(&self) -> Observation<ServerAnswer> {
        match self.ask(RecordType::SOA, Transport::Tcp).await {
            Ok((soa, _)) => Observation::observed(read(&soa, self.zone)),
            Err(error) => error.observation(),
        }
    }

    async fn ask(&self, kind: RecordType, transport: Transport) -> Result<(Message, bool), NetError> {
        let question = question(self.zone, kind, &Flags { recursion: false, dnssec: false });
        let outcome = self.context.net.resolve(self.target, &question, transport).await;
        outcome.map(|reply| (reply.message, reply.truncated)).map_err(|error| {
            let (name, address, zone) = (self.target.name(), self.target.address(), name_text(self.zone));
            NetError::new(error.reason, format!("asking {name} at {address} for {zone} {kind}: {}", error.detail))
        })
    }
}

/// An answer to the SOA question.
fn read(message: &Message, zone: &Name) -> ServerAnswer {
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

    #[test]
    fn prefixes_are_those_of_the_facts() {
        assert_eq!(prefix("192.0.2.17".parse().unwrap()), "192.0.2.0/24");
        assert_eq!(prefix("2001:db8:1:2::3".parse().unwrap()), "2001:db8:1::/48");
    }

    #[test]
    fn a_server_without_an_address_stays_in_the_list_without_a_value() {
        let kept = unasked("ns2.example", &Observation::failed(Reason::Dependency, "the address could not be learned"));
        assert_eq!((kept.server.as_str(), kept.address.as_str()), ("ns2.example/", ""));
        assert!(kept.udp.value().is_none() && kept.tcp.value().is_none());
    }
}
