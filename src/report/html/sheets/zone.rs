//! The sheet of a zone: its delegation, its signatures, its mail.

use super::signing::{keys, signing};
use super::{Sheet, asset_rows, sheet, told};
use crate::check::{Subject, SubjectKind};
use crate::facts::{DkimKey, MtaStsPolicy, SpfNode, Zone};
use crate::report::html::Told;
use crate::report::html::words::{moment, plural, row};

pub(super) fn zone(input: &Told<'_>, zone: &Zone) -> Sheet {
    let mut about = asset_rows(input.estate.asset(&zone.name));
    about.push(row("Name servers", told(&zone.dns.ns, |names| names.join(", "))));
    about.push(row("Serial", told(&zone.dns.soa, |soa| soa.serial.to_string())));
    about.push(row("DNSSEC", told(&zone.dns.dnssec, |d| format!("{}: {}", d.status, d.reason))));
    about.extend(keys(zone));
    about.push(row(
        "Registry",
        told(&zone.dns.registration, |found| {
            let ends = found.ends.map_or_else(|| "no end told".into(), |at| format!("ends {}", moment(at)));
            format!("{ends}; {}", found.statuses.join(", "))
        }),
    ));
    about.push(row("CAA", told(&zone.dns.caa, |caa| format!("issue: {}", caa.issuers.join(", ")))));
    let exchangers = |list: &Vec<crate::facts::Mx>| {
        list.iter().map(|mx| format!("{} {}", mx.preference, mx.exchange)).collect::<Vec<_>>().join(", ")
    };
    about.push(row("Mail exchangers", told(&zone.mail.mx, exchangers)));
    about.push(row("SPF", told(&zone.mail.spf, |spf| spf.record.clone())));
    about.push(row("SPF, who leads to whom", told(&zone.mail.spf, |spf| spf_tree(&spf.tree))));
    about.push(row("DMARC", told(&zone.mail.dmarc, |dmarc| dmarc.record.clone())));
    about.push(row(
        "DMARC policy that applies",
        told(&zone.mail.dmarc_policy, |policy| {
            let from = if policy.inherited { format!(", from {}", policy.found_at) } else { String::new() };
            format!("{}{from}; the organisation is {}", policy.policy, policy.organisational_domain)
        }),
    ));
    about.push(row(
        "DKIM selectors",
        told(&zone.mail.dkim, |keys| {
            let told_key = |key: &DkimKey| {
                let size = told(&key.key, |k| format!("{}, {} bits", k.key_type, k.bits));
                format!("{} ({size})", key.selector)
            };
            keys.iter().map(told_key).collect::<Vec<_>>().join("; ")
        }),
    ));
    let sts = |policy: &MtaStsPolicy| format!("{} for {}", policy.mode, policy.mx.join(", "));
    about.push(row("MTA-STS policy", told(&zone.mail.mta_sts_policy, sts)));
    about.push(row("Reports about TLS", told(&zone.mail.tls_rpt, |rpt| rpt.rua.join(", "))));
    let own = input.findings.of(&Subject { kind: SubjectKind::Zone, name: zone.name.clone() });
    Sheet { signing: zone.dns.signing.value().map(signing), ..sheet(input, &zone.name, about, Vec::new(), own) }
}

/// The tree in one line: each record with its place and the lookups from there on.
fn spf_tree(nodes: &[SpfNode]) -> String {
    let node = |node: &SpfNode| {
        let found = if node.found == "record" { String::new() } else { format!(", {}", node.found) };
        let lookups = plural(usize::try_from(node.lookups).unwrap_or_default(), "lookup");
        format!("{} {} ({lookups}{found})", node.place, node.name)
    };
    nodes.iter().map(node).collect::<Vec<_>>().join("; ")
}
