//! DNS: addresses of hosts through the resolver; zones through the resolver and at each of their servers.

mod ask;
mod chain;
mod dangling;
mod ech;
mod exercise;
mod https;
mod own;
mod question;
mod records;
mod registration;
mod server;
mod servers;
mod session;
mod tlsa;
mod walk;

pub(super) use ask::{End, Reply};
pub use exercise::exercise;
pub use own::Authority;
pub(super) use records::{addresses, name_text, texts};
pub use tlsa::look as look_at_tlsa;

use std::collections::BTreeSet;
use std::net::IpAddr;

use futures_util::future::{join, join_all, join3, join4};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::Context;
use crate::estate::AssetKind;
use crate::facts::{Caa, HostDns, NameServer, NamedTarget, Observation, Reason, Soa, Unobserved, ZoneDns};
use crate::net::NetError;
use ask::ask;
use session::Session;

/// Addresses whose reverse name is asked for.
const MAX_REVERSE: usize = 32;

/// Whether one of the resolvers answers at all; any answer will do, also a refusal.
///
/// # Errors
/// What happened instead, resolver by resolver.
pub async fn reach_resolver(context: &Context) -> Result<(), NetError> {
    // Every chain of trust begins with this one.
    match chain::above(context, &Name::root(), RecordType::DNSKEY).await {
        Err(error) if matches!(error.reason, Reason::Timeout | Reason::Refused | Reason::Unreachable) => Err(error),
        _ => Ok(()),
    }
}

/// What the resolver says of a host name.
pub async fn look_at_host(context: &Context, host: &str) -> HostDns {
    let pinned = pinned_addresses(context, host);
    if !pinned.is_empty() {
        let (a, aaaa) = pinned.into_iter().partition(IpAddr::is_ipv4);
        let why = format!("the estate pins the addresses of {host}: DNS was not asked for more");
        let unasked = Observation::<Vec<String>>::not_run(Reason::NotSelected, why);
        let pin = |pinned: Vec<IpAddr>| if pinned.is_empty() { unasked.clone() } else { pin(pinned) };
        let alias_target = unasked.unobserved().map_or_else(Observation::absent, |why| why.cast());
        let (caa, https) = join(climb_for_caa(context, host), https::look(context, host)).await;
        return HostDns { a: pin(a), aaaa: pin(aaaa), cname: unasked.clone(), alias_target, caa, https };
    }
    let (a, aaaa, caa, https) = join4(
        ask(context, host, RecordType::A),
        ask(context, host, RecordType::AAAA),
        climb_for_caa(context, host),
        https::look(context, host),
    )
    .await;
    let texts = |reply: &Reply| reply.observe(|records| address_texts(addresses(records)));
    let alias_target = dangling::alias_target(context, &a, &aaaa).await;
    HostDns { cname: alias_chain(&a, &aaaa), alias_target, a: texts(&a), aaaa: texts(&aaaa), caa, https }
}

/// A look at a declared zone whose servers are known and were asked.
pub struct ZoneLook<'a> {
    session: Session<'a>,
    dns: ZoneDns,
}

impl<'a> ZoneLook<'a> {
    /// What the servers above the zone, its own servers and the resolver say of it.
    ///
    /// # Errors
    /// The facts of a zone whose name is none.
    pub async fn begin(context: &'a Context, zone: &'a str) -> Result<Self, Box<ZoneDns>> {
        let name = match ask::parse_name(zone) {
            Ok(name) => name,
            Err(error) => return Err(Box::new(ZoneDns::unobserved(&error.observation()))),
        };
        let mut session = Session::new(context, zone, name);
        let resolved = join(chain::walk(context, zone), registration::look(context, zone));
        let (((soa, chain), registration), parent) = join(resolved, walk::walk(&session)).await;
        let parent = match parent {
            Ok(walk::Parent { server, names }) => {
                session.set_parent(names);
                Observation::observed(server)
            }
            Err(error) => error.observation(),
        };
        // Without a parent that names the servers, the resolver must; else they are asked, and it only if they differ.
        let named = if session.parent().is_empty() { Some(ask(context, zone, RecordType::NS).await) } else { None };
        let named = named.map(name_servers);
        let servers = servers::look(&session, named.as_ref()).await;
        let ns = match named {
            Some(named) => named,
            None => name_servers(Authority::of(&session).ask(zone, RecordType::NS).await),
        };
        let dns =
            ZoneDns { ns, soa, servers, registration, chain, parent, ..ZoneDns::unobserved(&Unobserved::absent()) };
        Ok(Self { session, dns })
    }

    /// Who is to be asked about names in the zone.
    pub fn authority(&self) -> Authority<'_> {
        Authority::of(&self.session)
    }

    /// The rest of what the resolver is asked about the zone and its servers.
    pub async fn rest(&self) -> ZoneRest {
        let Self { session, dns } = self;
        let authority = self.authority();
        let caa = authority.ask(session.zone, RecordType::CAA);
        let about_servers = about_servers(session, &dns.servers, &dns.soa);
        let targets = dangling::name_servers(session.context, &dns.ns, &dns.servers);
        let (caa, (), ns_targets) = join3(caa, about_servers, targets).await;
        ZoneRest { caa: caa.observe(|r| records::caa(session.zone, r)), ns_targets }
    }

    /// The facts.
    pub fn end(self, rest: ZoneRest) -> ZoneDns {
        let ZoneRest { caa, ns_targets } = rest;
        ZoneDns { caa, ns_targets, exchanges: self.session.exchanges(), ..self.dns }
    }
}

