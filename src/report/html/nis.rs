//! The NIS view: what was seen about each measure, and in grey and hatch what was not (design §9).

use std::collections::BTreeMap;

use serde::Serialize;

use super::Told;
use super::words::{coverage as state_words, coverage_class, plural, reason};
use crate::framework::{Control, Coverage, CoverageState, Framework, leaf_counts, tally};

#[derive(Serialize)]
pub(super) struct Nis {
    letters: Vec<Letter>,
    leaf_line: String,
    sections: Vec<Section>,
    frameworks: Vec<FrameworkRow>,
    threats: Vec<Threat>,
    height: usize,
}

/// One letter of NIS 2 Art. 21(2), as a bar.
#[derive(Serialize)]
struct Letter {
    letter: String,
    title: String,
    y: usize,
    text_y: usize,
    parts: Vec<Part>,
    words: String,
    state: &'static str,
}

#[derive(Serialize)]
struct Part {
    x: i64,
    width: i64,
    class: &'static str,
}

/// A section of the annex of 2024/2690.
#[derive(Serialize)]
struct Section {
    title: String,
    counts: String,
    controls: Vec<ControlRow>,
}

#[derive(Serialize)]
struct ControlRow {
    id: String,
    title: String,
    state: &'static str,
    class: &'static str,
    words: String,
    checks: String,
}

#[derive(Serialize)]
struct FrameworkRow {
    name: String,
    document: String,
    confidence: String,
    consistent: i64,
    inconsistent: i64,
    mixed: i64,
    declared: i64,
    not_tested: i64,
    not_testable: i64,
}

#[derive(Serialize)]
struct Threat {
    title: String,
    id: String,
    checks: String,
}

const BAR: i64 = 400;
const BAR_X: i64 = 48;
const LANE: usize = 26;

pub(super) fn nis(input: &Told<'_>) -> Nis {
    let controls: BTreeMap<&str, &Control> =
        input.frameworks.iter().flat_map(|f| &f.controls).map(|c| (c.id.as_str(), c)).collect();
    let letters: Vec<Letter> =
        ('a'..='j').enumerate().filter_map(|(at, letter)| self::letter(input, &controls, letter, at)).collect();
    let annex = input.frameworks.iter().find(|f| f.framework.id == "ir2690");
    Nis {
        height: letters.len() * LANE + 8,
        letters,
        leaf_line: annex.map(leaf_line).unwrap_or_default(),
        sections: annex.map(|annex| sections(input, annex)).unwrap_or_default(),
        frameworks: input.frameworks.iter().filter_map(|framework| framework_row(input, framework)).collect(),
        threats: threats(input, &controls),
    }
}

fn letter(input: &Told<'_>, controls: &BTreeMap<&str, &Control>, letter: char, at: usize) -> Option<Letter> {
    let id = format!("NIS2-21.2{letter}");
    let control = controls.get(id.as_str())?;
    let coverage = input.coverage.get(&id)?;
    Some(Letter {
        letter: letter.to_string(),
        title: control.title.clone(),
        y: at * LANE + 4,
        text_y: at * LANE + 18,
        parts: parts(coverage),
        words: words(coverage),
        state: state_words(coverage.state),
    })
}

/// Widths in proportion to subjects; what was not tested fills the bar in grey, what cannot be tested in hatch.
fn parts(coverage: &Coverage) -> Vec<Part> {
    let all = coverage.consistent + coverage.inconsistent + coverage.undetermined;
    let whole = |class| vec![Part { x: BAR_X, width: BAR, class }];
    match coverage.state {
        CoverageState::NotTestable => return whole("hatch"),
        CoverageState::DeclaredOnly | CoverageState::NoCheck | CoverageState::OwnReport => return whole("grey"),
        _ if all == 0 => return whole("grey"),
        _ => {}
    }
    let mut x = BAR_X;
    let shares = [(coverage.consistent, "ok"), (coverage.inconsistent, "bad"), (coverage.undetermined, "grey")];
    let mut parts = Vec::new();
    let mut so_far = 0;
    for (n, class) in shares.into_iter().filter(|(n, _)| *n > 0) {
        so_far += n;
        let end = BAR_X + so_far * BAR / all;
        parts.push(Part { x, width: end - x, class });
        x = end;
    }
    parts
}

