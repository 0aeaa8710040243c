//! Profiles and clients as a terminal shows them, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::profile::{Connection, Judgement, Outcome, Profile, Visit};

/// Everything that was held against profiles and clients.
#[derive(Serialize)]
pub struct Held {
    pub profiles: Vec<Judgement>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Visit>,
}

/// Items of one kind that are listed before the rest is counted.
const LISTED: usize = 8;

/// As text: profile by profile, endpoint by endpoint.
pub fn profiles_text(profiles: &[&Profile], held: &Held) -> String {
    let mut out = String::new();
    for profile in profiles {
        let _ = writeln!(out, "{} {} ({})", profile.name, profile.version, profile.date);
        for judgement in held.profiles.iter().filter(|judgement| judgement.profile == profile.id) {
            judgement_text(&mut out, judgement);
        }
        for note in &profile.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        out.push('\n');
    }
    if !held.clients.is_empty() {
        clients_text(&mut out, &held.clients);
    }
    out
}

fn judgement_text(out: &mut String, judgement: &Judgement) {
    let word = match judgement.outcome {
        Outcome::Meets => "meets",
        Outcome::Deviates => "deviates",
        Outcome::Undetermined => "unknown",
    };
    let _ = writeln!(out, "  {word:<9} {} at {}", judgement.service, judgement.address);
    let lines = judgement.deviations.iter().map(|deviation| format!("{}: {}", deviation.demand, deviation.found));
    listed(out, lines.collect());
    listed(out, judgement.phase_out.iter().map(|d| format!("to be given up, {}: {}", d.demand, d.found)).collect());
    listed(out, judgement.unknown.iter().map(|why| format!("not determined: {why}")).collect());
}

fn listed(out: &mut String, lines: Vec<String>) {
    for line in lines.iter().take(LISTED) {
        let _ = writeln!(out, "            {line}");
    }
    if lines.len() > LISTED {
        let _ = writeln!(out, "            and {} more", lines.len() - LISTED);
    }
}

fn clients_text(out: &mut String, visits: &[Visit]) {
    for of_place in visits.chunk_by(|a, b| (&a.service, &a.address) == (&b.service, &b.address)) {
        let Some(first) = of_place.first() else { continue };
        let _ = writeln!(out, "Clients at {} at {}", first.service, first.address);
        let open = of_place.iter().all(|visit| matches!(visit.connection, Connection::Undetermined { .. }));
        if let (true, Connection::Undetermined { why }) = (open, &first.connection) {
            let _ = writeln!(out, "  not determined for any of {} clients: {why}", of_place.len());
            continue;
        }
        let width = of_place.iter().map(|visit| visit.name.len()).max().unwrap_or(0);
        for visit in of_place {
            let _ = writeln!(out, "  {:<width$}  {}", visit.name, connection_text(&visit.connection));
        }
    }
}

fn connection_text(connection: &Connection) -> String {
    match connection {
        Connection::Connects { version, suite, group, warns } => {
            let group = group.as_deref().map(|group| format!(", {group}")).unwrap_or_default();
            let warns = warns.as_deref().map(|why| format!("; warns: {why}")).unwrap_or_default();
            format!("{version}, {suite}{group}{warns}")
        }
        Connection::Fails { why } => format!("cannot connect: {why}"),
        Connection::Undetermined { why } => format!("not determined: {why}"),
    }
}
