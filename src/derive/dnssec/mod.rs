//! DNSSEC from raw answers, explained: a validator that says why, over what was kept, at a given time (RFC 4035 §5).
//!
//! The walk starts at the trust anchor and goes down name by name, over what the resolver passed on. At each name the parent's
//! DS decides: a signed DS leads into the child, a signed denial shows an unsigned delegation or that there is no zone cut, and
//! anything else is bogus. A question that was not answered makes the state indeterminate, never bogus. With the DS that the
//! walk ends in, each of the zone's own servers is then taken at its word, record set by record set.

mod anchor;
mod answers;
mod checker;
mod child;
mod denial;
mod keys;
mod rrset;
mod signing;
mod times;
mod walk;

#[cfg(test)]
mod tests;

use hickory_resolver::proto::dnssec::rdata::DS;
use hickory_resolver::proto::rr::{Name, RecordType};

use super::Given;
use super::dns::answers as own;
use super::message::parse_name;
use crate::facts::{Blobs, Dnssec, DnssecChain, LIST_CAP, NameServer, Observation, Signing, Timestamp};

use answers::Answers;
use checker::Moment;
use keys::{ds_fact, key_fact};
use rrset::RrSet;
use walk::{Stop, Walk};

/// A zone and the chain of trust that leads to it.
pub(super) struct Validation {
    zone: Name,
    answers: Answers,
    /// The zone's DS records, or where and why the chain stops above it.
    vouched: Result<Vec<DS>, Stop>,
    observed_at: Timestamp,
    moment: Moment,
}

impl Validation {
    /// Goes down the chain.
    ///
    /// # Errors
    /// `zone` is no domain name.
    pub(super) fn new(
        zone: &str,
        chain: &DnssecChain,
        observed_at: Timestamp,
        blobs: &Blobs,
        given: &Given,
    ) -> Result<Self, String> {
        let name = parse_name(zone).ok_or_else(|| format!("'{zone}' is no domain name"))?;
        let answers = Answers::new(chain, blobs);
        let moment = Moment::at(given.now);
        let vouched = Walk::new(&answers, &moment).vouched(&name, &given.trust_anchor);
        Ok(Self { zone: name, answers, vouched, observed_at, moment })
    }

    /// The state of the zone as the resolver's users have it, or why it cannot be told at all: without the zone's own DNSKEY
    /// answer nobody knows if it is signed. A validating resolver tries the next server where one is bogus, so one that is secure
    /// is enough; asked without validation, as here, it may pass on the other.
    pub(super) fn state(&self, signing: &Observation<Signing>) -> Observation<Dnssec> {
        let Self { zone, answers, observed_at, moment, .. } = self;
        let dnskey = match answers.get(zone, RecordType::DNSKEY) {
            Ok(message) => RrSet::answer(message, zone, RecordType::DNSKEY),
            Err(unknown) => {
                return Observation::Failed {
                    observed_at: *observed_at,
                    reason: unknown.reason,
                    detail: unknown.detail,
                };
            }
        };
        let ended = self.vouched.clone().and_then(|ds| Walk::new(answers, moment).end(zone, &ds));
        let ended = ended.or_else(|stop| match (secure_at(signing), stop) {
            (Some(server), Stop::Bogus(why)) => {
                Ok(format!("signatures verify at {server}, but not what the resolver passed on: {why}"))
            }
            (_, stop) => Err(stop),
        });
        let (status, reason) = ended.map_or_else(Stop::state, |reason| ("secure", reason));
        let ds =
            answers.get(zone, RecordType::DS).ok().map(|message| RrSet::answer(message, zone, RecordType::DS).ds());
        let soa = answers.get(zone, RecordType::SOA).ok().map(|message| RrSet::answer(message, zone, RecordType::SOA));
        let ends = soa.iter().chain([&dnskey]).flat_map(|rrset| rrset.expirations(zone, moment.now));
        Observation::Observed {
            observed_at: *observed_at,
            value: Dnssec {
                status: status.to_owned(),
                reason,
                signed: !dnskey.records.is_empty(),
                delegated_securely: ds.as_ref().map(|ds| !ds.is_empty()),
                keys: dnskey.keys().iter().take(LIST_CAP).map(key_fact).collect(),
                ds: ds.iter().flatten().take(LIST_CAP).map(ds_fact).collect(),
                signatures_end: ends.min(),
            },
        }
    }

    /// What each of the zone's own servers signs and proves.
    pub(super) fn signing(&self, own: &own::Answers<'_>, servers: &[NameServer]) -> Observation<Signing> {
        signing::explain(&self.zone, &self.vouched, own, servers, &self.moment)
    }
}

fn secure_at(signing: &Observation<Signing>) -> Option<&str> {
    let servers = &signing.value()?.servers;
    servers.iter().find(|one| one.answers.status == "secure").map(|one| one.server.as_str())
}
