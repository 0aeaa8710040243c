//! Coverage: what the findings of a run say about each control. Pure.
//!
//! Only requirements and measures addressed to the entity have coverage; threats and offences are in [`scenario`] and nowhere
//! else. A check is evidence about the controls it cites, and about every control above those (`parent`, and `maps_to` of the
//! letters of NIS 2 Art. 21(2)), so that a letter's bar shows all subjects seen under its annex sections. A heading that cannot
//! be seen from outside passes on what lies below it and stays *not testable* itself.
//!
//! The estate's own word is kept apart: it makes `declared_only`, and beside what was seen it can only count against.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;
use super::{Control, Coverage, CoverageState, Frameworks};

/// One verdict on a subject, as far as coverage needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    pub check: &'a str,
    pub controls: &'a [String],
    /// The check's evidence is the estate's own word.
    pub declared: bool,
    pub result: OutcomeResult,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeResult {
    Pass,
    Fail,
    /// With the reason, a short word.
    Undetermined(String),
    NotApplicable,
}

/// What is learned about every control that asks something of the entity, subject by subject. It does not grow with their number.
pub struct Ledger<'a> {
    catalogue: &'a BTreeMap<String, Vec<String>>,
    /// A line for each control, by its place below.
    lines: Vec<Line<'a>>,
    /// Lines of a control and of all above it.
    above: BTreeMap<&'a str, Vec<usize>>,
    ran: BTreeSet<String>,
}

/// One control.
struct Line<'a> {
    control: &'a Control,
    /// How many subjects brought it the same [`Word`]s.
    subjects: BTreeMap<u8, i64>,
    reasons: BTreeMap<String, i64>,
}

/// What a subject can say about a control, a bit each.
enum Word {
    Passed = 1,
    Failed = 2,
    Open = 4,
    DeclaredPassed = 8,
    DeclaredFailed = 16,
}

impl<'a> Ledger<'a> {
    /// Nothing learned yet. `catalogue` is every check with what it cites, also those that will not run.
    pub fn new(frameworks: &'a Frameworks, catalogue: &'a BTreeMap<String, Vec<String>>) -> Self {
        let tree = Tree::new(frameworks.controls());
        let mut above: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut lines = Vec::new();
        for control in frameworks.controls().filter(|control| control.binds_entity()) {
            let mut scope = tree.below(&control.id);
            scope.insert(&control.id);
            scope.into_iter().for_each(|id| above.entry(id).or_default().push(lines.len()));
            lines.push(Line { control, subjects: BTreeMap::new(), reasons: BTreeMap::new() });
        }
        Self { catalogue, lines, above, ran: BTreeSet::new() }
    }

    /// Enters all outcomes of one subject.
    pub fn enter<'o>(&mut self, of_subject: impl IntoIterator<Item = Outcome<'o>>) {
        let mut said: BTreeMap<usize, u8> = BTreeMap::new();
        for outcome in of_subject {
            if !self.ran.contains(outcome.check) {
                self.ran.insert(outcome.check.to_owned());
            }
            for at in self.bears_on(outcome.controls) {
                self.lines[at].learn(&outcome, said.entry(at).or_default());
            }
        }
        for (at, words) in said.into_iter().filter(|(_, words)| *words > 0) {
            *self.lines[at].subjects.entry(words).or_default() += 1;
        }
    }

    /// The lines of these controls and of all above them, each once.
    fn bears_on(&self, controls: &[String]) -> BTreeSet<usize> {
        controls.iter().filter_map(|id| self.above.get(id.as_str())).flatten().copied().collect()
    }

    /// Coverage of each control, by its id.
    pub fn coverage(self) -> BTreeMap<String, Coverage> {
        let mut direct: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let mut checks = vec![0; self.lines.len()];
        let mut unrun = vec![0; self.lines.len()];
        for (check, controls) in self.catalogue {
            controls.iter().for_each(|id| direct.entry(id).or_default().push(check.clone()));
            for at in self.bears_on(controls) {
                checks[at] += 1;
                unrun[at] += i64::from(!self.ran.contains(check));
            }
        }
        let all = self.lines.into_iter().zip(checks.into_iter().zip(unrun));
        all.map(|(line, (checks, unrun))| {
            let direct = direct.get(line.control.id.as_str()).cloned().unwrap_or_default();
            (line.control.id.clone(), line.into_coverage(direct, checks, unrun))
        })
        .collect()
    }
}

