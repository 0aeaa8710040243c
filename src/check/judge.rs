//! Judging: facts in, findings out. Pure; reads no clock.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::catalogue::Catalogue;
use super::cel::{Rule, Scene};
use super::message::{paths, plain, plain_parts, render};
use super::path::{Found, Path, find};
use super::prepared::{Check, SeverityRule, resolve};
use super::types::Type;
use super::view::View;
use super::{Evidence, Publication, Severity, Verdict};
use crate::facts::{LIST_CAP, ProposedRecord, Timestamp, digest};

/// What one check says of one view, element by element; the key is `None` for a check that walks no list, and for a
/// verdict on the list as a whole.
pub(super) type Outcomes = BTreeMap<Option<String>, Outcome>;

/// One verdict.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    /// Why undetermined or not applicable.
    pub(super) reason: Option<String>,
    pub(super) severity: Severity,
    pub(super) message: String,
    pub(super) evidence: Vec<Evidence>,
    /// What to publish, for a fail that is mended so.
    pub(super) publish: Option<Publication>,
}

/// The most of a value that stands in evidence.
const EVIDENCE_CAP: usize = 2048;

/// A view on which checks are judged.
pub(super) struct Stage<'a> {
    catalogue: &'a Catalogue,
    view: View,
    probes: &'a BTreeMap<String, i64>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, view: View, probes: &'a BTreeMap<String, i64>) -> Self {
        Self { catalogue, view, probes }
    }

    /// The value of a root, `item` aside.
    fn root(&self, name: &str) -> Option<&Value> {
        if name == "table" { Some(self.catalogue.tables.value()) } else { self.view.roots.get(name) }
    }

    /// The verdict table of design §3.2, in its order.
    pub(super) fn judge(&self, check: &Check) -> Outcomes {
        debug_assert!(self.catalogue.checks.contains_key(&*check.id) || self.catalogue.checks.is_empty());
        if let Some(outcome) = self.prior(check, None) {
            return BTreeMap::from([(None, outcome)]);
        }
        match &check.each {
            None => BTreeMap::from([(None, self.judge_one(check, None))]),
            Some(list) => self.judge_each(check, list),
        }
    }

    fn judge_each(&self, check: &Check, list: &Path) -> Outcomes {
        let items = match self.find(check, list, None) {
            Found::Absent(path) => return one(check.outcome(Verdict::NotApplicable, format!("{path} is absent"))),
            Found::Blocked(why) => return one(check.outcome(Verdict::Undetermined, why)),
            Found::Value(value, _) => value.as_array().cloned().unwrap_or_default(),
        };
        if items.is_empty() {
            return one(check.outcome(Verdict::NotApplicable, format!("{list} is empty")));
        }
        let mut outcomes = Outcomes::new();
        for (at, item) in items.iter().take(LIST_CAP).enumerate() {
            let key = key_of(item, check.types().get("item"), at);
            let outcome = self.prior(check, Some(item)).unwrap_or_else(|| self.judge_one(check, Some(item)));
            outcomes.insert(Some(key), outcome);
        }
        summarise(check, outcomes)
    }

    /// The rows of the verdict table that come before the rule. With an item, those about the item alone.
    fn prior(&self, check: &Check, item: Option<&Value>) -> Option<Outcome> {
        let concerned = |path: &&Path| (path.root() == "item") == item.is_some();
        let looks = |paths: &[Path]| -> Vec<(String, Option<String>, bool)> {
            paths
                .iter()
                .filter(concerned)
                .map(|path| match self.find(check, path, item) {
                    Found::Value(..) => (path.to_string(), None, false),
                    Found::Absent(at) => (at, None, true),
                    Found::Blocked(why) => (path.to_string(), Some(why), false),
                })
                .collect()
        };
        if let (Some(item), Some(ty)) = (item, check.types().get("item")) {
            match find(item, ty, &Path(vec!["item".into()]), 1, self.probes) {
                Found::Absent(_) => return Some(check.outcome(Verdict::NotApplicable, "the element is absent".into())),
                Found::Blocked(why) => return Some(check.outcome(Verdict::Undetermined, why)),
                Found::Value(..) => {}
            }
        }
        let (required, existing) = (looks(&check.requires), looks(&check.must_exist));
        if let Some((at, ..)) = required.iter().find(|(_, _, absent)| *absent) {
            return Some(check.outcome(Verdict::NotApplicable, format!("{at} is absent")));
        }
        if let Some(why) = required.iter().chain(&existing).find_map(|(_, blocked, _)| blocked.clone()) {
            return Some(check.outcome(Verdict::Undetermined, why));
        }
        let (at, ..) = existing.iter().find(|(_, _, absent)| *absent)?;
        let evidence = Evidence { path: at.clone(), value: "absent".into(), digest: None, at: None, observed_at: None };
        Some(self.fail(check, item, vec![evidence]))
    }

    fn judge_one(&self, check: &Check, item: Option<&Value>) -> Outcome {
        let rule = match check.rule() {
            None => return self.done(check, item, Verdict::Pass, String::new()),
            Some(Err(why)) => return check.outcome(Verdict::Undetermined, why),
            Some(Ok(rule)) => rule,
        };
        match rule.holds(&self.scene(check, rule, item)) {
            Ok(true) => self.done(check, item, Verdict::Pass, String::new()),
            Ok(false) => self.fail(check, item, self.evidence(check, item)),
            Err(why) => check.outcome(Verdict::Undetermined, why),
        }
    }

    fn done(&self, check: &Check, item: Option<&Value>, verdict: Verdict, message: String) -> Outcome {
        let evidence = self.evidence(check, item);
        Outcome { verdict, reason: None, severity: check.least(), message, evidence, publish: None }
    }

    fn fail(&self, check: &Check, item: Option<&Value>, evidence: Vec<Evidence>) -> Outcome {
        let severity = match &check.severity {
            SeverityRule::Fixed(severity) => *severity,
            // A severity that cannot be computed must not hide the fault: the worst word stands.
            SeverityRule::Computed(_) => {
                let rule = check.severity_rule().and_then(Result::ok);
                let word = rule.and_then(|rule| rule.word(&self.scene(check, rule, item)).ok());
                word.and_then(|word| Severity::parse(&word)).unwrap_or(Severity::High)
            }
        };
        let message =
            render(&check.file.message, &self.template_data(check, item)).unwrap_or_else(|_| check.file.title.clone());
        let publish = self.publication(check);
        Outcome { verdict: Verdict::Fail, reason: None, severity, message, evidence, publish }
    }

    /// The record that mends it, and until when it can be taken back before the polls open.
    fn publication(&self, check: &Check) -> Option<Publication> {
        let path = check.publish.as_ref()?;
        let Found::Value(value, ty) = self.find(check, path, None) else { return None };
        let record: ProposedRecord = serde_json::from_value(plain(value, ty)?).ok()?;
        let polling_day = self.view.roots.get("election").and_then(|election| election.get("polling_day")?.as_str());
        let polling_day = polling_day.and_then(|day| Timestamp::parse(day).ok());
        let undo_until = polling_day
            .zip(record.settles_in)
            .and_then(|(day, span)| Timestamp::from_unix(day.unix().saturating_sub(span.0)));
        let ProposedRecord { lines, replaces, settles_in } = record;
        Some(Publication { lines, replaces, settles_in, undo_until })
    }

    /// The message of a failing case, or why it cannot be rendered: for `checks test`.
    pub(super) fn message(&self, check: &Check, item: Option<&Value>) -> Result<String, String> {
        render(&check.file.message, &self.template_data(check, item))
    }

    /// What the message names.
    fn template_data(&self, check: &Check, item: Option<&Value>) -> Map<String, Value> {
        let named = paths(&check.file.message);
        let mut data = Map::new();
        for (name, value) in
            self.view.roots.iter().map(|(name, value)| (name.as_str(), value)).chain(item.map(|item| ("item", item)))
        {
            let wanted: Vec<&[&str]> = named
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(root, _)| **root == name)
                .map(|(_, rest)| rest)
                .collect();
            if wanted.is_empty() {
                continue;
            }
            if let Some(seen) = check.types().get(name).and_then(|ty| plain_parts(value, ty, &wanted)) {
                data.insert(name.to_owned(), seen);
            }
        }
        data
    }

    /// What a rule reads.
    fn scene(&self, check: &Check, rule: &Rule, item: Option<&Value>) -> Scene {
        let mut scene = Scene::default();
        for (name, ty) in check.types().iter().filter(|(name, _)| name.as_str() != "item") {
            let paths: Vec<&[String]> =
                rule.reads.iter().filter(|path| path.root() == name).map(|path| &path.0[1..]).collect();
            if let Some(value) = self.root(name).filter(|_| !paths.is_empty()) {
                scene.set_parts(name, value, ty, &paths);
            }
        }
        if let (Some(item), Some(ty)) = (item, check.types().get("item")) {
            scene.set("item", item, ty);
        }
        scene
    }

    fn find<'s>(&'s self, check: &'s Check, path: &Path, item: Option<&'s Value>) -> Found<'s, 's> {
        let value = if path.root() == "item" { item } else { self.root(path.root()) };
        match (value, check.types().get(path.root())) {
            (Some(value), Some(ty)) => find(value, ty, path, 1, self.probes),
            (None, _) if matches!(path.root(), "election" | "zone" | "asset") => {
                Found::Absent(format!("a declared {}", path.root()))
            }
            _ => Found::Blocked(format!("{} was not recorded", path.root())),
        }
    }

    /// What the verdict rests on: every fact that the rule read or that was demanded.
    fn evidence(&self, check: &Check, item: Option<&Value>) -> Vec<Evidence> {
        let rule = check.rule().and_then(Result::ok);
        let reads = rule.iter().flat_map(|rule| rule.reads.iter());
        let mut paths: Vec<&Path> = reads.chain(&check.must_exist).filter(|p| !matches!(p.root(), "table")).collect();
        paths.dedup();
        let mut evidence: Vec<Evidence> = Vec::new();
        for path in paths {
            if let Found::Value(value, ty) = self.find(check, path, item) {
                let shown = plain(value, ty).unwrap_or_default();
                let mut entry = evidence_of(path, &shown);
                entry.observed_at = self.observed_at(check, path, item);
                evidence.push(entry);
            }
        }
        evidence.shrink_to_fit();
        evidence
    }

    /// When the innermost observation on the path was made.
    fn observed_at(&self, check: &Check, path: &Path, item: Option<&Value>) -> Option<Timestamp> {
        let mut at = None;
        let mut value = if path.root() == "item" { item? } else { self.root(path.root())? };
        let mut ty = check.types().get(path.root())?;
        for step in 1..=path.0.len() {
            while let Type::Observation(inner) = ty {
                at = value.get("observed_at").and_then(Value::as_str).and_then(|t| Timestamp::parse(t).ok()).or(at);
                value = value.get("value")?;
                ty = inner;
            }
            let Some(segment) = path.0.get(step) else { break };
            ty = resolve(&Path(path.0[..=step].to_vec()), check.types()).ok()?;
            value = value.get(segment)?;
        }
        at
    }
}

