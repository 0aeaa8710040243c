//! What each name server signs and proves, as a table; servers that say the same share their rows.

use serde::Serialize;

use crate::facts::{DenialProof, ServerSigning, SetSignature, SignedSet, Signing, Zone};
use crate::report::html::words::{Row, moment, plural, row};

use super::{seen, told};

#[derive(Serialize)]
pub(super) struct SigningTable {
    /// Something is not as it should be: the table is shown open.
    open: bool,
    summary: String,
    groups: Vec<Group>,
}

/// Servers whose rows are the same.
#[derive(Serialize, PartialEq)]
struct Group {
    servers: String,
    rows: Vec<SigningRow>,
}

#[derive(Serialize, PartialEq)]
struct SigningRow {
    what: String,
    status: String,
    keys: String,
    ends: String,
    why: String,
}

pub(super) fn signing(signing: &Signing) -> SigningTable {
    let mut groups: Vec<Group> = Vec::new();
    for server in &signing.servers {
        let rows = rows(server);
        match groups.iter_mut().find(|group| group.rows == rows) {
            Some(group) => group.servers.push_str(&format!(", {}", server.server)),
            None => groups.push(Group { servers: server.server.clone(), rows }),
        }
    }
    let of = |status: &str| {
        let is = |s: &&ServerSigning| s.answers.status == status || s.absences.status == status;
        signing.servers.iter().filter(is).count()
    };
    let (bogus, unknown) = (of("bogus"), of("indeterminate"));
    let mut counts = vec![plural(signing.servers.len(), "server")];
    counts.extend((bogus > 0).then(|| format!("{bogus} bogus")));
    counts.extend((unknown > 0).then(|| format!("{unknown} not known in full")));
    SigningTable { open: bogus + unknown > 0, summary: counts.join(", "), groups }
}

fn rows(server: &ServerSigning) -> Vec<SigningRow> {
    let mut last = String::new();
    let mut rows: Vec<SigningRow> =
        server.sets.iter().map(set_row).chain(server.denials.iter().map(denial_row)).collect();
    // One reason often holds for everything that a server gives.
    for row in rows.iter_mut().filter(|row| !row.why.is_empty()) {
        if row.why == last {
            "as above".clone_into(&mut row.why);
        } else {
            last.clone_from(&row.why);
        }
    }
    rows
}

fn set_row(set: &SignedSet) -> SigningRow {
    let key = |signature: &SetSignature| format!("{} (algorithm {})", signature.key_tag, signature.algorithm);
    let ends = set.signatures.iter().filter_map(|signature| signature.expiration).min();
    SigningRow {
        what: set.set.clone(),
        status: set.status.clone(),
        keys: set.signatures.iter().map(key).collect::<Vec<_>>().join(", "),
        ends: ends.map(moment).unwrap_or_default(),
        why: if set.status == "secure" { String::new() } else { set.reason.clone() },
    }
}

fn denial_row(denial: &DenialProof) -> SigningRow {
    SigningRow {
        what: format!("No {}", denial.question.replacen(' ', " of ", 1)),
        status: denial.status.clone(),
        keys: String::new(),
        ends: String::new(),
        why: denial.reason.clone(),
    }
}

/// Keys, DS, denial and times, each in a row; none for a zone that is not signed.
pub(super) fn keys(zone: &Zone) -> Vec<Row> {
    let mut rows = Vec::new();
    if let Some(dnssec) = zone.dns.dnssec.value().filter(|dnssec| dnssec.signed) {
        let role = |flags: i64| if flags & 1 == 1 { "signs keys" } else { "signs data" };
        let key = |key: &crate::facts::ZoneKey| {
            format!("{} (algorithm {}, {} bits, {})", key.tag, key.algorithm, key.bits, role(key.flags))
        };
        rows.push(row("Keys", dnssec.keys.iter().map(key).collect::<Vec<_>>().join("; ")));
    }
    let Some(signing) = zone.dns.signing.value() else { return rows };
    let ds = signing.delegation.iter().map(|one| {
        let has_key = if one.has_key { "" } else { " (of no key)" };
        format!("{}{has_key}", one.ds)
    });
    let ds = ds.collect::<Vec<_>>().join(", ");
    rows.push(row("DS of the parent", if ds.is_empty() { "none".into() } else { ds }));
    rows.extend(seen(&signing.denial).map(|denial| {
        let text = told(denial, |d| match d.method.as_str() {
            "NSEC3" => {
                let opt_out = if d.opt_out { ", opt-out" } else { "" };
                format!("NSEC3, {} iterations, {} bytes of salt{opt_out}", d.iterations, d.salt)
            }
            method => method.to_owned(),
        });
        row("Absence is proven by", text)
    }));
    rows.extend(seen(&signing.times).map(|times| {
        let text = told(times, |t| match t.first_end {
            Some(end) => format!("the first ends {}, with {} percent of its life left", moment(end), t.left_percent),
            None => "all have ended".into(),
        });
        row("Signatures", text)
    }));
    rows
}
