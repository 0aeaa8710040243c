//! What the resolver said, by question.

use std::collections::BTreeMap;

use crate::facts::{MailAnswer, Observation, Reason, Span, Timestamp};

/// The answers of one look.
#[derive(Clone, Copy, Debug)]
pub(in crate::derive) struct Answers<'a>(pub(in crate::derive) &'a BTreeMap<String, MailAnswer>);

impl<'a> Answers<'a> {
    /// What became of a question; `None` if it was not asked.
    pub(super) fn get(&self, name: &str, kind: &str) -> Option<&'a MailAnswer> {
        self.0.get(&format!("{name} {kind}"))
    }

    /// The TXT records of a name.
    pub(super) fn texts(&self, name: &str) -> Observation<Vec<String>> {
        self.get(name, "TXT").map_or_else(|| not_asked(name), |answer| answer.records.clone())
    }

    /// Whether a name has records of a type.
    pub(in crate::derive) fn has(&self, name: &str, kind: &str) -> Observation<bool> {
        let Some(answer) = self.get(name, kind) else { return not_asked(name) };
        match &answer.records {
            Observation::Absent { observed_at } => known(*observed_at, false),
            other => other.and_then(|_, at| known(at, true)),
        }
    }

    /// Whether a name has an address. IPv6 is asked for where there is no IPv4 and the name is there.
    pub(in crate::derive) fn has_address(&self, name: &str) -> Observation<bool> {
        let four = self.has(name, "A");
        let is_there = self.get(name, "A").is_some_and(|answer| answer.exists != Some(false));
        match four {
            Observation::Observed { value: false, .. } if is_there => self.has(name, "AAAA"),
            other => other,
        }
    }

    /// Whether a name, or the one that its aliases end at, is there, by any question about it.
    pub(in crate::derive) fn exists(&self, name: &str) -> Observation<bool> {
        let about = || self.about(name);
        if let Some((exists, at)) = about().find_map(|a| Some((a.exists?, a.records.observed_at()))) {
            return known(at, exists);
        }
        about().next().map_or_else(|| not_asked(name), |answer| answer.records.and_then(|_, at| known(at, true)))
    }

    /// What is not there: the name itself, or the one that its aliases end at.
    pub(super) fn lacking(&self, name: &'a str) -> &'a str {
        let gone = self.about(name).find(|answer| answer.exists == Some(false));
        gone.and_then(|answer| answer.aliases.last()).map_or(name, String::as_str)
    }

    /// How long others may go by an answer.
    pub(super) fn ttl(&self, name: &str, kind: &str) -> Option<Span> {
        self.get(name, kind)?.ttl
    }

    fn about(&self, name: &str) -> impl Iterator<Item = &'a MailAnswer> + use<'a> {
        let start = format!("{name} ");
        let range = self.0.range(start.clone()..);
        range.take_while(move |(question, _)| question.starts_with(&start)).map(|(_, answer)| answer)
    }
}

fn known(observed_at: Timestamp, value: bool) -> Observation<bool> {
    Observation::Observed { observed_at, value }
}

fn not_asked<T>(name: &str) -> Observation<T> {
    Observation::NotRun {
        observed_at: Timestamp::EPOCH,
        reason: Reason::Unsupported,
        detail: format!("nobody asked for {name} when these facts were gathered"),
    }
}