/// The threats, offences and other provisions that ask nothing of the entity, each with the failed checks that cite it:
/// "relevant to the scenario", no more.
pub fn scenario(frameworks: &Frameworks, outcomes: &[Outcome<'_>]) -> BTreeMap<String, BTreeSet<String>> {
    let others: BTreeSet<&str> =
        frameworks.controls().filter(|control| !control.binds_entity()).map(|control| control.id.as_str()).collect();
    let mut relevant: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Fail) {
        for id in outcome.controls.iter().filter(|id| others.contains(id.as_str())) {
            relevant.entry(id.clone()).or_default().insert(outcome.check.to_owned());
        }
    }
    relevant
}

impl Coverage {
    /// Subjects consistent, of all on which a check that bears on this was to be judged. None where nothing was to be.
    pub fn ratio(&self) -> Option<(i64, i64)> {
        let counted = !matches!(self.state, CoverageState::DeclaredOnly | CoverageState::OwnReport);
        let of = self.consistent + self.inconsistent + self.undetermined;
        (counted && of > 0).then_some((self.consistent, of))
    }
}

/// A set of controls by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(pub BTreeMap<CoverageState, i64>);

/// Counts controls by state.
pub fn tally<'a>(coverage: impl IntoIterator<Item = &'a Coverage>) -> Tally {
    let mut counts = BTreeMap::new();
    for one in coverage {
        *counts.entry(one.state).or_insert(0) += 1;
    }
    Tally(counts)
}

impl Tally {
    /// How many have this state.
    pub fn count(&self, state: CoverageState) -> i64 {
        self.0.get(&state).copied().unwrap_or(0)
    }
    /// Controls consistent, of all but those that the report itself evidences: what was not tested is in the denominator.
    pub fn ratio(&self) -> Option<(i64, i64)> {
        let of = self.0.iter().filter(|(state, _)| **state != CoverageState::OwnReport).map(|(_, n)| n).sum();
        (of > 0).then(|| (self.count(CoverageState::Consistent), of))
    }
}

impl Line<'_> {
    fn learn(&mut self, outcome: &Outcome<'_>, said: &mut u8) {
        if self.control.not_testable() && !outcome.declared {
            return;
        }
        let mut nothing = |why: &str| *self.reasons.entry(why.to_owned()).or_insert(0) += 1;
        *said |= match (&outcome.result, outcome.declared) {
            (OutcomeResult::Pass, false) => Word::Passed as u8,
            (OutcomeResult::Fail, false) => Word::Failed as u8,
            (OutcomeResult::Pass, true) => Word::DeclaredPassed as u8,
            (OutcomeResult::Fail, true) => Word::DeclaredFailed as u8,
            (OutcomeResult::Undetermined(reason), _) => {
                nothing(reason);
                Word::Open as u8
            }
            (OutcomeResult::NotApplicable, _) => {
                nothing("not-applicable");
                0
            }
        };
    }

    /// Subjects of which something holds.
    fn count(&self, holds: impl Fn(u8) -> bool) -> i64 {
        self.subjects.iter().filter(|(words, _)| holds(**words)).map(|(_, subjects)| subjects).sum()
    }

    /// `direct` are the checks that cite it; `checks` bear on it, `unrun` of them did not run.
    fn into_coverage(mut self, direct: Vec<String>, checks: i64, unrun: i64) -> Coverage {
        let has = |words: u8, word: Word| words & word as u8 > 0;
        let seen = self.count(|words| has(words, Word::Passed) || has(words, Word::Failed)) > 0;
        let declared = self.count(|words| has(words, Word::DeclaredPassed) || has(words, Word::DeclaredFailed)) > 0;
        let failed = |words| has(words, Word::Failed) || has(words, Word::DeclaredFailed);
        let passed =
            |words| !failed(words) && (has(words, Word::Passed) || (!seen && has(words, Word::DeclaredPassed)));
        let open = |words| !failed(words) && !passed(words) && has(words, Word::Open);
        let (consistent, inconsistent) = (self.count(passed), self.count(failed));
        let undetermined = self.count(open);
        if unrun > 0 {
            *self.reasons.entry("not-selected".into()).or_insert(0) += unrun;
        }
        let control = self.control;
        let state = match () {
            () if control.own_report() => CoverageState::OwnReport,
            () if !seen && declared => CoverageState::DeclaredOnly,
            () if control.not_testable() => CoverageState::NotTestable,
            () if checks == 0 => CoverageState::NoCheck,
            () if !seen => CoverageState::NotTested,
            () if inconsistent == 0 => CoverageState::Consistent,
            () if consistent == 0 => CoverageState::Inconsistent,
            () => CoverageState::Mixed,
        };
        let control = control.id.clone();
        Coverage { control, state, checks: direct, consistent, inconsistent, undetermined, reasons: self.reasons }
    }
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
