//! What could not be determined, by reason, subject by subject.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use super::management::title;
use super::words::{plural, reason};
use crate::check::{Finding, Verdict};
use crate::report::summary::reason as reason_of;

#[derive(Serialize)]
pub(super) struct Undetermined {
    words: String,
    reasons: Vec<ReasonGroup>,
}

#[derive(Serialize)]
struct ReasonGroup {
    word: String,
    words: String,
    subjects: Vec<SubjectGroup>,
}

#[derive(Serialize)]
struct SubjectGroup {
    subject: String,
    detail: String,
    count: String,
    checks: Vec<Unjudged>,
}

#[derive(Serialize)]
struct Unjudged {
    check: String,
    title: String,
}

pub(super) fn undetermined(input: &Told<'_>) -> Undetermined {
    let mut groups: BTreeMap<String, BTreeMap<(&str, String), Vec<&Finding>>> = BTreeMap::new();
    let mut count = 0;
    for finding in input.findings().filter(|f| f.verdict == Verdict::Undetermined) {
        count += 1;
        let key = (finding.subject.name.as_str(), detail(finding));
        groups.entry(reason_of(finding)).or_default().entry(key).or_default().push(finding);
    }
    let reasons = groups.into_iter().map(|(word, subjects)| ReasonGroup {
        words: reason(&word).to_owned(),
        word,
        subjects: subjects
            .into_iter()
            .map(|((subject, detail), findings)| group(input, subject, detail, &findings))
            .collect(),
    });
    let words = if count == 0 {
        "Every verdict that applies could be determined.".into()
    } else {
        format!(
            "{} could not be determined. That is neither good nor bad: nothing is known. Each may hide a failure.",
            plural(count, "verdict")
        )
    };
    Undetermined { words, reasons: reasons.collect() }
}

fn group(input: &Told<'_>, subject: &str, detail: String, findings: &[&Finding]) -> SubjectGroup {
    SubjectGroup {
        subject: subject.to_owned(),
        detail,
        count: plural(findings.len(), "check"),
        checks: findings
            .iter()
            .map(|finding| Unjudged { check: finding.check.to_string(), title: title(input, &finding.check) })
            .collect(),
    }
}

/// The reason's own sentence, after the stable word.
fn detail(finding: &Finding) -> String {
    let reason = finding.reason.as_deref().unwrap_or_default();
    let reason = reason.strip_prefix("not run: ").unwrap_or(reason);
    reason.split_once(": ").map_or(reason, |(_, detail)| detail).to_owned()
}
