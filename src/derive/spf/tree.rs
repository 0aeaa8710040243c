//! The tree of records that evaluation may walk: how many lookups it costs, which of them find nothing, and what stops it.

use std::collections::{BTreeMap, BTreeSet};

use crate::derive::mail::Answers;
use crate::facts::{Fault, LIST_CAP, Observation, Reason, SpfNode};

use super::record::{Kind, Record, Term};
use super::{MAX_LOOKUPS, Reached, fault, records_in};

/// Deeper than a probe reaches.
const MAX_DEPTH: usize = 32;

/// Why something is not known.
pub(super) type Unknown = (Reason, String);

/// What the tree adds to the record at its root.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Counted as the most that evaluation can need; of the part that could be read.
    pub(super) cost: Cost,
    pub(super) unread: BTreeSet<String>,
    /// Why the first of those could not be read.
    pub(super) unread_why: Option<Unknown>,
    /// Why the first question of a term has no known answer.
    pub(super) unasked: Option<Unknown>,
    pub(super) nodes: Vec<SpfNode>,
    /// What each term of the root costs.
    pub(super) terms: Vec<(i64, String)>,
    /// Names that terms ask for, those with macros left out.
    pub(super) names: BTreeSet<String>,
    pub(super) uses_ptr: bool,
    pub(super) uses_macros: bool,
    pub(super) faults: Vec<Fault>,
}

/// What a record and everything below it cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) lookups: i64,
    /// Lookups that are answered by nothing (§4.6.4).
    pub(super) voids: i64,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.lookups = self.lookups.saturating_add(other.lookups);
        self.voids = self.voids.saturating_add(other.voids);
    }
}

impl Tree {
    pub(super) fn of(zone: &str, record: &Record, reached: &Reached, answers: Answers<'_>) -> Self {
        let tree = Self::default();
        let mut walk = Walk { reached, answers, path: vec![zone.to_owned()], counted: BTreeMap::new(), tree };
        let node = walk.enter("1", zone, "", "record");
        let cost = walk.count(zone, record, "1");
        walk.leave(node, cost);
        let mut tree = walk.tree;
        tree.cost = cost;
        tree.terms.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        if cost.lookups > MAX_LOOKUPS {
            let least = if tree.unread.is_empty() { "" } else { "at least " };
            let lookups = cost.lookups;
            let text =
                format!("evaluation needs {least}{lookups} lookups; above {MAX_LOOKUPS} receivers give up (§4.6.4)");
            tree.faults.push(fault(zone, 0, text));
        }
        tree
    }
}

struct Walk<'a> {
    reached: &'a Reached,
    answers: Answers<'a>,
    /// The names from the zone down to the record in hand.
    path: Vec<String>,
    /// The cost below a name that was walked before: a record included twice costs twice, but is read once.
    counted: BTreeMap<String, Cost>,
    tree: Tree,
}

