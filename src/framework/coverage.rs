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

/// One verdict, as far as coverage needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    pub check: &'a str,
    pub subject: &'a str,
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

/// Coverage of every control that asks something of the entity. `catalogue` is every check with what it cites, also those that
/// did not run.
pub fn coverage(
    frameworks: &Frameworks,
    catalogue: &BTreeMap<String, Vec<String>>,
    outcomes: &[Outcome<'_>],
) -> BTreeMap<String, Coverage> {
    let tree = Tree::new(frameworks.controls());
    let citing = citing(catalogue);
    let bearing = bearing(outcomes);
    let ran: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.check).collect();
    let controls = frameworks.controls().filter(|control| control.binds_entity());
    controls
        .map(|control| {
            let mut scope = tree.below(&control.id);
            scope.insert(&control.id);
            scope.retain(|id| citing.contains_key(id) || bearing.contains_key(id));
            let checks: BTreeSet<&str> =
                scope.iter().flat_map(|id| citing.get(id).into_iter().flatten()).copied().collect();
            let mut seen: Vec<usize> =
                scope.iter().flat_map(|id| bearing.get(id).into_iter().flatten()).copied().collect();
            seen.sort_unstable();
            seen.dedup();
            let unrun = checks.iter().filter(|check| !ran.contains(**check)).count();
            let mut learned = Learned::from(control, seen.into_iter().map(|index| &outcomes[index]));
            learned.not_selected(unrun);
            let direct = citing.get(control.id.as_str()).into_iter().flatten();
            let direct = direct.map(|check| (*check).to_owned()).collect();
            (control.id.clone(), learned.into_coverage(control, direct, !checks.is_empty()))
        })
        .collect()
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

/// Checks by the control they cite.
fn citing(catalogue: &BTreeMap<String, Vec<String>>) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut citing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (check, controls) in catalogue {
        for id in controls {
            citing.entry(id).or_default().insert(check);
        }
    }
    citing
}

/// Places of outcomes by the control they cite.
fn bearing<'a>(outcomes: &[Outcome<'a>]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut bearing: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        for id in outcome.controls {
            bearing.entry(id).or_default().push(index);
        }
    }
    bearing
}

/// What bears on one control, subject by subject.
#[derive(Default)]
struct Learned<'a> {
    passed: BTreeSet<&'a str>,
    failed: BTreeSet<&'a str>,
    open: BTreeSet<&'a str>,
    declared_passed: BTreeSet<&'a str>,
    declared_failed: BTreeSet<&'a str>,
    reasons: BTreeMap<&'a str, i64>,
}

impl<'a> Learned<'a> {
    fn from(control: &Control, outcomes: impl Iterator<Item = &'a Outcome<'a>>) -> Self {
        let mut learned = Self::default();
        for outcome in outcomes.filter(|outcome| outcome.declared || !control.not_testable()) {
            learned.add(outcome);
        }
        learned
    }
    fn add(&mut self, outcome: &'a Outcome<'a>) {
        let subject = outcome.subject;
        match (&outcome.result, outcome.declared) {
            (OutcomeResult::Pass, false) => drop(self.passed.insert(subject)),
            (OutcomeResult::Fail, false) => drop(self.failed.insert(subject)),
            (OutcomeResult::Pass, true) => drop(self.declared_passed.insert(subject)),
            (OutcomeResult::Fail, true) => drop(self.declared_failed.insert(subject)),
            (OutcomeResult::Undetermined(reason), _) => {
                self.open.insert(subject);
                *self.reasons.entry(reason).or_insert(0) += 1;
            }
            (OutcomeResult::NotApplicable, _) => *self.reasons.entry("not-applicable").or_insert(0) += 1,
        }
    }
    fn not_selected(&mut self, checks: usize) {
        if let Some(count) = i64::try_from(checks).ok().filter(|count| *count > 0) {
            *self.reasons.entry("not-selected").or_insert(0) += count;
        }
    }
    fn into_coverage(mut self, control: &Control, checks: Vec<String>, any_check: bool) -> Coverage {
        let seen = !self.passed.is_empty() || !self.failed.is_empty();
        let declared = !self.declared_passed.is_empty() || !self.declared_failed.is_empty();
        self.failed.append(&mut self.declared_failed);
        if !seen {
            self.passed.append(&mut self.declared_passed);
        }
        let passed: BTreeSet<&str> = self.passed.difference(&self.failed).copied().collect();
        let open =
            self.open.iter().filter(|subject| !passed.contains(**subject) && !self.failed.contains(**subject)).count();
        let state = match () {
            () if control.own_report() => CoverageState::OwnReport,
            () if !seen && declared => CoverageState::DeclaredOnly,
            () if control.not_testable() => CoverageState::NotTestable,
            () if !any_check => CoverageState::NoCheck,
            () if !seen => CoverageState::NotTested,
            () if self.failed.is_empty() => CoverageState::Consistent,
            () if passed.is_empty() => CoverageState::Inconsistent,
            () => CoverageState::Mixed,
        };
        Coverage {
            control: control.id.clone(),
            state,
            checks,
            consistent: count(passed.len()),
            inconsistent: count(self.failed.len()),
            undetermined: count(open),
            reasons: self.reasons.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        }
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
