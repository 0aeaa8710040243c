//! The way down from the root to the zone: at each step one server is asked who the zone's servers are, and refers to others. At the
//! last step the parent's other servers are asked, too: a stale one sends some of the voters astray.

use std::collections::BTreeMap;
use std::net::IpAddr;

use futures_util::future::join_all;
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use crate::facts::Reason;
use crate::net::NetError;

use super::question::Variant;
use super::records::{addresses, name_text};
use super::session::{Server, Session, not_usable, zone_text};

/// Servers that are tried at one step, and steps.
const TRIES: usize = 3;
const STEPS: usize = 16;
/// Servers of the parent that are asked beside the first.
const OTHERS: usize = 3;
/// Servers of a zone above that are kept; no sound one has more.
const MAX_SERVERS: usize = 32;

/// Names of name servers, each with the addresses that came along.
pub(super) type Names = BTreeMap<String, Vec<IpAddr>>;

/// What the zone's parent says of it.
pub(super) struct Parent {
    /// Who said it first, `name/address`.
    pub(super) server: String,
    /// What all that were asked said.
    pub(super) names: Names,
}

/// The last referral.
///
/// # Errors
/// A server on the way could not be asked, or did not refer further.
pub(super) async fn walk(session: &Session<'_>) -> Result<Parent, NetError> {
    let roots = session.context.scope.root_servers();
    let roots = roots.map_err(|not_ours| NetError::new(Reason::NotOurs, not_ours.to_string()))?;
    let mut above = Name::root();
    let mut servers = by_name(roots);
    for _ in 0..STEPS {
        let (server, message) = ask_one(session, &above, &servers).await?;
        let Some(referral) = read(&message, &above, &session.name) else {
            return Err(no_referral(session, &above, &message));
        };
        if referral.zone == session.name {
            let mut names = referral.names;
            for other in others(session, &above, &servers, &server).await {
                for (name, mut addresses) in other {
                    let known = names.entry(name).or_default();
                    addresses.retain(|address| !known.contains(address));
                    known.append(&mut addresses);
                }
            }
            return Ok(Parent { server, names });
        }
        above = referral.zone;
        servers = referral.names;
    }
    Err(NetError::new(Reason::Other, format!("{} lies more than {STEPS} referrals below the root", session.zone)))
}

fn by_name(servers: Vec<(String, IpAddr)>) -> Names {
    let mut names = Names::new();
    for (name, address) in servers {
        names.entry(name).or_default().push(address);
    }
    names
}

/// The first answer of a few servers. Which is asked first depends on the zone, so that not every zone asks the same.
async fn ask_one(session: &Session<'_>, above: &Name, names: &Names) -> Result<(String, Message), NetError> {
    let of = zone_text(above);
    let turn = session.zone.bytes().fold(0, |sum, byte| sum + usize::from(byte)) % names.len().max(1);
    let mut failure = NetError::new(Reason::Dependency, format!("no server of {of} is known"));
    for (name, glue) in names.iter().cycle().skip(turn).take(names.len().min(TRIES)) {
        for address in first_choice(session, name, glue).await {
            let target = session.context.scope.parent_server(session.zone, name, address);
            let asked = match Server::new(target, &of) {
                Ok(server) => session
                    .ask(&server, Variant::Referral, &session.name, RecordType::NS)
                    .await
                    .map(|reply| (server.label(), reply.message)),
                Err(error) => Err(error),
            };
            match asked {
                Ok((server, message)) if is_answer(&message) => return Ok((server, message)),
                Ok((_, message)) => failure = not_usable(&message),
                Err(error) => failure = error,
            }
        }
    }
    Err(failure)
}

/// What the parent's other servers say, each asked at one address. That one does not answer is its operator's affair.
async fn others(session: &Session<'_>, above: &Name, servers: &Names, first: &str) -> Vec<Names> {
    let is_first = |name: &str| first.split('/').next() == Some(name);
    let others = servers.iter().filter(|(name, _)| !is_first(name)).take(OTHERS);
    let asked = others.map(|(name, glue)| async move {
        let address = first_choice(session, name, glue).await.into_iter().next()?;
        let target = session.context.scope.parent_server(session.zone, name, address);
        let server = Server::new(target, &zone_text(above)).ok()?;
        let reply = session.ask(&server, Variant::Referral, &session.name, RecordType::NS).await.ok()?;
        read(&reply.message, above, &session.name).filter(|referral| referral.zone == session.name)
    });
    join_all(asked).await.into_iter().flatten().map(|referral| referral.names).collect()
}

fn is_answer(message: &Message) -> bool {
    matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
}

