//! Page one: is anything on fire, what must be done before when and by whom, what changed, what was not looked at.

use std::collections::BTreeMap;

use serde::Serialize;
use time::{Date, Duration};

use super::Told;
use super::gathered::{Names, Repair};
use super::words::{SeverityMark, Span, anchor, day, first_sentence, plural, reason, severity, short_day, spans};
use crate::check::{CheckFile, InFreeze, Severity, Verdict};
use crate::report::Summary;
use crate::report::summary::reason as reason_of;

#[derive(Serialize)]
pub(super) struct Management {
    fire: Vec<Fire>,
    fire_words: String,
    counts: String,
    actions: Vec<Action>,
    more_actions: usize,
    election: Option<String>,
    unseen: Vec<Unseen>,
    unseen_words: String,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct Fire {
    severity: SeverityMark,
    title: String,
    subjects: String,
    anchor: String,
}

#[derive(Serialize)]
struct Action {
    start: String,
    before: String,
    title: String,
    what: Vec<Span>,
    who: String,
    severity: SeverityMark,
    anchor: String,
}

#[derive(Serialize)]
struct Unseen {
    reason: String,
    verdicts: i64,
    subjects: String,
}

/// Actions shown on page one; the rest is in the findings.
const ACTIONS: usize = 12;

pub(super) fn management(input: &Told<'_>) -> Management {
    let summary = input.summary;
    let open: Vec<&Repair> = input.gathered.repairs.iter().filter(|repair| repair.open).collect();
    let fire: Vec<Fire> = open.iter().filter(|repair| repair.on_fire).map(|repair| burning(input, repair)).collect();
    let mut actions: Vec<(Option<Date>, &Repair, Action)> = open
        .iter()
        .filter(|repair| repair.fix.severity >= Severity::Low)
        .filter_map(|repair| action(input, repair))
        .collect();
    actions.sort_by(|a, b| {
        (a.0.is_none(), a.0).cmp(&(b.0.is_none(), b.0)).then_with(|| b.1.fix.severity.cmp(&a.1.fix.severity))
    });
    let more_actions = actions.len().saturating_sub(ACTIONS);
    Management {
        fire_words: fire_words(summary, fire.len()),
        fire,
        counts: counts(summary),
        actions: actions.into_iter().take(ACTIONS).map(|(_, _, action)| action).collect(),
        more_actions,
        election: input.estate.elections.first().map(|e| format!("{}, {}", e.name, day(e.polling_day))),
        unseen: unseen(input),
        unseen_words: format!(
            "{} of {} applicable verdicts could not be determined.",
            summary.count(Verdict::Undetermined),
            summary.applicable()
        ),
        left_out: left_out(input),
    }
}

fn burning(input: &Told<'_>, repair: &Repair) -> Fire {
    let check = &repair.fix.check;
    Fire {
        severity: severity(repair.fix.severity),
        title: title(input, check),
        subjects: repair.severe.listed(),
        anchor: anchor(check),
    }
}

fn fire_words(summary: &Summary, found: usize) -> String {
    let count = |severity| summary.fails.get(&severity).copied().unwrap_or(0);
    if found == 0 {
        return format!(
            "Nothing critical or high was found by these checks, from this place, at this time ({} verdicts, of which {} could \
             not be determined).",
            summary.applicable(),
            summary.count(Verdict::Undetermined)
        );
    }
    format!(
        "Yes. {} critical and {} high findings, out of {} applicable verdicts. A finding is a weakness, not an attack.",
        count(Severity::Critical),
        count(Severity::High),
        summary.applicable()
    )
}

fn counts(summary: &Summary) -> String {
    format!(
        "{} verdicts apply: {} passed, {} failed, {} undetermined. {} of {} checks gave a verdict.",
        summary.applicable(),
        summary.count(Verdict::Pass),
        summary.count(Verdict::Fail),
        summary.count(Verdict::Undetermined),
        summary.checks_run,
        summary.checks_known
    )
}

/// What to do by when. The deadline is the next date of the election after which the change should not be made any more.
fn action<'a>(input: &Told<'_>, repair: &'a Repair) -> Option<(Option<Date>, &'a Repair, Action)> {
    let fix = &repair.fix;
    let file = input.checks.get(&*fix.check)?;
    let deadline = deadline(input, file);
    let today = input.document.run.now.get().date();
    // What is on fire does not wait for a date.
    let start = deadline.as_ref().map(|(date, _)| *date - lead_time(&file.remediation.lead_time));
    let start = if fix.severity >= Severity::High { Some(today) } else { start };
    let start_words = match start {
        Some(date) if date <= today => "now".to_owned(),
        Some(date) => short_day(date),
        None => "no date: no election is declared".to_owned(),
    };
    let action = Action {
        start: start_words,
        before: deadline.map(|(date, why)| format!("{why}, {}", short_day(date))).unwrap_or_default(),
        title: file.title.clone(),
        what: spans(&first_sentence(&file.remediation.text)),
        who: who(repair),
        severity: severity(fix.severity),
        anchor: anchor(&fix.check),
    };
    Some((start.map(|date| date.max(today)), repair, action))
}

