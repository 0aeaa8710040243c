//! The summary a person reads in a terminal: aligned, quiet, colour for severity alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::Input;
use super::summary::{fixes, reason};
use crate::check::{Finding, Severity, Verdict};

/// Subjects named under one fix; the rest is counted.
const SUBJECTS_SHOWN: usize = 3;
/// The margin that carries severities and labels.
const MARGIN: usize = 12;

/// Plain text, at most `width` columns, with ANSI colours if wanted.
pub fn terminal(input: &Input<'_>, colour: bool, width: usize) -> String {
    let page = Page { colour, width };
    let sections =
        [head(input), failed(&page, input), undetermined(&page, input), unassessed(&page, input), foot(&page, input)];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

struct Page {
    colour: bool,
    width: usize,
}

fn head(input: &Input<'_>) -> String {
    let summary = input.summary;
    let whose = if input.estate.bare { "hosts named on the command line" } else { &input.estate.authority.name };
    let run = &input.document.run;
    let parts = [
        plural(summary.hosts, "host"),
        plural(summary.zones, "zone"),
        plural(summary.services, "service"),
        format!("as of {}", run.now),
    ];
    let cut = if run.complete { "" } else { "\nThe run was interrupted: what was not reached is undetermined." };
    format!("\n{whose}\n{}{cut}\n", parts.join(" · "))
}

/// One block a fix: severity, requirement, where, what to do.
fn failed(page: &Page, input: &Input<'_>) -> String {
    let mut out = String::new();
    for fix in fixes(input.findings.iter(), SUBJECTS_SHOWN) {
        let title = input.checks.get(&*fix.check).map_or(&*fix.check, |check| check.title.as_str());
        let title = format!("Not met: {title}");
        page.entry(&mut out, &page.severity(fix.severity), fix.severity.word().len(), &title);
        for finding in &fix.findings {
            page.under(&mut out, &what_was_seen(finding));
        }
        let more = fix.count - fix.findings.len();
        if more > 0 {
            page.under(&mut out, &format!("and {more} more"));
        }
        page.under(&mut out, &fix.check);
    }
    out
}

fn what_was_seen(finding: &Finding) -> String {
    let subject = &finding.subject.name;
    let element = finding.element.as_ref().map(|element| format!(" ({element})")).unwrap_or_default();
    let waived = finding.waiver.as_ref().map(|waiver| format!(" [accepted: {waiver}]")).unwrap_or_default();
    let unsure = if finding.confidence.counts() { "" } else { " [possible]" };
    // Many messages name their subject themselves.
    let host = subject.split(':').next().unwrap_or_default();
    let where_ = if finding.message.contains(host) { String::new() } else { format!("{subject}{element}: ") };
    format!("{where_}{}{unsure}{waived}", finding.message)
}

/// What could not be determined, by reason, with the subjects it concerns.
fn undetermined(page: &Page, input: &Input<'_>) -> String {
    let mut concerned: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in input.findings.iter().filter(|f| f.verdict == Verdict::Undetermined) {
        concerned.entry(reason(&finding)).or_default().insert(finding.subject.name.clone());
    }
    let mut out = String::new();
    for (why, subjects) in concerned {
        let n = input.summary.undetermined.get(&why).copied().unwrap_or_default();
        let shown: Vec<&str> = subjects.iter().take(SUBJECTS_SHOWN).map(String::as_str).collect();
        let more = subjects.len().saturating_sub(SUBJECTS_SHOWN);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!("{}: {} of {}{tail}", why, plural(n, "verdict"), shown.join(", "));
        page.entry(&mut out, "unknown", "unknown".len(), &text);
    }
    out
}

/// Checks of the catalogue that the user left out.
fn unassessed(page: &Page, input: &Input<'_>) -> String {
    let left = input.summary.silent();
    if left == 0 {
        return String::new();
    }
    let mut out = String::new();
    let text =
        format!("{left} of {} checks gave no verdict: not selected, or no such subject declared", input.checks.len());
    page.entry(&mut out, "no look", "no look".len(), &text);
    out
}

fn foot(page: &Page, input: &Input<'_>) -> String {
    let summary = input.summary;
    let by_severity: Vec<String> = Severity::ALL
        .iter()
        .rev()
        .filter_map(|severity| summary.fails.get(severity).map(|n| format!("{n} {}", page.severity(*severity))))
        .collect();
    let fails = if by_severity.is_empty() { "nothing found by these checks".into() } else { by_severity.join(", ") };
    let mut out = format!(
        "Of {}: {} failed ({fails}), {} undetermined, {} passed; {} not applicable.\n",
        plural(summary.applicable(), "applicable verdict"),
        summary.count(Verdict::Fail),
        summary.count(Verdict::Undetermined),
        summary.count(Verdict::Pass),
        summary.count(Verdict::NotApplicable),
    );
    let traffic = &input.document.traffic;
    let _ = writeln!(
        out,
        "{} and {} to {}, from this place, at this time.",
        plural(traffic.tcp_connections, "TCP connection"),
        plural(traffic.udp_datagrams, "datagram"),
        plural(i64::try_from(traffic.addresses.len()).unwrap_or(i64::MAX), "address"),
    );
    out
}

impl Page {
    /// A label in the margin, text beside it, wrapped.
    fn entry(&self, out: &mut String, label: &str, label_width: usize, text: &str) {
        let pad = " ".repeat(MARGIN.saturating_sub(label_width));
        for (at, line) in wrap(text, self.width.saturating_sub(MARGIN)).iter().enumerate() {
            let _ = if at == 0 {
                writeln!(out, "{label}{pad}{line}")
            } else {
                writeln!(out, "{}{line}", " ".repeat(MARGIN))
            };
        }
    }
    /// Text beside an empty margin, dimmed.
    fn under(&self, out: &mut String, text: &str) {
        for line in wrap(text, self.width.saturating_sub(MARGIN + 2)) {
            let _ = writeln!(out, "{}{}", " ".repeat(MARGIN), self.paint("2", &line));
        }
    }
    fn severity(&self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;35",
            Severity::High => "1;31",
            Severity::Medium => "33",
            Severity::Low => "36",
            Severity::Info => "2",
        };
        self.paint(code, severity.word())
    }
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Lines of at most `width` characters, broken at spaces; a longer word stands alone.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

fn plural(n: i64, noun: &str) -> String {
    let many = noun.strip_suffix('s').map_or_else(|| format!("{noun}s"), |stem| format!("{stem}ses"));
    if n == 1 { format!("1 {noun}") } else { format!("{n} {many}") }
}