fn words(coverage: &Coverage) -> String {
    let all = coverage.consistent + coverage.inconsistent + coverage.undetermined;
    let unknown =
        if coverage.undetermined > 0 { format!("; {} not determined", coverage.undetermined) } else { String::new() };
    match coverage.state {
        CoverageState::Consistent => {
            format!("outcome consistent on {} of {all} subjects{unknown}", coverage.consistent)
        }
        CoverageState::Inconsistent => {
            format!("outcome inconsistent on {} of {all} subjects{unknown}", coverage.inconsistent)
        }
        CoverageState::Mixed => format!(
            "outcome consistent on {} and inconsistent on {} of {all} subjects{unknown}",
            coverage.consistent, coverage.inconsistent
        ),
        CoverageState::DeclaredOnly => "only the estate's own word".into(),
        CoverageState::NotTested => not_tested(coverage),
        CoverageState::NoCheck => "no check of this catalogue looks".into(),
        CoverageState::NotTestable => "nothing of it shows from outside".into(),
        CoverageState::OwnReport => "evidenced by this report's existence".into(),
    }
}

fn not_tested(coverage: &Coverage) -> String {
    let why: Vec<String> =
        coverage.reasons.iter().map(|(word, n)| format!("{} ({n})", reason(word).to_lowercase())).collect();
    if why.is_empty() { "checks exist, nothing applied".into() } else { why.join("; ") }
}

fn leaf_line(annex: &Framework) -> String {
    let counts = leaf_counts(annex);
    format!(
        "Of the {} leaf points of Implementing Regulation (EU) 2024/2690, an outside look can give evidence about {}, partial \
         evidence about {}, and none about {}; {} are evidenced by the existence of a report like this one. By our \
         classification, not reviewed by an authority.",
        counts.total(),
        counts.external,
        counts.partial,
        counts.none,
        counts.own_report
    )
}

/// Only what an outside look says something about; the rest is counted in the heading.
fn sections(input: &Told<'_>, annex: &Framework) -> Vec<Section> {
    let tops = annex.controls.iter().filter(|control| !control.id.contains('.'));
    tops.map(|top| {
        let prefix = format!("{}.", top.id);
        let inside: Vec<&Control> = annex.controls.iter().filter(|c| c.id.starts_with(&prefix)).collect();
        let shown: Vec<ControlRow> = inside.iter().filter_map(|control| control_row(input, control)).collect();
        let unchecked =
            inside.iter().filter_map(|c| input.coverage.get(&c.id)).filter(|c| c.state == CoverageState::NoCheck);
        let counts = format!(
            "{} of {} points; on {} more an outside look could give evidence, and no check does yet",
            shown.len(),
            inside.len(),
            unchecked.count()
        );
        Section { title: format!("{} {}", top.id.trim_start_matches("IR2690-"), top.title), counts, controls: shown }
    })
    .filter(|section| !section.controls.is_empty())
    .collect()
}

fn control_row(input: &Told<'_>, control: &Control) -> Option<ControlRow> {
    let coverage = input.coverage.get(&control.id)?;
    let is_shown =
        !matches!(coverage.state, CoverageState::NotTestable | CoverageState::OwnReport | CoverageState::NoCheck);
    is_shown.then(|| ControlRow {
        id: control.id.clone(),
        title: control.title.clone(),
        state: state_words(coverage.state),
        class: coverage_class(coverage.state),
        words: words(coverage),
        checks: coverage.checks.join(", "),
    })
}

fn framework_row(input: &Told<'_>, framework: &Framework) -> Option<FrameworkRow> {
    let of_framework = framework.controls.iter().filter_map(|control| input.coverage.get(&control.id));
    let tally = tally(of_framework);
    // A framework of offences alone asks nothing of the entity.
    tally.ratio()?;
    let count = |state| tally.count(state);
    Some(FrameworkRow {
        name: framework.framework.name.clone(),
        document: framework.framework.document.clone(),
        confidence: framework.framework.confidence.clone(),
        consistent: count(CoverageState::Consistent),
        inconsistent: count(CoverageState::Inconsistent),
        mixed: count(CoverageState::Mixed),
        declared: count(CoverageState::DeclaredOnly),
        not_tested: count(CoverageState::NotTested) + count(CoverageState::NoCheck),
        not_testable: count(CoverageState::NotTestable),
    })
}

/// Threats, phases and the like that failed checks bear on; offences stay out of every page that names a host, and here they
/// are named without one.
fn threats(input: &Told<'_>, controls: &BTreeMap<&str, &Control>) -> Vec<Threat> {
    let relevant = input.gathered.failed_by_control.iter();
    relevant
        .filter_map(|(id, checks)| Some((controls.get(id.as_str())?, checks)))
        .filter(|(control, _)| control.kind == "threat")
        .map(|(control, checks)| Threat {
            title: control.title.clone(),
            id: control.id.clone(),
            checks: plural(checks.len(), "failed check"),
        })
        .collect()
}
