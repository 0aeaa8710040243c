//! SPF (RFC 7208): the record of a zone, read with every fault, and the tree of records that it reaches.

mod domain;
mod record;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::mail::Answers;
use crate::facts::{Fault, LIST_CAP, Observation, Reason, Spf, Timestamp};

use record::{Kind, Record};
use tree::{Tree, Unknown};

/// Records by name, as the probe reached them.
pub(super) type Reached = BTreeMap<String, Observation<Vec<String>>>;

/// Evaluation stops with a permanent error above this many terms that ask the DNS (§4.6.4).
const MAX_LOOKUPS: i64 = 10;

/// And above this many whose question is answered by nothing (§4.6.4).
const MAX_VOIDS: i64 = 2;

/// More does not fit into one datagram of the size that every resolver takes (RFC 1035 §4.2.1).
const MAX_DATAGRAM: usize = 512;

/// A record with its answer should fit into one datagram (§3.4).
const MAX_BYTES: usize = 450;

/// The SPF record among the texts of `zone`; absent if there is none. Where the policy lies behind a `redirect` that could not
/// be read, it is not known.
pub(super) fn read(
    zone: &str,
    texts: &[String],
    observed_at: Timestamp,
    reached: &Reached,
    answers: Answers<'_>,
) -> Observation<Spf> {
    let records = records_in(texts);
    let Some(text) = records.first() else { return Observation::Absent { observed_at } };
    let record = Record::read(text);
    let tree = Tree::of(zone, &record, reached, answers);
    let all = match effective_all(&record, reached) {
        Ok(all) => all,
        Err((reason, detail)) => return Observation::Failed { observed_at, reason, detail },
    };
    let mut faults = own_faults(&record, text, records.len());
    let mut own: Vec<Fault> = faults.drain(..).map(|(at, text)| fault(zone, at, text)).collect();
    let (lookup_count, void_lookups) = counts(&tree, observed_at);
    if let Some(voids) = void_lookups.value().filter(|voids| **voids > MAX_VOIDS) {
        let text = format!("{voids} lookups find nothing; above {MAX_VOIDS} receivers give up (§4.6.4)");
        own.push(fault(zone, 0, text));
    }
    let mut faults: Vec<Fault> = own.into_iter().chain(tree.faults).collect();
    faults.truncate(LIST_CAP);
    Observation::Observed {
        observed_at,
        value: Spf {
            record: (*text).to_owned(),
            records: i64::try_from(records.len()).unwrap_or(i64::MAX),
            all,
            lookups: tree.unread.is_empty().then_some(tree.cost.lookups),
            lookup_count,
            void_lookups,
            tree: tree.nodes,
            costs: tree.terms.into_iter().take(LIST_CAP).map(|(cost, term)| format!("{term} ({cost})")).collect(),
            names: tree.names.into_iter().take(LIST_CAP).collect(),
            length: i64::try_from(text.len()).unwrap_or(i64::MAX),
            uses_ptr: tree.uses_ptr,
            uses_macros: tree.uses_macros,
            unread: tree.unread.into_iter().take(LIST_CAP).collect(),
            faults,
        },
    }
}

/// Lookups and void lookups. Where a part could not be asked, a count is known only if what is seen is too much already.
fn counts(tree: &Tree, observed_at: Timestamp) -> (Observation<i64>, Observation<i64>) {
    let count = |value: i64, most: i64, why: Option<&Unknown>| match why {
        Some((reason, detail)) if value <= most => {
            Observation::Failed { observed_at, reason: *reason, detail: detail.clone() }
        }
        _ => Observation::Observed { observed_at, value },
    };
    let unread = tree.unread_why.as_ref();
    (count(tree.cost.lookups, MAX_LOOKUPS, unread), count(tree.cost.voids, MAX_VOIDS, unread.or(tree.unasked.as_ref())))
}

