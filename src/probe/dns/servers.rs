//! Every name server of a zone at every address: the union of what the parent, the resolver and the servers themselves name.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::{join, join_all};
use hickory_resolver::proto::rr::RecordType;

use crate::estate::OperatorKind;
use crate::facts::{LIST_CAP, NameServer, Observation, Reason, ServerAnswer, prefix};
use crate::net::NetError;
use crate::scope::use_kind;

use super::ask::parse_name;
use super::records::addresses;
use super::server::{self, Seen};
use super::session::{Server, Session, label};
use super::walk::Names;

/// How many names, and addresses of one name, are asked. No sound zone has more; a hostile one must not keep us busy.
const MAX_NAMES: usize = 32;
const MAX_ADDRESSES: usize = 8;

/// The servers that the parent names, and the resolver if it was asked, and then those, and at those addresses, that the servers themselves name
/// beside them.
pub(super) async fn look(session: &Session<'_>, ns: Option<&Observation<Vec<String>>>) -> Observation<Vec<NameServer>> {
    let mut first = session.parent().clone();
    for name in ns.and_then(Observation::value).into_iter().flatten() {
        first.entry(name.clone()).or_default();
    }
    if first.is_empty() {
        return ns.and_then(Observation::unobserved).map_or_else(Observation::absent, |why| why.cast());
    }
    let (mut servers, named) = look_at_names(session, &first, &BTreeSet::new()).await;
    let asked: BTreeSet<String> = servers.iter().map(|server| server.server.clone()).collect();
    let news = |(name, found): &(String, Vec<IpAddr>)| {
        !first.contains_key(name) || found.iter().any(|address| !asked.contains(&label(name, *address)))
    };
    let further: Names = named.into_iter().filter(news).collect();
    servers.append(&mut look_at_names(session, &further, &asked).await.0);
    // A name whose address one of the two rounds knew is not without one.
    let with_address: BTreeSet<String> =
        servers.iter().filter(|s| !s.address.is_empty()).map(|s| s.name.clone()).collect();
    servers.retain(|server| !server.address.is_empty() || !with_address.contains(&server.name));
    servers.sort_by(|a, b| a.server.cmp(&b.server));
    servers.dedup_by(|a, b| a.server == b.server);
    servers.truncate(LIST_CAP);
    Observation::observed(servers)
}

/// The servers of these names at these addresses, but for those asked already; and the names that they name.
async fn look_at_names(session: &Session<'_>, names: &Names, asked: &BTreeSet<String>) -> (Vec<NameServer>, Names) {
    let one = |(index, (name, known)): (usize, (&String, &Vec<IpAddr>))| {
        let (name, known) = (name.clone(), known.clone());
        async move {
            if index < MAX_NAMES {
                return look_at_name(session, &name, &known, asked).await;
            }
            let why = format!("more than {MAX_NAMES} name servers: {name} was not asked");
            (vec![unasked(&name, &Observation::not_run(Reason::NotSelected, why))], Names::new())
        }
    };
    let mut servers = Vec::new();
    let mut named: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for (found, names) in join_all(names.iter().enumerate().map(one)).await {
        servers.extend(found);
        for (name, addresses) in names {
            named.entry(name).or_default().extend(addresses);
        }
    }
    (servers, named.into_iter().map(|(name, addresses)| (name, addresses.into_iter().collect())).collect())
}

async fn look_at_name(
    session: &Session<'_>,
    name: &str,
    known: &[IpAddr],
    asked: &BTreeSet<String>,
) -> (Vec<NameServer>, Names) {
    let (found, failure) = all_addresses(session, name, known).await;
    let new = found.iter().filter(|address| !asked.contains(&label(name, **address))).take(MAX_ADDRESSES);
    let looks = join_all(new.map(|address| look_at_server(session, name, *address))).await;
    let (mut servers, names): (Vec<NameServer>, Vec<Names>) = looks.into_iter().unzip();
    let why = match failure {
        Some(detail) => Some(format!("an address of {name} could not be learned: {detail}")),
        None if found.is_empty() => Some(format!("the address of {name} could not be learned: it has none")),
        None => None,
    };
    if let Some(why) = why {
        servers.push(unasked(name, &Observation::failed(Reason::Dependency, why)));
    }
    (servers, names.into_iter().flatten().collect())
}

/// Addresses that came with the name; for a name outside of the zone, and for one that came without any, those of the resolver.
/// The zone's own servers will say what they hold of names inside of it.
async fn all_addresses(session: &Session<'_>, name: &str, known: &[IpAddr]) -> (BTreeSet<IpAddr>, Option<String>) {
    let mut found: BTreeSet<IpAddr> = known.iter().copied().collect();
    let parsed = match parse_name(name) {
        Ok(parsed) => parsed,
        Err(error) => return (found, Some(error.detail)),
    };
    if session.name.zone_of(&parsed) && !found.is_empty() {
        return (found, None);
    }
    let (a, aaaa) = join(session.resolve(&parsed, RecordType::A), session.resolve(&parsed, RecordType::AAAA)).await;
    let mut failures = Vec::new();
    for reply in [a, aaaa] {
        match reply {
            Ok(message) => {
                let data: Vec<_> = message.answers.iter().map(|record| record.data.clone()).collect();
                found.extend(addresses(&data));
            }
            Err(error) => failures.push(error.detail),
        }
    }
    (found, (!failures.is_empty()).then(|| failures.join("; ")))
}

/// A server without an address stays in the list.
fn unasked(name: &str, why: &Observation<ServerAnswer>) -> NameServer {
    NameServer {
        server: format!("{name}/"),
        name: name.to_owned(),
        address: String::new(),
        operator: OperatorKind::Unknown.word().to_owned(),
        prefix: String::new(),
        use_kind: None,
        udp: why.clone(),
        tcp: why.clone(),
    }
}

async fn look_at_server(session: &Session<'_>, name: &str, address: IpAddr) -> (NameServer, Names) {
    let scope = &session.context.scope;
    let seen = match Server::new(scope.name_server(session.zone, name, address), session.zone) {
        Ok(server) => server::look(session, &Arc::new(server)).await,
        Err(error) => Seen::nothing(&error),
    };
    let fact = NameServer {
        server: label(name, address),
        name: name.to_owned(),
        address: address.to_string(),
        operator: scope.ownership(address).kind.word().to_owned(),
        prefix: prefix(address),
        use_kind: Some(use_kind(address).to_owned()),
        udp: seen.udp,
        tcp: seen.tcp,
    };
    (fact, seen.names)
}

impl Seen {
    /// A server that is not asked.
    fn nothing(error: &NetError) -> Self {
        Self { udp: error.observation(), tcp: error.observation(), names: Names::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_an_address_stays_in_the_list_without_a_value() {
        let kept = unasked("ns2.example", &Observation::failed(Reason::Dependency, "the address could not be learned"));
        assert_eq!((kept.server.as_str(), kept.address.as_str()), ("ns2.example/", ""));
        assert!(kept.udp.value().is_none() && kept.tcp.value().is_none());
    }
}