/// One address of each family, IPv4 first; through the resolver if none came along.
async fn first_choice(session: &Session<'_>, name: &str, glue: &[IpAddr]) -> Vec<IpAddr> {
    let mut known = glue.to_vec();
    if known.is_empty()
        && let Ok(name) = super::ask::parse_name(name)
        && let Ok(message) = session.resolve(&name, RecordType::A).await
    {
        known = message.answers.iter().filter_map(|record| record.data.ip_addr()).collect();
    }
    let first = |v4: bool| known.iter().copied().find(|address| address.is_ipv4() == v4);
    [first(true), first(false)].into_iter().flatten().collect()
}

pub(super) struct Referral {
    zone: Name,
    names: Names,
}

/// A referral leads to a zone below the one asked and above, or at, the one asked for (RFC 1034 §4.3.2).
pub(super) fn read(message: &Message, above: &Name, wanted: &Name) -> Option<Referral> {
    if message.metadata.authoritative || !message.answers.is_empty() {
        return None;
    }
    let below = |zone: &Name| above.zone_of(zone) && zone != above && zone.zone_of(wanted);
    let zone = message.authorities.iter().find(|r| r.record_type() == RecordType::NS && below(&r.name))?.name.clone();
    let mut names = Names::new();
    for record in message.authorities.iter().filter(|record| record.name == zone) {
        if let RData::NS(ns) = &record.data
            && names.len() < MAX_SERVERS
        {
            // Where a name of another zone lies is not this server's to say (RFC 5452 §6).
            let addresses = if above.zone_of(&ns.0) { glue(message, &ns.0) } else { Vec::new() };
            names.insert(name_text(&ns.0), addresses);
        }
    }
    Some(Referral { zone, names })
}

/// Addresses of a name in the additional section.
pub(super) fn glue(message: &Message, name: &Name) -> Vec<IpAddr> {
    let data: Vec<RData> = message.additionals.iter().filter(|r| r.name == *name).map(|r| r.data.clone()).collect();
    addresses(&data)
}

fn no_referral(session: &Session<'_>, above: &Name, message: &Message) -> NetError {
    let (zone, of) = (session.zone, zone_text(above));
    let why = if message.metadata.response_code == ResponseCode::NXDomain {
        format!("the servers of {of} say that there is no {zone}")
    } else if message.metadata.authoritative {
        format!("a server of {of} answers for {zone} itself, so that its delegation is not seen")
    } else {
        format!("a server of {of} does not refer to {zone}")
    };
    NetError::new(Reason::Other, why)
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::op::{MessageType, OpCode};
    use hickory_resolver::proto::rr::Record;
    use hickory_resolver::proto::rr::rdata::{A, NS};

    use super::super::ask::parse_name;
    use super::*;

    fn referral(zone: &str) -> Message {
        let name = |text: &str| parse_name(text).unwrap();
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        message.authorities.push(Record::from_rdata(name(zone), 60, RData::NS(NS(name("NS1.cec.example")))));
        let address = RData::A(A::new(192, 0, 2, 1));
        message.additionals.push(Record::from_rdata(name("ns1.cec.example"), 60, address.clone()));
        message.additionals.push(Record::from_rdata(name("ns9.cec.example"), 60, address));
        message
    }

    #[test]
    fn a_referral_leads_down_towards_the_zone_and_nowhere_else() {
        let name = |text: &str| parse_name(text).unwrap();
        let (top, zone) = (name("example"), name("cec.example"));
        let seen = read(&referral("cec.example"), &top, &zone).unwrap();
        assert_eq!(seen.zone, zone);
        assert_eq!(seen.names, Names::from([("ns1.cec.example".into(), vec!["192.0.2.1".parse().unwrap()])]));
        for (said, above) in
            [("example", "example"), ("other.example", "example"), (".", "example"), ("www.cec.example", ".")]
        {
            assert!(read(&referral(said), &name(above), &zone).is_none(), "{said} from {above}");
        }
        let mut elsewhere = referral("cec.example");
        let address = RData::A(A::new(192, 0, 2, 66));
        elsewhere.authorities.push(Record::from_rdata(zone.clone(), 60, RData::NS(NS(name("ns.stranger.test")))));
        elsewhere.additionals.push(Record::from_rdata(name("ns.stranger.test"), 60, address));
        let addresses = |above: &Name| read(&elsewhere, above, &zone).unwrap().names["ns.stranger.test"].clone();
        assert!(addresses(&top).is_empty(), "a server of example has no say about test");
        assert_eq!(addresses(&Name::root()).len(), 1, "one of the root has");
        let mut own = referral("cec.example");
        own.metadata.authoritative = true;
        assert!(read(&own, &top, &zone).is_none(), "an answer with authority is no referral");
    }
}
