//! The numbers and groups that all outputs share.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::Input;
use crate::check::{Finding, Severity, Verdict};

/// A run in numbers. Every count has its denominator beside it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
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
}

/// Fails that one repair mends: all of one check, worst first.
#[derive(Clone, Debug)]
pub struct Fix<'a> {
    pub check: &'a str,
    /// The worst of its findings.
    pub severity: Severity,
    pub findings: Vec<&'a Finding>,
}

impl Summary {
    /// Counts.
    pub fn of(input: &Input<'_>) -> Self {
        let mut summary = Self {
            verdicts: BTreeMap::new(),
            fails: BTreeMap::new(),
            waived: 0,
            undetermined: BTreeMap::new(),
            hosts: count(input.document.first.hosts.len()),
            zones: count(input.document.first.zones.len()),
            services: count(input.document.first.services.len()),
            checks_run: count(input.findings.iter().map(|f| &f.check).collect::<BTreeSet<_>>().len()),
            checks_known: count(input.checks.len()),
        };
        for finding in input.findings {
            *summary.verdicts.entry(finding.verdict).or_default() += 1;
            match finding.verdict {
                Verdict::Fail if finding.waiver.is_some() => summary.waived += 1,
                Verdict::Fail => *summary.fails.entry(finding.severity).or_default() += 1,
                Verdict::Undetermined => *summary.undetermined.entry(reason(finding)).or_default() += 1,
                Verdict::Pass | Verdict::NotApplicable => {}
            }
        }
        summary
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

/// Fails grouped by what mends them, worst and widest first.
pub fn fixes<'a>(findings: &'a [Finding]) -> Vec<Fix<'a>> {
    let mut by_check: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.verdict == Verdict::Fail) {
        by_check.entry(&finding.check).or_default().push(finding);
    }
    let mut fixes: Vec<Fix<'a>> = by_check
        .into_iter()
        .map(|(check, mut findings)| {
            findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.subject.cmp(&b.subject)));
            Fix { check, severity: findings.first().map_or(Severity::Info, |f| f.severity), findings }
        })
        .collect();
    fixes.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| b.findings.len().cmp(&a.findings.len()))
            .then_with(|| a.check.cmp(b.check))
    });
    fixes
}

/// The stable word of an undetermined finding's reason, before the colon and the detail.
pub fn reason(finding: &Finding) -> String {
    let reason = finding.reason.as_deref().unwrap_or("unknown");
    reason.strip_prefix("not run: ").unwrap_or(reason).split(':').next().unwrap_or_default().to_owned()
}

pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
