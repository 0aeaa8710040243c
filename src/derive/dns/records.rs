//! The records at the zone's own name, compared over its servers; and whether names that do not exist are answered.

use std::collections::{BTreeMap, BTreeSet};

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::answers::{Answer, Answers, Said};
use super::size;
use crate::facts::{Observation, Reason, RecordAgreement, Span, Unobserved, printable};

/// What is compared.
const TYPES: [RecordType; 10] = [
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
/// Characters of a content, and servers, that are shown.
const SHOWN: usize = 200;
const SERVERS_SHOWN: usize = 8;
/// Different contents that are shown.
const VIEWS: usize = 16;

/// Every type that was asked of the zone's own servers.
pub(super) fn agreement(answers: &Answers<'_>) -> Observation<Vec<RecordAgreement>> {
    let value: Vec<RecordAgreement> = TYPES.into_iter().filter_map(|kind| of_type(answers, kind)).collect();
    if value.is_empty() {
        return Observation::Failed {
            observed_at: answers.at,
            reason: Reason::Dependency,
            detail: "none of the zone's servers was asked for its records".into(),
        };
    }
    Observation::Observed { observed_at: answers.at, value }
}

fn of_type(answers: &Answers<'_>, kind: RecordType) -> Option<RecordAgreement> {
    let asked: Vec<&Answer<'_>> = answers.plain().filter(|answer| answer.is_about(&answers.zone, kind)).collect();
    let mut contents: BTreeMap<BTreeSet<String>, BTreeSet<&str>> = BTreeMap::new();
    let mut ttl = 0;
    let (mut told, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for answer in &asked {
        let server = answer.question.server.as_str();
        match &answer.outcome {
            // A server that is lame says nothing of the zone's records.
            Ok(said)
                if !said.message.metadata.authoritative
                    && said.message.metadata.response_code == ResponseCode::NoError => {}
            Ok(said) if said.is_authoritative() => {
                let records = said.answers(&answers.zone, kind);
                ttl = records.map(|record| record.ttl).chain([ttl]).max().unwrap_or_default();
                contents.entry(content(said, &answers.zone, kind)).or_default().insert(server);
                told.insert(server);
            }
            _ => drop(silent.insert(server)),
        }
    }
    // A question that was asked again without EDNS counts once.
    let unanswered = silent.difference(&told).count();
    (!told.is_empty() || unanswered > 0).then(|| RecordAgreement {
        record_type: kind.to_string(),
        contents: size(contents.len()),
        answered: size(told.len()),
        unanswered: size(unanswered),
        exists: contents.keys().any(|content| !content.is_empty()),
        ttl: Span(i64::from(ttl)),
        views: contents.iter().take(VIEWS).map(view).collect(),
    })
}

/// The records as text, without what may differ among sound servers.
fn content(said: &Said, zone: &Name, kind: RecordType) -> BTreeSet<String> {
    said.answers(zone, kind).map(text).collect()
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
        data => data.to_string(),
    }
}

fn view((content, servers): (&BTreeSet<String>, &BTreeSet<&str>)) -> String {
    let shown: Vec<&str> = servers.iter().take(SERVERS_SHOWN).copied().collect();
    let more = if servers.len() > SERVERS_SHOWN { " and others" } else { "" };
    let text = content.iter().map(String::as_str).collect::<Vec<_>>().join("; ");
    let text = if text.is_empty() { "none".to_owned() } else { printable(&text, SHOWN) };
    format!("{}{more}: {text}", shown.join(", "))
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