impl Walk<'_> {
    /// What a record and everything below it cost.
    fn count(&mut self, owner: &str, record: &Record, place: &str) -> Cost {
        let last = record.all().unwrap_or(usize::MAX);
        let (mut cost, mut children) = (Cost::default(), 0);
        for (index, term) in record.terms.iter().enumerate() {
            // What stands behind `all`, and `redirect` beside it, is never evaluated (§5.1, §6.1).
            let is_idle = if term.kind.is_mechanism() { index > last } else { record.all().is_some() };
            if is_idle {
                continue;
            }
            self.tree.uses_ptr |= term.kind == Kind::Ptr;
            self.tree.uses_macros |= term.text.contains('%');
            if !term.kind.asks() {
                continue;
            }
            self.note_name(&term.kind);
            children += 1;
            let mut own = self.below(owner, term, &format!("{place}.{children}"));
            own.add(Cost { lookups: 1, voids: i64::from(self.is_void(owner, term)) });
            if self.path.len() == 1 {
                self.tree.terms.push((own.lookups, term.text.clone()));
            }
            cost.add(own);
        }
        cost
    }

    fn below(&mut self, owner: &str, term: &Term, place: &str) -> Cost {
        let (Kind::Include(name) | Kind::Redirect(name)) = &term.kind else { return Cost::default() };
        if self.path.contains(name) {
            self.say(owner, term, format!("'{}' leads back to {name}: evaluation would never end", term.text));
            self.enter(place, name, &term.text, "loop");
            return Cost::default();
        }
        let texts = match self.reached.get(name) {
            Some(Observation::Observed { value, .. }) if self.path.len() < MAX_DEPTH => value.as_slice(),
            Some(Observation::Absent { .. }) => &[],
            other => {
                self.not_read(name, other);
                self.enter(place, name, &term.text, "not known");
                return Cost::default();
            }
        };
        let records = records_in(texts);
        let Some(text) = records.first() else {
            let is_there = self.answers.exists(name).value() != Some(&false);
            let lack = if is_there { "has no SPF record" } else { "does not exist" };
            let text = format!("{name} {lack}: receivers take '{}' as a permanent error (§5.2)", term.text);
            self.say(owner, term, text);
            self.enter(place, name, &term.text, if is_there { "no record" } else { "no such name" });
            return Cost::default();
        };
        if let Some(known) = self.counted.get(name).copied() {
            let node = self.enter(place, name, &term.text, "as above");
            self.leave(node, known);
            return known;
        }
        let record = Record::read(text);
        self.add_faults(name, records.len(), &record);
        let node = self.enter(place, name, &term.text, "record");
        self.path.push(name.clone());
        let cost = self.count(name, &record, place);
        self.path.pop();
        self.leave(node, cost);
        self.counted.insert(name.clone(), cost);
        cost
    }

    /// Whether the question of a term is answered by nothing (§4.6.4); one with macros depends on the mail and is not counted.
    fn is_void(&mut self, owner: &str, term: &Term) -> bool {
        let named = |name: &str| if name.is_empty() { owner.to_owned() } else { name.to_owned() };
        let answer = match &term.kind {
            Kind::A(name) | Kind::Mx(name) | Kind::Exists(name) if name.contains('%') => return false,
            Kind::Include(name) | Kind::Redirect(name) => {
                return matches!(self.reached.get(name), Some(Observation::Absent { .. }));
            }
            Kind::A(name) => self.answers.has_address(&named(name)),
            Kind::Mx(name) => self.answers.has(&named(name), "MX"),
            Kind::Exists(name) => self.answers.has(&named(name), "A"),
            _ => return false,
        };
        match answer {
            Observation::Observed { value, .. } => !value,
            Observation::Absent { .. } => true,
            Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. } => {
                self.tree.unasked.get_or_insert((reason, detail));
                false
            }
        }
    }

    fn note_name(&mut self, kind: &Kind) {
        if let Kind::Include(name) | Kind::Redirect(name) | Kind::A(name) | Kind::Mx(name) = kind
            && !name.is_empty()
            && !name.contains('%')
        {
            self.tree.names.insert(name.clone());
        }
    }

    fn not_read(&mut self, name: &str, found: Option<&Observation<Vec<String>>>) {
        let why = match found {
            Some(Observation::Failed { reason, detail, .. } | Observation::NotRun { reason, detail, .. }) => {
                (*reason, format!("{name} could not be read: {detail}"))
            }
            _ => (Reason::Budget, format!("{name} was not read: the tree is larger than is walked")),
        };
        self.tree.unread_why.get_or_insert(why);
        self.tree.unread.insert(name.to_owned());
    }

    /// Enters a record into the tree; gives its index, if there is room.
    fn enter(&mut self, place: &str, name: &str, by: &str, found: &str) -> Option<usize> {
        if self.tree.nodes.len() >= LIST_CAP {
            return None;
        }
        let node = SpfNode {
            place: place.to_owned(),
            name: name.to_owned(),
            by: by.to_owned(),
            lookups: 0,
            found: found.to_owned(),
        };
        self.tree.nodes.push(node);
        Some(self.tree.nodes.len() - 1)
    }

    fn leave(&mut self, node: Option<usize>, cost: Cost) {
        if let Some(node) = node.and_then(|index| self.tree.nodes.get_mut(index)) {
            node.lookups = cost.lookups;
        }
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
