//! A whole document judged: every check on every subject, endpoints taken together, second looks held against first ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::judge::{Outcome, Outcomes, Stage};
use super::prepared::Check;
use super::view::{Frame, View};
use super::{Confidence, EvidenceKind, Finding, Severity, Subject, SubjectKind, Verdict};
use crate::estate::Estate;
use crate::facts::{Document, EstateIndex, Looks};

/// What to judge with.
pub struct Bench<'a> {
    pub catalogue: &'a Catalogue,
    pub estate: &'a Estate,
    /// The estate as a whole, from the first looks.
    pub index: &'a EstateIndex,
    /// Which checks to judge.
    pub selected: &'a dyn Fn(&Check) -> bool,
}

/// All findings, sorted by check, subject and element. `document` has its derived facts.
pub fn judge(document: &Document, bench: &Bench<'_>) -> Vec<Finding> {
    let mut second = BTreeMap::new();
    judge_looks(&document.second, document, bench, &mut |mut of_subject| second.append(&mut of_subject));
    let mut findings: Vec<Finding> = Vec::new();
    judge_looks(&document.first, document, bench, &mut |of_subject| {
        findings.extend(of_subject.into_iter().map(|(key, merged)| {
            let again = second.get(&key);
            finding(key, merged, again, bench)
        }));
    });
    findings.sort_unstable_by(|a, b| (&a.check, &a.subject, &a.element).cmp(&(&b.check, &b.subject, &b.element)));
    drop_shadowed(&mut findings);
    findings
}

/// Subjects with a failing check of severity high or critical, which deserve a second look, each by name with the facts that those
/// checks build on.
pub fn worth_a_second_look(findings: &[Finding], catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
    let mut subjects: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let severe = findings.iter().filter(|f| f.verdict == Verdict::Fail && f.severity >= Severity::High);
    for finding in severe.filter(|f| f.subject.kind != SubjectKind::Estate) {
        let Some(check) = catalogue.checks.get(&*finding.check) else { continue };
        if check.file.evidence != EvidenceKind::Declared {
            subjects.entry(finding.subject.name.clone()).or_default().extend(check.file.requires.iter().cloned());
        }
    }
    subjects
}

type Key = (Arc<str>, Arc<Subject>, Option<String>);

/// One verdict over all endpoints.
struct Merged {
    outcome: Outcome,
    at: Vec<String>,
}

/// Judges subject by subject, and hands over what came of each.
fn judge_looks(looks: &Looks, document: &Document, bench: &Bench<'_>, sink: &mut dyn FnMut(BTreeMap<Key, Merged>)) {
    let frame = Frame::new(bench.estate, document.run.now);
    let mut add = |kind, name: &str, views: Vec<(String, View)>| {
        sink(judge_subject(&Arc::new(Subject { kind, name: name.to_owned() }), views, document, bench));
    };
    for (name, zone) in &looks.zones {
        add(SubjectKind::Zone, name, vec![(String::new(), frame.zone(zone, bench.estate.asset(name)))]);
    }
    for (name, host) in &looks.hosts {
        let zone = host.zone.as_ref().and_then(|zone| document.first.zones.get(zone));
        add(SubjectKind::Host, name, vec![(String::new(), frame.host(host, zone, bench.estate.asset(name)))]);
    }
    for (name, service) in &looks.services {
        let Some(host) = looks.hosts.get(&service.host).or_else(|| document.first.hosts.get(&service.host)) else {
            continue;
        };
        let zone = host.zone.as_ref().and_then(|zone| document.first.zones.get(zone));
        let parents = frame.host(host, zone, bench.estate.asset(&service.host));
        let endpoints = service.endpoints.iter();
        let views =
            endpoints.map(|(at, endpoint)| (at.clone(), Frame::endpoint(&parents, name, service, endpoint))).collect();
        add(SubjectKind::Service, name, views);
    }
    if !looks.hosts.is_empty() || !looks.zones.is_empty() {
        add(SubjectKind::Estate, "estate", vec![(String::new(), frame.estate(bench.index))]);
    }
}

