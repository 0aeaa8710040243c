//! What failed, grouped by what mends it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use super::words::{SeverityMark, Span as Words, anchor, asset_of, moment, plural, severity, spans};
use crate::check::{CheckFile, Confidence, Effort, EvidenceKind, Finding, InFreeze, Publication};
use crate::facts::Span;
use crate::framework::Control;
use crate::report::Fix;

#[derive(Serialize)]
pub(super) struct Findings {
    words: String,
}

/// What failed of one check, and what to do about it.
#[derive(Serialize)]
pub(super) struct FixEntry {
    anchor: String,
    check: String,
    title: String,
    severity: SeverityMark,
    confidence: String,
    why: Vec<Words>,
    how: Vec<Words>,
    effort: &'static str,
    lead_time: String,
    reversible: &'static str,
    in_freeze: &'static str,
    controls: Vec<Cited>,
    controls_words: String,
    references: String,
    false_positives: Option<Vec<Words>>,
    shadowserver: Option<String>,
}

/// One finding of the group.
#[derive(Serialize)]
pub(super) struct Seen {
    subject: String,
    element: Option<String>,
    function: Option<String>,
    message: String,
    severity: SeverityMark,
    possible: bool,
    publish: Option<Publish>,
    waiver: Option<String>,
    at: String,
    evidence: Vec<Piece>,
}

/// The record that mends it, to copy.
#[derive(Serialize)]
struct Publish {
    lines: String,
    words: String,
}

#[derive(Serialize)]
struct Piece {
    path: String,
    value: String,
    origin: String,
}

#[derive(Serialize)]
struct Cited {
    id: String,
    title: String,
}

pub(super) fn findings(input: &Told<'_>) -> Findings {
    let repairs = &input.gathered.repairs;
    let failed: usize = repairs.iter().map(|repair| repair.fix.count).sum();
    let words = if repairs.is_empty() {
        "Nothing was found by these checks, from this place, at this time.".into()
    } else {
        format!(
            "{} that {} would mend, the most severe first.",
            plural(failed, "finding"),
            plural(repairs.len(), "repair")
        )
    };
    Findings { words }
}

/// Every repair, the worst first.
pub(super) fn fixes<'a>(input: &'a Told<'a>) -> impl Iterator<Item = FixEntry> + 'a {
    let controls: BTreeMap<&str, &Control> =
        input.frameworks.iter().flat_map(|f| &f.controls).map(|c| (c.id.as_str(), c)).collect();
    let repairs = input.gathered.repairs.iter();
    repairs.filter_map(move |repair| Some(entry(&repair.fix, input.checks.get(&*repair.fix.check)?, &controls)))
}

/// What was seen of a check that failed.
pub(super) fn seen<'a>(input: &'a Told<'a>, check: &'a str) -> impl Iterator<Item = Seen> + 'a {
    input.gathered.failed(check).map(|finding| one_seen(input, &finding))
}

fn entry(fix: &Fix, file: &CheckFile, controls: &BTreeMap<&str, &Control>) -> FixEntry {
    // No criminal article and no power of prosecutors stands beside a host (design §9).
    let cited = file
        .controls
        .iter()
        .filter_map(|id| controls.get(id.as_str()))
        .filter(|c| !matches!(c.kind.as_str(), "offence" | "power"));
    let controls: Vec<Cited> = cited.map(|c| Cited { id: c.id.clone(), title: c.title.clone() }).collect();
    FixEntry {
        anchor: anchor(&fix.check),
        check: fix.check.to_string(),
        title: file.title.clone(),
        severity: severity(fix.severity),
        confidence: confidence(file),
        why: spans(&file.rationale),
        how: spans(&file.remediation.text),
        effort: match file.remediation.effort {
            Effort::Small => "small",
            Effort::Medium => "medium",
            Effort::Large => "large",
        },
        lead_time: lead_time(&file.remediation.lead_time),
        reversible: if file.remediation.reversible { "can be undone" } else { "cannot be undone" },
        in_freeze: match file.remediation.in_freeze {
            InFreeze::Do => "do it",
            InFreeze::Mitigate => "mitigate only",
            InFreeze::Defer => "leave it",
        },
        controls_words: plural(controls.len(), "control"),
        controls,
        references: file.references.join("; "),
        false_positives: file.false_positives.as_deref().map(spans),
        shadowserver: file.shadowserver.clone(),
    }
}

fn confidence(file: &CheckFile) -> String {
    let how = match file.evidence {
        EvidenceKind::Observed => "seen directly",
        EvidenceKind::Indicative => "what was seen points to it",
        EvidenceKind::Declared => "as the estate declares",
    };
    let sure = match file.confidence {
        Confidence::Certain => "certain",
        Confidence::Likely => "likely",
        Confidence::Possible => "possible",
    };
    format!("{sure}: {how}")
}

fn one_seen(input: &Told<'_>, finding: &Finding) -> Seen {
    Seen {
        subject: finding.subject.name.clone(),
        element: finding.element.clone(),
        function: asset_of(input.estate, finding).map(|asset| asset.function.word().replace('-', " ")),
        message: finding.message.clone(),
        severity: severity(finding.severity),
        possible: !finding.confidence.counts(),
        publish: finding.publish.as_ref().map(publish),
        waiver: finding.waiver.clone(),
        at: finding.at.join(", "),
        evidence: finding
            .evidence
            .iter()
            .map(|piece| Piece {
                path: piece.path.clone(),
                value: match &piece.digest {
                    Some(digest) => format!("{} … (cut; the whole has {digest})", piece.value),
                    None => piece.value.clone(),
                },
                origin: [piece.at.clone(), piece.observed_at.map(moment)]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", "),
            })
            .collect(),
    }
}

fn publish(record: &Publication) -> Publish {
    let replaces = match record.replaces.as_slice() {
        [] => String::new(),
        there => format!(" It takes the place of {}.", there.join(", ")),
    };
    let settles = match record.settles_in {
        Some(span) => format!(" Others go by what they hold for {} more, by the answer we got.", spoken(span)),
        None => " How long others go by what they hold is not known.".into(),
    };
    let undo = match record.undo_until {
        Some(until) => format!(" It can be undone before polling day until {}.", moment(until)),
        None => String::new(),
    };
    Publish { lines: record.lines.join("\n"), words: format!("The record to publish.{replaces}{settles}{undo}") }
}

/// A span in the largest unit that fits.
fn spoken(Span(seconds): Span) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let (size, noun) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "second"));
    plural(usize::try_from(seconds.max(0) / size).unwrap_or(usize::MAX), noun)
}

/// `4h` in words.
fn lead_time(text: &str) -> String {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let noun = match unit {
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        _ => return text.to_owned(),
    };
    number.parse().map_or_else(|_| text.to_owned(), |n| plural(n, noun))
}
