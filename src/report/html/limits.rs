//! Coverage and limits: how much was judged, and what no outside look can say.

use serde::Serialize;

use super::Told;
use super::words::family_of;
use crate::check::{FAMILIES, Verdict};

#[derive(Serialize)]
pub(super) struct Limits {
    families: Vec<FamilyRow>,
    outside: &'static [&'static str],
    not_built: &'static [&'static str],
}

#[derive(Serialize)]
struct FamilyRow {
    family: &'static str,
    checks: usize,
    passed: usize,
    failed: usize,
    undetermined: usize,
    not_applicable: usize,
    selected: bool,
}

/// What does not show from outside, whoever looks.
const OUTSIDE: &[&str] = &[
    "Who may log in where, how passwords are kept, and whether anybody watches the logs.",
    "Whether backups exist and have been restored once; whether staff know what to do in an incident.",
    "Counting and casting systems that are rightly not on the internet.",
    "Software faults that show only to somebody who exploits them: nothing of that kind is tried.",
    "What another network would see: a filter, a content delivery network or a censor may answer elsewhere otherwise.",
    "Anything that was not declared. Of a forgotten machine at most the name shows, and nothing was asked of it.",
];

/// What this version does not look at, although it could be seen.
const NOT_BUILT: &[&str] = &[
    "Revocation of certificates beyond what the server staples; root programmes other than Mozilla's.",
    "DKIM selectors that nobody declared and no known provider uses, and the transport of mail as such; whether TLSA records of mail servers that are not declared fit.",
    "Whether HTTP/3 is served where DNS announces it, and whether an encrypted ClientHello is taken.",
    "Names that neither show themselves nor stand in an export given to the audit (none is guessed), and look-alike names.",
    "UDP services other than DNS; the protocols SMB, MSSQL, MQTT, Kafka and ZooKeeper beyond their open port.",
    "Comparison with an earlier run.",
];

pub(super) fn limits(input: &Told<'_>) -> Limits {
    let family = |family: &'static str| {
        let counts = input.gathered.counts(|_, in_family| in_family == family);
        let count = |verdict| counts.count(verdict);
        FamilyRow {
            family,
            checks: input.checks.keys().filter(|id| family_of(id) == family).count(),
            passed: count(Verdict::Pass),
            failed: count(Verdict::Fail),
            undetermined: count(Verdict::Undetermined),
            not_applicable: count(Verdict::NotApplicable),
            selected: input.document.run.families.iter().any(|f| f == family),
        }
    };
    Limits { families: FAMILIES.into_iter().map(family).collect(), outside: OUTSIDE, not_built: NOT_BUILT }
}