impl Check {
    /// A verdict without message: nothing was found to say.
    fn outcome(&self, verdict: Verdict, reason: String) -> Outcome {
        Outcome {
            verdict,
            reason: Some(reason),
            severity: self.least(),
            message: String::new(),
            evidence: Vec::new(),
            publish: None,
        }
    }
    /// The severity to show where the facts do not decide it.
    fn least(&self) -> Severity {
        match self.severity {
            SeverityRule::Fixed(severity) => severity,
            SeverityRule::Computed(_) => Severity::Medium,
        }
    }
}

fn one(outcome: Outcome) -> Outcomes {
    BTreeMap::from([(None, outcome)])
}

/// Failing and undetermined elements stand by themselves; if there are none, the list as a whole passes or does not apply.
fn summarise(check: &Check, outcomes: Outcomes) -> Outcomes {
    let severe: Outcomes = outcomes
        .iter()
        .filter(|(_, o)| o.verdict >= Verdict::Undetermined)
        .map(|(k, o)| (k.clone(), o.clone()))
        .collect();
    if !severe.is_empty() {
        return severe;
    }
    let passes = outcomes.values().filter(|o| o.verdict == Verdict::Pass).count();
    if passes == 0 {
        return one(check.outcome(Verdict::NotApplicable, "no element that it applies to".into()));
    }
    let evidence = outcomes.into_values().flat_map(|o| o.evidence).take(12).collect();
    one(Outcome {
        verdict: Verdict::Pass,
        reason: None,
        severity: check.least(),
        message: String::new(),
        evidence,
        publish: None,
    })
}

