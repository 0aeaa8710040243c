//! DNS of a zone, from what its servers, its parent's and the resolver answered: computed offline, from the raw answers.

mod answers;
mod behaviour;
mod delegation;
mod index;
mod names;
mod records;

#[cfg(test)]
mod tests;

use super::{Given, dnssec};
use crate::facts::{Blobs, Observation, ZoneDns};
use answers::Answers;
pub(super) use index::AsTable;
use index::index;

/// Fills every derived field.
pub(super) fn derive(zone: &str, dns: &mut ZoneDns, blobs: &Blobs, given: &Given) {
    dns.dnssec =
        dns.chain.and_then(|chain, at| dnssec::validate(zone, chain, at, blobs, given.now, &given.trust_anchor));
    dns.server_index = dns.servers.and_then(|servers, observed_at| {
        let value = index(servers, &AsTable::read(&given.as_table));
        Observation::Observed { observed_at, value }
    });
    // Older facts have no exchanges: what rests on them stays underived, and the judge says that it is unknown.
    let Some(exchanges) = dns.exchanges.value() else {
        if let Some(why) = dns.exchanges.unobserved().filter(|_| !dns.exchanges.is_underived()) {
            unknown(dns, &why);
        }
        return;
    };
    let Some(answers) = Answers::new(zone, exchanges, blobs, dns.exchanges.observed_at()) else { return };
    dns.delegation = delegation::delegation(&answers, &dns.parent);
    dns.delegation_match = delegation::compare(&dns.delegation, &dns.servers);
    dns.names = names::names(&answers, dns);
    dns.primary = names::primary(&answers, dns);
    dns.reverse = names::reverse(&answers, &dns.servers);
    dns.behaviour = behaviour::all(&answers, &dns.servers);
    dns.records = records::agreement(&answers);
    dns.wildcard = records::wildcard(&answers);
}

fn unknown(dns: &mut ZoneDns, why: &crate::facts::Unobserved) {
    dns.delegation = why.cast();
    dns.delegation_match = why.cast();
    dns.names = why.cast();
    dns.primary = why.cast();
    dns.reverse = why.cast();
    dns.behaviour = why.cast();
    dns.records = why.cast();
    dns.wildcard = why.cast();
}

fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
