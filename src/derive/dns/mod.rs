//! DNS of a zone, from what its servers, its parent's and the resolver answered: computed offline, from the raw answers.

pub(in crate::derive) mod answers;
mod behaviour;
mod delegation;
pub(in crate::derive) mod exercise;
mod index;
mod names;
mod records;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::Given;
use super::dnssec::Validation;
use crate::facts::{Blobs, Observation, Reason, Unobserved, ZoneDns, printable};
use answers::Answers;
pub(super) use index::AsTable;
use index::index;

/// Characters of a content, and servers, that are shown in a sentence.
const SHOWN: usize = 200;
const SERVERS_SHOWN: usize = 8;

/// Fills every derived field.
pub(super) fn derive(zone: &str, dns: &mut ZoneDns, blobs: &Blobs, given: &Given) {
    dns.server_index = dns.servers.and_then(|servers, observed_at| {
        let value = index(servers, &AsTable::read(&given.as_table));
        Observation::Observed { observed_at, value }
    });
    let validation = validation(zone, dns, blobs, given);
    from_exchanges(zone, dns, blobs, validation.as_ref());
    dns.dnssec = match &validation {
        Ok(validation) => validation.state(&dns.signing),
        Err(why) => why.cast(),
    };
}

/// What rests on the exchanges.
fn from_exchanges(zone: &str, dns: &mut ZoneDns, blobs: &Blobs, validation: Result<&Validation, &Unobserved>) {
    // Older facts have no exchanges: this stays underived, and the judge says that it is unknown.
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
    dns.signing = match validation {
        Ok(validation) => dns.servers.and_then(|servers, _| validation.signing(&answers, servers)),
        Err(why) => why.cast(),
    };
}

/// The chain of trust that leads to the zone, or why there is none to follow.
fn validation(zone: &str, dns: &ZoneDns, blobs: &Blobs, given: &Given) -> Result<Validation, Unobserved> {
    let observed_at = dns.chain.observed_at();
    let failed = |reason, detail| Observation::Failed { observed_at, reason, detail };
    let Some(chain) = dns.chain.value() else {
        let why = dns.chain.unobserved();
        return Err(why.unwrap_or_else(|| failed(Reason::Dependency, "the chain was not asked".into())));
    };
    Validation::new(zone, chain, observed_at, blobs, given).map_err(|why| failed(Reason::Other, why))
}

fn unknown(dns: &mut ZoneDns, why: &Unobserved) {
    dns.delegation = why.cast();
    dns.delegation_match = why.cast();
    dns.names = why.cast();
    dns.primary = why.cast();
    dns.reverse = why.cast();
    dns.behaviour = why.cast();
    dns.records = why.cast();
    dns.wildcard = why.cast();
    dns.signing = why.cast();
}

/// What some of the servers say, for a sentence: `"this; that" from one and another`.
fn view(content: &BTreeSet<String>, between: &str, servers: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = servers.iter().take(SERVERS_SHOWN).copied().collect();
    let more = if servers.len() > SERVERS_SHOWN { " and others" } else { "" };
    let text = content.iter().map(String::as_str).collect::<Vec<_>>().join(between);
    let text = if text.is_empty() { "nothing".to_owned() } else { format!("\"{}\"", printable(&text, SHOWN)) };
    format!("{text} from {}{more}", shown.join(" and "))
}

pub(super) fn size(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
