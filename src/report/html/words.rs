//! Words and marks that several sections share, so that a thing has one name on every page.

use serde::Serialize;
use time::Date;
use time::macros::format_description;

use crate::check::{Finding, Severity, Subject, Verdict};
use crate::estate::{Asset, Estate};
use crate::facts::Timestamp;
use crate::framework::CoverageState;

/// A label and what stands beside it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) label: String,
    pub(super) value: String,
}

pub(super) fn row(label: &str, value: impl Into<String>) -> Row {
    Row { label: label.to_owned(), value: value.into() }
}

/// A severity as word and shape: neither needs colour.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SeverityMark {
    pub(super) word: &'static str,
    pub(super) shape: &'static str,
}

pub(super) fn severity(severity: Severity) -> SeverityMark {
    let shape = match severity {
        Severity::Critical => "◆",
        Severity::High => "▲",
        Severity::Medium => "■",
        Severity::Low => "●",
        Severity::Info => "○",
    };
    SeverityMark { word: severity.word(), shape }
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fail => "failed",
        Verdict::Undetermined => "undetermined",
        Verdict::Pass => "passed",
        Verdict::NotApplicable => "not applicable",
    }
}

/// `23 November 2026`.
pub(super) fn day(date: Date) -> String {
    date.format(format_description!("[day padding:none] [month repr:long] [year]")).unwrap_or_default()
}

/// `23 Nov 2026`.
pub(super) fn short_day(date: Date) -> String {
    date.format(format_description!("[day padding:none] [month repr:short] [year]")).unwrap_or_default()
}

/// A stretch of text, as code or as prose.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Span {
    code: bool,
    text: String,
}

/// Text of a check file on one line, with what stands between backticks as code.
pub(super) fn spans(text: &str) -> Vec<Span> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(at, piece)| Span { code: at % 2 == 1, text: piece.to_owned() }).collect()
}

/// `23 November 2026, 19:16 UTC`.
pub(super) fn moment(time: Timestamp) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    time.get().format(format).unwrap_or_default()
}

/// `1 host`, `2 hosts`.
pub(super) fn plural(n: usize, noun: &str) -> String {
    if n == 1 {
        return format!("1 {noun}");
    }
    let many = match noun.strip_suffix('y') {
        Some(stem) if !noun.ends_with("ey") => format!("{stem}ies"),
        _ if noun.ends_with('s') => format!("{noun}es"),
        _ => format!("{noun}s"),
    };
    format!("{n} {many}")
}

/// The stable word of a reason in plain words.
pub(super) fn reason(word: &str) -> &str {
    match word {
        "timeout" => "No answer in time, also not to a second, slower try",
        "refused" => "The connection was refused",
        "reset" => "The connection was reset",
        "closed" => "The connection ended before the answer was complete",
        "unreachable" => "The network said that there is no way to the address",
        "garbage" => "The answer does not follow the protocol",
        "too-large" => "The answer was larger than the limit",
        "servfail" => "The name server or resolver answered that it failed",
        "dns-refused" => "The name server or resolver refused the question",
        "throttled" => "A rate limit answered in place of the server",
        "budget" => "The connections set aside for it were used up",
        "challenge" => "A challenge page stood in the way",
        "dependency" => "Something this look builds on was not available",
        "not-selected" => "Left out by whoever started the run",
        "not-ours" => "Not ours to ask: the declaration does not permit it",
        "unsupported" => "This way of looking is not built in",
        "indeterminate" => "What was seen does not decide it",
        _ => "Another reason",
    }
}

/// How a control's coverage is said (design §9: never compliant, always what was seen).
pub(super) fn coverage(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Consistent => "consistent",
        CoverageState::Inconsistent => "inconsistent",
        CoverageState::Mixed => "mixed",
        CoverageState::DeclaredOnly => "declared only",
        CoverageState::NotTested => "not tested",
        CoverageState::NoCheck => "no check",
        CoverageState::NotTestable => "not testable from outside",
        CoverageState::OwnReport => "this report",
    }
}

/// The class of the cell that shows it.
pub(super) fn coverage_class(state: CoverageState) -> &'static str {
    match state {
        CoverageState::Consistent => "ok",
        CoverageState::Inconsistent | CoverageState::Mixed => "bad",
        CoverageState::NotTestable => "hatch",
        CoverageState::DeclaredOnly | CoverageState::NotTested | CoverageState::NoCheck | CoverageState::OwnReport => {
            "grey"
        }
    }
}

/// The declared asset that a finding is about.
pub(super) fn asset_of<'a>(estate: &'a Estate, finding: &Finding) -> Option<&'a Asset> {
    asset_of_subject(estate, &finding.subject).or_else(|| asset_of_element(estate, finding))
}

/// The host, zone or service itself; of a service, its host.
pub(super) fn asset_of_subject<'a>(estate: &'a Estate, subject: &Subject) -> Option<&'a Asset> {
    estate.asset(subject.name.split(':').next().unwrap_or_default())
}

/// The asset that a verdict on the estate as a whole names.
pub(super) fn asset_of_element<'a>(estate: &'a Estate, finding: &Finding) -> Option<&'a Asset> {
    estate.asset(finding.element.as_ref()?)
}

/// The family of a check, by its id.
pub(super) fn family_of(check: &str) -> &str {
    check.split('.').next().unwrap_or_default()
}

/// The anchor of a check's entry.
pub(super) fn anchor(check: &str) -> String {
    format!("fix-{}", check.replace('.', "-"))
}

/// The first sentence of a text.
pub(super) fn first_sentence(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.find(". ") {
        Some(end) => text[..=end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_as_a_person_writes_them() {
        assert_eq!(plural(1, "address"), "1 address");
        assert_eq!(plural(2, "address"), "2 addresses");
        assert_eq!(plural(0, "authority"), "0 authorities");
        assert_eq!(first_sentence("Renew it.  Then\nlook again."), "Renew it.");
        assert_eq!(moment(Timestamp::parse("2028-10-09T07:05:00Z").unwrap()), "9 October 2028, 07:05 UTC");
    }
}