/// The name of an element: its `x-key` field, itself if it is a scalar, else its place.
fn key_of(item: &Value, ty: Option<&Type>, at: usize) -> String {
    let place = || format!("#{}", at + 1);
    let Some(ty) = ty else { return place() };
    let inner = match super::path::open(item) {
        super::path::Seen::Value(inner) => inner,
        _ => return place(),
    };
    match ty.bare() {
        Type::Object(object) => {
            let named = object.key.as_ref().and_then(|key| inner.get(key));
            named.map_or_else(place, |name| name.as_str().map_or_else(|| name.to_string(), str::to_owned))
        }
        _ => inner.as_str().map_or_else(|| inner.to_string(), str::to_owned),
    }
}

fn evidence_of(path: &Path, value: &Value) -> Evidence {
    let mut text = value.to_string();
    text.shrink_to_fit();
    if text.len() <= EVIDENCE_CAP {
        return Evidence { path: path.to_string(), value: text, digest: None, at: None, observed_at: None };
    }
    let mut cut = EVIDENCE_CAP;
    while !text.is_char_boundary(cut) {
        cut -= 1;
    }
    let whole = Some(digest(text.as_bytes()));
    Evidence {
        path: path.to_string(), value: format!("{}…", &text[..cut]), digest: whole, at: None, observed_at: None
    }
}
