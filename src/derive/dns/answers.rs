//! The kept exchanges of a zone, read once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

pub(in crate::derive) use crate::derive::message::{Said, kept, name_text, parse_name};
use crate::facts::{Blobs, Exchange, Exchanges, Observation, Question, Reason, Timestamp, Unobserved};

/// All exchanges of a zone.
pub(in crate::derive) struct Answers<'a> {
    pub(in crate::derive) zone: Name,
    /// When the looking ended.
    pub(in crate::derive) at: Timestamp,
    all: Vec<Answer<'a>>,
}

/// One exchange.
pub(in crate::derive) struct Answer<'a> {
    pub(in crate::derive) question: &'a Question,
    pub(in crate::derive) outcome: Result<Said, Unobserved>,
}

impl Said {
    /// NOERROR, with authority.
    pub(in crate::derive) fn is_authoritative(&self) -> bool {
        self.message.metadata.authoritative && self.message.metadata.response_code == ResponseCode::NoError
    }
    /// Records in the answer section.
    pub(in crate::derive) fn answers(&self, owner: &Name, kind: RecordType) -> impl Iterator<Item = &Record> {
        self.message.answers.iter().filter(move |r| r.record_type() == kind && r.name == *owner)
    }
}

impl<'a> Answers<'a> {
    pub(in crate::derive) fn new(zone: &str, exchanges: &'a Exchanges, blobs: &Blobs, at: Timestamp) -> Option<Self> {
        let read =
            |exchange: &'a Exchange| Answer { question: &exchange.question, outcome: kept(&exchange.message, blobs) };
        Some(Self { zone: parse_name(zone)?, at, all: exchanges.list.iter().map(read).collect() })
    }

    /// Answers of a server to one variant.
    pub(in crate::derive) fn of<'s>(
        &'s self,
        server: &'s str,
        variant: &'s str,
    ) -> impl Iterator<Item = &'s Answer<'a>> {
        self.all.iter().filter(move |a| a.question.server == server && a.question.variant == variant)
    }

    /// Questions for records to the zone's own servers, as a resolver asks them.
    pub(in crate::derive) fn plain(&self) -> impl Iterator<Item = &Answer<'a>> {
        let plain = |a: &&Answer<'_>| {
            matches!(a.question.variant.as_str(), "plain" | "no-edns" | "mixed-case") && a.question.transport == "udp"
        };
        self.all.iter().filter(plain)
    }

    /// Answers to one variant, whoever gave them.
    pub(in crate::derive) fn variant<'s>(&'s self, variant: &'s str) -> impl Iterator<Item = &'s Answer<'a>> {
        self.all.iter().filter(move |a| a.question.variant == variant)
    }
}

impl Answer<'_> {
    /// Whether it asked for this.
    pub(in crate::derive) fn is_about(&self, name: &Name, kind: RecordType) -> bool {
        self.question.record_type == kind.to_string() && parse_name(&self.question.name).is_some_and(|n| n == *name)
    }
    /// What there is of it, as an observation.
    pub(in crate::derive) fn observe<T>(&self, f: impl FnOnce(&Said) -> Observation<T>) -> Observation<T> {
        match &self.outcome {
            Ok(said) => f(said),
            Err(why) => why.cast(),
        }
    }
    /// There was no answer in time.
    pub(in crate::derive) fn is_silent(&self) -> bool {
        matches!(&self.outcome, Err(Observation::Failed { reason: Reason::Timeout, .. }))
    }
}

/// Addresses of a name among records.
pub(in crate::derive) fn addresses<'r>(
    records: impl IntoIterator<Item = &'r Record>,
    owner: &Name,
) -> BTreeSet<IpAddr> {
    records.into_iter().filter(|record| record.name == *owner).filter_map(|record| record.data.ip_addr()).collect()
}

/// Names of NS records of an owner.
pub(in crate::derive) fn ns_names<'r>(records: impl IntoIterator<Item = &'r Record>, owner: &Name) -> BTreeSet<String> {
    let name = |record: &Record| match &record.data {
        RData::NS(ns) if record.name == *owner => Some(name_text(&ns.0)),
        _ => None,
    };
    records.into_iter().filter_map(name).collect()
}
