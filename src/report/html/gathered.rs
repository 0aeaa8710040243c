//! What the sections need of all findings, gathered in one pass: numbers, and what failed or stayed open, ordered as it is shown.
//! So a page of a thousand zones is made without holding more of it than one entry.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::words::{asset_of_element, asset_of_subject, family_of};
use crate::check::{Finding, Severity, Subject, Verdict};
use crate::estate::Asset;
use crate::report::summary::worst_first;
use crate::report::{Fix, Input};
use crate::store::{Shelf, StoreFault};

/// Findings by what they count for.
#[derive(Default)]
pub(super) struct Gathered {
    /// Worst and widest first.
    pub(super) repairs: Vec<Repair>,
    /// Failed checks by the control they are evidence about.
    pub(super) failed_by_control: BTreeMap<String, BTreeSet<Arc<str>>>,
    counts: BTreeMap<Cell, Counts>,
    failed: Shelf<Chunk, Vec<Arc<Finding>>>,
    open: Shelf<Subject, Vec<Arc<Finding>>>,
}

/// Election function and family; without a function, the estate as a whole.
type Cell = (Option<&'static str>, String);
/// Findings of one check and severity, the most severe first; numbered in the order of their subjects.
type Chunk = (Arc<str>, Reverse<Severity>, usize);

/// The chunks that are not full yet, with their numbers.
type Waiting = BTreeMap<(Arc<str>, Reverse<Severity>), (usize, Vec<Arc<Finding>>)>;

/// Findings that are put away together.
const CHUNK: usize = 16;

/// What failed of one check, and whom it concerns.
pub(super) struct Repair {
    pub(super) fix: Fix,
    /// Not everything is an accepted risk.
    pub(super) open: bool,
    /// Critical or high, sure enough to count, and no accepted risk.
    pub(super) on_fire: bool,
    /// Subjects on which it is high or critical.
    pub(super) severe: Names,
    pub(super) owners: BTreeSet<String>,
    /// Assets that nobody owns.
    pub(super) orphans: Names,
}

/// How many verdicts of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) verdicts: BTreeMap<Verdict, usize>,
    /// The worst that failed.
    pub(super) worst: Option<Severity>,
}

impl Gathered {
    pub(super) fn of(input: &Input<'_>) -> Self {
        let mut gathered = Self::default();
        let mut repairs: BTreeMap<Arc<str>, Repair> = BTreeMap::new();
        let mut waiting = Waiting::new();
        for (subject, of_subject) in input.findings.by_subject() {
            let own = asset_of_subject(input.estate, subject);
            let mut open = Vec::new();
            for finding in of_subject.iter() {
                let asset = own.or_else(|| asset_of_element(input.estate, finding));
                gathered.count(asset, finding);
                match finding.verdict {
                    Verdict::Undetermined => open.push(Arc::clone(finding)),
                    Verdict::Fail => {
                        let check = Arc::clone(&finding.check);
                        repairs.entry(Arc::clone(&check)).or_insert_with(|| Repair::of(check)).add(asset, finding);
                        gathered.put_away(finding, &mut waiting);
                    }
                    Verdict::Pass | Verdict::NotApplicable => {}
                }
            }
            if !open.is_empty() {
                gathered.open.insert(subject.clone(), open);
            }
        }
        for ((check, severity), (number, rest)) in waiting.into_iter().filter(|(_, (_, rest))| !rest.is_empty()) {
            gathered.failed.insert((check, severity, number), rest);
        }
        gathered.repairs = repairs.into_values().collect();
        gathered.repairs.sort_by(|a, b| worst_first(&a.fix, &b.fix));
        gathered
    }

    /// Whether everything that was put away here could be had again.
    pub(super) fn sound(&self) -> Result<(), StoreFault> {
        self.failed.sound().and(self.open.sound())
    }

