//! A sheet for each host and each zone.

mod host;
mod signing;
mod zone;

use std::sync::Arc;

use serde::Serialize;

use super::management::title;
use super::words::{Row, SeverityMark, day, row, severity, verdict};
use crate::check::{Finding, Verdict};
use crate::estate::{Asset, AssetKind};
use crate::facts::Observation;
use crate::report::html::Told;
use signing::SigningTable;

#[derive(Serialize)]
pub(super) struct Sheet {
    anchor: String,
    name: String,
    about: Vec<Row>,
    endpoints: Vec<EndpointRow>,
    signing: Option<SigningTable>,
    counts: String,
    verdicts: Vec<VerdictRow>,
    passed: Vec<String>,
}

#[derive(Serialize)]
struct EndpointRow {
    service: String,
    address: String,
    port: String,
    speaks: String,
    tls: String,
    certificate: String,
    /// What vouches for it: root programmes, staple, timestamps.
    vouched: String,
    seen: String,
}

#[derive(Serialize)]
struct VerdictRow {
    severity: SeverityMark,
    verdict: &'static str,
    subject: String,
    title: String,
    message: String,
}

/// A sheet for each host.
pub(super) fn hosts<'a>(input: &'a Told<'a>) -> impl Iterator<Item = Sheet> + 'a {
    input.document.first.hosts.values().map(|host| host::host(input, host))
}

/// A sheet for each zone.
pub(super) fn zones<'a>(input: &'a Told<'a>) -> impl Iterator<Item = Sheet> + 'a {
    input.document.first.zones.values().map(|zone| zone::zone(input, &zone))
}

/// `findings` are those of the sheet's subjects.
fn sheet(
    input: &Told<'_>,
    name: &str,
    about: Vec<Row>,
    endpoints: Vec<EndpointRow>,
    mut findings: Vec<Arc<Finding>>,
) -> Sheet {
    findings.sort_by(|a, b| (&a.check, &a.subject, &a.element).cmp(&(&b.check, &b.subject, &b.element)));
    let count = |v| findings.iter().filter(|f| f.verdict == v).count();
    let counts = format!(
        "{} failed, {} undetermined, {} passed, {} not applicable",
        count(Verdict::Fail),
        count(Verdict::Undetermined),
        count(Verdict::Pass),
        count(Verdict::NotApplicable)
    );
    let passed = findings.iter().filter(|f| f.verdict == Verdict::Pass);
    let passed = passed.map(|f| format!("{} ({})", title(input, &f.check), f.subject.name)).collect();
    findings.retain(|f| f.verdict == Verdict::Fail);
    findings.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.check.cmp(&b.check)));
    let verdicts = findings
        .into_iter()
        .map(|f| VerdictRow {
            severity: severity(f.severity),
            verdict: verdict(f.verdict),
            subject: f.subject.name.clone(),
            title: title(input, &f.check),
            message: f.message.clone(),
        })
        .collect();
    Sheet {
        anchor: format!("sheet-{}", name.replace('.', "-")),
        name: name.to_owned(),
        about,
        endpoints,
        signing: None,
        counts,
        verdicts,
        passed,
    }
}

fn asset_rows(asset: Option<&Asset>) -> Vec<Row> {
    let Some(asset) = asset else { return Vec::new() };
    let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "not declared".into());
    let mut rows = vec![
        row("Function", asset.function.word().replace('-', " ")),
        row("Criticality", asset.criticality.map_or("not declared", |c| c.word())),
        row("Owner", or(&asset.owner)),
    ];
    if let Some(supplier) = &asset.supplier {
        rows.push(row("Supplier", supplier));
    }
    if let AssetKind::Zone { registration_ends, .. } = &asset.kind {
        rows.push(row("Registration ends", registration_ends.map_or_else(|| "not declared".into(), day)));
    }
    rows
}

/// What is there or not known; what does not apply makes no row.
fn seen<T>(observation: &Observation<T>) -> Option<&Observation<T>> {
    (!matches!(observation, Observation::Absent { .. }) && !observation.is_underived()).then_some(observation)
}

/// The value in words, or why there is none.
fn told<T>(observation: &Observation<T>, words: impl Fn(&T) -> String) -> String {
    match observation {
        Observation::Observed { value, .. } => words(value),
        Observation::Absent { .. } => "none".into(),
        Observation::Failed { reason, .. } => format!("not known: {}", reason.word()),
        Observation::NotRun { reason, .. } => format!("not looked at: {}", reason.word()),
    }
}
