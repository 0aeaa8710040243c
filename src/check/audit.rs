//! A whole document judged: every check on every subject, endpoints taken together, second looks held against first ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::catalogue::Catalogue;
use super::judge::{Outcome, Outcomes, Stage};
use super::prepared::Check;
use super::view::{Frame, View};
use super::{Confidence, EvidenceKind, Finding, Findings, Severity, Subject, SubjectKind, Verdict};
use crate::estate::Estate;
use crate::facts::{Document, EstateIndex, Host, Looks};

/// What to judge with.
pub struct Bench<'a> {
    pub catalogue: &'a Catalogue,
    pub estate: &'a Estate,
    /// The estate as a whole, from the first looks.
    pub index: &'a EstateIndex,
    /// Which checks to judge.
    pub selected: &'a dyn Fn(&Check) -> bool,
}

/// All findings. `document` has its derived facts.
pub fn judge(document: &Document, bench: &Bench<'_>) -> Findings {
    let frame = Frame::new(bench.estate, document.run.now);
    let mut findings = Findings::default();
    for subject in subjects(&document.first) {
        let subject = Arc::new(subject);
        let judged =
            |looks| Some(judge_subject(&subject, views(looks, &subject, document, bench, &frame)?, document, bench));
        let Some(first) = judged(&document.first) else { continue };
        let second = judged(&document.second).unwrap_or_default();
        let mut of_subject: Vec<Finding> = first
            .into_iter()
            .map(|(key, merged)| {
                let again = second.get(&key);
                finding(&subject, key, merged, again, bench)
            })
            .collect();
        drop_shadowed(&mut of_subject);
        findings.add(Subject::clone(&subject), of_subject);
    }
    findings
}

/// Subjects with a failing check of severity high or critical, which deserve a second look, each by name with the facts that those
/// checks build on.
pub fn worth_a_second_look(findings: &Findings, catalogue: &Catalogue) -> BTreeMap<String, BTreeSet<String>> {
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

type Key = (Arc<str>, Option<String>);

/// One verdict over all endpoints.
struct Merged {
    outcome: Outcome,
    at: Vec<String>,
}

/// Everything to be judged.
fn subjects(looks: &Looks) -> Vec<Subject> {
    let of_kind = |kind| move |name: &String| Subject { kind, name: name.clone() };
    let estate = (!looks.hosts.is_empty() || !looks.zones.is_empty())
        .then(|| Subject { kind: SubjectKind::Estate, name: "estate".into() });
    let zones = looks.zones.keys().map(of_kind(SubjectKind::Zone));
    let hosts = looks.hosts.keys().map(of_kind(SubjectKind::Host));
    let services = looks.services.keys().map(of_kind(SubjectKind::Service));
    estate.into_iter().chain(zones).chain(hosts).chain(services).collect()
}

/// What rules see of a subject, by address; of one without endpoints, under an empty one. `None` if these looks have nothing of it.
fn views(
    looks: &Looks,
    subject: &Subject,
    document: &Document,
    bench: &Bench<'_>,
    frame: &Frame,
) -> Option<Vec<(String, View)>> {
    let name = subject.name.as_str();
    let of_host = |host: &Host| {
        let zone = host.zone.as_ref().and_then(|zone| document.first.zones.get(zone));
        frame.host(host, zone.as_deref(), bench.estate.asset(&host.name))
    };
    let alone = |view| vec![(String::new(), view)];
    match subject.kind {
        SubjectKind::Estate => Some(alone(frame.estate(bench.index))),
        SubjectKind::Zone => Some(alone(frame.zone(&*looks.zones.get(name)?, bench.estate.asset(name)))),
        SubjectKind::Host => Some(alone(of_host(looks.hosts.get(name)?))),
        SubjectKind::Service => {
            let service = looks.services.get(name)?;
            let host = looks.hosts.get(&service.host).or_else(|| document.first.hosts.get(&service.host))?;
            let parents = of_host(host);
            let view = |(at, endpoint): (&String, _)| (at.clone(), Frame::endpoint(&parents, name, service, endpoint));
            Some(service.endpoints.iter().map(view).collect())
        }
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
                merge(&mut all, (Arc::clone(&check), element), &address, outcome);
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

fn finding(subject: &Arc<Subject>, key: Key, merged: Merged, again: Option<&Merged>, bench: &Bench<'_>) -> Finding {
    let (id, element) = key;
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
        subject: Arc::clone(subject),
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
fn drop_shadowed(of_subject: &mut Vec<Finding>) {
    let with_elements: BTreeSet<Arc<str>> =
        of_subject.iter().filter(|f| f.element.is_some()).map(|f| Arc::clone(&f.check)).collect();
    of_subject
        .retain(|f| f.element.is_some() || f.verdict >= Verdict::Undetermined || !with_elements.contains(&f.check));
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