/// The owners of the assets concerned, and the assets that nobody owns.
fn who(repair: &Repair) -> String {
    let mut who: Vec<String> = repair.owners.iter().cloned().collect();
    if !repair.orphans.is_empty() {
        who.push(format!("no owner declared: {}", repair.orphans.listed()));
    }
    if who.is_empty() { "the authority".into() } else { who.join("; ") }
}

fn deadline(input: &Told<'_>, file: &CheckFile) -> Option<(Date, String)> {
    let today = input.document.run.now.get().date();
    let election = input.estate.elections.iter().find(|e| e.polling_day >= today)?;
    let freeze = election.freeze.iter().map(|f| f.period.from).filter(|from| *from >= today).min();
    match freeze {
        // What may be done in a freeze is due on polling day, the rest before the freeze begins.
        Some(from) if file.remediation.in_freeze != InFreeze::Do => Some((from, "freeze begins".into())),
        _ => Some((election.polling_day, "polling day".into())),
    }
}

/// `4h`, `1d`, `2w`; a part of a day counts as a day.
fn lead_time(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let n: i64 = number.parse().unwrap_or(1);
    match unit {
        "w" => Duration::weeks(n),
        "d" => Duration::days(n),
        _ => Duration::days(1),
    }
}

fn unseen(input: &Told<'_>) -> Vec<Unseen> {
    let mut subjects: BTreeMap<String, Names> = BTreeMap::new();
    for (subject, findings) in input.gathered.open() {
        for finding in findings.iter() {
            subjects.entry(reason_of(finding)).or_default().add(&subject.name);
        }
    }
    let row = |(word, verdicts): (&String, &i64)| Unseen {
        reason: reason(word).to_owned(),
        verdicts: *verdicts,
        subjects: subjects.get(word).map(Names::listed).unwrap_or_default(),
    };
    let mut rows: Vec<Unseen> = input.summary.undetermined.iter().map(row).collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.verdicts));
    rows
}

/// What the user left out.
fn left_out(input: &Told<'_>) -> Vec<String> {
    let run = &input.document.run;
    let mut lines = Vec::new();
    let families: Vec<&str> =
        crate::check::FAMILIES.into_iter().filter(|family| !run.families.iter().any(|f| f == family)).collect();
    if !families.is_empty() {
        lines.push(format!("The families {} were not selected.", families.join(", ")));
    }
    if let Some(assets) = &run.assets {
        let left = input.estate.assets.len().saturating_sub(assets.len());
        lines.push(format!("{} of {} declared assets were not selected.", left, input.estate.assets.len()));
    }
    let silent = usize::try_from(input.summary.silent()).unwrap_or_default();
    if silent > 0 {
        lines.push(format!(
            "{} gave no verdict: not selected, or nothing of its kind is declared.",
            plural(silent, "check")
        ));
    }
    lines
}

pub(super) fn title(input: &Told<'_>, check: &str) -> String {
    input.checks.get(check).map_or_else(|| check.to_owned(), |file| file.title.clone())
}
