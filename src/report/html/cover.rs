//! Whose systems, who looked, who allowed it, at what.

use serde::Serialize;

use super::Told;
use super::words::{Row, day, moment, plural, row};
use crate::estate::{AssessorKind, Estate};

#[derive(Serialize)]
pub(super) struct Cover {
    pub(super) authority: String,
    subtitle: String,
    facts: Vec<Row>,
    /// What law this rests on, and what not.
    basis: String,
    interrupted: bool,
}

pub(super) fn cover(input: &Told<'_>) -> Cover {
    let estate = input.estate;
    let run = &input.document.run;
    let authority =
        if estate.bare { "Hosts named on the command line".to_owned() } else { estate.authority.name.clone() };
    let (hosts, zones) = (estate.hosts().count(), estate.zones().count());
    let mut facts = vec![
        row("As of", moment(run.now)),
        row("Looked", period(run)),
        row("Scope", format!("{} and {}, as declared", plural(hosts, "host"), plural(zones, "zone"))),
        row("Families", run.families.join(", ")),
        row("Authorisation", authorisation(estate)),
        row("Assessor", assessor(estate)),
    ];
    if let Some(asserted) = asserted(input) {
        facts.push(row("Operators", asserted));
    }
    if let Some(assets) = &run.assets {
        facts.push(row("Narrowed to", assets.join(", ")));
    }
    facts.push(row("Made by", format!("{}, run {}", run.engine, run.id)));
    Cover {
        authority,
        subtitle: "Resilience audit of internet-facing election infrastructure, from the outside".into(),
        facts,
        basis: basis(estate),
        interrupted: !run.complete,
    }
}

fn period(run: &crate::facts::Run) -> String {
    let (from, until) = (moment(run.started_at), moment(run.finished_at));
    if from == until { from } else { format!("{from} to {until}") }
}

/// Whose the addresses are, as far as only the declaration says so (design §8).
fn asserted(input: &Told<'_>) -> Option<String> {
    let addresses = input.document.first.hosts.values().flat_map(|host| &host.addresses);
    let own = addresses.filter(|address| address.operator == "own").count();
    (own > 0).then(|| {
        format!(
            "{} of declared hosts taken as the authority's own: whoever declared the hosts asserts it",
            plural(own, "address")
        )
    })
}

fn authorisation(estate: &Estate) -> String {
    match &estate.authorisation {
        Some(a) => format!(
            "{}, granted by {}, {} to {}{}",
            a.reference,
            a.granted_by,
            day(a.period.from),
            day(a.period.until),
            if a.active { ", active tests allowed" } else { "" }
        ),
        None => "None is declared".into(),
    }
}

fn assessor(estate: &Estate) -> String {
    match &estate.assessor {
        Some(a) => {
            let kind = match a.kind {
                AssessorKind::Authority => "the authority itself",
                AssessorKind::Csirt => "a CSIRT",
                AssessorKind::Supplier => "a supplier of the authority",
                AssessorKind::Independent => "an independent assessor",
            };
            let independence = a.independence.as_ref().map(|text| format!(". {text}")).unwrap_or_default();
            format!("{} ({kind}){independence}", a.name)
        }
        None => "Not declared".into(),
    }
}

/// The Member States of the Union (ISO 3166-1), where the directive applies through national law.
const UNION: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Design §9: legal hooks are printed only where declared; the estate cannot declare a designation yet, so none is claimed.
fn basis(estate: &Estate) -> String {
    let voluntary = match &estate.authorisation {
        Some(a) => format!("This audit was voluntary, under authorisation {}.", a.reference),
        None => "This audit rests on no declared authorisation.".to_owned(),
    };
    let place = match estate.authority.country.as_deref() {
        Some(country) if UNION.contains(&country) => {
            "Whether the NIS 2 Directive binds this authority is for national law to say; nothing here claims that it does."
        }
        Some(_) => {
            "The authority's country is outside the European Union: the NIS 2 Directive does not apply of itself."
        }
        None => "No country is declared: whether the NIS 2 Directive applies is not assessed.",
    };
    format!(
        "{voluntary} {place} The report is structured by the NIS framework and gives evidence about it; it certifies nothing. \
         It says what these checks saw, from this place, at this time."
    )
}
