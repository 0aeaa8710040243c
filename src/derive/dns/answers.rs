//! The kept exchanges of a zone, read once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use crate::facts::{Blobs, Exchange, Exchanges, Observation, Question, Reason, Timestamp, Unobserved};

/// All exchanges of a zone.
pub(super) struct Answers<'a> {
    pub(super) zone: Name,
    /// When the looking ended.
    pub(super) at: Timestamp,
    all: Vec<Answer<'a>>,
}

/// One exchange.
pub(super) struct Answer<'a> {
    pub(super) question: &'a Question,
    pub(super) outcome: Result<Said, Unobserved>,
}

/// An answer that can be read.
pub(super) struct Said {
    pub(super) message: Message,
    pub(super) raw: Vec<u8>,
    pub(super) at: Timestamp,
}

impl Said {
    /// NOERROR, with authority.
    pub(super) fn is_authoritative(&self) -> bool {
        self.message.metadata.authoritative && self.message.metadata.response_code == ResponseCode::NoError
    }
    /// Records in the answer section.
    pub(super) fn answers(&self, owner: &Name, kind: RecordType) -> impl Iterator<Item = &Record> {
        self.message.answers.iter().filter(move |r| r.record_type() == kind && r.name == *owner)
    }
}

impl<'a> Answers<'a> {
    pub(super) fn new(zone: &str, exchanges: &'a Exchanges, blobs: &Blobs, at: Timestamp) -> Option<Self> {
        let read = |exchange: &'a Exchange| Answer { question: &exchange.question, outcome: said(exchange, blobs) };
        Some(Self { zone: parse_name(zone)?, at, all: exchanges.list.iter().map(read).collect() })
    }

    /// Answers of a server to one variant.
    pub(super) fn of<'s>(&'s self, server: &'s str, variant: &'s str) -> impl Iterator<Item = &'s Answer<'a>> {
        self.all.iter().filter(move |a| a.question.server == server && a.question.variant == variant)
    }

    /// Questions for records to the zone's own servers, as a resolver asks them.
    pub(super) fn plain(&self) -> impl Iterator<Item = &Answer<'a>> {
        let plain = |a: &&Answer<'_>| {
            matches!(a.question.variant.as_str(), "plain" | "no-edns" | "mixed-case") && a.question.transport == "udp"
        };
        self.all.iter().filter(plain)
    }

    /// Answers to one variant, whoever gave them.
    pub(super) fn variant<'s>(&'s self, variant: &'s str) -> impl Iterator<Item = &'s Answer<'a>> {
        self.all.iter().filter(move |a| a.question.variant == variant)
    }
}

impl Answer<'_> {
    /// Whether it asked for this.
    pub(super) fn is_about(&self, name: &Name, kind: RecordType) -> bool {
        self.question.record_type == kind.to_string() && parse_name(&self.question.name).is_some_and(|n| n == *name)
    }
    /// What there is of it, as an observation.
    pub(super) fn observe<T>(&self, f: impl FnOnce(&Said) -> Observation<T>) -> Observation<T> {
        match &self.outcome {
            Ok(said) => f(said),
            Err(why) => why.cast(),
        }
    }
    /// There was no answer in time.
    pub(super) fn is_silent(&self) -> bool {
        matches!(&self.outcome, Err(Observation::Failed { reason: Reason::Timeout, .. }))
    }
}

fn said(exchange: &Exchange, blobs: &Blobs) -> Result<Said, Unobserved> {
    let at = exchange.message.observed_at();
    let failed = |reason, detail: String| Observation::Failed { observed_at: at, reason, detail };
    let Some(digest) = exchange.message.value() else {
        let why = exchange.message.unobserved();
        return Err(why.unwrap_or_else(|| failed(Reason::Dependency, "there was no answer".into())));
    };
    let raw = blobs.bytes(digest);
    let raw = raw.ok_or_else(|| failed(Reason::Dependency, "the raw answer is not in the evidence".into()))?;
    match Message::from_vec(&raw) {
        Ok(message) => Ok(Said { message, raw, at }),
        Err(e) => Err(failed(Reason::Garbage, format!("the answer is no DNS message: {e}"))),
    }
}

/// A fully qualified name.
pub(super) fn parse_name(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// A name in lower case without its final dot.
pub(super) fn name_text(name: &Name) -> String {
    let text = name.to_lowercase().to_ascii();
    text.strip_suffix('.').unwrap_or(&text).to_owned()
}

/// Addresses of a name among records.
pub(super) fn addresses<'r>(records: impl IntoIterator<Item = &'r Record>, owner: &Name) -> BTreeSet<IpAddr> {
    records.into_iter().filter(|record| record.name == *owner).filter_map(|record| record.data.ip_addr()).collect()
}

/// Names of NS records of an owner.
pub(super) fn ns_names<'r>(records: impl IntoIterator<Item = &'r Record>, owner: &Name) -> BTreeSet<String> {
    let name = |record: &Record| match &record.data {
        RData::NS(ns) if record.name == *owner => Some(name_text(&ns.0)),
        _ => None,
    };
    records.into_iter().filter_map(name).collect()
}