/// The records behind an alias belong to another zone.
fn name_servers(reply: Reply) -> Observation<Vec<String>> {
    if reply.aliases.is_empty() { reply.observe(|r| records::ns_names(r)) } else { Observation::absent() }
}

/// What [`ZoneLook::rest`] found.
pub struct ZoneRest {
    caa: Observation<Caa>,
    ns_targets: Observation<Vec<NamedTarget>>,
}

/// Through the resolver: the names that the servers' addresses lead back to, and a primary that is none of the servers.
async fn about_servers(session: &Session<'_>, servers: &Observation<Vec<NameServer>>, soa: &Observation<Soa>) {
    let servers: &[NameServer] = servers.value().map_or(&[], Vec::as_slice);
    let addresses: BTreeSet<IpAddr> = servers.iter().filter_map(|server| server.address.parse().ok()).collect();
    let reverse = addresses.iter().take(MAX_REVERSE).map(|address| (Name::from(*address), RecordType::PTR));
    let primary = soa.value().filter(|soa| !servers.iter().any(|server| server.name == soa.mname));
    let primary = primary.and_then(|soa| ask::parse_name(&soa.mname).ok()).filter(|name| !name.is_root());
    let primary = primary.iter().flat_map(|name| [RecordType::A, RecordType::AAAA].map(|kind| (name.clone(), kind)));
    let questions: Vec<(Name, RecordType)> = reverse.chain(primary).collect();
    join_all(questions.iter().map(|(name, kind)| session.resolve(name, *kind))).await;
}

fn pinned_addresses(context: &Context, host: &str) -> Vec<IpAddr> {
    match context.scope.estate().asset(host).map(|asset| &asset.kind) {
        Some(AssetKind::Host { addresses, .. }) => addresses.clone(),
        _ => Vec::new(),
    }
}

fn pin(mut addresses: Vec<IpAddr>) -> Observation<Vec<String>> {
    addresses.sort_unstable();
    Observation::observed(address_texts(addresses))
}

fn address_texts(addresses: Vec<IpAddr>) -> Vec<String> {
    addresses.into_iter().map(|address| address.to_string()).collect()
}

/// The names that both answers go through; one that could be learned is enough.
fn alias_chain(a: &Reply, aaaa: &Reply) -> Observation<Vec<String>> {
    let learned = [a, aaaa].into_iter().find(|reply| !matches!(reply.end, End::Failed(_)));
    match (learned, &a.end) {
        (Some(reply), _) if reply.aliases.is_empty() => Observation::absent(),
        (Some(reply), _) => Observation::observed(reply.aliases.iter().map(name_text).collect()),
        (None, End::Failed(error)) => error.observation(),
        (None, _) => Observation::absent(),
    }
}

/// The first CAA record set from the name up to, not including, the root (RFC 8659 §3). A failure before a hit leaves
/// everything open: there may be records that forbid.
async fn climb_for_caa(context: &Context, host: &str) -> Observation<Caa> {
    let top = match ask::parse_name(host) {
        Ok(name) => name,
        Err(error) => return error.observation(),
    };
    for name in climb(&top) {
        let text = name_text(&name);
        match ask(context, &text, RecordType::CAA).await {
            Reply { end: End::NoData | End::NxDomain, .. } => {}
            reply => return reply.observe(|found| records::caa(&text, found)),
        }
    }
    Observation::absent()
}

/// The name and its ancestors, without the root.
fn climb(name: &Name) -> Vec<Name> {
    (1..=name.iter().count()).rev().map(|labels| name.trim_to(labels)).collect()
}

/// The addresses of a name in both families, and why a family could not be learned.
async fn both_families(context: &Context, name: &str) -> (Vec<IpAddr>, Option<String>) {
    let (a, aaaa) = join(ask(context, name, RecordType::A), ask(context, name, RecordType::AAAA)).await;
    let mut found = Vec::new();
    let mut failures = Vec::new();
    for reply in [a, aaaa] {
        match reply.end {
            End::Records(records) => found.append(&mut addresses(&records)),
            End::Failed(error) => failures.push(error.detail),
            End::NoData | End::NxDomain => {}
        }
    }
    (found, (!failures.is_empty()).then(|| failures.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::NetError;

    fn reply(aliases: &[&str], end: End) -> Reply {
        Reply { aliases: aliases.iter().map(|text| ask::parse_name(text).unwrap()).collect(), end, ttl: None }
    }

    fn timeout() -> End {
        End::Failed(NetError::new(Reason::Timeout, "asking x: no answer"))
    }

    #[test]
    fn climbing_goes_from_the_name_to_its_top_level_and_no_further() {
        let names: Vec<_> = climb(&ask::parse_name("www.cec.example").unwrap()).iter().map(name_text).collect();
        assert_eq!(names, ["www.cec.example", "cec.example", "example"]);
    }

    #[test]
    fn the_alias_chain_is_absent_only_if_an_answer_showed_that() {
        let none = reply(&[], End::NoData);
        let two = reply(&["b.example", "c.example"], End::NoData);
        assert!(matches!(alias_chain(&none, &none), Observation::Absent { .. }));
        assert!(matches!(alias_chain(&reply(&[], timeout()), &none), Observation::Absent { .. }));
        assert_eq!(alias_chain(&two, &two).value(), Some(&vec!["b.example".to_owned(), "c.example".to_owned()]));
        let unknown = alias_chain(&reply(&[], timeout()), &reply(&[], timeout()));
        assert!(matches!(unknown, Observation::Failed { reason: Reason::Timeout, .. }));
    }
}