/// The texts that are SPF records (§4.5).
fn records_in(texts: &[String]) -> Vec<&str> {
    let is_spf = |text: &&str| {
        text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("v=spf1"))
            && matches!(text.as_bytes().get(6), None | Some(b' '))
    };
    texts.iter().map(String::as_str).filter(is_spf).collect()
}

fn fault(owner: &str, at: usize, text: impl Into<String>) -> Fault {
    Fault { at: format!("{owner}:{at}"), text: text.into() }
}

/// Faults of syntax and of use, by place.
fn own_faults(record: &Record, text: &str, records: usize) -> Vec<(usize, String)> {
    let mut faults = record.faults.clone();
    faults.extend(use_faults(record));
    if records > 1 {
        faults.push((0, format!("there are {records} SPF records: receivers take that as a permanent error (§4.5)")));
    }
    let length = text.len();
    if length > MAX_DATAGRAM {
        let why =
            format!("the record has {length} bytes: its answer fits into no plain datagram of {MAX_DATAGRAM} (§3.4)");
        faults.push((MAX_DATAGRAM, why));
    } else if length > MAX_BYTES {
        faults.push((
            MAX_BYTES,
            format!("the record has {length} bytes; above {MAX_BYTES} its answer may be cut (§3.4)"),
        ));
    }
    faults.sort();
    faults
}

/// What is well-formed and still wrong or unwise.
fn use_faults(record: &Record) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let all = record.all();
    for (index, term) in record.terms.iter().enumerate() {
        let mut say = |text: String| faults.push((term.at, text));
        match &term.kind {
            Kind::All if term.qualifier == '+' => say("'+all' lets everyone send in this name".into()),
            Kind::All if term.qualifier == '?' => say("'?all' says nothing about anyone else".into()),
            Kind::Ptr => say("'ptr' should not be used: it is slow and unreliable (§5.5)".into()),
            Kind::Redirect(_) if all.is_some() => say("'redirect' is ignored because there is an 'all' (§6.1)".into()),
            Kind::Network { width, length } if term.qualifier == '+' && *length < width / 4 => {
                say(format!("a network of /{length} lets a large part of the internet send"));
            }
            _ => {}
        }
        if term.kind.is_mechanism() && all.is_some_and(|last| last < index) {
            say(format!("'{}' stands after 'all' and is never reached (§5.1)", term.text));
        }
        let twin = |other: &&record::Term| other.kind.is_mechanism() && other.text.eq_ignore_ascii_case(&term.text);
        if term.kind.is_mechanism() && record.terms.iter().take(index).any(|other| twin(&other)) {
            say(format!("'{}' stands twice", term.text));
        }
    }
    if all.is_none() && record.redirect().is_none() {
        faults.push((
            record.length,
            "neither 'all' nor 'redirect': the record says nothing about anyone else (§4.7)".into(),
        ));
    }
    faults
}

/// The qualifier of `all`, through `redirect` where that decides.
fn effective_all(record: &Record, reached: &Reached) -> Result<String, (Reason, String)> {
    let mut current = record.clone();
    let mut seen = Vec::new();
    loop {
        if let Some(index) = current.all() {
            return Ok(current.terms[index].qualifier.to_string());
        }
        let Some(target) = current.redirect().map(str::to_owned) else { return Ok("none".into()) };
        // A loop is a permanent error: there is no policy at its end.
        if seen.contains(&target) {
            return Ok("none".into());
        }
        current = match reached.get(&target) {
            Some(Observation::Observed { value, .. }) => match records_in(value).first() {
                Some(text) => Record::read(text),
                None => return Ok("none".into()),
            },
            Some(Observation::Absent { .. }) => return Ok("none".into()),
            Some(Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. }) => {
                return Err((*reason, format!("the policy is that of {target}, which could not be read: {detail}")));
            }
            None => {
                return Err((Reason::Unsupported, format!("the policy is that of {target}, which was not read")));
            }
        };
        seen.push(target);
    }
}
