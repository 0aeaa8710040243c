//! Derived facts: pure functions from primary facts, the estate's inputs and `run.now`. No I/O, no clock.

mod answers;
mod csp;
pub mod ct;
mod dns;
mod dnssec;
mod headers;
mod hsts;
mod html;
mod mail;
mod message;
mod named;
pub mod names;
mod service;
mod spf;
mod tls;
mod web;

use crate::facts::{Blobs, Looks, Timestamp};

/// What derivation may use besides the facts.
#[derive(Clone, Debug)]
pub struct Given {
    /// `run.now`.
    pub now: Timestamp,
    /// PEM text of the estate's extra roots; empty if none.
    pub extra_roots: String,
    /// The trust anchor in zone-file form (DS or DNSKEY records of the root); empty for the built-in one.
    pub trust_anchor: String,
    /// Lines `prefix TAB as-number`; empty without a table.
    pub as_table: String,
    /// DMARC aggregate reports taken together, as JSON ([`crate::facts::MailReports`]); empty if none were given.
    pub dmarc_reports: String,
}

impl Given {
    /// Nothing but the moment.
    pub fn at(now: Timestamp) -> Self {
        let [extra_roots, trust_anchor, as_table, dmarc_reports] = [const { String::new() }; 4];
        Self { now, extra_roots, trust_anchor, as_table, dmarc_reports }
    }
}

pub(crate) use tls::keys;

/// Fills in every derived field. `earlier` are the first looks, of a second one: what it did not ask again is taken from there.
pub fn derive(looks: &mut Looks, earlier: Option<&Looks>, blobs: &Blobs, given: &Given) {
    let roots = tls::Roots::new(&given.extra_roots);
    for service in looks.services.values_mut() {
        for endpoint in service.endpoints.values_mut() {
            answers::derive(endpoint, service.declared);
            tls::derive(&mut endpoint.tls, &service.host, blobs, given, &roots);
            web::derive(&mut endpoint.web, blobs);
            tls::winshock::derive(endpoint);
        }
        service::derive(service);
    }
    tls::drown::derive(looks);
    let reports = serde_json::from_str(&given.dmarc_reports).unwrap_or_default();
    let shared = mail::Shared { blobs, given, roots: &roots, reports, table: dns::AsTable::read(&given.as_table) };
    looks.zones.change(|name, zone| {
        dns::derive(name, &mut zone.dns, blobs, given);
        let negative_ttl = zone.dns.soa.value().map(|soa| soa.minimum);
        mail::derive(name, &mut zone.mail, negative_ttl, &shared);
    });
    named::derive(looks, earlier, blobs);
}

/// Feeds bytes to the parsers of what servers send encrypted: certificates, stapled responses, lists of timestamps. For the fuzz
/// target and the replay of its corpus; nothing may panic, hang or take memory without bound.
pub fn exercise_tls(bytes: &[u8]) {
    tls::exercise(bytes);
}

/// Everything that is computed from DNS messages behind one door, for the fuzz target and the replay of its corpus.
pub fn exercise_dns(selector: u8, bytes: &[u8]) {
    dns::exercise::answers(selector, bytes);
}

/// Every parser of mail records behind one door, for the fuzz target and the replay of its corpus.
pub fn exercise_mail(selector: u8, bytes: &[u8]) {
    mail::exercise(selector, bytes);
}

/// Empties every derived field again: what is stored is primary.
pub fn strip(looks: &mut Looks) {
    use crate::facts::Observation;
    for service in looks.services.values_mut() {
        service.agreement = Observation::underived();
        for endpoint in service.endpoints.values_mut() {
            endpoint.answers = Observation::underived();
            tls::strip(&mut endpoint.tls);
            web::strip(&mut endpoint.web);
        }
    }
    looks.zones.change(|_, zone| {
        zone.dns.strip();
        mail::strip(&mut zone.mail);
    });
}
