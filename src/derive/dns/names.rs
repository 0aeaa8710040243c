//! Names and addresses of name servers: as the parent has them, as the zone has them, and what they lead back to.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::answers::{Answer, Answers, Said, addresses, name_text, ns_names, parse_name};
use super::delegation::{own_names, referral};
use crate::facts::{
    LIST_CAP, NameServer, Observation, Primary, Reason, ReverseName, ServerName, Timestamp, Unobserved, ZoneDns,
};

/// Every name that the parent, the zone or the resolver has.
pub(super) fn names(answers: &Answers<'_>, dns: &ZoneDns) -> Observation<Vec<ServerName>> {
    let mut all = own_names(&dns.servers);
    all.extend(dns.delegation.value().into_iter().flat_map(|delegation| delegation.ns.iter().cloned()));
    all.extend(dns.ns.value().into_iter().flatten().cloned());
    if all.is_empty() {
        return dns.servers.and_then(|_, observed_at| Observation::Absent { observed_at });
    }
    let name = |name: String| {
        let parsed = parse_name(&name)?;
        let (addresses, is_alias) = addresses_of(answers, &parsed);
        Some(ServerName { glue: glue(answers, dns, &parsed), addresses, is_alias, name })
    };
    Observation::Observed { observed_at: answers.at, value: all.into_iter().take(LIST_CAP).filter_map(name).collect() }
}

/// The primary of the SOA.
pub(super) fn primary(answers: &Answers<'_>, dns: &ZoneDns) -> Observation<Primary> {
    dns.soa.and_then(|soa, observed_at| {
        let Some(name) = parse_name(&soa.mname).filter(|name| !name.is_root()) else {
            return Observation::Absent { observed_at };
        };
        let (addresses, is_alias) = addresses_of(answers, &name);
        let answers = answers_for_zone(&soa.mname, &dns.servers, observed_at);
        let value = Primary { name: soa.mname.clone(), addresses, is_alias, answers };
        Observation::Observed { observed_at, value }
    })
}

/// Whether any address of the name answers with authority.
fn answers_for_zone(name: &str, servers: &Observation<Vec<NameServer>>, at: Timestamp) -> Observation<bool> {
    let of_name: Vec<&NameServer> = servers.value().into_iter().flatten().filter(|s| s.name == name).collect();
    let told: Vec<bool> = of_name.iter().filter_map(|s| s.udp.value()).map(|answer| answer.authoritative).collect();
    let observed = |value| Observation::Observed { observed_at: at, value };
    match of_name.iter().find_map(|server| server.udp.unobserved()) {
        _ if told.contains(&true) => observed(true),
        Some(why) => why.cast(),
        None if told.is_empty() => Observation::Absent { observed_at: at },
        None => observed(false),
    }
}

/// Where each address of a server leads back to.
pub(super) fn reverse(answers: &Answers<'_>, servers: &Observation<Vec<NameServer>>) -> Observation<Vec<ReverseName>> {
    servers.and_then(|servers, observed_at| {
        let all: BTreeSet<IpAddr> = servers.iter().filter_map(|server| server.address.parse().ok()).collect();
        let one = |address: &IpAddr| {
            let owner = Name::from(*address);
            let answer = answers.variant("resolver").find(|answer| answer.is_about(&owner, RecordType::PTR))?;
            let names = answer.observe(pointers);
            Some(ReverseName { address: address.to_string(), names })
        };
        Observation::Observed { observed_at, value: all.iter().filter_map(one).collect() }
    })
}

/// Names of PTR records, wherever an alias leads to (RFC 2317).
fn pointers(said: &Said) -> Observation<Vec<String>> {
    let name = |data: &RData| match data {
        RData::PTR(ptr) => Some(name_text(&ptr.0)),
        _ => None,
    };
    let names: BTreeSet<String> = said.message.answers.iter().filter_map(|record| name(&record.data)).collect();
    if names.is_empty() {
        return Observation::Absent { observed_at: said.at };
    }
    Observation::Observed { observed_at: said.at, value: names.into_iter().take(LIST_CAP).collect() }
}

