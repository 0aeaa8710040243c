//! What the parent says, alone and against the zone's own servers.

use std::collections::{BTreeMap, BTreeSet};

use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, Record, RecordType};

use super::answers::{Answers, Said, name_text, ns_names, parse_name};
use super::{size, view};
use crate::facts::{Delegation, DelegationMatch, LIST_CAP, NameServer, Observation, Reason};

/// The longest name there is, in bytes (RFC 1035 §3.1).
const LONGEST_NAME: usize = 255;

/// The referral of the server above the zone.
pub(super) fn delegation(answers: &Answers<'_>, parent: &Observation<String>) -> Observation<Delegation> {
    parent.and_then(|server, at| match referral(answers, server) {
        Some((of, said)) => Observation::Observed { observed_at: said.at, value: read(answers, server, of, said) },
        None => Observation::Failed {
            observed_at: at,
            reason: Reason::Dependency,
            detail: format!("the referral of {server} is not in the evidence"),
        },
    })
}

/// The answer that refers to the zone, and the zone that refers.
pub(super) fn referral<'s>(answers: &'s Answers<'_>, server: &'s str) -> Option<(&'s str, &'s Said)> {
    answers.of(server, "referral").find_map(|answer| {
        let said = answer.outcome.as_ref().ok()?;
        let refers = !ns_names(&said.message.authorities, &answers.zone).is_empty();
        refers.then_some((answer.question.zone.as_str(), said))
    })
}

fn read(answers: &Answers<'_>, server: &str, parent: &str, said: &Said) -> Delegation {
    let mut lists: BTreeMap<BTreeSet<String>, BTreeSet<&str>> = BTreeMap::new();
    for answer in answers.variant("referral").filter(|answer| answer.question.zone == parent) {
        if let Some(list) = answer.outcome.as_ref().ok().and_then(|said| list(answers, said)) {
            lists.entry(list).or_default().insert(&answer.question.server);
        }
    }
    let ns: BTreeSet<&String> = lists.keys().flatten().collect();
    Delegation {
        parent: parent.to_owned(),
        server: server.to_owned(),
        contents: size(lists.len()),
        views: lists.iter().map(|(list, servers)| view(list, ", ", servers)).collect(),
        ns: ns.into_iter().take(LIST_CAP).cloned().collect(),
        size: size(least_size(&answers.zone, &said.message)),
    }
}

/// The servers that a parent's answer names: none, if it says that there is no such zone; `None`, if it says nothing of the delegation.
fn list(answers: &Answers<'_>, said: &Said) -> Option<BTreeSet<String>> {
    let head = &said.message.metadata;
    let names = ns_names(&said.message.authorities, &answers.zone);
    let is_referral = !head.authoritative && head.response_code == ResponseCode::NoError && !names.is_empty();
    let denies = head.authoritative && said.message.answers.is_empty();
    let denies = denies && matches!(head.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
    (is_referral || denies).then_some(names)
}

/// Bytes of the smallest referral that works: the NS records and, if every server lies inside the zone, one address of each
/// family that there is, for a question with the longest name (RFC 9471 §2.1).
fn least_size(zone: &Name, referral: &Message) -> usize {
    let mut least = Message::new(0, MessageType::Response, OpCode::Query);
    least.add_query(Query::query(zone.clone(), RecordType::A));
    let delegates = |record: &&Record| record.name == *zone && record.record_type() == RecordType::NS;
    least.authorities = referral.authorities.iter().filter(delegates).cloned().collect();
    let names = ns_names(&least.authorities, zone);
    if names.iter().filter_map(|name| parse_name(name)).all(|name| zone.zone_of(&name)) {
        for kind in [RecordType::A, RecordType::AAAA] {
            let glue = |record: &&Record| record.record_type() == kind && names.contains(&name_text(&record.name));
            least.additionals.extend(referral.additionals.iter().find(glue).cloned());
        }
    }
    least.to_vec().map_or(0, |bytes| bytes.len() + LONGEST_NAME.saturating_sub(zone.len() + 1))
}

/// The parent's list against that of the zone's own servers, all of them taken together.
pub(super) fn compare(
    delegation: &Observation<Delegation>,
    servers: &Observation<Vec<NameServer>>,
) -> Observation<DelegationMatch> {
    delegation.and_then(|delegation, observed_at| {
        let own = own_names(servers);
        if own.is_empty() {
            let detail = "none of the zone's own servers gave its list of name servers".to_owned();
            return Observation::Failed { observed_at, reason: Reason::Dependency, detail };
        }
        let parent: BTreeSet<String> = delegation.ns.iter().cloned().collect();
        let value = DelegationMatch {
            only_parent: parent.difference(&own).cloned().collect(),
            only_child: own.difference(&parent).cloned().collect(),
        };
        Observation::Observed { observed_at, value }
    })
}

/// Names that the servers give with authority.
pub(super) fn own_names(servers: &Observation<Vec<NameServer>>) -> BTreeSet<String> {
    let answered = servers.value().into_iter().flatten().filter_map(|server| server.udp.value());
    answered.filter(|answer| answer.authoritative).filter_map(|answer| answer.ns.clone()).flatten().collect()
}
