//! The numbers and groups that all outputs share.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::check::{Finding, Severity, Verdict};
use crate::facts::Document;

/// A run in numbers. Every count has its denominator beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// Verdicts on all subjects, by verdict; together they are all that was judged.
    pub verdicts: BTreeMap<Verdict, i64>,
    /// Fails by severity, those covered by an accepted risk left out.
    pub fails: BTreeMap<Severity, i64>,
    /// Fails that an accepted risk covers.
    pub waived: i64,
    /// Undetermined verdicts by reason.
    pub undetermined: BTreeMap<String, i64>,
    pub hosts: i64,
    pub zones: i64,
    pub services: i64,
    /// Checks that gave a verdict of any kind.
    pub checks_run: i64,
    /// Checks of the catalogue.
    pub checks_known: i64,
    /// The checks that gave a verdict.
    #[serde(skip)]
    ran: BTreeSet<Arc<str>>,
}

/// Fails that one repair mends: all of one check, worst first.
#[derive(Clone, Debug)]
pub struct Fix {
    pub check: Arc<str>,
    /// The worst of its findings.
    pub severity: Severity,
    /// How many there are.
    pub count: usize,
    /// As many of them as were asked for.
    pub findings: Vec<Arc<Finding>>,
}

impl Summary {
    /// Of a run without findings.
    pub fn of(document: &Document, checks_known: usize) -> Self {
        Self {
            hosts: count(document.first.hosts.len()),
            zones: count(document.first.zones.len()),
            services: count(document.first.services.len()),
            checks_known: count(checks_known),
            ..Self::default()
        }
    }
    /// Counts a finding.
    pub fn add(&mut self, finding: &Finding) {
        if !self.ran.contains(&finding.check) {
            self.ran.insert(Arc::clone(&finding.check));
            self.checks_run = count(self.ran.len());
        }
        *self.verdicts.entry(finding.verdict).or_default() += 1;
        match finding.verdict {
            Verdict::Fail if finding.waiver.is_some() => self.waived += 1,
            Verdict::Fail => *self.fails.entry(finding.severity).or_default() += 1,
            Verdict::Undetermined => *self.undetermined.entry(reason(finding)).or_default() += 1,
            Verdict::Pass | Verdict::NotApplicable => {}
        }
    }
    /// How many checks of the catalogue gave no verdict.
    pub fn silent(&self) -> i64 {
        self.checks_known - self.checks_run
    }
    /// How many verdicts were of this kind.
    pub fn count(&self, verdict: Verdict) -> i64 {
        self.verdicts.get(&verdict).copied().unwrap_or(0)
    }
    /// How many verdicts there were on what applies.
    pub fn applicable(&self) -> i64 {
        self.count(Verdict::Pass) + self.count(Verdict::Fail) + self.count(Verdict::Undetermined)
    }
}

/// Fails grouped by what mends them, worst and widest first; of each group the first `shown`.
pub fn fixes(findings: impl IntoIterator<Item = Arc<Finding>>, shown: usize) -> Vec<Fix> {
    let mut by_check: BTreeMap<Arc<str>, Fix> = BTreeMap::new();
    for finding in findings.into_iter().filter(|f| f.verdict == Verdict::Fail) {
        let check = &finding.check;
        let fix = match by_check.get_mut(check) {
            Some(fix) => fix,
            None => by_check.entry(Arc::clone(check)).or_insert_with(|| Fix::none(Arc::clone(check))),
        };
        fix.add(&finding, shown);
    }
    let mut fixes: Vec<Fix> = by_check.into_values().collect();
    fixes.sort_by(worst_first);
    fixes
}

/// The order of repairs: the worst first, of those as severe the widest.
pub(super) fn worst_first(a: &Fix, b: &Fix) -> Ordering {
    b.severity.cmp(&a.severity).then_with(|| b.count.cmp(&a.count)).then_with(|| a.check.cmp(&b.check))
}

impl Fix {
    pub(super) fn none(check: Arc<str>) -> Self {
        Self { check, severity: Severity::Info, count: 0, findings: Vec::new() }
    }
    /// Those that are as severe stay in the order of their subjects.
    pub(super) fn add(&mut self, finding: &Arc<Finding>, shown: usize) {
        self.count += 1;
        self.severity = self.severity.max(finding.severity);
        let goes_before =
            |there: &Arc<Finding>| (there.severity, &finding.subject) >= (finding.severity, &there.subject);
        let at = self.findings.partition_point(goes_before);
        self.findings.insert(at, Arc::clone(finding));
        self.findings.truncate(shown);
    }
}

/// The stable word of an undetermined finding's reason, before the colon and the detail.
pub fn reason(finding: &Finding) -> String {
    let reason = finding.reason.as_deref().unwrap_or("unknown");
    reason.strip_prefix("not run: ").unwrap_or(reason).split(':').next().unwrap_or_default().to_owned()
}

pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