/// Addresses that the referral carries for a name inside the zone.
fn glue(answers: &Answers<'_>, dns: &ZoneDns, name: &Name) -> Observation<Vec<String>> {
    dns.delegation.and_then(|delegation, observed_at| {
        let said = referral(answers, &delegation.server).map(|(_, said)| said);
        let listed =
            said.is_some_and(|said| ns_names(&said.message.authorities, &answers.zone).contains(&name_text(name)));
        match said.filter(|_| listed && answers.zone.zone_of(name)) {
            Some(said) => {
                let found = addresses(&said.message.additionals, name);
                Observation::Observed { observed_at, value: texts(found) }
            }
            None => Observation::Absent { observed_at },
        }
    })
}

fn texts(found: BTreeSet<IpAddr>) -> Vec<String> {
    found.into_iter().take(LIST_CAP).map(|address| address.to_string()).collect()
}

/// Addresses of a name, and whether it is an alias: from the zone's own servers, else from the resolver. What a server sends along
/// with its list of name servers is taken for whole in each family that it sends; the other is asked where the parent has it.
fn addresses_of(answers: &Answers<'_>, name: &Name) -> (Observation<Vec<String>>, Observation<bool>) {
    let mut found = Known::default();
    for said in answers.plain().filter_map(|a| a.outcome.as_ref().ok()).filter(|said| said.is_authoritative()) {
        found.addresses.extend(addresses(&said.message.additionals, name));
    }
    found.is_told |= !found.addresses.is_empty();
    for kind in [RecordType::A, RecordType::AAAA] {
        found.take(answers.plain().filter(|a| a.is_about(name, kind)), name, Said::is_authoritative);
    }
    if !found.is_told && found.failure.is_none() {
        for kind in [RecordType::A, RecordType::AAAA] {
            let usable = |said: &Said| {
                matches!(said.message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
            };
            found.take(answers.variant("resolver").filter(|a| a.is_about(name, kind)), name, usable);
        }
    }
    found.told(answers.at)
}

/// What is known of a name so far.
#[derive(Default)]
struct Known {
    addresses: BTreeSet<IpAddr>,
    is_alias: bool,
    is_told: bool,
    /// A family about which nobody answered.
    failure: Option<Unobserved>,
}

impl Known {
    /// Takes answers to one question, of which one that is usable is enough.
    fn take<'s, 'a: 's>(
        &mut self,
        asked: impl Iterator<Item = &'s Answer<'a>>,
        name: &Name,
        usable: impl Fn(&Said) -> bool,
    ) {
        let (mut answered, mut failure) = (false, None);
        for answer in asked {
            match &answer.outcome {
                Ok(said) if usable(said) => {
                    answered = true;
                    self.is_alias |= said.answers(name, RecordType::CNAME).next().is_some();
                    self.addresses.extend(said.message.answers.iter().filter_map(|record| record.data.ip_addr()));
                }
                Ok(_) => {}
                Err(why) => failure = Some(why.clone()),
            }
        }
        self.is_told |= answered;
        if !answered {
            self.failure = self.failure.take().or(failure);
        }
    }

    fn told(self, observed_at: Timestamp) -> (Observation<Vec<String>>, Observation<bool>) {
        let unknown = || match &self.failure {
            Some(why) => why.clone(),
            None => Observation::Failed {
                observed_at,
                reason: Reason::Dependency,
                detail: "nobody was asked, or answered, for its addresses".into(),
            },
        };
        let is_alias = match self.is_told {
            true => Observation::Observed { observed_at, value: self.is_alias },
            false => unknown().cast(),
        };
        let addresses = match (self.is_told, &self.failure, self.addresses.is_empty()) {
            (true, None, true) => Observation::Absent { observed_at },
            (true, None, false) => Observation::Observed { observed_at, value: texts(self.addresses) },
            _ => unknown().cast(),
        };
        (addresses, is_alias)
    }
}
