//! What the demo's DNS says: a root, a top level, the commission's signed zone, and a party's unsigned one.

use std::io;
use std::net::IpAddr;

use hickory_resolver::proto::rr::rdata::{A, AAAA, CAA, MX, NS, SOA, TXT};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use time::{Duration, OffsetDateTime};

use super::zone::{Answer, Zone};
use super::{Addresses, failed};

/// All zones, the deepest first.
pub(super) struct World {
    zones: Vec<Zone>,
}

impl World {
    /// What a resolver would find.
    pub(super) fn resolve(&self, question: &Name, kind: RecordType) -> Option<Answer> {
        // The DS of a zone belongs to its parent (RFC 4035 §3.1.4.1).
        let holds = |zone: &&Zone| {
            zone.apex.zone_of(question) && !(kind == RecordType::DS && zone.apex == *question && !question.is_root())
        };
        self.zones.iter().find(holds).map(|zone| zone.answer(question, kind))
    }
    /// What one zone's own servers say; `None` for a name outside of it.
    pub(super) fn ask_zone(&self, apex: &str, question: &Name, kind: RecordType) -> Option<Answer> {
        let zone = self.zones.iter().find(|zone| zone.apex.to_ascii().trim_end_matches('.') == apex)?;
        zone.apex.zone_of(question).then(|| zone.answer(question, kind))
    }
    /// The root's key as a DS record in zone-file form.
    pub(super) fn trust_anchor(&self) -> String {
        let root = self.zones.iter().find(|zone| zone.apex.is_root());
        match root.and_then(|root| root.ds().ok().flatten()) {
            Some(ds) => format!(". IN DS {ds}\n"),
            None => String::new(),
        }
    }
}

/// Builds and signs everything.
pub(super) fn world(addresses: &Addresses, now: OffsetDateTime) -> io::Result<World> {
    let signed_from = now - Duration::days(1);
    let commission = Zone::new(name("cec.example")?, Some(signed_from), commission(addresses, now)?)?;
    let party = Zone::new(name("party.example")?, None, party(addresses, now)?)?;
    let mut top = base("example", &[("ns.example", addresses.ns1)], now)?;
    top.extend(commission.ds()?.map(|ds| (commission.apex.clone(), ds)));
    for server in ["ns1.cec.example", "ns2.cec.example"] {
        top.push((commission.apex.clone(), ns(server)?));
    }
    for (server, _) in party_servers(addresses) {
        top.push((party.apex.clone(), ns(server)?));
    }
    let top = Zone::new(name("example")?, Some(signed_from), top)?;
    let mut root = base(".", &[("a.root.example", addresses.ns1)], now)?;
    root.retain(|(owner, _)| owner.is_root());
    root.extend(top.ds()?.map(|ds| (top.apex.clone(), ds)));
    root.push((top.apex.clone(), ns("ns.example")?));
    let root = Zone::new(Name::root(), Some(signed_from), root)?;
    Ok(World { zones: vec![commission, party, top, root] })
}

/// Well kept, but its mail policy asks nobody to refuse a forgery.
fn commission(addresses: &Addresses, now: OffsetDateTime) -> io::Result<Vec<(Name, RData)>> {
    let servers = [("ns1.cec.example", addresses.ns1), ("ns2.cec.example", addresses.ns2)];
    let mut records = base("cec.example", &servers, now)?;
    let apex = name("cec.example")?;
    for (host, address) in [
        ("www.cec.example", addresses.www),
        ("results.cec.example", addresses.results),
        ("register.cec.example", addresses.register),
        ("media.cec.example", addresses.media),
        ("mx1.cec.example", addresses.mail),
        ("mx2.cec.example", addresses.mail),
    ] {
        records.push((name(host)?, at(address)));
    }
    for (preference, exchange) in [(10, "mx1.cec.example"), (20, "mx2.cec.example")] {
        records.push((apex.clone(), RData::MX(MX::new(preference, name(exchange)?))));
    }
    records.push((apex.clone(), txt("v=spf1 mx -all")));
    records.push((name("_dmarc.cec.example")?, txt("v=DMARC1; p=none; rua=mailto:dmarc@cec.example")));
    records.push((apex.clone(), RData::CAA(CAA::new_issue(false, Some(name("ca.example")?), Vec::new()))));
    let report = "mailto:security@cec.example".parse().map_err(failed("writing a CAA record"))?;
    records.push((apex, RData::CAA(CAA::new_iodef(false, report))));
    Ok(records)
}

/// Not signed, no mail policy at all, and one of its two name servers does not know the zone.
fn party(addresses: &Addresses, now: OffsetDateTime) -> io::Result<Vec<(Name, RData)>> {
    let mut records = base("party.example", &party_servers(addresses), now)?;
    records.push((name("party.example")?, RData::MX(MX::new(10, name("mx.party.example")?))));
    records.push((name("mx.party.example")?, at(addresses.mail)));
    Ok(records)
}

/// The second one knows nothing of the zone; where it has no address of its own it is left out.
fn party_servers(addresses: &Addresses) -> Vec<(&'static str, IpAddr)> {
    let mut servers = vec![("ns1.party.example", addresses.party_ns1)];
    if addresses.are_own() {
        servers.push(("ns2.party.example", addresses.party_ns2));
    }
    servers
}

/// SOA, name servers and their addresses.
fn base(apex: &str, servers: &[(&str, IpAddr)], now: OffsetDateTime) -> io::Result<Vec<(Name, RData)>> {
    let apex = name(apex)?;
    let first = servers.first().map_or("ns.example", |(server, _)| server);
    let serial = u32::try_from(now.unix_timestamp()).unwrap_or(1);
    let soa = SOA::new(name(first)?, name("hostmaster.cec.example")?, serial, 14_400, 3600, 1_209_600, 3600);
    let mut records = vec![(apex.clone(), RData::SOA(soa))];
    for (server, address) in servers {
        records.push((apex.clone(), ns(server)?));
        records.push((name(server)?, at(*address)));
    }
    Ok(records)
}

fn name(text: &str) -> io::Result<Name> {
    let mut name = Name::from_ascii(text).map_err(failed("writing a name"))?;
    name.set_fqdn(true);
    Ok(name)
}

fn ns(server: &str) -> io::Result<RData> {
    Ok(RData::NS(NS(name(server)?)))
}

fn txt(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

fn at(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(v4) => RData::A(A(v4)),
        IpAddr::V6(v6) => RData::AAAA(AAAA(v6)),
    }
}
