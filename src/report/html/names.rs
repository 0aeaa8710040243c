//! Names below the authority's domains that nobody declared: what was seen of them, and that they were left alone.

use serde::Serialize;

use super::Told;
use super::words::{plural, short_day};
use crate::facts::{NameSource, Observation, SeenName};

#[derive(Serialize)]
pub(super) struct Names {
    words: String,
    rows: Vec<NameRow>,
}

#[derive(Serialize)]
struct NameRow {
    name: String,
    kind: &'static str,
    seen_in: String,
    since: String,
}

/// None where every name that was seen is declared.
pub(super) fn names(input: &Told<'_>) -> Option<Names> {
    let seen = match &input.index.names_seen {
        Observation::Observed { value, .. } => value,
        Observation::Failed { detail, .. } | Observation::NotRun { detail, .. } => {
            return Some(Names { words: format!("Not known: {detail}."), rows: Vec::new() });
        }
        Observation::Absent { .. } => return None,
    };
    let rows: Vec<NameRow> = seen.iter().filter(|one| one.standing != "declared").map(name_row).collect();
    let undeclared = seen.iter().filter(|one| one.standing == "undeclared").count();
    let words = format!(
        "{} below the authority's domains that no asset declares, seen in passing. Nothing was sent to them. A record that \
         the audit reads anyway may lead through one; about the others nobody was asked.",
        plural(undeclared, "name")
    );
    (!rows.is_empty()).then_some(Names { words, rows })
}

fn name_row(seen: &SeenName) -> NameRow {
    let kind = match (seen.standing.as_str(), seen.wildcard) {
        ("serves", _) => "serves a declared zone",
        (_, true) => "wildcard: any name there",
        _ => "",
    };
    NameRow {
        name: seen.name.clone(),
        kind,
        seen_in: seen.seen_in.iter().map(place).collect::<Vec<_>>().join("; "),
        since: seen.since.map_or_else(|| "not known".into(), |at| short_day(at.get().date())),
    }
}

fn place(source: &NameSource) -> String {
    let what = match source.source.as_str() {
        "certificate" => "certificate of",
        "csp" => "content security policy of",
        "page" => "page of",
        "link" => "link on",
        "redirect" => "redirect of",
        "cname" => "alias of",
        "ns" => "name server of",
        "mx" => "mail exchanger of",
        "spf" => "SPF record of",
        "ct" => return "certificate transparency export".into(),
        other => other,
    };
    format!("{what} {}", source.subject)
}
