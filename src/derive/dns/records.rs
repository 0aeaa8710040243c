//! The zone's records, compared over its servers; and whether names that do not exist are answered.

use std::collections::{BTreeMap, BTreeSet};

use hickory_resolver::proto::dnssec::rdata::DNSSECRData;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::answers::{Answer, Answers, Said, name_text, parse_name};
use super::{size, view};
use crate::facts::{Observation, Reason, RecordAgreement, Span, Unobserved};

/// What is compared of the zone's own name.
const AT_APEX: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::CAA,
    RecordType::CDNSKEY,
    RecordType::CDS,
    RecordType::DNSKEY,
    RecordType::MX,
    RecordType::NS,
    RecordType::SOA,
    RecordType::TXT,
];
/// What is compared of names below it: the records of mail.
const BELOW: [RecordType; 3] = [RecordType::MX, RecordType::TLSA, RecordType::TXT];
/// Different contents that are shown.
const VIEWS: usize = 16;

/// Every type that was asked of the zone's own servers.
pub(super) fn agreement(answers: &Answers<'_>) -> Observation<Vec<RecordAgreement>> {
    let apex = AT_APEX.into_iter().map(|kind| (answers.zone.clone(), kind));
    let below: BTreeSet<(Name, RecordType)> = answers.plain().filter_map(|answer| below(answers, answer)).collect();
    let value: Vec<RecordAgreement> =
        apex.chain(below).filter_map(|(name, kind)| of_question(answers, &name, kind)).collect();
    if value.is_empty() {
        return Observation::Failed {
            observed_at: answers.at,
            reason: Reason::Dependency,
            detail: "none of the zone's servers was asked for its records".into(),
        };
    }
    Observation::Observed { observed_at: answers.at, value }
}

/// What an answer is about, if that is a name below the zone's own whose records are compared.
fn below(answers: &Answers<'_>, answer: &Answer<'_>) -> Option<(Name, RecordType)> {
    let kind = answer.question.record_type.parse().ok().filter(|kind| BELOW.contains(kind))?;
    let name = parse_name(&answer.question.name)?;
    (name != answers.zone && answers.zone.zone_of(&name)).then_some((name, kind))
}

fn of_question(answers: &Answers<'_>, name: &Name, kind: RecordType) -> Option<RecordAgreement> {
    let mut contents: BTreeMap<BTreeSet<String>, BTreeSet<&str>> = BTreeMap::new();
    let mut ttl = 0;
    let (mut told, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for answer in answers.plain().filter(|answer| answer.is_about(name, kind)) {
        let server = answer.question.server.as_str();
        match &answer.outcome {
            // A server that is lame, or refers to another zone's, says nothing of these records.
            Ok(said)
                if !said.message.metadata.authoritative
                    && said.message.metadata.response_code == ResponseCode::NoError => {}
            Ok(said) if said.message.metadata.authoritative && is_answer(said) => {
                let records = said.answers(name, kind);
                ttl = records.map(|record| record.ttl).chain([ttl]).max().unwrap_or_default();
                contents.entry(content(said, name, kind)).or_default().insert(server);
                told.insert(server);
            }
            _ => drop(silent.insert(server)),
        }
    }
    // What a server denied in an answer to something else it was not asked again.
    for answer in answers.plain().chain(answers.variant("missing-name")).filter(|_| *name == answers.zone) {
        let server = answer.question.server.as_str();
        let was_asked = told.contains(server) || silent.contains(server);
        if !was_asked && answer.outcome.as_ref().is_ok_and(|said| leaves_out(said, name, kind)) {
            contents.entry(BTreeSet::new()).or_default().insert(server);
            told.insert(server);
        }
    }
    // A question that was asked again without EDNS counts once.
    let unanswered = silent.difference(&told).count();
    (!told.is_empty() || unanswered > 0).then(|| RecordAgreement {
        question: format!("{} {kind}", name_text(name)),
        name: name_text(name),
        record_type: kind.to_string(),
        contents: size(contents.len()),
        answered: size(told.len()),
        unanswered: size(unanswered),
        exists: contents.keys().any(|content| !content.is_empty()),
        ttl: Span(i64::from(ttl)),
        views: contents.iter().take(VIEWS).map(|(content, servers)| view(content, "; ", servers)).collect(),
    })
}

/// Whether a denial lists the types at the zone's own name without this one (RFC 4034 §4.1.2, RFC 5155 §3.1.8).
fn leaves_out(said: &Said, zone: &Name, kind: RecordType) -> bool {
    let without = |record: &Record| match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC(nsec)) => record.name == *zone && !nsec.type_set().contains(kind),
        // Its owner is a hash; of all names in a zone the apex alone has a SOA.
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => {
            nsec3.type_set().contains(RecordType::SOA) && !nsec3.type_set().contains(kind)
        }
        _ => false,
    };
    said.message.metadata.authoritative && said.message.authorities.iter().any(without)
}

/// The records as text, without what may differ among sound servers. An alias stands for what lies behind it.
fn content(said: &Said, name: &Name, kind: RecordType) -> BTreeSet<String> {
    let alias = said.answers(name, RecordType::CNAME).map(|record| format!("CNAME {}", text(record)));
    said.answers(name, kind).map(text).chain(alias).collect()
}

fn text(record: &Record) -> String {
    match &record.data {
        // The serial is compared by itself.
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {}",
            soa.mname.to_lowercase(),
            soa.rname.to_lowercase(),
            soa.refresh.cast_unsigned(),
            soa.retry.cast_unsigned(),
            soa.expire.cast_unsigned(),
            soa.minimum
        ),
        RData::NS(ns) => ns.0.to_lowercase().to_string(),
        RData::MX(mx) => format!("{} {}", mx.preference, mx.exchange.to_lowercase()),
        RData::CNAME(target) => target.to_lowercase().to_string(),
        data => data.to_string(),
    }
}

/// Whether any server answers a name that cannot be there. NOERROR without an answer is how some sign a denial as they go
/// (RFC 9824), and no wildcard address.
pub(super) fn wildcard(answers: &Answers<'_>) -> Observation<bool> {
    let mut failure: Option<Unobserved> = None;
    let mut told = None;
    for answer in answers.variant("missing-name") {
        match &answer.outcome {
            Ok(said) if said.message.metadata.authoritative && is_answer(said) => {
                told = Some(told.unwrap_or(false) || !said.message.answers.is_empty());
            }
            Ok(said) => {
                failure = Some(Observation::Failed {
                    observed_at: said.at,
                    reason: Reason::Other,
                    detail: format!("{} gave no usable answer", answer.question.server),
                });
            }
            Err(why) => failure = Some(why.clone()),
        }
    }
    match (told, failure) {
        (Some(value), _) => Observation::Observed { observed_at: answers.at, value },
        (None, Some(why)) => why.cast(),
        (None, None) => Observation::Failed {
            observed_at: answers.at,
            reason: Reason::Dependency,
            detail: "none of the zone's servers was asked for a name that does not exist".into(),
        },
    }
}

fn is_answer(said: &Said) -> bool {
    matches!(said.message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
}