fn judge_subject(
    subject: &Arc<Subject>,
    views: Vec<(String, View)>,
    document: &Document,
    bench: &Bench<'_>,
) -> BTreeMap<Key, Merged> {
    // Identical endpoint facts are judged once: the address is not what makes them different.
    let mut judged: Vec<(String, BTreeMap<Arc<str>, Outcomes>)> = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let several = views.len() > 1;
    for (address, view) in views {
        let print = if several { fingerprint(&view) } else { String::new() };
        if let Some(same) = seen.get(&print).and_then(|at| judged.get(*at)) {
            let outcomes = same.1.clone();
            judged.push((address, outcomes));
            continue;
        }
        let stage = Stage::new(bench.catalogue, view, &document.probes);
        let checks = bench.catalogue.checks.values().filter(|c| c.file.subject == subject.kind && (bench.selected)(c));
        let outcomes = checks.map(|check| (Arc::clone(&check.id), stage.judge(check))).collect();
        seen.insert(print, judged.len());
        judged.push((address, outcomes));
    }
    let mut all = BTreeMap::new();
    for (address, by_check) in judged {
        for (check, outcomes) in by_check {
            for (element, outcome) in outcomes {
                merge(&mut all, (Arc::clone(&check), Arc::clone(subject), element), &address, outcome);
            }
        }
    }
    all
}

/// A service fails if any endpoint fails, else is undetermined if any is, else passes.
fn merge(all: &mut BTreeMap<Key, Merged>, key: Key, address: &str, mut outcome: Outcome) {
    let at: Vec<String> = (!address.is_empty()).then(|| address.to_owned()).into_iter().collect();
    for evidence in &mut outcome.evidence {
        evidence.at = at.first().cloned();
    }
    match all.get_mut(&key) {
        None => drop(all.insert(key, Merged { outcome, at })),
        Some(there) if outcome.verdict > there.outcome.verdict => *there = Merged { outcome, at },
        Some(there) if outcome.verdict == there.outcome.verdict => {
            there.at.extend(at);
            if there.outcome.evidence.len() < 12 {
                there.outcome.evidence.extend(outcome.evidence);
            }
        }
        Some(_) => {}
    }
}

fn finding(key: Key, merged: Merged, again: Option<&Merged>, bench: &Bench<'_>) -> Finding {
    let (id, subject, element) = key;
    let Merged { outcome, at } = merged;
    // The key came from this catalogue.
    let check = bench.catalogue.checks.get(&*id);
    let file = check.map(|check| &check.file);
    let declared = file.is_none_or(|f| f.evidence == EvidenceKind::Declared);
    let own = file.map_or(Confidence::Possible, |f| f.confidence);
    let severe = outcome.verdict == Verdict::Fail && outcome.severity >= Severity::High;
    let needs_second = severe && !declared && subject.kind != SubjectKind::Estate;
    let (confidence, doubt) = match again {
        _ if !needs_second => (own, None),
        Some(second) if second.outcome.verdict == Verdict::Fail => (own, None),
        Some(second) if second.outcome.verdict == Verdict::Undetermined => {
            (own.min(Confidence::Likely), Some("A second look did not succeed."))
        }
        Some(_) => (Confidence::Possible, Some("A second look a little later did not show it.")),
        None => (own.min(Confidence::Likely), None),
    };
    let message = [Some(outcome.message.as_str()), doubt]
        .into_iter()
        .flatten()
        .filter(|m| !m.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    Finding {
        check: id,
        subject,
        element,
        at,
        verdict: outcome.verdict,
        reason: outcome.reason,
        severity: outcome.severity,
        confidence,
        title: check.map_or_else(|| "".into(), |check| Arc::clone(&check.title)),
        message,
        evidence: outcome.evidence,
        controls: check.map_or_else(|| [].into(), |check| Arc::clone(&check.controls)),
        publish: outcome.publish,
        waiver: None,
    }
}

/// A verdict on a list as a whole at one endpoint says nothing beside failing or unknown elements at another.
fn drop_shadowed(findings: &mut Vec<Finding>) {
    let key = |f: &Finding| (Arc::clone(&f.check), Arc::clone(&f.subject));
    let with_elements: BTreeSet<(Arc<str>, Arc<Subject>)> =
        findings.iter().filter(|f| f.element.is_some()).map(key).collect();
    findings.retain(|f| f.element.is_some() || f.verdict >= Verdict::Undetermined || !with_elements.contains(&key(f)));
}

/// A digest of the facts without the address and without the times of looking.
fn fingerprint(view: &View) -> String {
    let roots: BTreeMap<&String, serde_json::Value> =
        view.roots.iter().map(|(name, value)| (name, timeless(value))).collect();
    crate::facts::digest(serde_json::to_string(&roots).unwrap_or_default().as_bytes())
}

fn timeless(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(name, _)| !matches!(name.as_str(), "observed_at" | "address"));
            Value::Object(kept.map(|(name, value)| (name.clone(), timeless(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(timeless).collect()),
        other => other.clone(),
    }
}
