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
}

/// The verdicts on one subject that one circumstance left open.
#[derive(Serialize)]
pub(super) struct Unjudged {
    subject: String,
    detail: String,
    count: String,
    checks: Vec<UnjudgedCheck>,
}

#[derive(Serialize)]
struct UnjudgedCheck {
    check: String,
    title: String,
}

pub(super) fn undetermined(input: &Told<'_>) -> Undetermined {
    let reasons = input.summary.undetermined.keys();
    let reasons = reasons.map(|word| ReasonGroup { word: word.clone(), words: reason(word).to_owned() });
    let count = usize::try_from(input.summary.count(Verdict::Undetermined)).unwrap_or_default();
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

/// What a reason left open, subject by subject.
pub(super) fn unjudged<'a>(input: &'a Told<'a>, word: &'a str) -> impl Iterator<Item = Unjudged> + 'a {
    input.gathered.open().flat_map(move |(subject, findings)| {
        let mut by_detail: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| reason_of(finding) == word) {
            by_detail.entry(detail(finding)).or_default().push(finding);
        }
        let group = |(detail, findings): (String, Vec<&Finding>)| Unjudged {
            subject: subject.name.clone(),
            detail,
            count: plural(findings.len(), "check"),
            checks: findings
                .into_iter()
                .map(|finding| UnjudgedCheck { check: finding.check.to_string(), title: title(input, &finding.check) })
                .collect(),
        };
        by_detail.into_iter().map(group).collect::<Vec<_>>()
    })
}

/// The reason's own sentence, after the stable word.
fn detail(finding: &Finding) -> String {
    let reason = finding.reason.as_deref().unwrap_or_default();
    let reason = reason.strip_prefix("not run: ").unwrap_or(reason);
    reason.split_once(": ").map_or(reason, |(_, detail)| detail).to_owned()
}
