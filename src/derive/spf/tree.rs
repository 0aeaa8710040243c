//! The tree of records that evaluation may walk: how many lookups it costs, and what stops it.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Fault, Observation};

use super::record::{Kind, Record, Term};
use super::{MAX_LOOKUPS, Reached, fault, records_in};

/// Deeper than a probe reaches.
const MAX_DEPTH: usize = 32;

/// What the tree adds to the record at its root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Counted as the most that evaluation can need; of the part that could be read.
    pub(super) lookups: i64,
    pub(super) unread: BTreeSet<String>,
    pub(super) faults: Vec<Fault>,
}

impl Tree {
    pub(super) fn of(zone: &str, record: &Record, reached: &Reached) -> Self {
        let mut walk = Walk { reached, path: vec![zone.to_owned()], counted: BTreeMap::new(), tree: Self::default() };
        let lookups = walk.count(zone, record);
        let mut tree = walk.tree;
        tree.lookups = lookups;
        if lookups > MAX_LOOKUPS {
            let least = if tree.unread.is_empty() { "" } else { "at least " };
            let text =
                format!("evaluation needs {least}{lookups} lookups; above {MAX_LOOKUPS} receivers give up (§4.6.4)");
            tree.faults.push(fault(zone, 0, text));
        }
        tree
    }
}

struct Walk<'a> {
    reached: &'a Reached,
    /// The names from the zone down to the record in hand.
    path: Vec<String>,
    /// Lookups below a name that was walked before: a record included twice costs twice, but is read once.
    counted: BTreeMap<String, i64>,
    tree: Tree,
}

impl Walk<'_> {
    /// The lookups that a record and everything below it cost.
    fn count(&mut self, owner: &str, record: &Record) -> i64 {
        let last = record.all().unwrap_or(usize::MAX);
        let mut lookups = 0_i64;
        for (index, term) in record.terms.iter().enumerate() {
            // What stands behind `all`, and `redirect` beside it, is never evaluated (§5.1, §6.1).
            let is_idle = if term.kind.is_mechanism() { index > last } else { record.all().is_some() };
            if !is_idle && term.kind.asks() {
                lookups = lookups.saturating_add(1).saturating_add(self.below(owner, term));
            }
        }
        lookups
    }

    fn below(&mut self, owner: &str, term: &Term) -> i64 {
        let (Kind::Include(name) | Kind::Redirect(name)) = &term.kind else { return 0 };
        if self.path.contains(name) {
            self.say(owner, term, format!("'{}' leads back to {name}: evaluation would never end", term.text));
            return 0;
        }
        let texts = match self.reached.get(name) {
            Some(Observation::Observed { value, .. }) if self.path.len() < MAX_DEPTH => value.as_slice(),
            Some(Observation::Absent { .. }) => &[],
            _ => {
                self.tree.unread.insert(name.clone());
                return 0;
            }
        };
        let records = records_in(texts);
        let Some(text) = records.first() else {
            let text = format!("{name} has no SPF record: receivers take '{}' as a permanent error (§5.2)", term.text);
            self.say(owner, term, text);
            return 0;
        };
        if let Some(known) = self.counted.get(name) {
            return *known;
        }
        self.add_faults(name, records.len(), &Record::read(text));
        self.path.push(name.clone());
        let lookups = self.count(name, &Record::read(text));
        self.path.pop();
        self.counted.insert(name.clone(), lookups);
        lookups
    }

    /// A permanent error in a record below is one of the whole; matters of use there are its owner's.
    fn add_faults(&mut self, name: &str, records: usize, record: &Record) {
        if records > 1 {
            self.tree.faults.push(fault(name, 0, format!("there are {records} SPF records (§4.5)")));
        }
        let faults = record.faults.iter().map(|(at, text)| fault(name, *at, text.clone()));
        self.tree.faults.extend(faults);
    }

    fn say(&mut self, owner: &str, term: &Term, text: String) {
        self.tree.faults.push(fault(owner, term.at, text));
    }
}