    /// What failed of a check, the most severe first.
    pub(super) fn failed<'a>(&'a self, check: &'a str) -> impl Iterator<Item = Arc<Finding>> + 'a {
        let first: Chunk = (check.into(), Reverse(Severity::Critical), 0);
        let chunks = self.failed.from(&first).take_while(move |((of, ..), _)| &**of == check);
        chunks.flat_map(|(_, chunk)| Vec::clone(&chunk))
    }

    /// What could not be determined, subject by subject.
    pub(super) fn open(&self) -> impl Iterator<Item = (&Subject, Arc<Vec<Arc<Finding>>>)> {
        self.open.iter()
    }

    /// The verdicts of the cells that `is` accepts, by function and family.
    pub(super) fn counts(&self, is: impl Fn(Option<&str>, &str) -> bool) -> Counts {
        let mut all = Counts::default();
        for (_, counts) in self.counts.iter().filter(|((function, family), _)| is(*function, family)) {
            counts.verdicts.iter().for_each(|(verdict, n)| *all.verdicts.entry(*verdict).or_default() += n);
            all.worst = all.worst.max(counts.worst);
        }
        all
    }

    fn count(&mut self, asset: Option<&Asset>, finding: &Arc<Finding>) {
        let cell = (asset.map(|asset| asset.function.word()), family_of(&finding.check).to_owned());
        let counts = self.counts.entry(cell).or_default();
        *counts.verdicts.entry(finding.verdict).or_default() += 1;
        if finding.verdict == Verdict::Fail {
            counts.worst = counts.worst.max(Some(finding.severity));
            for control in finding.controls.iter() {
                match self.failed_by_control.get_mut(control) {
                    Some(checks) => drop(checks.insert(Arc::clone(&finding.check))),
                    None => drop(self.failed_by_control.insert(control.clone(), [Arc::clone(&finding.check)].into())),
                }
            }
        }
    }

    fn put_away(&mut self, finding: &Arc<Finding>, waiting: &mut Waiting) {
        let (check, severity) = (Arc::clone(&finding.check), Reverse(finding.severity));
        let (number, chunk) = waiting.entry((Arc::clone(&check), severity)).or_default();
        chunk.push(Arc::clone(finding));
        if chunk.len() == CHUNK {
            self.failed.insert((check, severity, *number), std::mem::take(chunk));
            *number += 1;
        }
    }
}

impl Counts {
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.verdicts.get(&verdict).copied().unwrap_or_default()
    }
}

impl Repair {
    fn of(check: Arc<str>) -> Self {
        Self {
            fix: Fix::none(check),
            open: false,
            on_fire: false,
            severe: Names::default(),
            owners: BTreeSet::new(),
            orphans: Names::default(),
        }
    }

    fn add(&mut self, asset: Option<&Asset>, finding: &Arc<Finding>) {
        self.fix.add(finding, 0);
        let severe = finding.severity >= Severity::High;
        self.open |= finding.waiver.is_none();
        self.on_fire |= severe && finding.confidence.counts() && finding.waiver.is_none();
        if severe {
            self.severe.add(&finding.subject.name);
        }
        match asset.map(|asset| (asset.name(), &asset.owner)) {
            Some((_, Some(owner))) => drop(self.owners.insert(owner.clone())),
            Some((name, None)) => self.orphans.add(name),
            None => {}
        }
    }
}

/// The first few of many names, and how many there are. Those of one subject come one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    shown: BTreeSet<String>,
    last: String,
    count: usize,
}

impl Names {
    const SHOWN: usize = 4;

    pub(super) fn add(&mut self, name: &str) {
        if self.count > 0 && (self.last == name || self.shown.contains(name)) {
            return;
        }
        self.count += 1;
        name.clone_into(&mut self.last);
        self.shown.insert(name.to_owned());
        if self.shown.len() > Self::SHOWN {
            self.shown.pop_last();
        }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
    /// `a, b, c, d and 3 more`.
    pub(super) fn listed(&self) -> String {
        let shown = self.shown.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match self.count.saturating_sub(self.shown.len()) {
            0 => shown,
            more => format!("{shown} and {more} more"),
        }
    }
}
